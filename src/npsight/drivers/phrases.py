"""How each aggregation is put into words: data in, part of a sentence out.

A phrase gets values that are rounded as they will be shown, NaN where missing. It states what
is, never why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan

from npsight.config.specs import FeatureSpec
from npsight.drivers.shown import (
    LONGEST_VALUE,
    capital,
    days,
    label_of,
    moved,
    rounded,
    show,
    tidy,
    whole,
)
from npsight.models.logits import Vector

LONG_AGO_DAYS = 730
MANY_TIMES = 3.0


@dataclass(frozen=True)
class Subject:
    """What a sentence is about, prepared once for a feature.

    `within` is " in 30 days" or "" where the window is all history or the label says it already.
    """

    label: str
    unit: str
    within: str
    window_days: int | None

    @property
    def start(self) -> str:
        """The label at the start of a sentence."""
        return capital(self.label)


Head = Callable[[Subject, float, float], str]
"""(subject, this account's value, its value one period before) -> the sentence's first half."""
PeerText = Callable[[Subject, float], str]
"""(subject, median of the peers) -> how it is shown."""


@dataclass(frozen=True)
class Phrase:
    """The words of one aggregation."""

    head: Head
    peer: PeerText
    round: Callable[[Vector], Vector] = rounded


def subject_of(spec: FeatureSpec) -> Subject:
    """The words of a feature that do not change from account to account."""
    label = label_of(spec)
    within = ""
    if spec.window_days is not None and not label.endswith("in a year"):
        within = f" in {days(spec.window_days)}"
    return Subject(label, tidy(spec.unit, 12), within, spec.window_days)


def change(subject: Subject, what: str, now: float, past: float, after: str = "") -> str:
    """`Logins in 30 days fell from 540 to 182`, or the value alone without a past."""
    shown = show(now, subject.unit)
    if isnan(past):
        return f"{what}: {shown}{after}"
    word = moved(now, past)
    if word == "unchanged":
        return f"{what} unchanged at {shown}{after}"
    return f"{what} {word} from {_bare(past, subject.unit, shown)} to {shown}{after}"


def level(subject: Subject, what: str, now: float, past: float) -> str:
    """`Open tickets: 4, up from 1`, for small numbers that come and go."""
    return f"{what}: {show(now, subject.unit)}{_step(now, past)}"


def _step(now: float, past: float) -> str:
    if isnan(past):
        return ""
    word = {"rose": "up from", "fell": "down from", "unchanged": ""}[moved(now, past)]
    return f", {word} {show(past)}" if word else ", unchanged"


def _bare(past: float, unit: str, shown: str) -> str:
    """The past value; its unit is not said twice when it follows the number."""
    text = show(past, unit)
    return show(past) if unit and shown.endswith(f" {unit}") and text.endswith(f" {unit}") else text


def _absent(subject: Subject) -> str:
    return f"No {subject.label} on record{subject.within}"


def _none(subject: Subject, past: float) -> str:
    was = f", down from {show(past)}" if past > 0 else ""
    return f"No {subject.label}{subject.within}{was}"


def _count(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    if now == 0:
        return _none(subject, past)
    return level(subject, f"{subject.start}{subject.within}", now, past)


def _sum(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    if now == 0 and not past < 0:
        return _none(subject, past)
    return change(subject, f"{subject.start}{subject.within}", now, past)


def _mean(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    return change(subject, subject.start, now, past, _average(subject))


def _ratio(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    return change(subject, f"{subject.start}{subject.within}", now, past)


def _average(subject: Subject) -> str:
    if subject.label.lower().startswith(("mean ", "average ")):
        return subject.within
    return f" ({subject.window_days}-day average)" if subject.window_days else " (average)"


def _extreme(word: str) -> Head:
    def head(subject: Subject, now: float, past: float) -> str:
        if isnan(now):
            return _absent(subject)
        return level(subject, f"{word} {subject.label}{subject.within}", now, past)

    return head


def _last(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    what = subject.label if subject.label.lower().startswith("last ") else f"last {subject.label}"
    was = "" if isnan(past) or past == now else f" (was {show(past, subject.unit)})"
    return f"{capital(what)} {show(now, subject.unit)}{was}"


def _days_since_last(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    if now < 1:
        return f"{subject.start} within the last day"
    return f"No {subject.label} for {days(now)}{_step(now, past)}"


def _distinct_days(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    if now == 0:
        return _none(subject, past)
    span = f"{show(now)} of {days(subject.window_days)}" if subject.window_days else days(now)
    return f"{subject.start} on {span}{_step(now, past)}"


def _trend(subject: Subject, now: float, past: float) -> str:
    """`now` is the trend itself, (now − before) / (|now| + |before|), unrounded."""
    window = subject.window_days or 0
    if isnan(now):
        return f"No {subject.label} on record in {days(2 * window)}"
    if now <= -1:
        return f"{subject.start} stopped in the last {days(window)}"
    if now >= 1:
        return f"{subject.start} began in the last {days(window)}"
    versus = f"the {days(window)} before"
    word = relation(now)
    if word == "level":
        return f"{subject.start} level with {versus}"
    return f"{subject.start} {word} {versus}"


def relation(trend: float) -> str:
    """`62 % below`, `3.4 times`, `level`; trend in (−1, 1), of two sums of one sign."""
    ratio = (1 + trend) / (1 - trend)
    if ratio >= MANY_TIMES:
        return f"{show(float(rounded(ratio)))} times"
    percent = round(100 * abs(ratio - 1))
    if percent == 0:
        return "level"
    # Not "100 % below": that would be "stopped".
    return f"{percent} % above" if ratio > 1 else f"{min(percent, 99)} % below"


def _trend_peer(subject: Subject, peer: float) -> str:
    if abs(peer) >= 1:
        return "began" if peer > 0 else "stopped"
    word = relation(peer)
    if word.endswith("below"):
        return f"down {word.removesuffix(' below')}"
    if word.endswith("above"):
        return f"up {word.removesuffix(' above')}"
    return f"{word} as much" if word.endswith("times") else word


def _open(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return _absent(subject)
    said = "open" in subject.label.lower() or "without" in subject.label.lower()
    within = subject.within and f" from the last {days(subject.window_days or 0)}"
    if now == 0:
        was = f", down from {show(past)}" if past > 0 else ""
        return f"No {'' if said else 'open '}{subject.label}{within}{was}"
    return level(subject, f"{subject.start}{'' if said else ' still open'}{within}", now, past)


def _value(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return f"{subject.start}: not on record"
    return change(subject, subject.start, now, past)


def _age(subject: Subject, now: float, past: float) -> str:
    return "Start date not on record" if isnan(now) else f"Customer for {_long(now)}"


def _long(count: float) -> str:
    return days(count) if count < LONG_AGO_DAYS else f"{show(round(count / 365.25, 1))} years"


def _until_renewal(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return "No renewal date on record"
    if now == 0:
        return "Renews today"
    return f"Renews in {days(now)}" if now > 0 else f"Renewal was {days(-now)} ago"


def _until_peer(subject: Subject, peer: float) -> str:
    return days(peer) if peer >= 0 else f"{days(-peer)} ago"


def _number(subject: Subject, peer: float) -> str:
    return show(peer, subject.unit)


def _days(subject: Subject, peer: float) -> str:
    return days(peer)


def _exact(values: Vector) -> Vector:
    return values


PHRASES: dict[str, Phrase] = {
    "count": Phrase(_count, _number),
    "sum": Phrase(_sum, _number),
    "mean": Phrase(_mean, _number),
    "ratio": Phrase(_ratio, _number),
    "min": Phrase(_extreme("Lowest"), _number),
    "max": Phrase(_extreme("Highest"), _number),
    "last": Phrase(_last, _number),
    "days_since_last": Phrase(_days_since_last, _days, whole),
    "distinct_days": Phrase(_distinct_days, _days, whole),
    "trend": Phrase(_trend, _trend_peer, _exact),
    "open": Phrase(_open, _number),
    "value": Phrase(_value, _number),
    "age": Phrase(_age, lambda _, peer: _long(peer), whole),
    "days_until_renewal": Phrase(_until_renewal, _until_peer, whole),
}


def category_phrase(subject: Subject, now: object, past: object) -> str:
    """`Plan: pro`, `Plan changed from pro to basic`; None is missing."""
    if now is None:
        return f"{subject.start}: not on record"
    shown = tidy(now, LONGEST_VALUE)
    if past is None or past == now:
        return f"{subject.start}: {shown}"
    return f"{subject.start} changed from {tidy(past, LONGEST_VALUE)} to {shown}"
