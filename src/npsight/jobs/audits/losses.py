"""Which accounts were lost, and since when that was known, for the test of what tells it early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import pandas as pd

from npsight.audit.early import Losses
from npsight.jobs.audits.columns import Columns, final
from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    import ibis.expr.types as ir

KNOWN_DAYS = (90, 30)
"""Where the data say when a loss was known: a quarter before it nobody is sure."""
UNKNOWN_DAYS = (365, 90)
"""Where they say only when it happened: notice is given, and told, up to a year ahead."""


def losses_of(columns: Columns) -> Losses | None:
    """The losses of the declared churn target; None without one, and in a snapshot."""
    table = _known_at(columns)
    if table is None:
        return None
    frame = columns.fetch(table)
    leak, look = KNOWN_DAYS if _says_when_known(columns) else UNKNOWN_DAYS
    end = pd.Timestamp(columns.builder.facts.data_end)
    return Losses(frame.set_index("account")["at"], end, leak, look)


def _says_when_known(columns: Columns) -> bool:
    project = columns.builder.project
    churn, tables = project.churn, project.tables
    if churn is not None and churn.event == "subscription_end":
        return tables.subscriptions is not None and tables.subscriptions.ended_known_at is not None
    if churn is not None and churn.event == "churn_table":
        return tables.churn is not None and tables.churn.known_at is not None
    return True


def _known_at(columns: Columns) -> ir.Table | None:
    """`account` and `at`, null where it was not lost by the end of the data."""
    project, facts = columns.builder.project, columns.builder.facts
    churn = project.churn
    if churn is None:
        return None
    end = ibis.literal(facts.data_end)
    if churn.event == "subscription_end":
        return _last_end(final(facts.sources["subscriptions"]), end)
    if churn.event == "churn_table" and facts.churn is not None:
        return _first_event(facts.accounts, final(facts.churn))
    if churn.event == "no_activity" and churn.activity:
        silent_from = end - ibis.interval(days=churn.horizon_days)
        return _last_sign(final(facts.sources[churn.activity]), silent_from)
    return None


def _last_end(subscriptions: ir.Table, end: ir.Value) -> ir.Table:
    """Lost where nothing runs any more; known when the last end was, or had come."""
    known = (subscriptions.ended_known_at <= end).fill_null(False)
    running = subscriptions.ended_at.isnull() | ~known
    told = ibis.least(subscriptions.ended_known_at, subscriptions.ended_at)
    counted = subscriptions.group_by("account").agg(running=running.sum(), told=told.max())
    return counted.select("account", at=_only(counted.running == 0, counted.told))


def _first_event(accounts: ir.Table, events: ir.Table) -> ir.Table:
    told = ibis.least(events.occurred_at, events.known_at)
    first = events.group_by("account").agg(at=told.min())
    return accounts.select("account").left_join(first, "account").select("account", "at")


def _last_sign(activity: ir.Table, silent_from: ir.Value) -> ir.Table:
    """Lost where the last fact lies a horizon back; nothing could be known before that fact."""
    last = activity.group_by("account").agg(last=activity.occurred_at.max())
    return last.select("account", at=_only(last["last"] < silent_from, last["last"]))


def _only(where: ir.Value, at: ir.Value) -> ir.Value:
    return ibis.ifelse(where, at, ibis.null(INSTANT))
