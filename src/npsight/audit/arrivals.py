"""Rows, and values in them, that are not there yet in the newest days: they arrive later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from npsight.audit.findings import Check, Finding, Level
from npsight.audit.written import wilson_lower
from npsight.models.logits import Vector

CHECK = "arrives when it says"
WEEK = 7
WEEKS = 26
DAYS = WEEK * (WEEKS + 1)
NEWEST_DAYS = (2, WEEK)
LEAST_ROWS = 20
FEWER, EMPTIER, MUCH_EMPTIER = 0.5, 0.9, 0.5


@dataclass(frozen=True)
class Arrived:
    """How many rows of a source became known on each of the last 189 days, newest first.

    The first day ends with the data. `filled` counts, for each column that features read, the rows
    in which it is not blank.
    """

    source: str
    rows: Vector
    filled: dict[str, Vector]


def arrivals(sources: Sequence[Arrived]) -> Check:
    """Sources whose newest rows are missing (`look`), and columns that are blank in them.

    Days are those on which rows were known by what the project file says. A source is named when
    the last week brought less than half of the poorest of the 26 weeks before, which had 20 rows:
    what is loaded late and dated back lacks its newest rows. A column is named when in the newest
    rows of its source (2 days, or a week) it is surely (95 %, Wilson) filled less often than in any
    of those weeks: `leak` from half of it down, `look` from nine tenths. Such a value was not there
    when its row was known: it is written later, though features of past days read it.

    The rows of a source count as one column more.
    """
    findings: dict[str, Finding] = {}
    judged = 0
    for source in sources:
        before = source.rows[WEEK:].reshape(WEEKS, WEEK).sum(axis=1)
        if before.min() >= LEAST_ROWS:
            judged += 1
            now = float(source.rows[:WEEK].sum())
            if now < FEWER * before.min():
                findings[source.source] = _fewer(source.source, now, float(before.min()))
        for name, share, usual, days in _emptier(source):
            judged += 1
            if share < EMPTIER * usual:
                findings[name] = _blank(name, share, usual, days)
    few = "" if judged else f"no source brings {LEAST_ROWS} rows in each of {WEEKS} weeks"
    return Check(CHECK, judged, "columns", tuple(findings.values()), few)


def _emptier(source: Arrived) -> Iterator[tuple[str, float, float, int]]:
    """Column, the most that it can be filled in the newest rows, the least before, and the days."""
    arrived = np.flatnonzero(source.rows)
    if not len(arrived):
        return
    first = int(arrived[0])
    for name, filled in source.filled.items():
        usual = _least_share(filled, source.rows)
        if usual is None:
            continue
        found = []
        for days in NEWEST_DAYS:
            rows = int(source.rows[first : first + days].sum())
            blank = rows - int(filled[first : first + days].sum())
            if rows >= LEAST_ROWS:
                found.append((1 - wilson_lower(blank, rows), days))
        if found:
            share, days = min(found)
            yield f"{source.source}.{name}", share, usual, days


def _least_share(filled: Vector, rows: Vector) -> float | None:
    """The smallest share filled in a week before the newest; None with few weeks or rows."""
    by_week = [part[WEEK:].reshape(WEEKS, WEEK).sum(axis=1) for part in (filled, rows)]
    enough = by_week[1] >= LEAST_ROWS
    if enough.sum() < WEEKS / 2:
        return None
    return float((by_week[0][enough] / by_week[1][enough]).min())


def _fewer(source: str, now: float, before: float) -> Finding:
    return Finding(
        level="look",
        check=CHECK,
        name=source,
        figure=now,
        threshold=FEWER * before,
        what=f"`{source}` brought {now:,.0f} rows in the last week of the data, and never fewer "
        f"than {before:,.0f} in each of the {WEEKS} weeks before: its newest rows have not arrived",
        remedy="if they come late, say so (`delay_hours`, or the day of loading as `known_at`): "
        "training sees them at once, scoring does not; if the source has ended, drop its features",
    )


def _blank(name: str, share: float, usual: float, days: int) -> Finding:
    level: Level = "leak" if share < MUCH_EMPTIER * usual else "look"
    return Finding(
        level=level,
        check=CHECK,
        name=name,
        figure=share,
        threshold=(MUCH_EMPTIER if level == "leak" else EMPTIER) * usual,
        what=f"`{name}` is filled in {share:.0%} at most of the rows of the newest {days} days "
        f"(95 %), and in {usual:.0%} at least of those of every week before: it is written after "
        "its row was known",
        remedy="read the table a second time with the day the value was written as its `time`, or "
        "drop the features that read it; if the column has just ended, drop them, too",
        columns=(name,),
    )
