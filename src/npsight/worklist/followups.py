"""Follow-ups: their states, the steps between them and what each needs, and how a loop closes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from npsight.worklist.bands import BandNow

State = Literal["to contact", "contacted", "plan in place", "recovered", "not recovered", "closed"]
Level = Literal["overdue", "due soon", "on time"]

OPEN: tuple[State, ...] = ("to contact", "contacted", "plan in place")
ENDED: tuple[State, ...] = ("recovered", "not recovered", "closed")
STATES: tuple[State, ...] = (*OPEN, *ENDED)
TEXT_LIMIT = 4_000
NAME_LIMIT = 200
_RANKS: dict[str, int] = {"silent": 0, "detractor": 0, "passive": 1, "promoter": 2}


class FollowUpError(ValueError):
    """A step that cannot be taken: every reason, in sentences for people."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(" ".join(self.reasons))


class NotNowError(FollowUpError):
    """The state of the follow-up does not allow the step."""


@dataclass(frozen=True)
class Step:
    """Something that can be done with a follow-up.

    Attributes
    ----------
    name
        What forms and the history call it.
    target
        The state afterwards; None for the one it had.
    needs
        What must be given: `note` says in words what was done.
    contact
        Whether it tells of a contact with the account.
    """

    name: str
    label: str
    sources: tuple[State, ...]
    target: State | None
    needs: tuple[str, ...] = ()
    contact: bool = False


STEPS: tuple[Step, ...] = (
    Step("call", "Log a call", ("to contact",), "contacted", contact=True),
    Step("call", "Log another call", ("contacted", "plan in place"), None, contact=True),
    Step("plan", "Plan in place", ("to contact", "contacted"), "plan in place", ("note",)),
    Step("recovered", "Recovered", ("contacted", "plan in place"), "recovered", ("note",)),
    Step(
        "not recovered", "Not recovered", ("contacted", "plan in place"), "not recovered", ("note",)
    ),
    Step("close", "Close", OPEN, "closed", ("note",)),
    Step("reopen", "Reopen", ENDED, "to contact", ("note",)),
    Step("change", "Save", OPEN, None),
)

TAKE_BACK = Step("take back", "It was no call", ("contacted", "plan in place"), None)
"""What undoes a call, while that is the last that was done; see `taken_back`."""


@dataclass(frozen=True)
class BeforeCall:
    """A follow-up's state, and its first contact, before the call that was its last step."""

    state: State
    contacted_at: datetime | None


@dataclass(frozen=True)
class Reading:
    """How an account stood at an instant, or what it answered then; None for what is unknown.

    `score` is on the scale it was asked; `risk` and `churn_risk` are probabilities, `nps` points.
    """

    at: datetime
    band: BandNow | None = None
    score: float | None = None
    risk: float | None = None
    nps: float | None = None
    churn_risk: float | None = None


