"""The words of aggregations that say how long: since, until, between, and what is still open."""

from __future__ import annotations

from math import isnan

from npsight.drivers.shown import days, lasting, show, tenths, whole
from npsight.drivers.words import Phrase, Subject, absent, in_window, level, number, step

LONG_AGO_DAYS = 730


def _days_since_first(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    window = subject.window_days
    among = f" of the last {days(window)}" if window else ""
    ago = f"{days(now)} ago" if now >= 1 else "within the last day"
    return f"First {subject.label}{among}: {ago}"


def _days_since_last(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    if now < 1:
        return f"{subject.start} within the last day"
    return f"No {subject.label} for {days(now)}{step(now, past)}"


def _longest_gap(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    return f"{_silence(subject)}: {lasting(now)}{step(now, past, _short)}"


def _silence(subject: Subject) -> str:
    return f"Longest time without {subject.label}{subject.within}"


def _mean_gap(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return f"No two {subject.label} on record{subject.within}"
    return f"{_between(subject)}: {lasting(now)}{step(now, past, _short)}"


def _between(subject: Subject) -> str:
    return f"Mean time between {subject.label}{subject.within}"


def _open(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    within = _from_the_last(subject)
    if now == 0:
        was = f", down from {show(past)}" if past > 0 else ""
        return f"No {_still(subject)}{within}{was}"
    still = "" if _says_open(subject) else " still open"
    return level(subject, f"{subject.start}{still}{within}", now, past)


def _says_open(subject: Subject) -> bool:
    return "open" in subject.label.lower() or "without" in subject.label.lower()


def _still(subject: Subject) -> str:
    """`open tickets`, also where the label alone does not say it."""
    return subject.label if _says_open(subject) else f"open {subject.label}"


def _from_the_last(subject: Subject) -> str:
    return subject.within and f" from the last {days(subject.window_days or 0)}"


def _open_title(subject: Subject) -> str:
    still = "" if _says_open(subject) else " still open"
    return f"{subject.start}{still}{_from_the_last(subject)}"


def _oldest_open(subject: Subject, now: float, past: float) -> str:
    within = _from_the_last(subject)
    if isnan(now):
        was = f", before for up to {days(past)}" if past >= 1 else ""
        return f"No {_still(subject)} on record{within}{was}"
    if now < 1:
        was = f", before for up to {days(past)}" if past >= 1 else ""
        return f"No {_still(subject)}{within} for a day or more{was}"
    return f"{_open_title(subject)}: the oldest for {days(now)}{step(now, past)}"


def _oldest_title(subject: Subject) -> str:
    return f"Age of the oldest {_still(subject)}{_from_the_last(subject)}"


def _mean_duration(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    return f"{in_window(subject)} lasted {lasting(now)} on average{step(now, past, _short)}"


def _mean_duration_title(subject: Subject) -> str:
    return f"Mean duration of {subject.label}{subject.within}"


def _max_duration(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return absent(subject)
    return f"{in_window(subject)} lasted {lasting(now)} at most{step(now, past, _short)}"


def _max_duration_title(subject: Subject) -> str:
    return f"Longest duration of {subject.label}{subject.within}"


def _days_until_end(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return f"No end of {subject.label} ahead on record"
    return f"{subject.start}: next end {_ahead(now)}"


def _next_end(subject: Subject) -> str:
    return f"Time to the next end of {subject.label}"


def _days_until_next(subject: Subject, now: float, past: float) -> str:
    if isnan(now):
        return f"No {subject.label} ahead on record"
    return f"{subject.start}: the next {_ahead(now)}"


def _next(subject: Subject) -> str:
    return f"Time to the next {subject.label}"


def _ahead(count: float) -> str:
    return f"in {days(count)}" if count >= 1 else "within a day"


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


def _days(subject: Subject, value: float) -> str:
    return days(value)


def _lasting(subject: Subject, value: float) -> str:
    return lasting(value)


def _short(value: float) -> str:
    """Without the unit, which the number before it has."""
    return show(value) if value > 0 else lasting(value)


DURATIONS: dict[str, Phrase] = {
    "days_since_first": Phrase(
        _days_since_first, _days, lambda s: f"Time since the first {s.label}", whole
    ),
    "days_since_last": Phrase(
        _days_since_last, _days, lambda s: f"Time since the last {s.label}", whole
    ),
    "longest_gap": Phrase(_longest_gap, _lasting, _silence, tenths),
    "mean_gap": Phrase(_mean_gap, _lasting, _between, tenths),
    "open": Phrase(_open, number, _open_title),
    "oldest_open": Phrase(_oldest_open, _days, _oldest_title, whole),
    "mean_duration": Phrase(_mean_duration, _lasting, _mean_duration_title, tenths),
    "max_duration": Phrase(_max_duration, _lasting, _max_duration_title, tenths),
    "days_until_end": Phrase(_days_until_end, _days, _next_end, whole),
    "days_until_next": Phrase(_days_until_next, _days, _next, whole),
    "age": Phrase(_age, lambda _, peer: _long(peer), lambda _: "Time as a customer", whole),
    "days_until_renewal": Phrase(
        _until_renewal, _until_peer, lambda _: "Time to the renewal", whole
    ),
}
"""Aggregation -> its words, for those whose number is a span of time or what is still open."""
