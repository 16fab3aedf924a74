"""Events in words: what a message says of an account, from what was kept of the event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from npsight.config.specs import ProjectSpec
from npsight.store.alertfacts import AlertAccount
from npsight.store.alerts import AlertEvent
from npsight.worklist.alertwords import (
    SENTENCE_CHARACTERS,
    Entry,
    counted,
    day,
    inert,
    listing,
    message,
    money,
    named,
    percent,
    title_of,
)

LONGEST_LINK = 600
HEADINGS = {
    "high_risk": "Risk became high",
    "detractor_answer": "Detractor answers on large accounts",
    "follow_up_due": "Follow-ups that are due",
}


@dataclass(frozen=True)
class Reader:
    """How a project's numbers are read: by which risk, in which currency, with which links."""

    by_churn: bool
    currency: str
    link: str | None
    zone: ZoneInfo

    @classmethod
    def of(cls, project: ProjectSpec, zone: ZoneInfo) -> Reader:
        """That of a project."""
        by_churn = project.worklist.target == "churn" or project.detractor is None
        link = project.alerts.link or project.service.public_url
        return cls(by_churn, project.pages.currency, link, zone)

    @property
    def risk_name(self) -> str:
        """What the risk that ranks is called."""
        return "churn risk" if self.by_churn else "risk"

    @property
    def worklist(self) -> str | None:
        """Address of the worklist."""
        return f"{self.link}/worklist" if self.link else None

    def account(self, account: str) -> str | None:
        """Address of an account's page; None without one, or for a key of excessive length."""
        if self.link is None or len(account) > LONGEST_LINK:
            return None
        link = f"{self.link}/accounts/{quote(account, safe='')}"
        return link if len(link) <= LONGEST_LINK else None

    def risk(self, numbers: Mapping[str, Any]) -> float | None:
        """The risk that ranks, among what a change shows."""
        return numbers.get("churn_risk" if self.by_churn else "detractor_risk")

    def told(self, account: AlertAccount | None) -> dict[str, Any]:
        """What is kept of an account for a message: cut, not yet made inert."""
        if account is None:
            return {}
        return {
            "name": account.name and account.name[:500],
            "risk": account.churn_risk if self.by_churn else account.detractor_risk,
            "revenue": account.revenue,
            "sentence": self.sentence(account),
        }

    def sentence(self, account: AlertAccount) -> str | None:
        """The driver that raises the risk most, in words; None where none does."""
        drivers = account.churn_drivers if self.by_churn else account.drivers
        raising = [d for d in drivers if (d.get("points") or 0) > 0 and d.get("sentence")]
        return str(raising[0]["sentence"])[:500] if raising else None


def alerts_message(
    reader: Reader, owner: str, events: Sequence[AlertEvent], identity: str
) -> tuple[str, str]:
    """Title and text of the message to an owner about events."""
    order = list(HEADINGS)
    arranged = sorted(
        events, key=lambda e: (order.index(e.kind), -(e.detail.get("revenue") or 0), e.key)
    )
    entries = [_entry(reader, event) for event in arranged]
    title = title_of(owner, counted(len(events), "alert", "alerts"))
    return title, message([listing(entries, reader.worklist)], identity)


def _entry(reader: Reader, event: AlertEvent) -> Entry:
    detail = event.detail
    line = f"{named(detail.get('name'), event.account)}: {_said(reader, event)}"
    more = []
    if detail.get("revenue") is not None:
        more.append(f"Revenue {money(detail['revenue'], reader.currency)}.")
    if detail.get("sentence"):
        more.append(inert(str(detail["sentence"]), SENTENCE_CHARACTERS))
    return Entry(HEADINGS[event.kind], line, (" ".join(more),), reader.account(event.account))


def _said(reader: Reader, event: AlertEvent) -> str:
    detail = event.detail
    risk = f"{reader.risk_name} {percent(detail.get('risk'))}"
    if event.kind == "high_risk":
        was = detail.get("was")
        return risk if was is None else f"{risk}, was {percent(was)}"
    if event.kind == "detractor_answer":
        score = detail.get("score")
        gave = "answered" if score is None else f"answered {score:g}"
        return f"{gave} on {_day(detail['answered_on'])}; {risk}"
    state = inert(str(detail["state"]), 40)
    return f"{state}, due {_day(detail['due_on'])}; {risk}"


def _day(text: str) -> str:
    return day(date.fromisoformat(text))
