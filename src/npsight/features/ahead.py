"""Scheduled facts: what was known before as_of to lie at or after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import days_between
from npsight.features.rows import matching
from npsight.temporal.windows import end_lies_ahead, known_before, lies_ahead

if TYPE_CHECKING:
    import ibis.expr.types as ir

AHEAD = frozenset({"days_until_next", "days_until_end"})


def ahead_features(source: ir.Table, spine: ir.Table, specs: Sequence[FeatureSpec]) -> ir.Table:
    """`account`, `as_of` and days to the nearest instant ahead; rows without one are missing.

    `days_until_next`: `as_of <= occurred_at`, `known_at < as_of`. `days_until_end`:
    `as_of <= ended_at`, `ended_known_at < as_of`, of facts that had begun and were known:
    `occurred_at < as_of`, `known_at < as_of`.
    """
    known = [spine.account == source.account, known_before(spine.as_of, source)]
    joined = spine.join(source, known).select(
        spine.account, spine.as_of, *(c for c in source.columns if c != "account")
    )
    return joined.group_by("account", "as_of").agg(
        [_nearest(joined, spec).name(spec.name) for spec in specs]
    )


def _nearest(joined: ir.Table, spec: FeatureSpec) -> ir.FloatingValue:
    as_of = joined.as_of
    if spec.aggregation == "days_until_next":
        instant, rows = joined.occurred_at, lies_ahead(as_of, joined.occurred_at)
    else:
        instant, begun = joined.ended_at, ~lies_ahead(as_of, joined.occurred_at)
        rows = begun & end_lies_ahead(as_of, joined.ended_at, joined.ended_known_at)
    wanted = matching(joined, spec.where)
    nearest = instant.min(where=rows if wanted is None else rows & wanted)
    return days_between(nearest, as_of.max())
