"""Whether the accounts to be scored look like those that were learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from npsight.audit.findings import Check, Finding
from npsight.config.specs import FeatureSpec
from npsight.models.logits import Vector

CHECK = "train and score alike"
LEAST_ROWS = 100
MOST_PSI = 0.25
GROUPS = 10
FILLED = 0.5
FLOOR = 1e-3
CHANCE = 3.0
AGEING = ("age", "days_since_first")


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
        limit = max(MOST_PSI, CHANCE * GROUPS * (1 / len(newest) + 1 / len(score)))
        if index >= limit:
            findings.append(_moved(spec, index, limit))
    return Check(CHECK, len(specs), "features", tuple(findings))


def _arrives(values: pd.Series, spec: FeatureSpec) -> pd.Series:
    return (values.fillna(0) != 0) if spec.missing == "zero" else values.notna()


def stability_index(before: pd.Series, now: pd.Series, *, category: bool) -> float:
    """Σ (q − p) ln(q / p) over ten groups of equal size of `before`, missing being one more.

    Shares below 0.001 count as 0.001, so that an empty group is no infinity.
    """
    old, new = (_named if category else _sized)(before, now)
    p, q = (np.maximum(counts / counts.sum(), FLOOR) for counts in (old, new))
    return float(np.sum((q - p) * np.log(q / p)))


def _named(before: pd.Series, now: pd.Series) -> tuple[Vector, Vector]:
    names = sorted({*before.dropna().unique(), *now.dropna().unique()})
    old, new = (pd.Categorical(v, categories=names).codes for v in (before, now))
    return _counts(old, len(names)), _counts(new, len(names))


def _sized(before: pd.Series, now: pd.Series) -> tuple[Vector, Vector]:
    known = before.dropna().to_numpy(np.float64)
    steps = np.linspace(0, 1, GROUPS + 1)[1:-1]
    edges = np.unique(np.quantile(known, steps)) if len(known) else np.empty(0)
    old, new = (
        np.where(np.isnan(v), -1, np.searchsorted(edges, v, "left"))
        for v in (before.to_numpy(np.float64), now.to_numpy(np.float64))
    )
    return _counts(old, len(edges) + 1), _counts(new, len(edges) + 1)


def _counts(codes: np.ndarray, groups: int) -> Vector:
    """Rows of each group; code −1, missing, is the last."""
    return np.bincount(np.where(codes < 0, groups, codes), minlength=groups + 1).astype(np.float64)


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
