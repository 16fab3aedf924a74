"""The contract of each kind of table: its canonical columns, and what makes a row bad.

- A blank account, a blank or unreadable required time and an unreadable number are faults.
  Of an account, an unreadable attribute, revenue or renewal is missing, and the row stays.
- `known_at` earlier than the fact is lifted to it (nothing is known before it happens) and
  counted as a note; a blank one falls back to `occurred_at` + `delay_hours`. Of a scheduled fact
  it is taken as it is, and must not be blank: that is when the fact was booked.
- Where an activity's time is blank, the thing has not happened yet: the row is skipped. So is a
  subscription that begins in the future. An account that does is kept, with its facts, and counts
  from then on.
- Rows of one id with different `known_at` are versions of one fact; see `versions`.
- A response without a score is an unanswered invitation where `invited_at` is mapped and filled,
  else a fault, or skipped by `unscored: skip`.
- `earliest` is held against the times of facts, not against what an account merely carries.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import (
    Accounts,
    Activity,
    ChurnEvents,
    ChurnTarget,
    FactSource,
    Merges,
    Responses,
    Subscriptions,
)
from npsight.tables import versions
from npsight.tables.contract import Contract
from npsight.tables.merges import contradictions
from npsight.tables.report import AHEAD, LIFTED, NO_OUTCOME, NOT_BEGUN, UNSCORED
from npsight.tables.scores import read_score
from npsight.tables.sheet import Sheet
from npsight.tables.times import NEVER_YEAR
from npsight.temporal.instants import INSTANT

ALWAYS = datetime(1900, 1, 1)
"""From when attributes without validity columns are true and known."""


def activity_contract(sheet: Sheet, table: Activity, known: ir.Table | None) -> Contract:
    """`account`, `occurred_at`, `known_at`, measures, categories, and ends where mapped."""
    account = sheet.account(table.account, known)
    occurred = sheet.time(
        table.time,
        "time",
        may_lie_ahead=table.scheduled,
        never_is_blank=False,
        check_earliest=True,
    )
    stated = _known(sheet, table, occurred + _delay(table.delay_hours))
    skip = sheet.undated(table.time)
    if table.scheduled:
        _required(sheet, str(table.known_at))
        known_at, skip = stated.said, skip | (occurred.year() >= NEVER_YEAR).fill_null(False)
    else:
        known_at = _lifted(sheet, table, stated.at, occurred)
    columns: dict[str, ir.Value] = {
        "account": account,
        "occurred_at": occurred,
        "known_at": known_at,
    }
    if table.ended_at:
        columns |= _end(sheet, table.ended_at, table.ended_known_at, occurred, table.delay_hours)
    columns |= {name: sheet.number(column) for name, column in table.measures.items()}
    columns |= {name: sheet.text(column) for name, column in table.categories.items()}
    return versions.contract_of(sheet, table, columns, stated, skip)


def response_contract(sheet: Sheet, table: Responses, known: ir.Table | None) -> Contract:
    """Answers and invitations in one: `occurred_at` is null for what was never answered."""
    account = sheet.account(table.account, known)
    answered_at = sheet.time(table.time, "time", check_earliest=True)
    invited = (
        sheet.time(table.invited_at, "invited_at", check_earliest=True)
        if table.invited_at
        else cast(ir.TimestampValue, ibis.null(INSTANT))
    )
    score = read_score(sheet, table, answered_at, answered_at.notnull())
    answered = score.raw.notnull()
    missing = sheet.blank(table.score)
    unscored = missing & sheet.undated(table.invited_at) if table.invited_at else missing
    if table.invited_at:
        sheet.fault("answered before it was invited", answered & (answered_at < invited))
    if table.unscored == "bad":
        reason = "neither a score nor an invitation" if table.invited_at else "no score"
        sheet.fault(reason, unscored)
    sheet.fault(
        f"score without a time in column {table.time}",
        ~missing & sheet.undated(table.time),
    )
    occurred = ibis.ifelse(answered, answered_at, ibis.null(INSTANT))
    answer_known = _known(sheet, table, occurred + _delay(table.delay_hours))
    # The one `known_at` of a row is that of its answer where there is one.
    by_delay = invited + _delay(table.delay_hours)
    unanswered_known = ibis.greatest(ibis.coalesce(answer_known.said, by_delay), invited)
    invitation_known = ibis.ifelse(answered, by_delay, unanswered_known)
    columns: dict[str, ir.Value] = {
        "account": account,
        "occurred_at": occurred,
        "known_at": _lifted(sheet, table, answer_known.at, occurred),
        "response_id": sheet.text(table.id),
        "respondent": sheet.text(table.respondent),
        "role": sheet.text(table.role),
        "seniority": sheet.text(table.seniority),
        "score": score.on_ten,
        "raw_score": score.raw,
        "band": score.band,
        "touchpoint": (
            ibis.literal(table.touchpoint_name)
            if table.touchpoint_name
            else sheet.text(table.touchpoint)
        ),
        "comment": ibis.ifelse(answered, sheet.text(table.comment), ibis.null(dt.string)),
        "invited_at": invited,
        "invitation_known_at": invitation_known,
    }
    at = cast(ir.TimestampValue, ibis.coalesce(answer_known.at, invitation_known))
    stated = versions.Known(answer_known.said, at)
    skip = None
    if table.unscored == "skip":
        skip = sheet.notes[UNSCORED] = unscored
    return versions.contract_of(sheet, table, columns, stated, skip)


def subscription_contract(sheet: Sheet, table: Subscriptions, known: ir.Table | None) -> Contract:
    """`occurred_at` is the start; the end may lie ahead and is known from `ended_known_at`.

    Most contracts are signed, and so known, before they begin: that is no mistake, and what they
    say counts from their start.

    A contract that was signed for a day ahead is skipped until then: nothing is read of it before
    it happens.
    """
    account = sheet.account(table.account, known)
    started = sheet.time(
        table.started_at,
        "started_at",
        may_lie_ahead=True,
        never_is_blank=False,
        check_earliest=True,
    )
    ahead = (started > ibis.literal(sheet.now, type=INSTANT)).fill_null(False)
    sheet.notes[NOT_BEGUN] = ahead
    _required(sheet, table.started_at)
    stated = _known(sheet, table, started + _delay(table.delay_hours))
    columns: dict[str, ir.Value] = {
        "account": account,
        "occurred_at": started,
        "known_at": _lifted(sheet, table, stated.at, started, usual=True),
    }
    columns |= _end(sheet, table.ended_at, table.ended_known_at, started, table.delay_hours)
    return Contract(columns, ahead)


def churn_contract(sheet: Sheet, table: ChurnEvents, known: ir.Table | None) -> Contract:
    """`account`, `occurred_at`, `known_at`; a blank time means that the account has not left."""
    account = sheet.account(table.account, known)
    occurred = sheet.time(table.time, "time", check_earliest=True)
    columns: dict[str, ir.Value] = {
        "account": account,
        "occurred_at": occurred,
        "known_at": _known_at(sheet, table, occurred),
    }
    return Contract(columns, sheet.undated(table.time))


def merges_contract(sheet: Sheet, table: Merges, known: ir.Table | None) -> Contract:
    """`account` (the one that ended), `into`, and when that happened and was known.

    The one that ended need not be listed any more: many systems delete it. The other one is
    listed, or ended later itself.
    """
    account = sheet.account(table.account, known, may_be_unlisted=True)
    ended = sheet.raw.filter(account.notnull()).select(account=account)
    there = None if known is None else known.union(ended)
    into = sheet.account(table.into, there, "the account that goes on")
    sheet.fault("account is merged into itself", account == into)
    occurred = sheet.time(table.time, "time", check_earliest=True)
    _required(sheet, table.time)
    columns: dict[str, ir.Value] = {
        "account": account,
        "into": into,
        "occurred_at": occurred,
        "known_at": _known_at(sheet, table, occurred),
    }
    return Contract(columns, review=contradictions, may_be_empty=True)


def accounts_contract(sheet: Sheet, table: Accounts, snapshot: ChurnTarget | None) -> Contract:
    """The versions of the accounts: attributes with the interval in which they were true.

    An account, or a version of one, that begins in the future is no fault: no day before it
    begins reads anything of it.
    """
    always = ibis.literal(ALWAYS, type=INSTANT)
    columns: dict[str, ir.Value] = {"account": sheet.account(table.key, None)}
    valid_from: ir.Value = always
    if table.valid_from:
        valid_from = _begin(sheet, table.valid_from, "valid_from")
        _required(sheet, table.valid_from)
    delay = _delay(table.delay_hours)
    known_at = valid_from + delay if table.valid_from else always
    if table.known_at:
        known_at = ibis.coalesce(sheet.time(table.known_at, "known_at"), known_at)
    columns |= {"occurred_at": valid_from, "known_at": known_at}
    ended: ir.Value = ibis.null(INSTANT)
    if table.valid_to:
        ended = sheet.time(table.valid_to, "valid_to", may_lie_ahead=True)
        backwards = cast(ir.BooleanValue, ended < valid_from)
        sheet.fault(f"{table.valid_to} lies before {table.valid_from}", backwards)
    columns["ended_at"] = ended
    end_known = ibis.greatest(ended + delay, known_at)
    columns["ended_known_at"] = ibis.ifelse(ended.notnull(), end_known, ibis.null(INSTANT))
    if table.created_at:
        columns["created_at_"] = _begin(sheet, table.created_at, "created_at") + delay
    # One value that cannot be read is no reason not to score the account.
    with sheet.missing_where_unreadable():
        columns |= _display(sheet, table)
        for name, kind in table.attributes.items():
            column = table.columns.get(name, name)
            columns[name] = sheet.number(column) if kind == "number" else sheet.text(column)
    if snapshot is not None and snapshot.column:
        outcome = sheet.text(snapshot.column)
        sheet.notes[NO_OUTCOME] = outcome.isnull()
        columns["outcome_"] = outcome.isin(snapshot.positive)
    identity: tuple[str, ...] = ("account", "occurred_at")
    reason = "account has a second row with the same valid_from"
    if not table.valid_from:
        reason = "account has a second row, and there is no `valid_from` to tell them apart"
    if table.known_at:
        identity = (*identity, "known_at")
        reason += " and known_at"
    return Contract(columns, None, identity, reason)


def _begin(sheet: Sheet, column: str, setting: str) -> ir.TimestampValue:
    """When an account or a version of one begins; those that lie ahead are noted."""
    at = sheet.time(column, setting, may_lie_ahead=True, never_is_blank=False)
    never = cast(ir.BooleanValue, at.year() >= NEVER_YEAR)
    sheet.fault(f"time `{{}}` in column {column} means never", never, sheet.text(column))
    ahead = (at > ibis.literal(sheet.now, type=INSTANT)).fill_null(False)
    sheet.notes[AHEAD] = sheet.notes[AHEAD] | ahead if AHEAD in sheet.notes else ahead
    return at


def _display(sheet: Sheet, table: Accounts) -> dict[str, ir.Value]:
    columns: dict[str, ir.Value] = {}
    if table.name:
        columns["name_"] = sheet.text(table.name)
    if table.owner:
        columns["owner_"] = sheet.text(table.owner)
    if table.revenue:
        columns["revenue_"] = sheet.number(table.revenue)
    if table.renewal_at:
        columns["renewal_at_"] = sheet.time(table.renewal_at, "renewal_at", may_lie_ahead=True)
    return columns


def _required(sheet: Sheet, column: str) -> None:
    sheet.fault(f"time is missing in column {column}", sheet.undated(column))


def _delay(hours: float) -> ir.IntervalScalar:
    return ibis.interval(seconds=round(hours * 3600))


def _known_at(sheet: Sheet, table: FactSource, occurred: ir.TimestampValue) -> ir.TimestampValue:
    stated = _known(sheet, table, occurred + _delay(table.delay_hours))
    return _lifted(sheet, table, stated.at, occurred)


def _known(sheet: Sheet, table: FactSource, by_delay: ir.TimestampValue) -> versions.Known:
    if table.known_at is None:
        return versions.Known(cast(ir.TimestampValue, ibis.null(INSTANT)), by_delay)
    said = sheet.time(table.known_at, "known_at")
    return versions.Known(said, cast(ir.TimestampValue, ibis.coalesce(said, by_delay)))


def _lifted(
    sheet: Sheet,
    table: FactSource,
    stated: ir.TimestampValue,
    occurred: ir.TimestampValue,
    usual: bool = False,
) -> ir.TimestampValue:
    """Nothing is known before it happens; null without a fact. It is noted unless it is usual."""
    if table.known_at is not None and not usual:
        sheet.notes[LIFTED] = stated < occurred
    # `greatest` skips nulls: without a fact, nothing is known of it.
    at = ibis.ifelse(occurred.notnull(), ibis.greatest(stated, occurred), ibis.null(INSTANT))
    return cast(ir.TimestampValue, at)


def _end(
    sheet: Sheet,
    column: str,
    known_column: str | None,
    started: ir.TimestampValue,
    delay_hours: float,
) -> dict[str, ir.Value]:
    ended = sheet.time(column, "ended_at", may_lie_ahead=True)
    sheet.fault(f"{column} lies before the start", ended < started)
    known: ir.Value = ended + _delay(delay_hours)
    if known_column:
        stated = sheet.time(known_column, "ended_known_at", may_lie_ahead=True)
        known = ibis.coalesce(stated, known)
    known = ibis.ifelse(ended.notnull(), known, ibis.null(INSTANT))
    return {"ended_at": ended, "ended_known_at": known}
