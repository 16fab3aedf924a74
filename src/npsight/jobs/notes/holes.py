"""Spans in which a table of activity holds no row at all, as where a file of a pattern is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from npsight.errors import Problem

if TYPE_CHECKING:
    from npsight.config.specs import ProjectSpec
    from npsight.temporal.facts import Facts

_LEAST_ROWS = 100
_LEAST_DAYS = 60
"""Of different days; of fewer, a gap that chance makes may be far above all others."""
_LEAST_BEATS = 8
_TIMES = 3
_MEANS = 11
"""Of rows that come by chance, one gap of 60,000 is so long."""
_BEYOND_DAYS = 10
_NEAR = 15
_SPARSE_DAYS = 5
"""Where rows are further apart, a long silence is no news."""
_RHYTHM_DAYS = 5
_EVEN = 1.25
_SKIPPED = 1.6


@dataclass(frozen=True)
class Hole:
    """No row lies between two days, where `usual` days between two rows are already long."""

    last: date
    next: date
    usual: int

    @property
    def days(self) -> int:
        """From the row before to the row after."""
        return (self.next - self.last).days


def holes(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A warning for each table of activity with spans in which no account has a row."""
    for name in project.tables.activity:
        table = facts.sources.get(name)
        if table is None or name in facts.scheduled:
            continue
        day = table.occurred_at.date()
        counted = table.group_by(day=day).aggregate(rows=table.count()).to_pyarrow().to_pydict()
        if sum(counted["rows"]) < _LEAST_ROWS:
            continue
        found = holes_between(sorted(counted["day"]))
        if found:
            longest = max(found, key=lambda hole: hole.days)
            yield _said(longest, len(found) - 1, f"tables.activity.{name}")
        yield from _nothing_counted(project, facts, name, found)


def _nothing_counted(
    project: ProjectSpec, facts: Facts, name: str, told: Sequence[Hole]
) -> Iterator[Problem]:
    """A warning where measures are 0 or blank in every row of a span, though there are rows."""
    table, measures = facts.sources[name], list(project.tables.activity[name].measures)
    if not measures:
        return
    some = {f"some_{place}": (table[m] != 0).sum() for place, m in enumerate(measures)}
    counted = table.group_by(day=table.occurred_at.date()).aggregate(**some)
    rows = counted.order_by("day").to_pyarrow().to_pylist()
    spans: dict[Hole, list[str]] = {}
    for place, measure in enumerate(measures):
        days = [row["day"] for row in rows if row[f"some_{place}"]]
        for hole in holes_between(days):
            if not any(hole.last <= other.next and other.last <= hole.next for other in told):
                spans.setdefault(hole, []).append(measure)
    if spans:
        longest = max(spans, key=lambda hole: (len(spans[hole]), hole.days))
        named = ", ".join(f"`{measure}`" for measure in spans[longest])
        yield Problem(
            f"in every row between {longest.last} and {longest.next} ({longest.days} days) "
            f"{named} {'is' if len(spans[longest]) == 1 else 'are'} 0 or blank",
            "if nothing was counted then, as while a system was moved, export the table without "
            "these rows: a missing row is unknown, 0 is a customer who did nothing",
            key=f"tables.activity.{name}.measures",
        )


def holes_between(days: Sequence[date]) -> list[Hole]:
    """The holes between days with a row, in their order.

    A hole is more than 10 days and more than three times as long as the 99th percentile of all
    other gaps, and eleven times their mean and that of the 30 around it, which is 5 days at most;
    in an even rhythm of 5 days and more, such as a monthly one, it is one beat that was left out.
    Of few days no hole can be told.
    """
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if len(gaps) < _LEAST_BEATS:
        return []
    ordered = sorted(gaps)[:-1]
    middle, most = _at(ordered, 0.5), _at(ordered, 0.9)
    is_even = middle >= _RHYTHM_DAYS and most <= _EVEN * middle and ordered[0] * _EVEN >= middle
    if not is_even and len(days) < _LEAST_DAYS:
        return []
    usual = most if is_even else _at(ordered, 0.99)
    mean = sum(ordered) / len(ordered)
    limit = _SKIPPED * middle if is_even else max(_TIMES * usual, _MEANS * mean)
    return [
        Hole(days[place], days[place + 1], usual)
        for place, gap in enumerate(gaps)
        if gap > max(limit, _BEYOND_DAYS) and (is_even or _is_far(gap, _around(gaps, place)))
    ]


def _is_far(gap: int, around: float) -> bool:
    return around <= _SPARSE_DAYS and gap > _MEANS * around


def _around(gaps: Sequence[int], place: int) -> float:
    """The mean of the gaps around one: a table that has just begun has fewer rows than later."""
    near = [*gaps[max(0, place - _NEAR) : place], *gaps[place + 1 : place + 1 + _NEAR]]
    return sum(near) / len(near)


def _at(ordered: Sequence[int], share: float) -> int:
    return ordered[int(share * (len(ordered) - 1))]


def _said(hole: Hole, others: int, key: str) -> Problem:
    further = f", and {others} more such spans" if others else ""
    usually = "each day" if hole.usual == 1 else f"within {hole.usual} days"
    return Problem(
        f"no account has a row between {hole.last} and {hole.next} ({hole.days} days){further}; "
        f"else the next one comes {usually}",
        "see whether a file of that time is missing where `path` is a pattern, and export it "
        "again; if nothing happened then, all is well. Else every account seems to have gone "
        "silent on the days after",
        key=key,
    )
