"""The facts as they physically were on a day: everything learned later is taken out.

Written apart from `npsight.temporal.windows`, so that a fault there cannot hide here. Features of
that day, computed on the cut by the same code, must equal those computed on all data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import ibis
import ibis.expr.datatypes as dt

if TYPE_CHECKING:
    import ibis.expr.types as ir


class TimedFacts(Protocol):
    """What of `npsight.temporal.facts.Facts` is cut."""

    @property
    def accounts(self) -> ir.Table:
        """`account`, `began_at`."""

    @property
    def versions(self) -> ir.Table | None:
        """Attributes through time."""

    @property
    def sources(self) -> Mapping[str, ir.Table]:
        """Every source of features."""

    @property
    def churn(self) -> ir.Table | None:
        """Churn events."""


FactsT = TypeVar("FactsT", bound=TimedFacts)
Keep = Callable[["ir.Table"], "ir.Table"]
"""Computes an expression and gives it back as a table."""


def cut_facts(facts: FactsT, as_of: datetime, keep: Keep) -> FactsT:
    """The same facts, holding only what was known before as_of; every table is computed anew."""
    scheduled: frozenset[str] = getattr(facts, "scheduled", frozenset())
    changed: dict[str, Any] = {
        "accounts": keep(_before(facts.accounts, "began_at", as_of)),
        "sources": {
            name: keep(cut_table(table, as_of, ahead=name in scheduled))
            for name, table in facts.sources.items()
        },
        "data_end": as_of - timedelta(microseconds=1),
    }
    if facts.versions is not None:
        changed["versions"] = keep(cut_table(facts.versions, as_of))
    if facts.churn is not None:
        changed["churn"] = keep(cut_table(facts.churn, as_of))
    merges = getattr(facts, "merges", None)
    if merges is not None:
        changed["merges"] = keep(_before(merges, "known_at", as_of))
    return replace(facts, **changed)  # type: ignore[type-var]


def cut_table(table: ir.Table, as_of: datetime, *, ahead: bool = False) -> ir.Table:
    """Rows known before as_of, and of each only what had been known of it by then.

    A row that had not happened yet stays only where `ahead` says that its source books facts
    ahead. An end stays where it was known, whether it had passed or was booked; without a column
    that says when it was known, where it had passed. That a row was corrected, or moved to
    another account, stays where it had been.
    """
    rows = _before(table, "known_at", as_of)
    if not ahead:
        rows = _before(rows, "occurred_at", as_of)
    forgotten: dict[str, ir.Value] = {}
    if "ended_at" in table.columns:
        known = "ended_known_at" if "ended_known_at" in table.columns else "ended_at"
        forgotten["ended_at"] = _if_before(rows, "ended_at", known, as_of)
        forgotten[known] = _if_before(rows, known, known, as_of)
    for column in ("corrected_at", "moved_at"):
        if column in table.columns:
            forgotten[column] = _if_before(rows, column, column, as_of)
    return rows.mutate(**forgotten) if forgotten else rows


def _before(table: ir.Table, column: str, as_of: datetime) -> ir.Table:
    return table.filter(table[column] < _literal(as_of))


def _if_before(table: ir.Table, column: str, known: str, as_of: datetime) -> ir.Value:
    """The column where `known` lies before as_of; else null."""
    was = (table[known] < _literal(as_of)).fill_null(False)
    return ibis.ifelse(was, table[column], ibis.null(table[column].type()))


def _literal(as_of: datetime) -> ir.TimestampScalar:
    return ibis.literal(as_of, type=dt.Timestamp(scale=6))
