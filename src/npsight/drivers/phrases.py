"""How each aggregation is put into words: data in, part of a sentence out."""

from __future__ import annotations

from math import isnan

from npsight.drivers.amounts import AMOUNTS
from npsight.drivers.durations import DURATIONS
from npsight.drivers.shown import LONGEST_VALUE, show, tidy
from npsight.drivers.words import Phrase, Subject, Title, step

PHRASES: dict[str, Phrase] = AMOUNTS | DURATIONS


def place_phrase(title: Title, subject: Subject, now: float, past: float) -> str:
    """`Logins in 30 days: higher than 20 % of similar accounts, down from 45 %`.

    `now` and `past` are places among the segment in whole percent. 0 and 100 are nearly never
    exact (equal values count half, the account's own among them), so they are not said as such.
    """
    if isnan(now):
        return f"{title(subject)}: not on record"
    if now <= 0:
        place = "lower than almost all similar accounts"
    elif now >= 100:
        place = "higher than almost all similar accounts"
    else:
        place = f"higher than {show(now, '%')} of similar accounts"
    return f"{title(subject)}: {place}{step(now, past, lambda value: show(value, '%'))}"


def category_phrase(subject: Subject, now: object, past: object) -> str:
    """`Plan: pro`, `Plan changed from pro to basic`; None is missing."""
    if now is None:
        return f"{subject.start}: not on record"
    shown = tidy(now, LONGEST_VALUE)
    if past is None or past == now:
        return f"{subject.start}: {shown}"
    return f"{subject.start} changed from {tidy(past, LONGEST_VALUE)} to {shown}"
