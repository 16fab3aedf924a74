"""Columns that hold the future of a source: what they say agrees with what came later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from npsight.audit.findings import Check, Finding, Level
from npsight.audit.ranks import partial, partial_ranks
from npsight.models.logits import Vector

CHECK = "holds the future"
LEAST_ROWS = 100
LEAST_TELLING = 50
LEAST_VALUES = 3
EQUAL = 0.95
DATED_AGREES = 0.8
DATED_MIRROR = 0.5
UNDATED_AGREES = 0.9
EXACT = 1e-6
FARTHER = 4.0
"""How many times `within` later must lie from what came before to tell one from the other."""


Kind = Literal["measure", "version", "undated"]


@dataclass(frozen=True)
class Ahead:
    """What a source held before and after each of some rows.

    `label` says what, such as `the number of tickets in the 30 days after`. NaN where there was
    nothing to look at. `sure` where nobody can honestly know it ahead. `of` is the column that it
    is made of, "" for a count. `within` is how near a value must come to be called equal; where it
    is given, only equality is asked.
    """

    label: str
    before: Vector
    after: Vector
    sure: bool = True
    of: str = ""
    within: float = 0.0


@dataclass(frozen=True)
class Column:
    """Values of a column, and what came before and after each.

    A `measure` and a `version` (of an attribute) were written at a known instant, before which
    `before` and after which `after` lie. `undated` values, such as a static attribute, have no
    instant: `after` is then all of the data, and `before` the first half of it. The first version
    of a dated attribute is judged like that too, where it is of the first half.
    """

    name: str
    kind: Kind
    values: Vector
    aheads: tuple[Ahead, ...]


def holds_future(columns: Sequence[Column]) -> Check:
    """Columns that say what a source does later: `leak` where nobody can know it, else `look`.

    Either a column equals what came later, in 95 % of the rows where that differs from what came
    before. Or it agrees with it beyond what came before: a partial correlation (of ranks, or of
    the values) of at least 0.8 for a measure whose mirror image, with before and after exchanged,
    stays below 0.5 (a slow level agrees with both sides alike); of at least 0.9 for an undated
    column, which a mere common cause cannot give (with equal halves it stays below 0.71). A version
    is written where things change, and so agrees with what follows: only equality tells. With its
    own sums and next values a column is not compared: it may well go on as it was. What is told of
    days before and after together (`Ahead.within`) is asked for equality alone.
    """
    findings, judged = [], 0
    for column in columns:
        known = np.isfinite(column.values)
        if known.sum() < LEAST_ROWS or len(np.unique(column.values[known])) < LEAST_VALUES:
            continue
        judged += 1
        aheads = [ahead for ahead in column.aheads if ahead.of != column.name]
        found = [f for ahead in aheads if (f := _judged(column, ahead)) is not None]
        if found:
            findings.append(max(found, key=lambda f: (f.level == "leak", f.figure)))
    few = "" if judged or not columns else f"fewer than {LEAST_ROWS} values in each column"
    if not columns:
        few = "no feature reads a number of a source or an attribute that could hold it"
    return Check(CHECK, judged, "columns", tuple(findings), few)


def _judged(column: Column, ahead: Ahead) -> Finding | None:
    rows = np.isfinite(column.values) & np.isfinite(ahead.before) & np.isfinite(ahead.after)
    if rows.sum() < LEAST_ROWS:
        return None
    values, before, after = column.values[rows], ahead.before[rows], ahead.after[rows]
    if min(len(np.unique(values)), len(np.unique(after))) < LEAST_VALUES:
        return None
    level: Level = "leak" if ahead.sure else "look"
    equal = _equal(values, before, after, max(ahead.within, EXACT))
    if equal >= EQUAL:
        said = f"equals {ahead.label} in {equal:.0%} of the rows that can tell"
        return _finding(level, column.name, said, equal, EQUAL)
    if ahead.within:
        return None
    limit = UNDATED_AGREES if column.kind == "undated" else DATED_AGREES
    agrees = 0.0 if column.kind == "version" else _agreement(values, after, before)
    if agrees < limit:
        return None
    if column.kind == "measure" and _agreement(values, before, after) >= DATED_MIRROR:
        return None
    said = f"agrees with {ahead.label} (partial correlation {agrees:.2f}, given what came before)"
    return _finding(level, column.name, said, agrees, limit)


def _agreement(values: Vector, later: Vector, given: Vector) -> float:
    return max(partial(values, later, given), partial_ranks(values, later, given))


def _equal(values: Vector, before: Vector, after: Vector, within: float) -> float:
    """Share of equal rows among those where later is neither nothing nor near what came before."""
    apart = EXACT if within == EXACT else FARTHER * within
    telling = (np.abs(after - before) > apart) & (np.abs(after) > apart)
    if telling.sum() < LEAST_TELLING or len(np.unique(after[telling])) < LEAST_VALUES:
        return 0.0
    return float(np.mean(np.abs(values[telling] - after[telling]) <= within))


def _finding(level: Level, name: str, said: str, figure: float, threshold: float) -> Finding:
    return Finding(
        level=level,
        check=CHECK,
        name=name,
        figure=figure,
        threshold=threshold,
        what=f"`{name}` {said}: it holds what had not happened yet",
        remedy="drop the features that read it, or count it yourself from the dated rows; if it is "
        "a plan known in advance, say so under `audit.accepted`",
        columns=(name,),
    )
