"""`npsight alerts`: what happened since the last look, and the messages that tell of it.

Nothing is sent here: messages are put into the store, in the transaction that finds their events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from npsight.config.specs import ProjectSpec
from npsight.jobs.messages.digest import digests
from npsight.jobs.messages.texts import Reader, alerts_message
from npsight.store import Store
from npsight.store.alertfacts import (
    AlertAccount,
    KnownRun,
    accounts_of,
    changes_after,
    due_follow_ups,
    held_out,
    high_risk_count,
    large_detractors,
    large_from,
    latest_known_run,
    newest_change,
)
from npsight.store.alertmessages import (
    KEEP_TEXTS,
    WAITING,
    AlertMessage,
    forget_texts,
    messages,
    note_dead_claims,
    put_message,
)
from npsight.store.alerts import (
    AlertEvent,
    begin_look,
    end_look,
    keep_events,
    known_keys,
    unsent,
)
from npsight.worklist.alerting import (
    answer_key,
    answered_lately,
    became_high,
    channels_of,
    due_key,
    high_risk_key,
    message_id,
    quiet_until,
)

LATE = timedelta(hours=1)
"""Changes so new are looked at again: on PostgreSQL one that was numbered earlier may be seen
later. Keys keep them from being told twice."""
TOLD_WITHIN = timedelta(days=14)
"""An event that could not be put into a message for so long is no news any more."""


@dataclass(frozen=True)
class Skipped:
    """What was there before the first look, and is told by no message of its own."""

    high_risk: int
    detractor_answers: int
    follow_ups_due: int


@dataclass(frozen=True)
class Plan:
    """What one look came to.

    Attributes
    ----------
    events
        New events, by kind.
    unrouted
        New events that no channel is meant for.
    made
        Messages made of events, or as a digest.
    due
        All messages that wait for their turn, new ones too.
    skipped
        On the first look of a project only.
    quiet_until
        When quiet hours end; None outside of them.
    uncertain
        Messages whose sender had died.
    """

    events: Mapping[str, int]
    unrouted: int
    made: tuple[AlertMessage, ...] = field(repr=False)
    due: tuple[AlertMessage, ...] = field(repr=False)
    skipped: Skipped | None = None
    quiet_until: datetime | None = None
    uncertain: int = 0


class _UndoneError(Exception):
    """Ends a dry run, so that its transaction is undone."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan


def zone_of(project: ProjectSpec) -> ZoneInfo:
    """The zone of quiet hours, due days and digests."""
    return ZoneInfo(project.alerts.timezone or project.timezone or "UTC")


def plan_alerts(
    project: ProjectSpec,
    store: Store,
    now: datetime,
    digest_week: str | None = None,
    events: bool = True,
    dry_run: bool = False,
) -> Plan:
    """Find new events and make messages of those that may be told now, in one transaction.

    Parameters
    ----------
    digest_week
        Also make the digests of this ISO week, once for each owner and channel.
    events
        Whether messages are made of events; they are found and kept in any case.
    dry_run
        Undo everything at the end; messages are made though hours are quiet, as they would be
        when those end.
    """
    try:
        with store.writing() as connection:
            plan = _planned(connection, project, now, digest_week, events, dry_run)
            if dry_run:
                raise _UndoneError(plan)
    except _UndoneError as undone:
        return undone.plan
    return plan


def _planned(
    connection: Any,
    project: ProjectSpec,
    now: datetime,
    digest_week: str | None,
    events: bool,
    dry_run: bool,
) -> Plan:
    name, zone = project.name, zone_of(project)
    newest = newest_change(connection)
    before = begin_look(connection, name, now, newest)
    uncertain = note_dead_claims(connection, name, now)
    run = latest_known_run(connection, name)
    finder = _Finder(connection, project, run, now, zone)
    seen_through = newest if before is None else before.changes_seq
    rises = [] if before is None else list(finder.rises(seen_through))
    answers, due = list(finder.answers()), list(finder.due())
    found = [*rises, *answers, *due]
    routes = {} if before is None else finder.routes(found)
    new = keep_events(connection, name, found, routes, now)
    skipped = None
    if before is None:
        high = 0 if run is None else high_risk_count(connection, run.id)
        skipped = Skipped(high, len(answers), len(due))
    else:
        seen_through = max(seen_through, finder.settled_through)
    end_look(connection, name, now, seen_through)
    quiet = quiet_until(now, project.alerts.quiet, zone)
    made: list[AlertMessage] = []
    if events and (quiet is None or dry_run):
        made += _messages_of_events(connection, project, now)
    if digest_week is not None and run is not None and (quiet is None or dry_run):
        made += digests(connection, project, run, digest_week, now, finder.reader)
    if before is not None and before.looked_at.date() != now.date():
        forget_texts(connection, name, now - KEEP_TEXTS)
    told = [event for event in new if routes.get(event.key)]
    kinds: dict[str, int] = {}
    for event in told:
        kinds[event.kind] = kinds.get(event.kind, 0) + 1
    waiting = messages(connection, name, (WAITING,), limit=None)
    return Plan(
        events=kinds,
        unrouted=len(finder.unrouted & {event.key for event in new}),
        made=tuple(made),
        due=tuple(sorted(waiting, key=lambda m: (m.created_at, m.owner, m.channel, m.id))),
        skipped=skipped,
        quiet_until=quiet,
        uncertain=uncertain,
    )


