"""What a proposal says of contracts and losses, and of the targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from npsight.jobs.proposal import guess
from npsight.jobs.proposal.kinds import Kinds
from npsight.jobs.proposal.lines import ProposedLines
from npsight.jobs.proposal.table import snapshot_target
from npsight.jobs.proposal.yamltext import scalar

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_ENOUGH_LOSSES = 40
"""Of fewer losses hardly anything can be learned; the table still says who has left."""


def write_losses(out: ProposedLines, kinds: Kinds) -> None:
    """`tables.subscriptions`, or `tables.churn` where there are no contracts."""
    if kinds.subscriptions is not None:
        _subscriptions(out, kinds.subscriptions)
    elif kinds.left is not None:
        _churn(out, *kinds.left)


def _subscriptions(out: ProposedLines, table: TableProfile) -> None:
    out.lines.add(2, "subscriptions:")
    out.where(table, 4)
    out.lines.add(4, f"account: {scalar(out.keys[table.name])}")
    out.column(4, "started_at", guess.guess_start(table))
    out.column(4, "ended_at", guess.guess_end(table))
    known = guess.guess_cancelled(table)
    if known is not None:
        out.column(4, "ended_known_at", known)
        # What is booked ahead tells most of all: it may be seen from the day it was known.
        out.features.append("{source: subscriptions, aggregate: days_until_end}")


def _churn(out: ProposedLines, table: TableProfile, left: ColumnProfile) -> None:
    out.lines.add(2, "churn:")
    out.where(table, 4)
    out.lines.add(4, f"account: {scalar(out.keys[table.name])}")
    out.column(4, "time", left)
    out.known_at(4, guess.guess_times(table).known, table)


def write_targets(out: ProposedLines, kinds: Kinds, activity_rows: Mapping[str, int]) -> None:
    """`targets`: answers, and losses by what tells of them, or else by silence."""
    add = out.lines.add
    add(0, "targets:")
    if kinds.snapshot is not None:
        text, comment = snapshot_target(kinds.snapshot[1])
        add(2, text, comment)
        return
    if kinds.responses:
        add(2, "detractor: {gap_days: 14, horizon_days: 90}")
        add(2, "nps: {}")
    if kinds.subscriptions is not None:
        add(2, "churn: {event: subscription_end, gap_days: 14, horizon_days: 90}")
    elif kinds.left is not None and kinds.left[1].filled >= _ENOUGH_LOSSES:
        add(2, "churn: {event: churn_table, gap_days: 14, horizon_days: 90}")
    elif not kinds.responses and activity_rows:
        busiest = max(activity_rows, key=lambda name: activity_rows[name])
        add(
            2,
            f"churn: {{event: no_activity, activity: {busiest}, gap_days: 0, "
            "horizon_days: 90, active_within_days: 90}",
            "VERIFY: silence for this long means the account is lost, or has left already",
        )
