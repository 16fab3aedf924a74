"""All features of a project over a spine, as one expression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import expression, lookback_days
from npsight.features.attributes import attribute_features
from npsight.temporal.facts import Facts
from npsight.temporal.windows import seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir


def compile_features(facts: Facts, spine: ir.Table, specs: Sequence[FeatureSpec]) -> list[ir.Table]:
    """One table for each source and reach, each with exactly the spine's rows.

    Every table has `account`, `as_of` and the columns of its features: float64, or string for
    categories; null is missing. A feature for as_of reads only facts with `occurred_at < as_of`
    and `known_at < as_of`; a window of w days is `[as_of − w, as_of)`.

    Sources are aggregated apart from each other (joined in one select they would multiply each
    other's rows), and features of all history apart from those of a bounded window.
    """
    tables = []
    for (source, bounded), group in _groups(specs).items():
        if source == "accounts":
            table = attribute_features(facts, spine, group)
        else:
            table = _facts_table(facts.sources[source], spine, group, bounded)
        if table is not None:
            tables.append(table)
    return tables


def _groups(specs: Sequence[FeatureSpec]) -> dict[tuple[str, bool], list[FeatureSpec]]:
    groups: dict[tuple[str, bool], list[FeatureSpec]] = {}
    for spec in specs:
        bounded = spec.window_days is not None
        groups.setdefault((spec.source, bounded), []).append(spec)
    return groups


def _facts_table(
    source: ir.Table, spine: ir.Table, specs: Sequence[FeatureSpec], bounded: bool
) -> ir.Table:
    columns = _columns_read(source, specs)
    seen = [
        spine.account == source.account,
        seen_before(spine.as_of, source.occurred_at, source.known_at),
    ]
    if bounded:
        reach = max(days for spec in specs if (days := lookback_days(spec)) is not None)
        seen.append(source.occurred_at >= spine.as_of - ibis.interval(days=reach))
    joined = spine.join(source, seen).select(
        spine.account, spine.as_of, *(source[c] for c in columns)
    )
    totals = joined.group_by("account", "as_of").agg([expression(joined, s) for s in specs])
    filled = {
        s.name: totals[s.name].fill_null(0.0) if s.missing == "zero" else totals[s.name]
        for s in specs
    }
    return spine.left_join(totals, ["account", "as_of"]).select(
        spine.account, spine.as_of, **filled
    )


def _columns_read(source: ir.Table, specs: Sequence[FeatureSpec]) -> list[str]:
    wanted = {"occurred_at", "known_at"}
    for spec in specs:
        wanted.update(column for column, _ in spec.where)
        wanted.update(m for m in (spec.measure, spec.per) if m)
        if spec.aggregation == "open":
            wanted.update(("ended_at", "ended_known_at"))
    return [c for c in source.columns if c in wanted]
