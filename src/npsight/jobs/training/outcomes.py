"""What training found: figures by origin, in frozen objects that commands and cards print."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from npsight.models.backtest import Origin
from npsight.models.examples import Examples
from npsight.models.fitting import FittedPart
from npsight.models.logits import Vector
from npsight.models.part import PartModel
from npsight.models.skill import Skill


@dataclass(frozen=True)
class PartResult:
    """One part's backtest and final fit."""

    name: str
    examples: Examples
    origins: tuple[Origin, ...]
    fitted: FittedPart
    rule: str | None
    skill: Skill


@dataclass(frozen=True)
class NpsError:
    """Error of predicted NPS at one origin for one contender, in NPS points.

    `company` is |predicted − observed| over everyone who answered; `account` the root mean
    squared error of account NPS.
    """

    company: float
    account: float
    observed: float
    predicted: float


def nps_errors(detractor: Origin, promoter: Origin) -> dict[str, NpsError]:
    """By contender, on the rows of the detractor origin; `promoter` predicted the same rows."""
    frame = detractor.test.frame
    answers = frame["answers"].to_numpy(np.float64)
    seen = 100 * (frame["promoters"] - frame["detractors"]).to_numpy(np.float64) / answers
    share = answers / answers.sum()
    errors = {}
    for contender in ("chosen", "prior", "logistic", "lightgbm", "base rate"):
        nps = predicted_nps(detractor, promoter, contender)
        errors[contender] = NpsError(
            company=abs(float(share @ (nps - seen))),
            account=float(np.sqrt(np.average((nps - seen) ** 2))),
            observed=float(share @ seen),
            predicted=float(share @ nps),
        )
    return errors


def predicted_nps(detractor: Origin, promoter: Origin, contender: str) -> Vector:
    """NPS of each test row by one contender's two parts."""
    risk = detractor.predicted[contender]
    return 100 * ((1 - risk) * _promoter(promoter, detractor, contender) - risk)


def _promoter(promoter: Origin, detractor: Origin, contender: str) -> Vector:
    """P(promoter | no detractor) on the rows of the detractor origin."""
    frame = detractor.test.frame
    fitted = promoter.fitted
    if contender == "base rate":
        return np.full(len(frame), float(promoter.predicted["base rate"][0]))
    part: PartModel = getattr(fitted, contender)
    return part.probability(frame)
