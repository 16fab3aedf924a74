"""Everything that is shown of an account's follow-up: its state, its forms, its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from npsight.service import followuprules
from npsight.store import ScoreRow
from npsight.store.followuprows import Event
from npsight.store.followups import before_call, events_of, follow_ups_of
from npsight.store.marks import Marks, contact_until_of, marks_of
from npsight.store.rows import JsonObject
from npsight.store.users import users_of
from npsight.web.page import Page
from npsight.web.rendering import NONE, day, moment
from npsight.web.visible import latest_run, successor
from npsight.worklist.followups import TAKE_BACK, FollowUp, Level, Rules, Step, steps_of

ACTORS = {"npsight score": "The scoring run", "api": "An answer that was sent in"}
KINDS = {
    "open": "opened the follow-up",
    "call": "logged a call",
    "take back": "took the call back: it was none",
    "plan": "put a plan in place",
    "recovered": "called it recovered",
    "not recovered": "called it not recovered",
    "close": "closed it",
    "reopen": "reopened it",
    "change": "changed it",
    "answered": "closed the loop: the account answered",
    "snoozed": "snoozed the account",
    "woken": "ended the snooze",
}
LABELS = {
    "state": "State",
    "owner": "Owner",
    "reason": "Reason",
    "driver": "About",
    "due_on": "Due",
    "notes": "Notes",
    "contacted_at": "First contact",
    "snoozed_until": "Snoozed until",
}
INSTANTS = ("contacted_at", "snoozed_until")


@dataclass(frozen=True)
class Entry:
    """One line of the history: who did what when; label, before and after of what changed."""

    at: datetime
    who: str
    what: str
    note: str | None
    changes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Panel:
    """What `followup_panel.html` shows of one account.

    Attributes
    ----------
    current
        The follow-up that the forms change: the open one, else, on its own page, an ended one.
    steps
        What can be done with it, but for changing fields; a call that was the last that was done
        can be taken back.
    first_due, last_due
        The limits of its due day, both inclusive.
    steps_back_until, steps_back_why
        Until when the account steps back from the worklist; None for one that does not.
    other
        The account's open follow-up, where `current` is an ended one.
    earlier
        Follow-ups that ended, the newest first.
    is_scored
        Whether the account is in the latest run; one that is gone can be closed, not begun.
    goes_on
        The account that one which is gone was merged into, where the user may see it.
    typed, problems
        What a refused form held, and why it was refused.
    back
        The page that forms lead back to.
    """

    account: str
    name: str
    current: FollowUp | None
    steps: tuple[Step, ...]
    rules: Rules
    today: date
    first_due: date
    last_due: date
    due_default: date
    owner_default: str | None
    owners: tuple[str, ...]
    drivers: tuple[tuple[str, str], ...]
    marks: Marks
    steps_back_until: datetime | None
    steps_back_why: str | None
    entries: tuple[Entry, ...]
    other: FollowUp | None
    earlier: tuple[FollowUp, ...]
    can_write: bool
    back: str
    is_scored: bool = True
    goes_on: ScoreRow | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def label_of(self, driver: str | None) -> str:
        """A driver in words."""
        return dict(self.drivers).get(driver or "", driver or NONE)

    @property
    def level(self) -> Level | None:
        """Of an open follow-up, how near its due day is."""
        if self.current is None or not self.current.is_open:
            return None
        return self.rules.level(self.current.due_on, self.today)

    @property
    def due_words(self) -> str:
        """Of an open follow-up, how near its due day is, in words."""
        return due_words(self.current.due_on, self.today) if self.current else ""

    @property
    def snooze_first(self) -> date:
        """The first day that an account can be snoozed until."""
        return self.today + timedelta(days=1)

    @property
    def snooze_last(self) -> date:
        """The last day that an account can be snoozed until."""
        return self.today + timedelta(days=self.rules.period_days)


def rules_of(page: Page) -> Rules:
    """What the project allows, in the user's zone."""
    return followuprules.rules_of(page.project, page.user.time_zone)


