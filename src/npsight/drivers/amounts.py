"""The words of aggregations that say how much: counts, sums, extremes, shares, their moves."""

from __future__ import annotations

from math import isnan

import numpy as np

from npsight.drivers.shown import capital, days, percents, rounded, show, whole
from npsight.drivers.words import (
    Head,
    Phrase,
    Subject,
    Title,
    absent,
    average,
    change,
    in_window,
    level,
    nothing,
    number,
    step,
    unknown,
)
from npsight.models.logits import Vector

MANY_TIMES = 3.0


def _count(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    if now == 0:
        return nothing(subject, past)
    return level(subject, in_window(subject), now, past)


def _sum(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    if now == 0 and not past < 0:
        return nothing(subject, past)
    return change(subject, in_window(subject), now, past)


def _mean(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return unknown(subject)
    return change(subject, subject.start, now, past, average(subject))


def _mean_title(subject: Subject) -> str:
    return f"{subject.start}{average(subject)}"


def _ratio(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return unknown(subject)
    return change(subject, in_window(subject), now, past)


def _std(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return f"{_variation(subject)}: not on record"
    if now == 0:
        was = f", before by {_spread(subject, past)}" if past > 0 else ""
        return f"{in_window(subject)} did not vary{was}"
    shown = f"{in_window(subject)} varied by {_spread(subject, now)}"
    return shown + step(now, past, lambda value: _spread(subject, value))


def _variation(subject: Subject) -> str:
    return f"Variation of {subject.label}{subject.within}"


def _spread(subject: Subject, value: float) -> str:
    return f"±{show(value, subject.unit)}"


def _extreme(word: str) -> tuple[Head, Title]:
    def title(subject: Subject) -> str:
        return f"{word} {subject.label}{subject.within}"

    def head(subject: Subject, now: float, past: float) -> str:
        if isnan(now):
            return f"{title(subject)}: not on record"
        return level(subject, title(subject), now, past)

    return head, title


def _edge(word: str) -> tuple[Head, Title]:
    """The first or last value, and what it was one period before."""

    def title(subject: Subject) -> str:
        said = subject.label.lower().startswith(f"{word} ")
        return capital(subject.label if said else f"{word} {subject.label}")

    def head(subject: Subject, now: float, past: float) -> str:
        if isnan(now):
            return f"{title(subject)}: not on record"
        was = "" if isnan(past) or past == now else f" (was {show(past, subject.unit)})"
        return f"{title(subject)} {show(now, subject.unit)}{was}"

    return head, title


def _share(subject: Subject, now: float, past: float) -> str:
    """Both are percentages."""
    if isnan(now):
        return f"No {subject.whole} on record{subject.within}"
    shown = f"{subject.start}: {_percent(subject, now)} of {subject.whole}{subject.within}"
    return shown + step(now, past, lambda value: _percent(subject, value))


def _percent(subject: Subject, value: float) -> str:
    return show(value, "%")


def _share_title(subject: Subject) -> str:
    return f"Share of {subject.label}{subject.within}"


def _distinct(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    if now == 0:
        return nothing(subject, past)
    return f"{in_window(subject)}: {show(now)} different{step(now, past)}"


def _distinct_days(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    if now == 0:
        return nothing(subject, past)
    span = f"{show(now)} of {days(subject.window_days)}" if subject.window_days else days(now)
    return f"{subject.start} on {span}{step(now, past)}"


def _days_with(subject: Subject) -> str:
    return f"Days with {subject.label}{subject.within}"


def _in_days(subject: Subject, value: float) -> str:
    return days(value)


def _trend(subject: Subject, now: float, past: float) -> str:
    """`now` is the trend itself, (now − before) / (|now| + |before|), unrounded."""
    window = subject.window_days or 0
    if isnan(now):
        return f"No {subject.label} on record in {days(2 * window)}"
    return _compared(subject, now, f"the {days(window)} before", subject.start)


def _mean_trend(subject: Subject, now: float, past: float) -> str:
    """The same of means."""
    window = subject.window_days or 0
    if isnan(now):
        return f"No {subject.label} on record to compare with the {days(window)} before"
    if abs(now) >= 1:
        return f"{subject.start} {'up from' if now > 0 else 'down to'} 0 on average{subject.within}"
    return _compared(subject, now, f"the {days(window)} before", f"{subject.start} on average")


def _trend_title(subject: Subject) -> str:
    return f"Trend of {subject.label}{subject.within}"


def _vs_usual(subject: Subject, now: float, past: float) -> str:
    """`now` is (now − usual) / (|now| + |usual|), unrounded."""
    if isnan(now):
        return f"Usual {subject.label}: not on record"
    return _compared(subject, now, "the account's own usual", in_window(subject))


def _usual_title(subject: Subject) -> str:
    return f"{in_window(subject)} against the usual"


def _compared(subject: Subject, now: float, versus: str, what: str) -> str:
    if abs(now) >= 1:
        word = "began" if now > 0 else "stopped"
        return f"{subject.start} {word} in the last {days(subject.window_days or 0)}"
    word = relation(now)
    if word == "level":
        return f"{what} level with {versus}"
    return f"{what} {word} {versus}"


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


def _compared_peer(subject: Subject, peer: float) -> str:
    if abs(peer) >= 1:
        return "began" if peer > 0 else "stopped"
    word = relation(peer)
    if word.endswith("below"):
        return f"down {word.removesuffix(' below')}"
    if word.endswith("above"):
        return f"up {word.removesuffix(' above')}"
    return f"{word} as much" if word.endswith("times") else "unchanged"


def _slope(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return f"No two days with {subject.label} on record{subject.within}"
    was = "" if isnan(past) or past == now else f" (before: {_pace(subject, past)})"
    if now == 0:
        return f"{in_window(subject)} neither rose nor fell{was}"
    word = "rose" if now > 0 else "fell"
    return f"{in_window(subject)} {word} by {show(abs(now), subject.unit)} a day{was}"


def _pace(subject: Subject, value: float) -> str:
    if value == 0:
        return "level"
    return f"{'up' if value > 0 else 'down'} {show(abs(value), subject.unit)} a day"


def _slope_title(subject: Subject) -> str:
    return f"Daily change of {subject.label}{subject.within}"


def _own(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return unknown(subject)
    return change(subject, in_window(subject), now, past)


def _value(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return f"{subject.start}: not on record"
    return change(subject, subject.start, now, past)


def _start(subject: Subject) -> str:
    return subject.start


def _exact(values: Vector) -> Vector:
    return np.where(np.isfinite(values), values, np.nan)


_LOWEST, _HIGHEST = _extreme("Lowest"), _extreme("Highest")
_FIRST, _LAST = _edge("first"), _edge("last")

AMOUNTS: dict[str, Phrase] = {
    "count": Phrase(_count, number, in_window),
    "sum": Phrase(_sum, number, in_window),
    "mean": Phrase(_mean, number, _mean_title),
    "std": Phrase(_std, _spread, _variation),
    "min": Phrase(_LOWEST[0], number, _LOWEST[1]),
    "max": Phrase(_HIGHEST[0], number, _HIGHEST[1]),
    "first": Phrase(_FIRST[0], number, _FIRST[1]),
    "last": Phrase(_LAST[0], number, _LAST[1]),
    "ratio": Phrase(_ratio, number, in_window),
    "share": Phrase(_share, _percent, _share_title, percents),
    "distinct": Phrase(_distinct, number, in_window),
    "distinct_days": Phrase(_distinct_days, _in_days, _days_with, whole),
    "trend": Phrase(_trend, _compared_peer, _trend_title, _exact),
    "mean_trend": Phrase(_mean_trend, _compared_peer, _trend_title, _exact),
    "slope": Phrase(_slope, _pace, _slope_title),
    "vs_usual": Phrase(_vs_usual, _compared_peer, _usual_title, _exact),
    "own": Phrase(_own, number, in_window),
    "value": Phrase(_value, number, _start),
}
"""Aggregation -> its words, for those whose number is an amount."""
