"""Features from sums by account and pane: facts are read once, for all windows and as_of dates.

Exact, not approximate: an edge of a window never lies inside a pane (`temporal/panes.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS, spans_of
from npsight.features.rows import matching
from npsight.features.totals import KINDS, Selection, Where
from npsight.temporal.instants import INSTANT
from npsight.temporal.panes import Grid, Span, edges_passed

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_EDGES = 2_000
"""With more, panes are no coarser than the facts, and the rows are read instead."""


def grid_of(as_ofs: Sequence[datetime], specs: Sequence[FeatureSpec]) -> Grid:
    """The edges of every window of these features at every as_of."""
    return Grid.of(as_ofs, _spans(specs))


def pane_features(source: ir.Table, specs: Sequence[FeatureSpec], grid: Grid) -> ir.Table:
    """`account`, `as_of` and each feature, for every account of the source with facts in reach.

    Equal to `row_features` of a spine of all accounts at all as_of dates of the grid.
    """
    return Panes.of(source, specs, grid).features(specs)


Key = tuple[str, Where, str]
"""A total whatever the window: its kind, the categories, the measure."""


@dataclass(frozen=True)
class Panes:
    """Facts of one source summed by account and pane, for all features that read them.

    Attributes
    ----------
    table
        One row for each `account`, `pane_`, and numbers of the as_ofs from which (`seen_`) and
        before which (`gone_`, where facts can go) its facts are seen, with the parts of totals.
    grid
        The edges of the panes, and the as_of dates.
    prefixes
        The beginning of the columns' names that hold the parts of a total.
    """

    table: ir.Table
    grid: Grid
    prefixes: Mapping[Key, str]

    @classmethod
    def of(cls, source: ir.Table, specs: Sequence[FeatureSpec], grid: Grid) -> Self:
        """The panes of a grid that holds every edge of these features (`grid_of`)."""
        wanted = _Wanted.of(source, specs)
        facts, slots = placed_facts(source, specs, grid)
        summed = facts.group_by("account", *slots).agg(**wanted.columns(facts))
        return cls(summed, grid, wanted.prefixes)

    def features(self, specs: Sequence[FeatureSpec]) -> ir.Table:
        """`account`, `as_of` and each of these features, by joining panes and as_of dates."""
        spans = _spans(specs)
        # In order of accounts, so that the sums of one account are made one after another: with
        # many panes it takes half the time.
        seen = _seen(self.table.order_by(["account", "pane_"]), self.grid, spans)
        totals = PaneTotals(seen, self.prefixes, _longest(spans))
        return seen.group_by("account", "as_of").agg(
            [FORMULAS[s.aggregation](totals, s).cast(dt.float64).name(s.name) for s in specs]
        )


def totals_asked(source: ir.Table, spec: FeatureSpec) -> Mapping[tuple[Key, Span], None]:
    """Every total that the feature's formula asks for."""
    return _Wanted.of(source, [spec]).asked


class _Wanted:
    """Notes which totals the formulas ask for, so that each is summed once by pane."""

    def __init__(self, source: ir.Table) -> None:
        self._source = source
        self.prefixes: dict[Key, str] = {}
        self.asked: dict[tuple[Key, Span], None] = {}

    @classmethod
    def of(cls, source: ir.Table, specs: Sequence[FeatureSpec]) -> Self:
        """What the formulas of these features ask for."""
        wanted = cls(source)
        for spec in specs:
            FORMULAS[spec.aggregation](wanted, spec)
        return wanted

    @property
    def as_of(self) -> ir.TimestampScalar:
        return self._source.occurred_at.max()

    def total(self, kind: str, selection: Selection, measure: str = "") -> ir.Value:
        key = (kind, selection.where, measure)
        self.prefixes.setdefault(key, f"total{len(self.prefixes)}_")
        self.asked[key, selection.span] = None
        return KINDS[kind].of_rows(self._source, measure, matching(self._source, selection.where))

    def columns(self, facts: ir.Table) -> dict[str, ir.Value]:
        """Every part of every total wanted, as an aggregate over facts."""
        return {
            prefix + part: build(facts, measure, matching(facts, where))
            for (kind, where, measure), prefix in self.prefixes.items()
            for part, build in KINDS[kind].parts.items()
        }


