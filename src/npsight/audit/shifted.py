"""Features whose strength vanishes when they are read a gap earlier: they lived on the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from npsight.audit.alone import ONE_SIDED_Z, Split, strength, variance
from npsight.audit.findings import Check, Finding
from npsight.config.specs import FeatureSpec

CHECK = "strength vanishes earlier"
LEAST_STRENGTH = 0.1
MOST_FALL = 0.6
USUAL_FALL = 0.3


def vanishing(
    target: str,
    splits: Sequence[tuple[Split, pd.DataFrame]],
    specs: Sequence[FeatureSpec],
    days: int,
) -> Check:
    """`look` at features that tell the outcome well at as_of, and hardly `days` earlier.

    `splits` pairs each split with the test rows' features as of `days` before. Strength is
    AUC − 0.5. A feature is named when its strength is at least 0.1 and surely falls by more than
    60 % (to the upper end of its one-sided 95 % interval), while the median fall of the others of
    at least that strength is below 30 %: a sudden turn that all of them see is news, not a leak.
    """
    name = f"{CHECK}: {target}"
    if not splits:
        return Check(name, 0, "features", not_judged="too few events")
    now, before = _mean_strengths(splits, specs)
    strong = [spec for spec in specs if now[spec.name] >= LEAST_STRENGTH]
    falls = {s.name: 1 - max(before[s.name], 0.0) / now[s.name] for s in strong}
    if len(strong) < 2:
        few = "fewer than two features tell the outcome, so none can be compared with the others"
        return Check(name, 0, "features", not_judged=few)
    findings = [
        _finding(name, spec, falls[spec.name], now[spec.name], before[spec.name], days)
        for spec in strong
        if _sure_fall(now[spec.name], before[spec.name], splits) > MOST_FALL
        and _others(falls, spec.name) < USUAL_FALL
    ]
    return Check(name, len(strong), "features", tuple(findings))


def _others(falls: Mapping[str, float], name: str) -> float:
    return float(np.median([fall for other, fall in falls.items() if other != name]))


def _sure_fall(now: float, before: float, splits: Sequence[tuple[Split, pd.DataFrame]]) -> float:
    """The fall to the upper end of what it was: of few events, chance alone leaves little."""
    spread = sum(variance(0.5 + max(before, 0.0), split.test) for split, _ in splits)
    upper = max(before, 0.0) + ONE_SIDED_Z * float(np.sqrt(spread)) / len(splits)
    return 1 - upper / now


def _mean_strengths(
    splits: Sequence[tuple[Split, pd.DataFrame]], specs: Sequence[FeatureSpec]
) -> tuple[dict[str, float], dict[str, float]]:
    now, before = {}, {}
    for spec in specs:
        category = spec.dtype == "category"
        pairs = [(_of(s, s.test.frame, spec, category), _of(s, e, spec, category))
                 for s, e in splits]  # fmt: skip
        now[spec.name] = float(np.mean([pair[0] for pair in pairs])) - 0.5
        before[spec.name] = float(np.mean([pair[1] for pair in pairs])) - 0.5
    return now, before


def _of(split: Split, rows: pd.DataFrame, spec: FeatureSpec, category: bool) -> float:
    return strength(rows[spec.name], split.past.frame[spec.name], split, category=category)


def _finding(
    check: str, spec: FeatureSpec, fall: float, now: float, before: float, days: int
) -> Finding:
    return Finding(
        level="look",
        check=check,
        name=spec.name,
        figure=fall,
        threshold=MOST_FALL,
        what=f"`{spec.name}` tells the outcome with an AUC of {0.5 + now:.3f}, but only "
        f"{0.5 + before:.3f} when read {days} days earlier, while the others hardly lose: what it "
        "knows, it learns in the last days",
        remedy="check that its rows were really known when `known_at` says so (backdated entries, "
        "a nightly load, a measure that looks ahead); if so, nothing is wrong",
        columns=spec.columns,
    )
