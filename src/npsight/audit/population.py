"""Whether the accounts to be scored look like those that were learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from npsight.audit.findings import Check, Finding
from npsight.config.specs import FeatureSpec
from npsight.models.reference import AGEING, LEAST_ROWS, grouping, limit_of
from npsight.models.reference import stability_index as index_of

CHECK = "train and score alike"
FILLED = 0.5


def population(train: pd.DataFrame, score: pd.DataFrame, specs: Sequence[FeatureSpec]) -> Check:
    """Features that stopped arriving (`leak`, or `look`) and those that have shifted (`look`).

    `train` holds the training rows of all days, `score` those of the day of scoring. A feature
    arrives on a day when at least half of its rows have it (a count or sum: have it above 0). It
    stopped when it arrived on the newest training day and not one row to score has it. That is a
    `leak` where it arrived on every training day, since the model would take silence for an
    answer, and a `look` where it had come and gone before, as yearly surveys do. It shifted when
    its population stability index from the newest training day on is at least 0.25 and three
    times what chance alone makes of so few rows; age in days is spared, which time itself shifts.
    """
    newest = train[train["as_of"] == train["as_of"].max()]
    if min(len(newest), len(score)) < LEAST_ROWS:
        few = f"{len(newest)} and {len(score)} rows, fewer than {LEAST_ROWS}"
        return Check(CHECK, 0, "features", not_judged=few)
    findings = []
    for spec in specs:
        before, now = newest[spec.name], score[spec.name]
        shares = _arrives(train[spec.name], spec).groupby(train["as_of"]).mean()
        if shares.iloc[-1] >= FILLED and not _arrives(now, spec).any():
            findings.append(_stopped(spec, float(shares.iloc[-1]), bool((shares >= FILLED).all())))
            continue
        if spec.aggregation in AGEING:
            continue
        index = stability_index(before, now, category=spec.dtype == "category")
        limit = limit_of(len(newest), len(score))
        if index >= limit:
            findings.append(_moved(spec, index, limit))
    return Check(CHECK, len(specs), "features", tuple(findings))


def _arrives(values: pd.Series, spec: FeatureSpec) -> pd.Series:
    return (values.fillna(0) != 0) if spec.missing == "zero" else values.notna()


def stability_index(before: pd.Series, now: pd.Series, *, category: bool) -> float:
    """The stability index of `npsight.models.reference` from some values to others."""
    then = grouping(before, category=category)
    return index_of(np.asarray(then.counts, dtype=np.float64), then.of(now))


def _stopped(spec: FeatureSpec, share: float, always: bool) -> Finding:
    had = "was above 0" if spec.missing == "zero" else "was known"
    return Finding(
        level="leak" if always else "look",
        check=CHECK,
        name=spec.name,
        figure=share,
        threshold=FILLED,
        what=f"`{spec.name}` {had} for {share:.0%} of the accounts on the newest training day, and "
        "is for none on the day of scoring: it stopped arriving",
        remedy=f"see whether `{spec.source}` is still loaded; if it ended for good, drop the "
        "feature, or train after it with a later `training.first_as_of`",
        columns=spec.columns,
    )


def _moved(spec: FeatureSpec, index: float, limit: float) -> Finding:
    return Finding(
        level="look",
        check=CHECK,
        name=spec.name,
        figure=index,
        threshold=limit,
        what=f"`{spec.name}` is not what it was in training: its stability index from the newest "
        f"training day to the day of scoring is {index:.2f}",
        remedy="see whether its unit, its source or the customers have changed; if the change is "
        "real, train on newer days",
        columns=spec.columns,
    )
