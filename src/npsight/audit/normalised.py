"""Measures set against all that their account will ever have: a mean or a sum of all time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from npsight.audit.findings import Check, Finding
from npsight.models.logits import Vector

CHECK = "set against all time"
LEAST_ACCOUNTS, LEAST_ROWS = 20, 20
ALIKE = 0.95
MOST_ERRORS = 0.1
LEAST_APART = 0.2
SAME_SUM = 0.005


@dataclass(frozen=True)
class Levels:
    """A measure of each account over all time, and how far accounts differ at one instant.

    `apart` is the mean variance among accounts at the same instant, as a share of all variance.
    """

    name: str
    rows: Vector
    mean: Vector
    deviation: Vector
    apart: float


def set_against_all_time(measures: Sequence[Levels]) -> Check:
    """`leak` for measures of which every account has the same mean, or the same sum, of all time.

    Such as logins against the account's mean (0 or 1 or 100 in all), their z-score, or their share
    of all its logins: the value of an old day was made with all later ones. Of chance a mean lies
    within a tenth of its standard error of the same number for 8 accounts of 100; a measure is
    named when 95 of 100 do, or when 95 of 100 sums are alike to 0.5 % where numbers of rows are
    not. Values that all accounts share on a day, such as the day of the week, are no measure of
    theirs. Accounts with fewer than 20 values, or always the same, are left out.
    """
    findings, judged = [], 0
    for measure in measures:
        known = (measure.rows >= LEAST_ROWS) & (measure.deviation > 0)
        if known.sum() < LEAST_ACCOUNTS or measure.apart < LEAST_APART:
            continue
        judged += 1
        rows, mean, deviation = (
            part[known] for part in (measure.rows, measure.mean, measure.deviation)
        )
        errors = np.abs(mean - np.median(mean)) * np.sqrt(rows) / deviation
        for what, alike in (("mean", errors <= MOST_ERRORS), ("sum", _same_sum(rows, mean))):
            if alike.mean() >= ALIKE:
                findings.append(_finding(measure.name, what, float(alike.mean())))
                break
    few = f"no measure with {LEAST_ROWS} values each of {LEAST_ACCOUNTS} accounts"
    return Check(CHECK, judged, "columns", tuple(findings), "" if judged else few)


def _same_sum(rows: Vector, mean: Vector) -> NDArray[np.bool_]:
    sums = rows * mean
    usual = float(np.median(sums))
    few, many = np.quantile(rows, [0.1, 0.9])
    if many < 1.2 * few or usual == 0:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(np.abs(sums - usual) <= SAME_SUM * abs(usual), dtype=bool)


def _finding(name: str, what: str, share: float) -> Finding:
    return Finding(
        level="leak",
        check=CHECK,
        name=name,
        figure=share,
        threshold=ALIKE,
        what=f"`{name}` has the same {what} over all time in {share:.0%} of the accounts: each "
        "value was set against what came later, too",
        remedy="read the raw measure, and compare by `vs_usual`, `trend` or `against: segment`, "
        "which see the past alone",
        columns=(name,),
    )
