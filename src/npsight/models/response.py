"""Who will answer in the outcome window, and how many answers to expect.

Where answers come at a rate that varies between accounts as a gamma distribution, an account that
gave c answers in the time E has the expected rate (Gelman et al., *Bayesian Data Analysis*, 2.6)

    rate = (c + strength · base) / (E + strength)

with `base` the mean rate of all. Both fade with one half-life: c is the account's decayed count of
answers, and E the time as the answers of everybody tell it, their decayed count over the same
count at a half-life of 120 days; so a short history, or a survey that lately reaches more people,
does not look like accounts that answer less. Half-life and strength are those of greatest Poisson
likelihood on the training rows, `scale` turns the rate into answers a window and makes totals
meet. The chance of any answer starts from 1 − exp(−scale · rate); learners move it as they move
any other part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from npsight.features.history import BANDS, HALF_LIVES_DAYS
from npsight.models.examples import Examples
from npsight.models.logits import Vector, logit
from npsight.models.part import PartModel
from npsight.models.prior import counted
from npsight.models.rows import Features, Rows, rows_of

STRENGTHS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 51.2)
"""In units of E: about 1 is half a year."""
TIME_HALF_LIFE_DAYS = 120
SURE = 0.99
"""From this chance on, "any answer" says nothing of how many: the prior's rate does."""
PEOPLE = (1e6, 64.0, 32.0, 16.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.5, 1.0)
"""People of an account who may each answer once; a million are as good as Poisson counts."""
RECENT = np.timedelta64(365, "D")
MOST_ROWS = 30_000


@dataclass(frozen=True)
class ResponsePrior:
    """See the module's head. A prior like those of `npsight.models.prior`."""

    scale: float
    base: float
    strength: float
    half_life_days: int

    def rate(self, features: Features) -> Vector:
        """Expected answers in the window, shape (rows,); positive."""
        seen = _seen(rows_of(features), self.half_life_days)
        return self.scale * _rate(*seen, self.base, self.strength)

    def log_odds(self, features: Features) -> Vector:
        """Log-odds of at least one answer."""
        return logit(-np.expm1(-self.rate(features)))

    def to_json(self) -> dict[str, object]:
        """JSON form, read by `npsight.models.prior.prior_from_json`."""
        return {"kind": "response", **self.__dict__}


def fit_response_prior(rows: Examples) -> ResponsePrior:
    """The prior of greatest Poisson likelihood; `rows.frame` holds the count in `answers`."""
    answers = rows.frame["answers"].to_numpy(np.float64)
    total = max(float(answers.sum()), 0.5)
    best, most = None, -np.inf
    for half_life in HALF_LIVES_DAYS:
        count, time = _seen(rows_of(rows.frame), half_life)
        base = max(float(count.sum()), 0.5) / max(float(time.sum()), 0.5)
        for strength in reversed(STRENGTHS):
            rate = _rate(count, time, base, strength)
            scale = total / float(rate.sum())
            likelihood = float(answers @ np.log(scale * rate)) - total
            if likelihood > most + 1e-9:
                best = ResponsePrior(round(scale, 12), round(base, 12), strength, half_life)
                most = likelihood
    assert best is not None
    return best


def _rate(count: Vector, time: Vector, base: float, strength: float) -> Vector:
    return (count + strength * base) / (time + strength)


def _seen(rows: Rows, half_life: int) -> tuple[Vector, Vector]:
    """The c and E of each row; E is 0 where nobody has answered yet."""
    everybody = counted(rows, "market", BANDS, half_life)
    lately = counted(rows, "market", BANDS, TIME_HALF_LIFE_DAYS)
    time = np.divide(everybody, lately, out=np.zeros(len(rows)), where=lately > 0)
    return counted(rows, "own", BANDS, half_life), time


@dataclass(frozen=True)
class ResponseModel:
    """The chance of an answer, and the number of answers to expect.

    Attributes
    ----------
    part
        P(the account gives at least one answer in the outcome window).
    per_event
        c, which makes totals meet, and
    people
        m, in answers = c · m (1 − (1 − P)^(1/m)): what m people give who are each as likely to
        answer once, so that one of them does with probability P.
    dispersion
        φ in E n(n − 1) = (1 + φ) μ²: 0 for Poisson counts around μ, more where counts vary more,
        less (down to −1) where an account can hardly answer twice.
    """

    part: PartModel
    per_event: float
    people: float
    dispersion: float

    def probability(self, features: Features) -> Vector:
        """Chance of at least one answer in the window, shape (rows,)."""
        return self.part.probability(features)

    def answers(self, features: Features) -> Vector:
        """Expected number of answers in the window, shape (rows,); positive.

        Above P = 0.99 the prior's rate stands for −log(1 − P), moved by as much as the learners
        moved the chance.
        """
        return self.per_event * _counts(_hazard(self.part, features), self.people)


def _hazard(part: PartModel, features: Features) -> Vector:
    moved = -np.log1p(-np.minimum(part.probability(features), SURE))
    if not isinstance(part.prior, ResponsePrior):
        return np.asarray(moved, dtype=np.float64)
    rate = part.prior.rate(features)
    return np.asarray(moved * np.maximum(rate / -np.log1p(-SURE), 1.0), dtype=np.float64)


def _counts(hazard: Vector, people: float) -> Vector:
    return np.asarray(-people * np.expm1(-hazard / people), dtype=np.float64)


def response_model(part: PartModel, rows: Examples) -> ResponseModel:
    """`part` with counts: learned on the rows of the newest year, since response rates drift."""
    recent = rows.where(rows.as_of > rows.as_of.max() - RECENT)
    answers = recent.frame["answers"].to_numpy(np.float64)
    hazard = _hazard(part, recent.frame)
    total = max(float(answers.sum()), 0.5)

    def likelihood(people: float) -> float:
        size = _counts(hazard, people)
        return float(answers @ np.log(total / size.sum() * size))

    people = max(PEOPLE, key=lambda people: round(likelihood(people), 9))
    size = _counts(hazard, people)
    per_event = total / float(size.sum())
    expected = per_event * size
    pairs, square = float(answers @ (answers - 1)), float(expected @ expected)
    dispersion = max(pairs / square - 1, -1.0)
    return ResponseModel(part, round(per_event, 9), people, round(dispersion, 9))


def sampled(rows: Examples, most: int = MOST_ROWS) -> Examples:
    """At most about `most` rows: all days of accounts picked by a hash of their name.

    The same accounts whatever the order of rows, and whatever other accounts there are.
    """
    if len(rows) <= most:
        return replace(rows)
    names, code = np.unique(rows.account.astype(str), return_inverse=True)
    place = np.array([crc32(name.encode()) / 2**32 for name in names])
    return rows.where((place < most / len(rows))[code])
