"""NPS history: decayed counts of answers, an account's segment, and its newest answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from npsight.audit.oracle.rows import (
    Row,
    World,
    days,
    is_seen,
    seen_rows,
    version_in_force,
    when,
)


def decayed(answers: Iterable[Row], as_of: datetime, band: str, half_life_days: int) -> float:
    """Decayed count of a band over these answers."""
    total = 0.0
    for row in answers:
        if is_seen(row, as_of) and row["band"] == band:
            total += 0.5 ** (days(as_of, row["occurred_at"]) / half_life_days)
    return total


def one_vote_each(answers: Iterable[Row], as_of: datetime, band: str, half_life_days: int) -> float:
    """Votes for a band over these answers of one account: each person has one, as heavy as their
    newest answer and split over the bands as their decayed answers are. Whoever is not named is
    taken for somebody else each time.
    """
    people: dict[object, list[tuple[float, bool]]] = {}
    for number, row in enumerate(answers):
        if is_seen(row, as_of):
            name = row.get("respondent")
            person = ("nobody", number) if name is None else ("somebody", name)
            weight = 0.5 ** (days(as_of, row["occurred_at"]) / half_life_days)
            people.setdefault(person, []).append((weight, row["band"] == band))
    votes = 0.0
    for given in people.values():
        whole = sum(weight for weight, _ in given)
        mine = sum(weight for weight, fits in given if fits)
        # An answer of the year 1, as some programs date a blank, weighs nothing in floats.
        votes += max(weight for weight, _ in given) * mine / whole if whole else 0.0
    return votes


def asked_at(answers: Iterable[Row], touchpoints: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """The answers at these touchpoints (all where none is named), and those at others or none."""
    asked: list[Row] = []
    others: list[Row] = []
    for row in answers:
        chosen = not touchpoints or row.get("touchpoint") in touchpoints
        (asked if chosen else others).append(row)
    return asked, others


def segment_of(world: World, account: str, as_of: datetime, segment: str | None) -> str:
    """The account's segment on the day; "" where there is none."""
    if segment is None:
        return ""
    return (version_in_force(world, account, as_of) or {}).get(segment) or ""


def peers_of(world: World, account: str, as_of: datetime, segment: str | None) -> set[str]:
    """Everybody who answered and is of the account's segment on the day."""
    own = segment_of(world, account, as_of, segment)
    answerers = {row["account"] for row in world.sources["responses"]}
    return {name for name in answerers if segment_of(world, name, as_of, segment) == own}


def last_answer(world: World, account: str, as_of: datetime) -> Row | None:
    """The newest answer; of several at one instant the one known last, then the highest."""
    newest = None
    for row in seen_rows(world.sources["responses"], account, as_of):
        if newest is None or _rank(row) > _rank(newest):
            newest = row
    return newest


def _rank(row: Row) -> tuple[datetime, datetime, float]:
    return (*when(row), row["raw_score"])
