"""What the worklist says of an account, of the week and of its own order, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from npsight.config.specs import ProjectSpec
from npsight.store import ScoreRow, ScoreRun
from npsight.store.worklistread import Count, Listed
from npsight.web.rendering import day, money, percent
from npsight.web.worklistaddress import NONE, SORTS, Asked

WHY = {
    "snoozed": "Snoozed",
    "contacted": "Contacted lately",
    "held out": "Held out to measure the effect of calls",
}
LEVEL_TONES = {"high": "bad", "medium": "warn", "low": "good"}


@dataclass(frozen=True)
class Week:
    """The week's calls: of `owner`, or of the team (None).

    The team's were chosen by the run: `back` of them step back by now, those that are done, too.
    An owner's are chosen among those that do not.
    """

    owner: str | None
    capacity: int
    done: int
    back: int = 0

    @property
    def left(self) -> int:
        """Calls that are still to be made."""
        return max(self.capacity - max(self.done, self.back), 0)


@dataclass(frozen=True)
class Reason:
    """A main driver: what it is called, and its sentence."""

    label: str
    sentence: str


@dataclass(frozen=True)
class Line:
    """An account as the list shows it.

    `risk_interval` is the one with 80 % certainty, `priority` its sum in words, with the day of the
    score where that is not today; `renewal` the days until then, `due` the follow-up's due day with
    its tone, `contact` the days since the last contact, `back` why it steps back.
    """

    row: Listed
    score: ScoreRow
    risk_interval: tuple[float, float] | None
    reasons: tuple[Reason, ...]
    contact: str
    renewal: str
    tone: str
    due: tuple[str, str] | None
    back: str
    priority: str


def line_of(
    row: Listed, score: ScoreRow, project: ProjectSpec, now: datetime, zone: ZoneInfo
) -> Line:
    """What is shown of a row; days are those of the zone."""
    today = now.astimezone(zone).date()
    scored_on = score.as_of.astimezone(zone).date()
    return Line(
        row=row,
        score=score,
        risk_interval=risk_interval(score),
        reasons=_reasons(row, score),
        contact=_ago(row.last_contact_at, now),
        renewal=days_ahead(row.renewal_at, today),
        tone=LEVEL_TONES.get(row.risk_level or "", ""),
        due=None if row.due_on is None else due_words(row.due_on, today, project.pages.soon_days),
        back=WHY.get(row.stands_back_why or "", "") if row.stands_back else "",
        priority=_sum(score, project, None if scored_on == today else scored_on),
    )


def columns_of(project: ProjectSpec, rows: Sequence[Listed]) -> frozenset[str]:
    """The columns that can hold anything: of what the project file maps, and what a row has."""
    accounts = project.tables.accounts
    of_answers = project.detractor is not None
    mapped = {
        "band_now": bool(project.tables.responses),
        "detractor_risk": of_answers,
        "predicted_nps": of_answers,
        "churn_risk": project.churn is not None,
        "owner": accounts is not None and accounts.owner is not None,
        "revenue": accounts is not None and accounts.revenue is not None,
        "renewal_at": accounts is not None and accounts.renewal_at is not None,
    }
    return frozenset(
        name
        for name, is_mapped in mapped.items()
        if is_mapped or any(getattr(row, name) not in (None, "", "silent") for row in rows)
    )


SAME_AMONG = 5
"""Rows from which on one churn risk for all is no accident."""


def leaving_line(rows: Sequence[Listed]) -> str:
    """What to make of risks to leave that are all one number; "" where they differ."""
    risks = {row.churn_risk for row in rows}
    if len(rows) < SAME_AMONG or len(risks) > 1 or None in risks:
        return ""
    return (
        "Risk to leave is the same for everyone here: it is the usual share of accounts that "
        "leave, since nothing told apart who does when the model was tested. It orders nothing."
    )


def due_words(due: date, today: date, soon_days: int) -> tuple[str, str]:
    """How a due day stands, and its tone: past, near, or far."""
    days = (due - today).days
    if days < 0:
        return f"{_days(-days)} overdue", "bad"
    if days == 0:
        return "due today", "warn"
    return f"due in {_days(days)}", "warn" if days <= soon_days else ""


def capacity_line(week: Week, user_owner: str | None) -> str:
    """How far the week's calls are: `5 of your 12 for this week are done, 7 to go.`"""
    whose = "the team’s"
    if week.owner is not None:
        whose = "your" if week.owner == user_owner else f"{week.owner}’s"
    if week.capacity == 0:
        return "No accounts are listed for this week."
    if week.done >= week.capacity:
        return f"All of {whose} {week.capacity:,} for this week are done."
    return (
        f"{week.done:,} of {whose} {week.capacity:,} for this week are done, {week.left:,} to go."
    )