def _messages_of_events(
    connection: Any, project: ProjectSpec, now: datetime
) -> Iterator[AlertMessage]:
    """One message for each owner and channel with events that are in none yet."""
    reader = Reader.of(project, zone_of(project))
    channels = tuple(project.alerts.channels)
    waiting = unsent(connection, project.name, channels, now - TOLD_WITHIN)
    for (owner, channel), events in waiting.items():
        keys = [event.key for event in events]
        identity = message_id(project.name, "alerts", owner, channel, keys=keys)
        title, body = alerts_message(reader, owner, events, identity)
        message = AlertMessage(identity, "alerts", owner, channel, title, body, len(events), now)
        if put_message(connection, project.name, message, keys):
            yield message


class _Finder:
    """Events as they are now; all kinds are found, those that nobody wants lead nowhere."""

    def __init__(
        self,
        connection: Any,
        project: ProjectSpec,
        run: KnownRun | None,
        now: datetime,
        zone: ZoneInfo,
    ) -> None:
        self._connection = connection
        self._project = project
        self._run = run
        self._now = now
        self._zone = zone
        self.reader = Reader.of(project, zone)
        self.settled_through = 0
        self.silenced: set[str] = set()
        self.unrouted: set[str] = set()

    def rises(self, after: int) -> Iterator[AlertEvent]:
        """Accounts whose risk became high; of several rises of one, the last is told.

        A rise that has passed again, and that of an account which is held out, is kept and not
        told.
        """
        changes = changes_after(self._connection, self._project.name, after)
        self.settled_through = max(
            (c.seq for c in changes if c.changed_at < self._now - LATE), default=0
        )
        keys = {c.seq: high_risk_key(c.account, c.seq) for c in changes}
        risen = [c for c in changes if became_high(c.before, c.after)]
        known = self._known([keys[c.seq] for c in risen])
        risen = [c for c in risen if keys[c.seq] not in known]
        last = {change.account: change.seq for change in risen}
        accounts = self._accounts(list(last))
        spared = held_out(self._connection, self._project.name, list(last), self._now)
        for change in risen:
            account = accounts.get(change.account)
            event = AlertEvent(
                keys[change.seq],
                "high_risk",
                change.account,
                (account.owner if account else None) or "",
                change.changed_at,
                {
                    **self.reader.told(account),
                    "was": self.reader.risk(change.before),
                },
            )
            high = account is not None and account.risk_level == "high"
            if not high or last[change.account] != change.seq or change.account in spared:
                self.silenced.add(event.key)
            yield event

    def answers(self) -> Iterator[AlertEvent]:
        """New answers of detractors on large accounts."""
        if self._run is None:
            return
        large = self._project.alerts.large_revenue
        if large is None:
            large = large_from(self._connection, self._run.id)
        if large is None:
            return
        found = {
            answer_key(item.account, item.answered_at): item
            for item in large_detractors(self._connection, self._run.id, large)
            if answered_lately(item.answered_at, item.as_of)
        }
        known = self._known(list(found))
        new = {key: item for key, item in found.items() if key not in known}
        accounts = self._accounts([item.account for item in new.values()])
        for key, item in new.items():
            account = accounts[item.account]
            yield AlertEvent(
                key,
                "detractor_answer",
                item.account,
                account.owner or "",
                item.answered_at,
                {
                    **self.reader.told(account),
                    "score": account.last_score,
                    "answered_on": item.answered_at.astimezone(self._zone).date().isoformat(),
                },
            )

    def due(self) -> Iterator[AlertEvent]:
        """Open follow-ups whose day has come, in the zone of the alerts."""
        today = self._now.astimezone(self._zone).date()
        open_ones = due_follow_ups(self._connection, self._project.name, today)
        accounts = self._accounts([item.account for item in open_ones])
        for item in open_ones:
            account = accounts.get(item.account)
            yield AlertEvent(
                due_key(item.account, item.due_on),
                "follow_up_due",
                item.account,
                (account.owner if account else None) or "",
                self._now,
                {
                    **self.reader.told(account),
                    "state": item.state,
                    "due_on": item.due_on.isoformat(),
                },
            )

    def routes(self, events: Sequence[AlertEvent]) -> dict[str, tuple[str, ...]]:
        """The channels of each event's key; events that nobody wants have none."""
        alerts, found = self._project.alerts, dict[str, tuple[str, ...]]()
        for event in events:
            if event.kind not in alerts.events or event.key in self.silenced:
                continue
            found[event.key] = channels_of(alerts, event.owner)
            if not found[event.key]:
                self.unrouted.add(event.key)
        return found

    def _known(self, keys: Sequence[str]) -> set[str]:
        return known_keys(self._connection, self._project.name, keys)

    def _accounts(self, accounts: Sequence[str]) -> dict[str, AlertAccount]:
        if self._run is None:
            return {}
        return accounts_of(self._connection, self._run.id, list(accounts))
