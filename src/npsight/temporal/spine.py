"""The spine: one row for each (account, as_of), and the grid of as_of dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis

from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import in_window, open_as_of, seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

KEYS = ("account", "as_of")


def spine_expr(facts: Facts, as_ofs: Sequence[datetime]) -> ir.Table:
    """`spine_on` for a list of days."""
    days = ibis.memtable({"as_of": list(as_ofs)}, schema=ibis.schema({"as_of": INSTANT}))
    return spine_on(facts, days)


def spine_on(facts: Facts, days: ir.Table) -> ir.Table:
    """Every account that exists at each as_of; see `living`. `days` has one column, `as_of`.

    Returns
    -------
    Table with `account` (string), `as_of` (timestamp(6), UTC); no duplicates.
    """
    accounts = facts.accounts
    begun = accounts.join(days, accounts.began_at < days.as_of).select("account", "as_of")
    return _not_left(facts, begun)


def living(facts: Facts, rows: ir.Table) -> ir.Table:
    """Those of the rows (`account`, `as_of`) whose account exists at as_of: `began_at < as_of`, and
    not known to have left.

    Left means: it had a subscription, and all subscriptions known before as_of had ended, known
    so, before as_of; or a churn event `occurred_at < as_of` and `known_at < as_of`; or it was
    merged into another account, known before as_of; or, where the facts say after how many days
    of silence an account has left, it has no fact of that source within
    `[as_of − days, as_of)` that counts at as_of.
    """
    accounts = facts.accounts
    begun = [rows.account == accounts.account, accounts.began_at < rows.as_of]
    return _not_left(facts, rows.join(accounts, begun).select(rows.account, rows.as_of))


def _not_left(facts: Facts, spine: ir.Table) -> ir.Table:
    subscriptions = facts.sources.get("subscriptions")
    if subscriptions is not None:
        spine = spine.anti_join(_without_subscription(spine, subscriptions), KEYS)
    if facts.churn is not None:
        spine = spine.anti_join(_seen_in(spine, facts.churn), KEYS)
    if facts.merges is not None:
        merged = _seen_in(spine, facts.merges.mutate(occurred_at=facts.merges.known_at))
        spine = spine.anti_join(merged, KEYS)
    if facts.left_after is not None:
        source, within = facts.left_after
        spine = spine.semi_join(_heard_of(spine, facts.sources[source], within), KEYS)
    return spine.select("account", "as_of")


def _heard_of(spine: ir.Table, source: ir.Table, days: int) -> ir.Table:
    """The spine rows whose account has a fact in the days before as_of."""
    seen = [
        spine.account == source.account,
        seen_before(spine.as_of, source),
        in_window(spine.as_of, source.occurred_at, days),
    ]
    return spine.join(source, seen).select(spine.account, spine.as_of).distinct()


def _seen_in(spine: ir.Table, events: ir.Table) -> ir.Table:
    """The spine rows whose account has an event that counts at as_of."""
    seen = [spine.account == events.account, seen_before(spine.as_of, events)]
    return spine.join(events, seen).select(spine.account, spine.as_of).distinct()


def _without_subscription(spine: ir.Table, subscriptions: ir.Table) -> ir.Table:
    joined = spine.join(
        subscriptions,
        [spine.account == subscriptions.account, seen_before(spine.as_of, subscriptions)],
    ).select(spine.account, spine.as_of, subscriptions.ended_at, subscriptions.ended_known_at)
    running = open_as_of(joined.as_of, joined.ended_at, joined.ended_known_at)
    counted = joined.group_by("account", "as_of").agg(running=running.sum())
    return counted.filter(counted.running == 0).select("account", "as_of")


def as_of_grid(first: datetime, last: datetime, step_days: int) -> list[datetime]:
    """Instants from `first` on, `step_days` apart, the last of them at or before `last`."""
    if last < first:
        return []
    steps = (last - first) // timedelta(days=step_days)
    return [first + timedelta(days=step_days * k) for k in range(steps + 1)]


def midnight_before(instant: datetime) -> datetime:
    """The UTC midnight at or before an instant."""
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


def midnight_after(instant: datetime) -> datetime:
    """The first UTC midnight strictly after an instant: everything known by then is seen."""
    return midnight_before(instant) + timedelta(days=1)


def midnight_from(instant: datetime) -> datetime:
    """The first UTC midnight at or after an instant."""
    before = midnight_before(instant)
    return before if before == instant else before + timedelta(days=1)
