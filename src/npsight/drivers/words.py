"""The parts that sentences are made of: a subject, a value, and how it moved.

A phrase gets values that are rounded as they will be shown, NaN where missing. It states what
is, never why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan

from npsight.config.specs import FeatureSpec
from npsight.drivers.shown import capital, days, label_of, moved, rounded, show, tidy
from npsight.models.logits import Vector


@dataclass(frozen=True)
class Subject:
    """What a sentence is about, prepared once for a feature.

    `within` is " in 30 days" or "" where the window is all history or the label says it already.
    `whole` is what a share is a share of.
    """

    label: str
    unit: str
    within: str
    window_days: int | None
    whole: str = ""

    @property
    def start(self) -> str:
        """The label at the start of a sentence."""
        return capital(self.label)


Head = Callable[[Subject, float, float], str]
"""(subject, this account's value, its value one period before) -> the sentence's first half."""
Shown = Callable[[Subject, float], str]
"""(subject, another value, such as the median of the peers) -> how it is shown."""
Title = Callable[[Subject], str]
"""The feature's number as a thing to compare: `Logins in 30 days`."""


@dataclass(frozen=True)
class Phrase:
    """The words of one aggregation."""

    head: Head
    peer: Shown
    title: Title
    round: Callable[[Vector], Vector] = rounded


def subject_of(spec: FeatureSpec) -> Subject:
    """The words of a feature that do not change from account to account."""
    label = label_of(spec)
    within = ""
    if spec.window_days is not None and not label.endswith("in a year"):
        within = f" in {days(spec.window_days)}"
    whole = tidy((spec.measure or spec.source).replace("_", " "), 40)
    return Subject(label, tidy(spec.unit, 12), within, spec.window_days, whole)


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
    return f"{what}: {show(now, subject.unit)}{step(now, past)}"


def step(now: float, past: float, shown: Callable[[float], str] = show) -> str:
    """`, up from 1`, `, unchanged`, or "" without a past."""
    if isnan(past):
        return ""
    word = {"rose": "up from", "fell": "down from", "unchanged": ""}[moved(now, past)]
    return f", {word} {shown(past)}" if word else ", unchanged"


def _bare(past: float, unit: str, shown: str) -> str:
    """The past value; its unit is not said twice when it follows the number."""
    text = show(past, unit)
    return show(past) if unit and shown.endswith(f" {unit}") and text.endswith(f" {unit}") else text


def absent(subject: Subject) -> str:
    """`No logins on record in 30 days`."""
    return f"No {subject.label} on record{subject.within}"


def unknown(subject: Subject) -> str:
    """`Time to resolve in 90 days: not on record`, of what is measured rather than counted."""
    return f"{in_window(subject)}: not on record"


def nothing(subject: Subject, past: float) -> str:
    """`No logins in 30 days, down from 540`."""
    was = f", down from {show(past)}" if past > 0 else ""
    return f"No {subject.label}{subject.within}{was}"


def average(subject: Subject) -> str:
    """` (30-day average)`, where the label does not say it already."""
    if subject.label.lower().startswith(("mean ", "average ")):
        return subject.within
    return f" ({subject.window_days}-day average)" if subject.window_days else " (average)"


def in_window(subject: Subject) -> str:
    """`Logins in 30 days`."""
    return f"{subject.start}{subject.within}"


def number(subject: Subject, value: float) -> str:
    """A value with the feature's own unit."""
    return show(value, subject.unit)