def nothing_line(
    asked: Asked, week: Week, run: ScoreRun, stepped_back: Count | None, only_owner: str | None
) -> str:
    """Why a list shows no account."""
    if asked.list == "week":
        return "Nothing is left to call this week." if week.done else "No account waits for a call."
    if asked.is_filtered:
        return "No account fits. Remove a filter, or search for the beginning of another word."
    if stepped_back is not None and stepped_back.accounts:
        return "All accounts step back for now."
    if only_owner is not None:
        return "No scored account is yours. An administrator can say whose accounts you see."
    if run.account_count:
        return "These scores were made by an older npsight, without a list. Run npsight score."
    return "No account was scored."


def policy_sentence(project: ProjectSpec) -> str:
    """How the list is ordered."""
    worklist, accounts = project.worklist, project.tables.accounts
    risk = "risk to leave" if worklist.policy == "churn_loss" else "risk"
    has_revenue = accounts is not None and accounts.revenue is not None
    if worklist.policy == "risk":
        first = "risk alone"
    elif has_revenue:
        first = f"{risk} × yearly revenue"
    else:
        first = f"{risk}, for the project file names no column of revenue"
    more = []
    renews = accounts is not None and accounts.renewal_at is not None
    if worklist.policy != "risk" and worklist.renewal_weight > 0 and renews:
        more.append(
            f"up to {1 + worklist.renewal_weight:g} times as much for a renewal in the next "
            f"{worklist.renewal_within_days} days, most on its day"
        )
    if worklist.slide_weight > 0:
        more.append(
            f"{1 + worklist.slide_weight:g} times as much where the next answer is expected a "
            f"band lower ({1 + 2 * worklist.slide_weight:g} times for two)"
        )
    said = f"Ranked by {first}" + ("; it counts " + ", and ".join(more) if more else "")
    return f"{said}. The largest comes first."


def chips(asked: Asked, project: ProjectSpec) -> list[tuple[str, str]]:
    """Each filter that is set, in words, with the address without it."""
    labels = {driver.key: driver.label for driver in project.drivers}
    backs = {"show": "with those that step back", "only": "only those that step back"}
    words: dict[str, Callable[[str], str]] = {
        "q": lambda v: f"search: {v}",
        "owner": lambda v: "no owner" if v == NONE else f"owner: {v}",
        "segment": lambda v: "no segment" if v == NONE else f"segment: {v}",
        "move": lambda v: v,
        "silent": lambda v: "silent",
        "driver": lambda v: f"driver: {labels.get(v, v)}",
        "renewal": lambda v: f"renews within {int(v)} days",
        "state": lambda v: "no follow-up" if v == NONE else f"follow-up: {v}",
        "level": lambda v: f"{v} risk",
        "back": lambda v: backs.get(v, "without those that step back"),
    }
    return [
        (words[name](value), asked.link(**{name: "", "list": "all"}))
        for name, value in asked.filters().items()
    ]


def order_words(asked: Asked) -> str:
    """What the list is ordered by."""
    return SORTS[asked.sort][2]


def _reasons(row: Listed, score: ScoreRow) -> tuple[Reason, ...]:
    notes: Sequence[Any] = score.drivers or score.churn_drivers
    by_key = {str(note.get("driver")): note for note in notes}
    found = [by_key[key] for key in (row.driver, row.second_driver) if key in by_key]
    return tuple(Reason(str(n.get("label", "")), str(n.get("sentence", ""))) for n in found)


def _sum(score: ScoreRow, project: ProjectSpec, scored_on: date | None) -> str:
    if score.priority is None or not score.priority_reason:
        return ""
    # Days until a renewal were counted on the day of the score; the rest needs no day of its own.
    counted = scored_on is not None and "renews" in score.priority_reason
    when = f"On {day(scored_on)}: " if counted else ""
    if " revenue" not in score.priority_reason:
        # Without money it is no sum of money.
        return f"{when}{score.priority_reason}"
    return f"{when}{score.priority_reason} = {money(score.priority, project.pages.currency)}"


def _ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "–"
    days = max((now - at).days, 0)
    return "today" if days == 0 else f"{_days(days)} ago"


def days_ahead(at: datetime | None, today: date) -> str:
    """How far the day of a renewal is: `in 3 days`, `today`, `2 days ago`; empty for None."""
    if at is None:
        return ""
    days = (at.date() - today).days
    if days == 0:
        return "today"
    return f"in {_days(days)}" if days > 0 else f"{_days(-days)} ago"


def risk_interval(row: ScoreRow) -> tuple[float, float] | None:
    """None, too, where it is so narrow that both ends read like the risk itself."""
    low, high = row.risk_low_80, row.risk_high_80
    if low is None or high is None or percent(low) == percent(high):
        return None
    return low, high


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"