@dataclass(frozen=True)
class FollowUp:
    """What a team does about one account, from the day it is noticed to the next answer.

    Attributes
    ----------
    owner
        Whose task it is, by name.
    reason, driver, play
        A reason code of the project file; the driver that it is about; what was suggested.
    due_on
        The day by which the account is to be contacted, or the plan done.
    contacted_at
        The first contact since it was opened, or reopened.
    before, after
        The account when it was opened, and the answer that closed it.
    version
        Counts from 1; who changes it must name the one that they saw.
    """

    id: str
    account: str
    state: State
    owner: str | None
    reason: str | None
    driver: str | None
    play: str | None
    due_on: date
    notes: str | None
    opened_at: datetime
    opened_by: str
    before: Reading
    reopened_at: datetime | None = None
    contacted_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    after: Reading | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether something is left to be done."""
        return self.state in OPEN

    @property
    def begun_at(self) -> datetime:
        """When it was opened, or last reopened."""
        return self.reopened_at or self.opened_at

    @property
    def answers_from(self) -> datetime:
        """The instant from which an answer can close it (inclusive).

        The first contact, else the opening; what came before it was reopened never counts.
        """
        start = self.contacted_at or self.opened_at
        return start if self.reopened_at is None else max(start, self.reopened_at)


@dataclass(frozen=True)
class Rules:
    """What a project allows, for a user in a time zone.

    `period_days` is the survey period, within which a follow-up must be due.
    """

    zone: ZoneInfo
    period_days: int
    due_days: int
    soon_days: int
    reasons: tuple[str, ...]

    def day(self, instant: datetime) -> date:
        """The calendar day of an instant where the user is."""
        return instant.astimezone(self.zone).date()

    def due_default(self, begun: date) -> date:
        """The due day that is proposed."""
        return begun + timedelta(days=min(self.due_days, self.period_days))

    def last_due(self, begun: date) -> date:
        """The last due day that is allowed."""
        return begun + timedelta(days=self.period_days)

    def level(self, due_on: date, today: date) -> Level:
        """`overdue` after the due day; `due soon` up to `soon_days` before it, and on it."""
        if due_on < today:
            return "overdue"
        return "due soon" if (due_on - today).days <= self.soon_days else "on time"


@dataclass(frozen=True)
class Done:
    """A step that was taken: what there was before (None: it is new), what there is now."""

    kind: str
    before: FollowUp | None
    after: FollowUp
    note: str | None = None
    contacted_at: datetime | None = None


CHANGEABLE = ("owner", "reason", "driver", "play", "due_on", "notes")


def steps_of(state: State) -> tuple[Step, ...]:
    """What can be done in a state, in the order of `STEPS`."""
    return tuple(step for step in STEPS if state in step.sources)


def opened(
    follow_up: FollowUp, rules: Rules, note: str | None = None, known: Iterable[str] = ()
) -> Done:
    """A new follow-up, once its fields were looked at.

    Raises
    ------
    FollowUpError
        With every fault of its fields; `known` are the names that `owner` may be.
    """
    reasons = _faults(follow_up, None, rules, known, rules.day(follow_up.opened_at))
    _check(reasons + _note_faults(note))
    return Done("open", None, follow_up, note)


def step(
    current: FollowUp,
    name: str,
    changes: Mapping[str, Any],
    rules: Rules,
    now: datetime,
    actor: str,
    note: str | None = None,
    contacted_at: datetime | None = None,
    known: Iterable[str] = (),
) -> Done:
    """The follow-up after a step.

    Parameters
    ----------
    changes
        Fields of `CHANGEABLE` to their new values; they are set whatever the step is.
    contacted_at
        When the contact was, for a step that tells of one; `now` unless given.
    known
        Names that `owner` may be, beside the one it is.

    Raises
    ------
    FollowUpError
        The state does not allow the step, or something is missing or wrong: every reason.
    """
    taken = next((one for one in steps_of(current.state) if one.name == name), None)
    if taken is None:
        can = ", ".join(f"“{one.label}”" for one in steps_of(current.state))
        raise NotNowError([f"A follow-up that is “{current.state}” allows {can}, nothing else."])
    after = dataclasses.replace(current, **changes, version=current.version + 1)
    if taken.target is not None:
        after = dataclasses.replace(after, state=taken.target)
    faults = _note_faults(note)
    if "note" in taken.needs and not note:
        faults.append(f"“{taken.label}” needs a note: say in a few words what was done, or why.")
    at = contacted_at or now
    if taken.contact:
        earliest = now - timedelta(days=rules.period_days)
        if not earliest <= at <= now:
            faults.append(
                f"A contact must have been within the last {rules.period_days} days, not ahead."
            )
        after = dataclasses.replace(after, contacted_at=min(at, current.contacted_at or at))
    if taken.name == "reopen":
        after = dataclasses.replace(
            after, reopened_at=now, contacted_at=None, closed_at=None, closed_by=None, after=None
        )
        if "due_on" not in changes:
            after = dataclasses.replace(after, due_on=rules.due_default(rules.day(now)))
    if taken.target in ENDED:
        after = dataclasses.replace(after, closed_at=now, closed_by=actor)
    faults += _faults(after, current, rules, known, rules.day(now))
    if taken.name == "change" and not note and _same(after, current):
        faults.append("Nothing was changed.")
    _check(faults)
    return Done(name, current, after, note, at if taken.contact else None)


def taken_back(current: FollowUp, before: BeforeCall | None, note: str | None = None) -> Done:
    """The follow-up as it was before the call that was its last step.

    Raises
    ------
    FollowUpError
        Its last step was no call (`before` is None), or the note is too long.
    """
    if before is None or current.state not in TAKE_BACK.sources:
        raise NotNowError(["A call can be taken back while it is the last that was done."])
    _check(_note_faults(note))
    after = dataclasses.replace(
        current,
        state=before.state,
        contacted_at=before.contacted_at,
        version=current.version + 1,
    )
    return Done(TAKE_BACK.name, current, after, note)


@dataclass(frozen=True)
class Answer:
    """One answer of an account to a survey."""

    occurred_at: datetime
    known_at: datetime
    score: float
    band: BandNow

    @property
    def order(self) -> tuple[datetime, datetime, int, float]:
        """The earliest come first, of several at once the worst band, then the lowest score."""
        return self.occurred_at, self.known_at, _RANKS[self.band], self.score


def recovered(before: BandNow | None, answered: BandNow) -> bool:
    """Whether an answer is a better band than the one before, or a promoter's.

    An account that was silent before counts as a detractor: any better answer is a recovery.
    """
    return answered == "promoter" or _RANKS[answered] > _RANKS[before or "silent"]


def closing(
    current: FollowUp,
    answers: Iterable[Answer],
    now: datetime,
    actor: str,
    standing: Reading | None = None,
) -> Done | None:
    """The follow-up closed by the next answer; None while there is none.

    The next answer is the first with `occurred_at >= answers_from`. Where nobody has made contact
    yet, only a recovery closes it: a worse or equal answer leaves the account to be contacted.
    `standing` is how the account was scored after the answer.
    """
    if not current.is_open:
        return None
    for answer in sorted(answers, key=lambda one: one.order):
        if answer.occurred_at < current.answers_from:
            continue
        better = recovered(current.before.band, answer.band)
        if better or current.contacted_at is not None:
            return Done("answered", current, _closed(current, answer, better, now, actor, standing))
    return None


def _closed(
    current: FollowUp,
    answer: Answer,
    better: bool,
    now: datetime,
    actor: str,
    standing: Reading | None,
) -> FollowUp:
    scored = standing or Reading(answer.occurred_at)
    seen = dataclasses.replace(scored, at=answer.occurred_at, band=answer.band, score=answer.score)
    return dataclasses.replace(
        current,
        state="recovered" if better else "not recovered",
        closed_at=now,
        closed_by=actor,
        after=seen,
        version=current.version + 1,
    )


def _same(one: FollowUp, other: FollowUp) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in CHANGEABLE)


def _check(faults: list[str]) -> None:
    if faults:
        raise FollowUpError(faults)


def _note_faults(note: str | None) -> list[str]:
    return _text_faults("The note", note, TEXT_LIMIT)


def _text_faults(what: str, text: str | None, limit: int) -> list[str]:
    faults = []
    if text is not None and len(text) > limit:
        faults.append(f"{what} has more than {limit:,} characters.")
    if text is not None and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        faults.append(f"{what} holds characters that no text has.")
    return faults


def _faults(
    after: FollowUp, before: FollowUp | None, rules: Rules, known: Iterable[str], today: date
) -> list[str]:
    """What is wrong with fields that were set; what stays as it was is left alone."""

    def is_new(name: str) -> bool:
        value = getattr(after, name)
        return value is not None and (before is None or value != getattr(before, name))

    faults = []
    if is_new("due_on"):
        begun = rules.day(after.begun_at)
        first, last = max(begun, today), rules.last_due(begun)
        if not first <= after.due_on <= last:
            faults.append(
                f"The due day must lie between {_day(first)} and {_day(last)}: today or later, and "
                f"within the survey period of {rules.period_days} days."
            )
    if is_new("reason") and after.reason not in rules.reasons:
        faults.append(f"The reason must be one of {', '.join(rules.reasons)}.")
    if is_new("owner") and after.owner not in set(known):
        faults.append("There is nobody of that name to own a follow-up.")
    faults += _text_faults("The notes", after.notes, TEXT_LIMIT) if is_new("notes") else []
    return faults


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
