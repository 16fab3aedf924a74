"""Subscriptions whose ends are booked ahead, in a project that has no feature that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis

from npsight.errors import Problem

if TYPE_CHECKING:
    from npsight.config.specs import ProjectSpec
    from npsight.temporal.facts import Facts

_ENOUGH_ENDS = 20
_AHEAD_DAYS = 7
_READS_ENDS = "days_until_end"


def unread_ends(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A hint where half of the ends, and at least 20, were known a week ahead."""
    table, churn = facts.sources.get("subscriptions"), project.churn
    if table is None or churn is None or churn.event != "subscription_end":
        return
    if any(s.source == "subscriptions" and s.aggregation == _READS_ENDS for s in project.features):
        return
    booked = table.ended_known_at + ibis.interval(days=_AHEAD_DAYS) <= table.ended_at
    counted = table.aggregate(ends=table.ended_at.count(), ahead=booked.sum())
    (seen,) = counted.to_pyarrow().to_pylist()
    ahead = seen["ahead"] or 0
    if ahead >= _ENOUGH_ENDS and 2 * ahead >= seen["ends"]:
        yield Problem(
            f"{ahead:,} of {seen['ends']:,} ends were known a week ahead and more, and no feature "
            "reads them",
            f"add {{source: subscriptions, aggregate: {_READS_ENDS}}} under `features`, if "
            "`ended_known_at` is the day on which the end was booked",
            key="tables.subscriptions",
        )