class PaneTotals:
    """Totals over panes that all count at their as_of and lie within `reach` days of it."""

    def __init__(self, seen: ir.Table, prefixes: Mapping[Key, str], reach: int | None) -> None:
        self._seen = seen
        self._prefixes = prefixes
        self._reach = reach

    @property
    def as_of(self) -> ir.TimestampScalar:
        """The as_of of the group."""
        return self._seen.as_of.max()

    def total(self, kind: str, selection: Selection, measure: str = "") -> ir.Value:
        """A total over the panes of the selection's window; see `Totals`."""
        prefix = self._prefixes[kind, selection.where, measure]
        return KINDS[kind].whole(self._seen, prefix, self._inside(selection.span))

    def _inside(self, span: Span) -> ir.BooleanValue | None:
        """Whether a pane lies in the window; None where all of them do."""
        pane, inside = self._seen.pane_, None
        if span.back:
            inside = pane <= self._seen[_edge(span.back)]
        if span.reach is not None and span.reach != self._reach:
            after = pane > self._seen[_edge(span.reach)]
            inside = after if inside is None else inside & after
        return inside


def _spans(specs: Sequence[FeatureSpec]) -> set[Span]:
    return {span for spec in specs for span in spans_of(spec)}


def _edge(days: int) -> str:
    return f"edge{days}_"


def _longest(spans: Collection[Span]) -> int | None:
    """Days that the spans reach back at most; None where one reads all history."""
    reaches = [span.reach for span in spans]
    return None if None in reaches else max(reach for reach in reaches if reach is not None)


def placed_facts(
    source: ir.Table, specs: Sequence[FeatureSpec], grid: Grid
) -> tuple[ir.Table, tuple[str, ...]]:
    """The facts that any of these features reads at any as_of, and the columns that place them.

    `pane_` is the number of the fact's pane: only as_ofs behind it have `occurred_at < as_of`.
    `seen_` is the number of the first as_of for which `known_at < as_of`; `gone_`, where facts can
    go, that of the first that sees a correction or merge instead.
    """
    last = ibis.literal(grid.as_ofs[-1], type=INSTANT)
    facts = source.filter((source.occurred_at < last) & (source.known_at < last))
    if _longest(_spans(specs)) is not None:
        first = ibis.literal(grid.edges[0], type=INSTANT)
        facts = facts.filter(facts.occurred_at >= first)
    slots = {
        "pane_": edges_passed(facts.occurred_at, grid.edges),
        "seen_": edges_passed(facts.known_at, grid.as_ofs),
    }
    ends = [facts[c] for c in ("corrected_at", "moved_at") if c in facts.columns]
    if ends:
        slots["gone_"] = edges_passed(ibis.least(*ends), grid.as_ofs)
    return facts.mutate(**slots), tuple(slots)


def _seen(panes: ir.Table, grid: Grid, spans: Collection[Span]) -> ir.Table:
    """Each pane beside each as_of that sees it, with the numbers of the windows' edges."""
    offsets = {0} | {s.back for s in spans} | {s.reach for s in spans if s.reach is not None}
    columns: dict[str, list[object]] = {"as_of": list(grid.as_ofs)}
    columns["number_"] = list(range(len(grid.as_ofs)))
    for days in sorted(offsets):
        edges = [grid.number(as_of - timedelta(days=days)) for as_of in grid.as_ofs]
        columns[_edge(days)] = list(edges)
    types = {name: INSTANT if name == "as_of" else dt.int64 for name in columns}
    days_ = ibis.memtable(columns, schema=ibis.schema(types))
    seen = [panes.pane_ <= days_[_edge(0)], panes.seen_ <= days_.number_]
    if "gone_" in panes.columns:
        seen.append(panes.gone_ > days_.number_)
    longest = _longest(spans)
    if longest is not None:
        seen.append(panes.pane_ > days_[_edge(longest)])
    return panes.join(days_, seen)
