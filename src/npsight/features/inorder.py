"""Features that depend on the order of facts, put together in this process from sorted facts.

The numbers of `rows.row_features` and `gaps.gap_feature`, without facts beside each as_of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import MICROSECONDS_A_DAY, spans_of
from npsight.features.asked import numbered, rows_columns
from npsight.features.cells import Reads
from npsight.features.factbatch import microseconds
from npsight.features.panes import placed_facts
from npsight.features.totals import Where
from npsight.temporal.panes import Grid

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

FACT_BYTES = 40
"""Memory that a fact takes, sorted and picked, besides what tells of categories."""


@dataclass(frozen=True)
class Window:
    """The facts of a window as one as_of sees them, by account and time; instants in microseconds.

    `start` is None where the window is all history.
    """

    account: NDArray[np.int32]
    at: NDArray[np.int64]
    start: int | None
    as_of: int

    def pick(self, which: NDArray[np.bool_]) -> Window:
        """Some of the facts."""
        return replace(self, account=self.account[which], at=self.at[which])

    @property
    def begins(self) -> NDArray[np.bool_]:
        """Which fact is the first of its account."""
        return np.append(True, np.diff(self.account) != 0)[: len(self.account)]


def _distinct_days(window: Window, accounts: int) -> NDArray[np.float64]:
    """On how many UTC dates each account has facts."""
    date = window.at // MICROSECONDS_A_DAY
    new = window.begins | np.append(True, np.diff(date) != 0)[: len(date)]
    return np.bincount(window.account[new], minlength=accounts).astype(np.float64)


def _longest_gap(window: Window, accounts: int) -> NDArray[np.float64]:
    """Days between neighbours among the facts, as_of and the window's start."""
    begins = window.begins
    gaps = np.diff(window.at, prepend=0)
    gaps[begins] = 0 if window.start is None else window.at[begins] - window.start
    longest = np.zeros(accounts, dtype=np.int64)
    np.maximum.at(longest, window.account, gaps)
    last = np.append(begins, True)[1:][: len(begins)]
    silence = window.as_of - window.at[last]
    np.maximum.at(longest, window.account[last], silence)
    return longest / MICROSECONDS_A_DAY


FORMULAS: dict[str, Callable[[Window, int], NDArray[np.float64]]] = {
    "distinct_days": _distinct_days,
    "longest_gap": _longest_gap,
}
"""(facts in order, number of accounts) -> the feature of each account with facts."""


@dataclass(frozen=True)
class InOrder:
    """Features of `FORMULAS` over one source, at the dates of a grid with all their edges."""

    grid: Grid
    specs: tuple[FeatureSpec, ...]

    @property
    def wheres(self) -> tuple[Where, ...]:
        """The categories of facts that are asked for, each once."""
        return tuple(dict.fromkeys(spec.where for spec in self.specs if spec.where))

    @property
    def fact_bytes(self) -> int:
        """Memory that a fact takes."""
        return FACT_BYTES + len(self.wheres)

    def facts(self, source: ir.Table, accounts: ir.Table) -> ir.Table:
        """The facts that any as_of reads, in order of their accounts (`account`, `number_` from 0)
        and times: `number_`, the pane's own numbers, `at_`, and `rows…_` for each of `wheres`.
        """
        facts, _ = placed_facts(source, self.specs, self.grid)
        columns = {"at_": facts.occurred_at, **rows_columns(facts, self.wheres)}
        return numbered(facts, accounts, columns).order_by(["number_", "at_"])

    def features(
        self, facts: pa.Table, accounts: int, places: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        """The features (float64; NaN is missing) of the rows at these places: number of the as_of
        × accounts + number of the account.
        """
        found = {
            spec.name: np.empty((len(self.grid.as_ofs), accounts), np.float64)
            for spec in self.specs
        }
        for k, spec, window in self._windows(facts):
            values = FORMULAS[spec.aggregation](window, accounts)
            if spec.missing != "zero":
                values[np.bincount(window.account, minlength=accounts) == 0] = np.nan
            found[spec.name][k] = values
        return {name: values.ravel()[places] for name, values in found.items()}

    def _windows(self, facts: pa.Table) -> Iterator[tuple[int, FeatureSpec, Window]]:
        """What each as_of, by number, sees in the window of each feature."""
        column = {name: facts[name].combine_chunks() for name in facts.column_names}
        account, pane, seen = (column[c].to_numpy() for c in ("number_", "pane_", "seen_"))
        at = microseconds(column["at_"])
        gone = column["gone_"].to_numpy() if "gone_" in column else None
        has = {w: column[f"rows{k}_"].to_numpy().view(bool) for k, w in enumerate(self.wheres)}
        reads = {spec: Reads.of(self.grid, spans_of(spec)[0]) for spec in self.specs}
        for k, as_of in enumerate(self.grid.as_ofs):
            starts = {spec: -1 if r.start is None else r.start[k] for spec, r in reads.items()}
            sees = (pane <= self.grid.number(as_of)) & (pane > min(starts.values())) & (seen <= k)
            if gone is not None:
                sees &= gone > k
            some = np.flatnonzero(sees)
            all_of_it = Window(account[some], at[some], None, _microseconds(as_of))
            for spec, start in starts.items():
                inside = pane[some] > start
                if spec.where:
                    inside &= has[spec.where][some]
                first = None
                if spec.window_days is not None:
                    first = _microseconds(as_of - timedelta(days=spec.window_days))
                yield k, spec, replace(all_of_it.pick(inside), start=first)


def _microseconds(instant: datetime) -> int:
    return int(np.datetime64(instant, "us").astype(np.int64))
