"""All parts of a project's model together, and what they predict for a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from npsight.config.specs import DriverSpec, FeatureSpec, OutcomeWindow
from npsight.features.history import history_columns
from npsight.models.intervals import NpsSpread
from npsight.models.logits import Vector
from npsight.models.part import PartModel
from npsight.models.prior import HistoryPrior
from npsight.models.response import ResponseModel
from npsight.models.rows import Features, Layout, rows_of
from npsight.models.survival import ChurnCurve
from npsight.models.typical import Typical

SEGMENT = "segment_"
"""Column of each account's segment, "" or missing where it has none."""


@dataclass(frozen=True)
class Predictions:
    """One value a row, shape (rows,); None for a target the model does not have.

    `promoter`, `detractor` and their complement, the passive probability, add to 1;
    `nps` = 100 · (promoter − detractor), from −100 to 100. `answer_prob` is the chance of at
    least one answer in the outcome window, `expected_answers` how many to expect.
    """

    detractor: Vector | None
    promoter: Vector | None
    nps: Vector | None
    churn: Vector | None
    answer_prob: Vector | None = None
    expected_answers: Vector | None = None


@dataclass(frozen=True)
class Model:
    """A trained model, engine-free.

    Attributes
    ----------
    detractor
        P(an answer is a detractor's).
    promoter
        P(an answer is a promoter's, given it is no detractor's): so bands add to 1 by
        construction, and risk and NPS cannot contradict each other.
    churn
        P(the account is lost).
    response
        Who will answer; None for a model without a survey. It is no part: it has no drivers.
    specs, drivers, segment
        The features, their groups, and the attribute that gives peers.
    trained_through
        The newest training as_of, ISO 8601.
    churn_curve
        How churn risk grows with the horizon; None where that is unknown, or has no meaning.
    typical
        What the drivers add over the training rows, for the displayed numbers `risk`, `nps` and
        `churn`. Without it, driver points start from the number at the mean log-odds.
    """

    project: str
    detractor: PartModel | None
    promoter: PartModel | None
    churn: PartModel | None
    spread: NpsSpread | None
    specs: tuple[FeatureSpec, ...]
    drivers: tuple[DriverSpec, ...]
    segment: str | None
    windows: dict[str, OutcomeWindow]
    trained_through: str
    churn_curve: ChurnCurve | None = None
    response: ResponseModel | None = None
    typical: Mapping[str, Typical] = field(default_factory=dict)

    def parts(self) -> Iterator[tuple[str, PartModel]]:
        """The parts that exist, by name."""
        for name in ("detractor", "promoter", "churn"):
            part = getattr(self, name)
            if part is not None:
                yield name, part

    def unranked(self) -> tuple[str, ...]:
        """Names of the parts that do not tell accounts apart."""
        return tuple(name for name, part in self.parts() if not part.has_skill)

    @cached_property
    def layout(self) -> Layout:
        """What the model reads of an account, and the segment that its peers are found by.

        Decayed counts are those of the levels that a part's prior reads, none without one.
        """
        numbers = [spec.name for spec in self.specs if spec.dtype != "category"]
        texts = [spec.name for spec in self.specs if spec.dtype == "category"]
        priors = [part.prior for _, part in self.parts() if isinstance(part.prior, HistoryPrior)]
        levels = list(dict.fromkeys(level for prior in priors for level in prior.levels))
        return Layout((*numbers, *history_columns(levels)), (*texts, SEGMENT))

    def predict(self, features: Features, answers: bool = True) -> Predictions:
        """Probabilities and NPS of features and decayed counts.

        Without `answers` nothing is said of who will answer.
        """
        rows = rows_of(features)
        detractor = self.detractor.probability(rows) if self.detractor else None
        promoter = self.promoter.probability(rows) if self.promoter and self.detractor else None
        churn = self.churn.probability(rows) if self.churn else None
        answer_prob = expected = None
        if answers and self.response is not None:
            answer_prob = self.response.probability(rows)
            expected = self.response.answers(rows)
        return predictions(detractor, promoter, churn, answer_prob, expected)


def predictions(
    detractor: Vector | None,
    promoter_of_rest: Vector | None,
    churn: Vector | None,
    answer_prob: Vector | None = None,
    expected_answers: Vector | None = None,
) -> Predictions:
    """What follows from the probabilities of a model's parts."""
    promoter = nps = None
    if promoter_of_rest is not None and detractor is not None:
        promoter = (1 - detractor) * promoter_of_rest
        nps = nps_of(detractor, promoter)
    return Predictions(detractor, promoter, nps, churn, answer_prob, expected_answers)


def nps_of(detractor: Vector, promoter: Vector) -> Vector:
    """100 · (promoter − detractor), from −100 to 100."""
    return np.asarray(100.0 * (promoter - detractor), dtype=np.float64)
