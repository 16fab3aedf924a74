"""Rolling-origin backtest: at each origin, fit on what was known, predict, wait, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from npsight.models.examples import Examples
from npsight.models.fitting import FitSettings, FittedPart, fit_part
from npsight.models.logits import Vector
from npsight.models.metrics import Quality, quality
from npsight.models.prior import RatePrior
from npsight.models.rule import fit_rule
from npsight.models.splits import Split

CONTENDERS = ("chosen", "prior", "logistic", "lightgbm", "rule", "base rate")


@dataclass(frozen=True)
class Origin:
    """Rows predicted by models that could not know their outcome.

    By time: the rows with as_of equal to the origin, predicted by models fitted on the rows
    whose outcome was known before it. For a snapshot: one random fold.
    """

    label: str
    trained_on: int
    fitted: FittedPart
    test: Examples
    predicted: dict[str, Vector]
    quality: dict[str, Quality]


def origin_days(rows: Examples, period_days: int, origins: int, least: int) -> list[np.datetime64]:
    """The newest as_of dates, at least a period apart, that can be trained before and tested on.

    Rising. A day qualifies when the rows known before it hold `least` events and non-events and
    it has rows of its own.
    """
    chosen: list[np.datetime64] = []
    for day in np.unique(rows.as_of)[::-1]:
        far_enough = not chosen or chosen[-1] - day >= np.timedelta64(period_days, "D")
        if far_enough and rows.known_before(day).can_be_learned(least):
            chosen.append(day)
        if len(chosen) == origins:
            break
    return chosen[::-1]


def time_pairs(rows: Examples, days: Sequence[np.datetime64]) -> list[tuple[str, Split]]:
    """For each day, its label and (rows known before it, rows of that day)."""
    return [
        (str(day.astype("datetime64[D]")), (rows.known_before(day), rows.between(day, day)))
        for day in days
    ]


def backtest(
    name: str,
    pairs: Sequence[tuple[str, Split]],
    settings: FitSettings,
    rule_feature: str | None,
) -> list[Origin]:
    """One `Origin` for each pair, in their order."""
    return [_origin(name, label, pair, settings, rule_feature) for label, pair in pairs]


def _origin(
    name: str, label: str, pair: Split, settings: FitSettings, rule_feature: str | None
) -> Origin:
    past, test = pair
    fitted = fit_part(name, past, settings)
    base = RatePrior(float(np.average(past.share, weights=past.weight)))
    predicted = {
        "chosen": fitted.chosen.probability(test.frame),
        "prior": fitted.prior.probability(test.frame),
        "logistic": fitted.logistic.probability(test.frame),
        "lightgbm": fitted.lightgbm.probability(test.frame),
        "base rate": replace(fitted.prior, prior=base).probability(test.frame),
    }
    if rule_feature is not None:
        predicted["rule"] = fit_rule(rule_feature, past).probability(test.frame)
    figures = {
        contender: quality(p, test.share, test.weight)
        for contender, p in predicted.items()
        if len(test)
    }
    return Origin(label, len(past), fitted, test, predicted, figures)


def mean_quality(origins: Sequence[Origin], contender: str) -> Quality | None:
    """Figures over all origins' rows together; AUC is the mean over origins, since a rank across
    days would reward knowing the day.
    """
    used = [o for o in origins if contender in o.quality]
    if not used:
        return None
    pooled = quality(
        np.concatenate([o.predicted[contender] for o in used]),
        np.concatenate([o.test.share for o in used]),
        np.concatenate([o.test.weight for o in used]),
    )
    aucs = [a for o in used if (a := o.quality[contender].auc) is not None]
    lifts = [a for o in used if (a := o.quality[contender].lift) is not None]
    return replace(
        pooled,
        auc=float(np.mean(aucs)) if aucs else None,
        lift=float(np.mean(lifts)) if lifts else None,
    )
