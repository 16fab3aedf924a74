"""The weekly digest: an owner's week on one page of plain text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from npsight.config.specs import ProjectSpec
from npsight.jobs.messages.texts import HEADINGS, Reader
from npsight.store.alertfacts import (
    AlertAccount,
    DueFollowUp,
    KnownRun,
    accounts_of,
    due_follow_ups,
    owners_of,
    week_of,
)
from npsight.store.alertmessages import (
    UNCERTAIN,
    AlertMessage,
    messages,
    newest_digest,
    put_message,
)
from npsight.store.alerts import event_counts
from npsight.worklist.alerting import channels_of, message_id
from npsight.worklist.alertwords import (
    SENTENCE_CHARACTERS,
    Entry,
    counted,
    day,
    inert,
    listing,
    message,
    named,
    percent,
    title_of,
)

WEEK = timedelta(days=7)
CALLS = "Calls of this week"
DUE = "Follow-ups that are due"
LOST = "Perhaps not received, and not sent again"
MOST_CALLS_CHARACTERS = 2800
MOST_OTHER_CHARACTERS = 500


@dataclass(frozen=True)
class _Week:
    """What an owner's digest is made of."""

    owner: str
    calls: list[AlertAccount]
    listed: int
    due: list[tuple[DueFollowUp, AlertAccount]]
    events: dict[str, int]

    def __bool__(self) -> bool:
        return bool(self.listed or self.due or self.events)


def digests(
    connection: Any,
    project: ProjectSpec,
    run: KnownRun,
    week: str,
    now: datetime,
    reader: Reader,
) -> Iterator[AlertMessage]:
    """Put the digests of an ISO week that were not made yet; an owner without anything has none."""
    due = _due_by_owner(connection, project, run, now, reader)
    for owner in sorted({*owners_of(connection, run.id), *project.alerts.owners, *due}):
        channels = channels_of(project.alerts, owner)
        if not channels:
            continue
        calls, listed = week_of(
            connection, project.name, run.id, owner, project.worklist.capacity, now
        )
        found = event_counts(connection, project.name, owner, now - WEEK)
        told = _Week(owner, calls, listed, due.get(owner, []), found)
        for channel in channels:
            yield from _digest(connection, project, told, channel, week, now, reader)


def _digest(
    connection: Any,
    project: ProjectSpec,
    told: _Week,
    channel: str,
    week: str,
    now: datetime,
    reader: Reader,
) -> Iterator[AlertMessage]:
    since = newest_digest(connection, project.name, told.owner, channel)
    lost = messages(connection, project.name, (UNCERTAIN,), None, told.owner, channel, since=since)
    if not told and not lost:
        return
    identity = message_id(project.name, "digest", week, told.owner, channel)
    parts = [_calls(told, reader), _happened(told), _due(told, reader), _lost(lost, reader)]
    number = int(week.partition("-W")[2])
    title = title_of(told.owner, f"week {number}, {_span(week)}")
    made = AlertMessage(
        identity, "digest", told.owner, channel, title, message(parts, identity),
        len(told.calls), now,
    )  # fmt: skip
    if put_message(connection, project.name, made):
        yield made


def _due_by_owner(
    connection: Any, project: ProjectSpec, run: KnownRun, now: datetime, reader: Reader
) -> dict[str, list[tuple[DueFollowUp, AlertAccount]]]:
    items = due_follow_ups(connection, project.name, now.astimezone(reader.zone).date())
    accounts = accounts_of(connection, run.id, [item.account for item in items])
    found: dict[str, list[tuple[DueFollowUp, AlertAccount]]] = {}
    for item in items:
        account = accounts.get(item.account) or AlertAccount(item.account, run.as_of)
        found.setdefault(account.owner or "", []).append((item, account))
    return found


def _calls(told: _Week, reader: Reader) -> str:
    entries = []
    for account in told.calls:
        risk = account.churn_risk if reader.by_churn else account.detractor_risk
        line = f"{named(account.name, account.account)}: {reader.risk_name} {percent(risk)}"
        if account.band_now:
            line += f", {inert(account.band_now, 20)} now"
        sentence = inert(reader.sentence(account) or "", SENTENCE_CHARACTERS)
        entries.append(Entry(CALLS, line, (sentence,), reader.account(account.account)))
    if not entries:
        return ""
    beyond = told.listed - len(entries)
    return listing(entries, reader.worklist, MOST_CALLS_CHARACTERS, beyond)


def _happened(told: _Week) -> str:
    lines = [
        f"• {HEADINGS[kind]}: {told.events[kind]:,}" for kind in HEADINGS if kind in told.events
    ]
    return "\n".join(["In the last seven days", *lines]) if lines else ""


def _due(told: _Week, reader: Reader) -> str:
    entries = [
        Entry(
            DUE,
            f"{named(account.name, account.account)}: {inert(item.state, 40)}, "
            f"due {day(item.due_on)}",
            (),
            reader.account(account.account),
        )
        for item, account in told.due
    ]
    return listing(entries, reader.worklist, MOST_OTHER_CHARACTERS)


def _lost(lost: list[AlertMessage], reader: Reader) -> str:
    entries = [
        Entry(
            LOST,
            f"message {item.id} of {day(item.created_at.astimezone(reader.zone).date())}, "
            + counted(item.events, "account", "accounts"),
        )
        for item in lost
    ]
    return listing(entries, None, MOST_OTHER_CHARACTERS)


def _span(week: str) -> str:
    """`16 to 22 Nov 2026` of an ISO week."""
    year, _, number = week.partition("-W")
    first = date.fromisocalendar(int(year), int(number), 1)
    last = first + timedelta(days=6)
    begins = str(first.day) if first.month == last.month else f"{first.day} {first:%b}"
    return f"{begins} to {day(last)}"
