"""The longest silence, which depends on the order of the facts that a day sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import days_between, window_of
from npsight.features.rows import columns_read, seen_rows, selected

if TYPE_CHECKING:
    import ibis.expr.types as ir


def gap_feature(source: ir.Table, spine: ir.Table, spec: FeatureSpec) -> ir.Table:
    """`account`, `as_of` and the longest gap in days between neighbouring instants.

    The instants are those of the facts of the window, as_of itself and, where there is a window,
    its start `as_of − w`.
    """
    joined = seen_rows(source, spine, [spec], columns_read([spec]))
    facts = joined.filter(selected(joined, window_of(spec))).select(
        "account", "as_of", "occurred_at"
    )
    in_order = ibis.window(group_by=["account", "as_of"], order_by="occurred_at")
    before = facts.occurred_at.lag().over(in_order)
    if spec.window_days is not None:
        start = facts.as_of - ibis.interval(days=spec.window_days)
        before = before.fill_null(start)
    gaps = facts.mutate(gap_=days_between(facts.occurred_at, before))
    silence = days_between(gaps.as_of.max(), gaps.occurred_at.max())
    longest = ibis.greatest(gaps.gap_.max().fill_null(0.0), silence)
    return gaps.group_by("account", "as_of").agg(longest.name(spec.name))
