"""All features of a project over a spine: which way each is computed, as expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS, lookback_days
from npsight.features.ahead import AHEAD, ahead_features
from npsight.features.attributes import attribute_features
from npsight.features.gaps import gap_feature
from npsight.features.inorder import FORMULAS as IN_ORDER
from npsight.features.own import OwnFunction, own_feature
from npsight.features.panes import MOST_EDGES, grid_of, pane_features
from npsight.features.rows import ROW_FORMULAS, row_features
from npsight.features.segments import against_segment
from npsight.temporal.facts import Facts
from npsight.temporal.panes import Grid
from npsight.temporal.spine import spine_on

if TYPE_CHECKING:
    import ibis.expr.types as ir


BY_ROWS_ONLY = frozenset({*ROW_FORMULAS, *AHEAD, "longest_gap", "own"})
"""Aggregations that need the rows as each as_of sees them."""


def compile_features(
    facts: Facts,
    spine: ir.Table,
    specs: Sequence[FeatureSpec],
    as_ofs: Sequence[datetime] | None = None,
    own: Mapping[str, OwnFunction] | None = None,
    segment: str | None = None,
) -> list[ir.Table]:
    """Tables that together hold every feature, each with exactly the spine's rows.

    Every table has `account`, `as_of` and the columns of its features: float64, or string for
    categories; null is missing. A feature for as_of reads only facts with `occurred_at < as_of`
    and `known_at < as_of`; a window of w days is `[as_of − w, as_of)`.

    Parameters
    ----------
    as_ofs
        The dates in the spine. Where they are given and not too many, facts are summed by pane
        first, for all of them at once; else spine and facts are joined row by row. The results
        are the same.
    own
        The functions of own expressions, by what the project file says (`file.py:function`).
    segment
        The attribute that gives an account its peers, for features against the segment.
    """
    plain = [spec for spec in specs if not spec.against]
    ranked = [spec for spec in specs if spec.against]
    tables = [
        beside(spine, table, group) for table, group in _tables(facts, spine, plain, as_ofs, own)
    ]
    if ranked and segment is not None:
        # Every account of the day is compared with, whoever is asked for.
        members = spine_on(facts, spine.select("as_of").distinct())
        everyone = spine.union(members, distinct=True)
        for table, group in _tables(facts, everyone, ranked, as_ofs, own):
            values = beside(everyone, table, group)
            tables.append(against_segment(facts, spine, members, values, group, segment))
    return tables


Group = tuple["ir.Table", list[FeatureSpec], Grid]
"""A source, features of it, and the grid of all their windows."""


def pane_groups(
    facts: Facts, specs: Sequence[FeatureSpec], as_ofs: Sequence[datetime]
) -> list[Group]:
    """Each source with features that `compile_features` builds from the same panes of it."""
    return _groups(facts, [spec for spec in specs if spec.aggregation in FORMULAS], as_ofs)


def ordered_groups(
    facts: Facts, specs: Sequence[FeatureSpec], as_ofs: Sequence[datetime]
) -> list[Group]:
    """Each source with features that sorted facts of it suffice for."""
    return _groups(facts, [spec for spec in specs if spec.aggregation in IN_ORDER], as_ofs)


def _groups(facts: Facts, specs: Sequence[FeatureSpec], as_ofs: Sequence[datetime]) -> list[Group]:
    groups: dict[tuple[str, bool], list[FeatureSpec]] = {}
    for spec in specs:
        if spec.source != "accounts" and not spec.against:
            groups.setdefault((spec.source, lookback_days(spec) is None), []).append(spec)
    found = [
        (facts.sources[name], group, grid_of(as_ofs, group))
        for (name, _), group in groups.items()
        if as_ofs
    ]
    return [(table, group, grid) for table, group, grid in found if len(grid.edges) <= MOST_EDGES]


def _tables(
    facts: Facts,
    spine: ir.Table,
    specs: Sequence[FeatureSpec],
    as_ofs: Sequence[datetime] | None,
    own: Mapping[str, OwnFunction] | None,
) -> list[tuple[ir.Table, list[FeatureSpec]]]:
    """A table for each group of features that are read together; rows may be missing."""
    groups: dict[tuple[str, str], list[FeatureSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.source, _way(spec)), []).append(spec)
    return [(_read(facts, spine, group, as_ofs, own or {}), group) for group in groups.values()]


def _read(
    facts: Facts,
    spine: ir.Table,
    group: Sequence[FeatureSpec],
    as_ofs: Sequence[datetime] | None,
    own: Mapping[str, OwnFunction],
) -> ir.Table:
    """`account`, `as_of` and the features of a group, which all are read the same way."""
    spec = group[0]
    if spec.source == "accounts":
        return attribute_features(facts, spine, group)
    source = facts.sources[spec.source]
    if spec.aggregation in AHEAD:
        return ahead_features(source, spine, group)
    if spec.aggregation == "longest_gap":
        return gap_feature(source, spine, spec)
    if spec.aggregation == "own":
        return own_feature(source, spine, spec, own[spec.expression])
    if spec.aggregation in FORMULAS and as_ofs:
        grid = grid_of(as_ofs, group)
        if len(grid.edges) <= MOST_EDGES:
            return pane_features(source, group, grid)
    return row_features(source, spine, group)


def _way(spec: FeatureSpec) -> str:
    """How the feature is read; features of one source and way are read together.

    Sources are aggregated apart from each other (joined in one select they would multiply each
    other's rows), and features of all history apart from those of a bounded window.
    """
    if spec.source == "accounts":
        return "attributes"
    if spec.aggregation in FORMULAS:
        return "within" if lookback_days(spec) is not None else "ever"
    if spec.aggregation in AHEAD:
        return "ahead"
    if spec.aggregation in ("longest_gap", "own"):
        return spec.name
    return "rows" if lookback_days(spec) is not None else "all rows"


def beside(spine: ir.Table, table: ir.Table, specs: Sequence[FeatureSpec]) -> ir.Table:
    """Exactly the spine's rows, with 0 where that is what no fact means."""
    filled = {
        s.name: table[s.name].fill_null(0.0) if s.missing == "zero" else table[s.name]
        for s in specs
    }
    whole = spine.left_join(table, ["account", "as_of"])
    return whole.select(spine.account, spine.as_of, **filled)
