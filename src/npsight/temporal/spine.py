"""The spine: one row for each (account, as_of), and the grid of as_of dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis

from npsight.temporal.facts import Facts
from npsight.temporal.windows import open_as_of, seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir


def spine_expr(facts: Facts, as_ofs: Sequence[datetime]) -> ir.Table:
    """Every account that exists at each as_of: `began_at < as_of`, and not known to have left.

    Left means: it had a subscription, and all subscriptions known before as_of had ended, known
    so, before as_of; or a churn event `occurred_at < as_of` and `known_at < as_of`.

    Returns
    -------
    Table with `account` (string), `as_of` (timestamp(6), UTC); no duplicates.
    """
    days = ibis.memtable({"as_of": list(as_ofs)}, schema=ibis.schema({"as_of": "timestamp(6)"}))
    spine = facts.accounts.join(days, facts.accounts.began_at < days.as_of).select(
        "account", "as_of"
    )
    subscriptions = facts.sources.get("subscriptions")
    if subscriptions is not None:
        spine = spine.anti_join(_without_subscription(spine, subscriptions), ["account", "as_of"])
    if facts.churn is not None:
        gone = facts.churn
        left = spine.join(
            gone,
            [
                spine.account == gone.account,
                seen_before(spine.as_of, gone.occurred_at, gone.known_at),
            ],
        ).select(spine.account, spine.as_of)
        spine = spine.anti_join(left.distinct(), ["account", "as_of"])
    return spine.select("account", "as_of")


def _without_subscription(spine: ir.Table, subscriptions: ir.Table) -> ir.Table:
    joined = spine.join(
        subscriptions,
        [
            spine.account == subscriptions.account,
            seen_before(spine.as_of, subscriptions.occurred_at, subscriptions.known_at),
        ],
    ).select(spine.account, spine.as_of, subscriptions.ended_at, subscriptions.ended_known_at)
    running = open_as_of(joined.as_of, joined.ended_at, joined.ended_known_at)
    counted = joined.group_by("account", "as_of").agg(running=running.sum())
    return counted.filter(counted.running == 0).select("account", "as_of")


def as_of_grid(first: datetime, last: datetime, step_days: int) -> list[datetime]:
    """Instants from `last` back to `first` (both inclusive), `step_days` apart, rising."""
    if last < first:
        return []
    steps = (last - first) // timedelta(days=step_days)
    return [last - timedelta(days=step_days * k) for k in range(steps, -1, -1)]


def midnight_before(instant: datetime) -> datetime:
    """The UTC midnight at or before an instant."""
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


def midnight_after(instant: datetime) -> datetime:
    """The first UTC midnight strictly after an instant: everything known by then is seen."""
    return midnight_before(instant) + timedelta(days=1)