def panel(
    page: Page,
    row: ScoreRow | None,
    *,
    account: str = "",
    focus: FollowUp | None = None,
    typed: Mapping[str, str] | None = None,
    problems: Sequence[str] = (),
) -> Panel:
    """The panel of a scored account.

    Parameters
    ----------
    row
        The account in the latest run; None for one that is gone, whose key is `account`.
    focus
        The follow-up to show; else the open one, if there is one.
    """
    account = row.account if row is not None else account
    store, project, rules = page.store, page.project.name, rules_of(page)
    all_ones = follow_ups_of(store, project, account)
    still_open = next((one for one in all_ones if one.is_open), None)
    current = focus or still_open
    users = users_of(store, project)
    with store.reading() as connection:
        marks = marks_of(connection, project, account)
        run_id = latest_run(page).id
        contact_until = contact_until_of(connection, run_id, account)
    until, why = marks.stands_back(page.now, contact_until)
    today = rules.day(page.now)
    begun = rules.day(current.begun_at) if current and current.is_open else today
    mine = page.user.owner or page.user.name
    drivers = _drivers(row)
    names = {user.login: user.name for user in users} | ACTORS
    return Panel(
        account=account,
        name=(row.name if row else None) or account,
        current=current,
        steps=_steps(page, current),
        rules=rules,
        today=today,
        first_due=max(begun, today),
        last_due=rules.last_due(begun),
        due_default=rules.due_default(today),
        owner_default=(row.owner if row else None) or mine,
        owners=followuprules.owners_known(
            users, row.owner if row else None, current.owner if current else None
        ),
        drivers=drivers,
        marks=marks,
        steps_back_until=until,
        steps_back_why=why,
        entries=tuple(
            entry_of(event, names, dict(drivers), rules.zone)
            for event in events_of(store, project, account)
        ),
        other=still_open if still_open != current else None,
        earlier=tuple(one for one in all_ones if not one.is_open and one != current),
        can_write=page.may("csm"),
        back=page.request.url.path if page.request.method == "GET" else "",
        is_scored=row is not None,
        goes_on=successor(page, run_id, account) if row is None else None,
        typed=typed or {},
        problems=tuple(problems),
    )


def _steps(page: Page, current: FollowUp | None) -> tuple[Step, ...]:
    if current is None:
        return ()
    steps = tuple(step for step in steps_of(current.state) if step.name != "change")
    undoes = current.is_open and before_call(page.store, page.project.name, current) is not None
    return (*steps, TAKE_BACK) if undoes else steps


def due_words(due_on: date, today: date) -> str:
    """How near a due day is: “overdue by 3 days”, “due today”, “due in 2 days”, “due 3 Mar”."""
    days = (due_on - today).days
    if days < 0:
        return f"overdue by {-days} day{'s' if days < -1 else ''}"
    if days == 0:
        return "due today"
    if days == 1:
        return "due tomorrow"
    return f"due in {days} days" if days < 8 else f"due {day(due_on)}"


def entry_of(
    event: Event, names: Mapping[str, str], drivers: Mapping[str, str], zone: ZoneInfo
) -> Entry:
    """An event in words."""
    before, after = event.before or {}, event.after or {}
    changed = [name for name in LABELS if name in after and before.get(name) != after[name]]
    if event.kind == "open":
        changed = [name for name in changed if after[name] is not None and name != "state"]
    changes = tuple(
        (LABELS[name], shown_value(name, before, drivers, zone), value)
        for name in changed
        if (value := shown_value(name, after, drivers, zone))
    )
    return Entry(
        event.at,
        names.get(event.actor, event.actor),
        KINDS.get(event.kind, event.kind),
        event.note,
        changes,
    )


def shown_value(
    name: str, values: JsonObject | Mapping[str, Any], drivers: Mapping[str, str], zone: ZoneInfo
) -> str:
    """A field of a history's snapshot in words."""
    value = values.get(name)
    if value is None or value == "":
        return NONE
    if name in INSTANTS:
        return moment(datetime.fromisoformat(value), zone)
    if name == "due_on":
        return day(date.fromisoformat(value))
    return drivers.get(value, value) if name == "driver" else str(value)


def _drivers(row: ScoreRow | None) -> tuple[tuple[str, str], ...]:
    if row is None:
        return ()
    told = [*row.drivers, *row.churn_drivers]
    return tuple({str(one["driver"]): str(one["label"]) for one in told}.items())
