"""What features ask of the facts of a source, and how the engine hands these over as numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS
from npsight.features.panes import Key, Panes, placed_facts, totals_asked
from npsight.features.rows import matching
from npsight.features.totals import DIGITS, Where, day_of
from npsight.temporal.panes import Grid, Span

if TYPE_CHECKING:
    import ibis.expr.types as ir

Value = tuple[Where, str]
"""A measure of the facts with these categories."""

COUNTED = ("count", "count_of")
OF_PANES = (*COUNTED, "sum")
"""Totals that sums by pane suffice for."""
OF_DAYS = ("days", "days_squared", "days_by_measure")
SUMMED = {**dict.fromkeys((*OF_PANES, *OF_DAYS), 1), "squares": 3}
LARGEST = {"min": 1, "max": 1, "earliest": 1, "latest": 1}
LAST = {"first": 4, "last": 4}
ARRAYS = {**SUMMED, **LARGEST, **LAST}
"""Each total that arrays can hold, and how many they are."""
OF_PRODUCTS = ("squares", "days_by_measure")
OF_TIMES = ("earliest", "latest", *LAST)


def in_arrays(source: ir.Table, spec: FeatureSpec) -> bool:
    """Whether arrays filled from the facts can hold all that the feature's formula asks for."""
    return spec.aggregation in FORMULAS and all(
        kind in ARRAYS and (not measure or _exact(source[measure], kind))
        for (kind, _, measure), _ in totals_asked(source, spec)
    )


def adds_up(source: ir.Table, spec: FeatureSpec) -> bool:
    """Whether all of that is counts, and sums of exact numbers."""
    return in_arrays(source, spec) and all(
        kind in OF_PANES for (kind, _, _), _ in totals_asked(source, spec)
    )


def _exact(column: ir.Column, kind: str) -> bool:
    of = column.type()
    if kind in OF_PRODUCTS:  # made in decimals of so many digits, whatever the column has
        return bool(of.is_decimal() and of.scale == DIGITS)
    return bool(of.is_decimal() or of.is_integer())


@dataclass(frozen=True)
class Asked:
    """The totals that some features ask for, a key and a window each, at the dates of a grid."""

    grid: Grid
    totals: tuple[tuple[Key, Span], ...]
    specs: tuple[FeatureSpec, ...]

    @classmethod
    def of(cls, source: ir.Table, specs: Sequence[FeatureSpec], grid: Grid) -> Asked:
        """What these features of a source, which all are `in_arrays`, ask for."""
        totals = {total: None for spec in specs for total in totals_asked(source, spec)}
        return cls(grid, tuple(totals), tuple(specs))

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """The totals whatever their windows, each once."""
        return tuple(dict.fromkeys(key for key, _ in self.totals))

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The windows, each once."""
        return tuple(dict.fromkeys(span for _, span in self.totals))

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The measures, of facts of which categories, each once."""
        return tuple(dict.fromkeys((where, m) for _, where, m in self.keys if m))

    @cached_property
    def wheres(self) -> tuple[Where, ...]:
        """The categories of facts that are asked for without a measure, each once."""
        return tuple(dict.fromkeys(where for _, where, m in self.keys if where and not m))

    def _any(self, kinds: Collection[str]) -> bool:
        return any(kind in kinds for kind, _, _ in self.keys)

    @property
    def since(self) -> datetime | None:
        """The first instant that any window reaches; None where one reads all history."""
        return None if any(span.days is None for span in self.spans) else self.grid.edges[0]

    @property
    def zero_means_none(self) -> bool:
        """Whether a feature is the same where there is no fact and where facts add up to zero."""
        return all(spec.aggregation == "sum" and spec.missing == "zero" for spec in self.specs)

    def array_bytes(self, accounts: int) -> int:
        """Memory that the arrays of so many accounts take at most, nulls in every column."""
        by_span = len(self.spans) * (len(self.grid.as_ofs) + 1)
        arrays = 1 + len(self.values) + sum(ARRAYS[kind] for kind, _, _ in self.keys)
        return 8 * accounts * arrays * (len(self.grid.edges) + by_span)

    @property
    def fact_bytes(self) -> int:
        """Memory that a row of `facts` takes at most."""
        times = 8 * self._any(OF_TIMES) + 8 * self._any(LAST) + 4 * self._any(OF_DAYS)
        return 10 + 8 * len(self.values) + len(self.wheres) + times

    @property
    def apart_bytes(self) -> int:
        """Memory that a fact takes which must be kept, since an as_of behind it does not see it."""
        kept = sum(3 if kind in LAST else kind in LARGEST for kind, _, _ in self.keys)
        return 18 + 4 * len(self.spans) + 8 * kept if kept else 0

    def panes(self, panes: Panes, accounts: ir.Table) -> ir.Table:
        """The panes of these accounts (`account`, `number_` from 0): `number_`, the pane's own
        numbers, and a column `key…_` for each of `keys`, of features that add up.
        """
        columns = {f"key{k}_": panes.table[panes.prefixes[key]] for k, key in enumerate(self.keys)}
        return numbered(panes.table, accounts, columns)

    def facts(self, source: ir.Table, accounts: ir.Table) -> ir.Table:
        """The facts that any as_of reads: `number_`, those of the pane, `value…_` for each of
        `values`, `rows…_` for each of `wheres`, and what is needed of `at_`, `known_`, `day_`.
        """
        facts, _ = placed_facts(source, self.specs, self.grid)
        columns: dict[str, ir.Value] = {}
        for k, (where, measure) in enumerate(self.values):
            value, rows = facts[measure], matching(facts, where)
            null = ibis.null(value.type())
            columns[f"value{k}_"] = value if rows is None else rows.ifelse(value, null)
        columns |= rows_columns(facts, self.wheres)
        if self._any(OF_TIMES):
            columns["at_"] = facts.occurred_at
        if self._any(LAST):
            columns["known_"] = facts.known_at
        if self._any(OF_DAYS):
            columns["day_"] = day_of(facts).cast(dt.int32)
        return numbered(facts, accounts, columns)


def rows_columns(facts: ir.Table, wheres: Sequence[Where]) -> dict[str, ir.Value]:
    """`rows…_` for each of these: 1 where a fact has the categories, else 0."""
    masks = {f"rows{k}_": matching(facts, where) for k, where in enumerate(wheres)}
    return {name: mask.cast(dt.int8) for name, mask in masks.items() if mask is not None}


def numbered(placed: ir.Table, accounts: ir.Table, columns: dict[str, ir.Value]) -> ir.Table:
    """What is placed, of these accounts (`account`, `number_` from 0): `number_`, the pane's own
    numbers, and the columns.
    """
    slots = [c for c in ("pane_", "seen_", "gone_") if c in placed.columns]
    return placed.join(accounts, placed.account == accounts.account).select(
        accounts.number_.cast(dt.int32),
        **{slot: placed[slot].cast(dt.int16) for slot in slots},
        **columns,
    )
