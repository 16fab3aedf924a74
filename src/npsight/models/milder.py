"""Milder risks: the same accounts in the same order, each nearer to the mean of all.

Few events leave the gain of bold risks in doubt: one of them gone wrong outweighs many that were
right. Drawn to their mean in log-odds the same risks stake less, and that they tell accounts apart
shows sooner. So where events rank high and the whole risks are not shown to gain, milder ones are
judged by the same tests, each of which lets as little noise pass (`npsight.models.skill`). How mild
they are is no measure of what is true; kept is what gained most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from npsight.models.backtest import Origin
from npsight.models.examples import Examples
from npsight.models.fitting import FittedPart
from npsight.models.logits import probability, shift_to
from npsight.models.metrics import quality
from npsight.models.skill import LEVEL, Skill, at_prior, at_prior_then, skill_of

STRENGTHS = (0.5, 0.25)
"""Shares of the distance from their mean, in log-odds, that milder risks keep."""


def as_shown(
    origins: Sequence[Origin],
    pasts: Sequence[Examples],
    fitted: FittedPart,
    rows: Examples,
    seed: int,
) -> tuple[list[Origin], FittedPart, Skill]:
    """A part as far as its backtest shows skill, and at its prior where it shows none.

    Where whole risks are not shown to have skill, though events rank higher within their days than
    by chance, milder ones are judged. If one of them has it, the part has, and keeps the strength
    that gained most: whole risks too, where they are not too extreme but too few to be sure of.

    Parameters
    ----------
    pasts
        The rows that each origin's models were fitted on.
    fitted, rows
        The final fit and the rows of it.
    """
    whole = skill_of(origins, seed)
    if whole.shown:
        return list(origins), fitted, whole
    tried = {1.0: (list(origins), whole)}
    for strength in STRENGTHS if whole.rank_p_value <= LEVEL else ():
        milder = [milder_then(o, past, strength) for o, past in zip(origins, pasts, strict=True)]
        tried[strength] = (milder, skill_of(milder, seed))
    shown = [strength for strength, (_, skill) in tried.items() if skill.shown]
    if not shown:
        return [at_prior_then(origin) for origin in origins], at_prior(fitted), whole
    kept = max(tried, key=lambda strength: tried[strength][1].gain)
    skill = replace(tried[shown[0]][1], strength=shown[0], kept=kept)
    return tried[kept][0], fitted if kept == 1 else drawn_to_mean(fitted, rows, kept), skill


def drawn_to_mean(fitted: FittedPart, rows: Examples, strength: float) -> FittedPart:
    """The part with its chosen model's log-odds scaled by `strength`.

    Their mean probability over `rows`, those it was fitted on, stays what it was.
    """
    chosen = fitted.chosen
    kept = chosen.calibration
    full = kept.shift + kept.slope * chosen.raw(rows.frame)
    level = float(np.average(probability(full), weights=rows.weight))
    shift = strength * kept.shift + shift_to(strength * full, rows.weight, level)
    calibration = replace(
        kept, shift=round(float(shift), 9), slope=round(float(strength * kept.slope), 9)
    )
    reason = (
        f"{fitted.selection.reason}; risks are drawn {1 - strength:.0%} of the way to their mean"
    )
    return replace(
        fitted,
        chosen=replace(chosen, calibration=calibration),
        selection=replace(fitted.selection, calibrated=True, reason=reason),
    )


def milder_then(origin: Origin, past: Examples, strength: float) -> Origin:
    """The same of one backtest origin; its tested day has no say in the level."""
    fitted = drawn_to_mean(origin.fitted, past, strength)
    test = origin.test
    predicted = {**origin.predicted, "chosen": fitted.chosen.probability(test.frame)}
    figures = dict(origin.quality)
    if "chosen" in figures:
        figures["chosen"] = quality(predicted["chosen"], test.share, test.weight)
    return replace(origin, fitted=fitted, predicted=predicted, quality=figures)
