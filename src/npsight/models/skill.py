"""Is there anything to learn: do out-of-time predictions tell accounts apart at all?

The predictions of a day are held against one number for all accounts, that day's own level. So
that a level met by luck is no skill, nor one missed a lack of it, the predictions are shifted in
log-odds to the same level first. With l a shifted prediction, l̄ the level, both in log-odds, and
A(l) = log(1 + exp l), a row with share y gains

    y · (l − l̄) − (A(l) − A(l̄))        nats of log loss.

Where outcomes know nothing of predictions its mean is below zero, by the spread of the
predictions (−KL). A mean above zero must be beyond chance in two ways, each at `LEVEL`: by a
t-test that takes the rows of one account as one draw (Cameron & Miller 2015), and among
rearrangements of each day's outcomes (Fisher's test). The first knows that an account's answers
resemble each other, the second that events are few and their gains lopsided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npsight.models.backtest import Origin
from npsight.models.clustered import clustered_mean
from npsight.models.fitting import FittedPart
from npsight.models.logits import SMALLEST, Vector, logit, probability, shift_to

LEVEL = 0.01
"""Chance that a target without skill is said to have it. With three parts at most 3 in 100."""

DOUBTFUL = 0.1
"""Up to here a gain is not called chance, though it is not believed either."""

ARRANGEMENTS = 999
LEAST_EVENTS = 10
"""Events, and others, of the backtest below which nothing is claimed."""

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class Skill:
    """What the backtest says of one part.

    Attributes
    ----------
    shown
        Whether the predictions tell accounts apart beyond chance.
    rows, accounts, days
        What it was judged on; `days` are backtest origins.
    events, others
        Weighted number of events and of non-events among the rows.
    gain, error
        Mean gain in log loss over the day's own level (nats a row), and its standard error
        clustered by account; 0 where nothing was tested.
    brier_gain
        The same in Brier score.
    p_value
        The larger of the two tests' chances to see such a gain without skill; 1 where nothing was
        tested.
    rank_p_value
        Chance, among the same rearrangements, that events rank as high within their days as they
        did. It is no skill: predictions can rank well and still be too extreme, or gain too little
        for their number; but then "no better than chance" would be untrue, and milder risks are
        tried (`npsight.models.milder`).
    why_not_tested
        What there was too little of; "" where it was tested.
    strength
        Share of the distance from their mean, in log-odds, that the judged predictions kept
        (`npsight.models.milder`); 1 for predictions as they were made.
    kept
        The share that the model keeps: the one that gained most.
    """

    shown: bool
    rows: int
    accounts: int
    days: int
    events: float
    others: float
    gain: float = 0.0
    error: float = 0.0
    brier_gain: float = 0.0
    p_value: float = 1.0
    rank_p_value: float = 1.0
    why_not_tested: str = ""
    strength: float = 1.0
    kept: float = 1.0

    def sentence(self) -> str:
        """The verdict with its figures."""
        seen = (
            f"{self.rows:,} rows of {self.accounts:,} accounts on {self.days} backtest "
            f"{'day' if self.days == 1 else 'days'}, {self.events:,.0f} events"
        )
        if self.why_not_tested:
            return f"not tested: {self.why_not_tested} ({seen})"
        return (
            f"{self._said()}: gain {self.gain:+.4f} ± {self.error:.4f} nats a row over the day's "
            f"own level, p = {self.p_value:.3f} ({seen})"
        )

    def _said(self) -> str:
        if self.shown:
            return f"tells accounts apart{self._by_milder()}"
        if self.gain > 0 and self.p_value <= DOUBTFUL:
            return f"may tell accounts apart, but it takes p ≤ {LEVEL:g} to believe it"
        if self.rank_p_value <= LEVEL:
            return (
                "may rank accounts (events stand higher within their day than by chance, "
                f"p = {self.rank_p_value:.3f}), but neither its risks nor milder ones are shown to "
                "say more than one number for all"
            )
        return "tells accounts apart no better than chance"

    def _by_milder(self) -> str:
        if self.strength == 1:
            return ""
        kept = "whole" if self.kept == 1 else f"drawn {1 - self.kept:.0%}"
        return (
            f" by risks drawn {1 - self.strength:.0%} of the way to their mean; they are kept "
            f"{kept}, which gained most"
        )


@dataclass(frozen=True)
class DayRows:
    """Out-of-time predictions and what was seen, all of shape (rows,).

    `day` is the place of each row's backtest origin, from 0; `account` any label.
    """

    predicted: Vector
    share: Vector
    weight: Vector
    day: Codes
    account: NDArray[Any]

    def __len__(self) -> int:
        return len(self.share)


def skill_of(origins: Sequence[Origin], seed: int = 0) -> Skill:
    """The skill of the chosen models of a backtest, over all its rows."""
    used = [origin for origin in origins if len(origin.test)]
    if not used:
        few = "history is too short for a backtest day, or too few outcomes were known before any"
        return Skill(False, 0, 0, 0, 0, 0, why_not_tested=few)
    return judge(
        DayRows(
            predicted=np.concatenate([o.predicted["chosen"] for o in used]),
            share=np.concatenate([o.test.share for o in used]),
            weight=np.concatenate([o.test.weight for o in used]),
            day=np.repeat(np.arange(len(used)), [len(o.test) for o in used]),
            account=np.concatenate([o.test.account for o in used]),
        ),
        seed,
    )


def judge(rows: DayRows, seed: int = 0, level: float = LEVEL) -> Skill:
    """Whether predictions tell the accounts of a day apart beyond chance."""
    events = float(rows.share @ rows.weight)
    found = Skill(
        shown=False,
        rows=len(rows),
        accounts=len(np.unique(rows.account.astype(str))),
        days=len(np.unique(rows.day)),
        events=events,
        others=float(rows.weight.sum()) - events,
    )
    if min(found.events, found.others) < LEAST_EVENTS:
        why = f"at least {LEAST_EVENTS} events and as many others are needed in the backtest"
        return replace(found, why_not_tested=why)
    odds, levels = centred(rows)
    # y·step − drop is the gain of a row: linear in its outcome, whatever row it is given to.
    step = odds - levels
    drop = np.logaddexp(0.0, odds) - np.logaddexp(0.0, levels)
    gain, error = clustered_mean(rows.share * step - drop, rows.weight, rows.account)
    brier, _ = clustered_mean(_brier_gain(rows.share, odds, levels), rows.weight, rows.account)
    among, ranked = _among_arrangements(rows, step, drop, seed)
    p_value = max(_beyond(gain, error, found.accounts), among) if gain > 0 else 1.0
    return replace(
        found,
        shown=p_value <= level,
        gain=gain,
        error=error,
        brier_gain=brier,
        p_value=p_value,
        rank_p_value=ranked,
    )


def centred(rows: DayRows) -> tuple[Vector, Vector]:
    """(log-odds shifted day by day to the day's own level, that level's log-odds), by row.

    A day of one class only gets half an event, or half a non-event.
    """
    odds, levels = np.empty(len(rows)), np.empty(len(rows))
    raw = logit(rows.predicted)
    for day in np.unique(rows.day):
        those = rows.day == day
        weight = rows.weight[those]
        total = float(weight.sum())
        half = min(0.5 / max(total, 1.0), 0.5)
        seen = float(rows.share[those] @ weight) / total
        level = float(np.clip(seen, max(half, SMALLEST), 1 - max(half, SMALLEST)))
        odds[those] = raw[those] + shift_to(raw[those], weight, level)
        levels[those] = float(logit(level))
    return odds, levels


def _brier_gain(share: Vector, odds: Vector, levels: Vector) -> Vector:
    ours, theirs = probability(odds), probability(levels)
    gain = share * ((1 - theirs) ** 2 - (1 - ours) ** 2) + (1 - share) * (theirs**2 - ours**2)
    return np.asarray(gain, dtype=np.float64)


def _beyond(gain: float, error: float, clusters: int) -> float:
    """Chance of such a gain or a larger one where the truth is zero (Student's t)."""
    from scipy.stats import t

    if not error > 0 or clusters < 2:
        return 1.0
    return float(t.sf(gain / error, clusters - 1))


def _among_arrangements(
    rows: DayRows, step: Vector, drop: Vector, seed: int
) -> tuple[float, float]:
    """Share of arrangements of each day's outcomes with at least the gain that was seen, and with
    at least as high a sum of the events' ranks within their days.
    """
    from scipy.stats import rankdata

    rng = np.random.default_rng(seed)
    event = rows.share * rows.weight
    seen = float(event @ step - rows.weight @ drop)
    days = [np.flatnonzero(rows.day == day) for day in np.unique(rows.day)]
    place = np.concatenate(days)
    rank = np.concatenate([rankdata(step[day]) / len(day) for day in days])
    ranked = float(event[place] @ rank)
    at_least = as_high = 0
    for _ in range(ARRANGEMENTS):
        order = np.concatenate([rng.permutation(day) for day in days])
        total = float(event[order] @ step[place] - rows.weight[order] @ drop[place])
        at_least += total >= seen - 1e-12
        as_high += float(event[order] @ rank) >= ranked - 1e-9
    return (1 + at_least) / (1 + ARRANGEMENTS), (1 + as_high) / (1 + ARRANGEMENTS)


def at_prior(fitted: FittedPart) -> FittedPart:
    """The part without learners and calibration, marked as without skill."""
    recipe = replace(fitted.selection.recipe, linear_blend=0.0, tree_blend=0.0)
    reason = "nothing tells accounts apart beyond chance: kept at the prior"
    return replace(
        fitted,
        chosen=replace(fitted.prior, has_skill=False),
        selection=replace(fitted.selection, recipe=recipe, calibrated=False, reason=reason),
    )


def at_prior_then(origin: Origin) -> Origin:
    """The same of one backtest origin, so that its figures are those of what is kept."""
    predicted = {**origin.predicted, "chosen": origin.predicted["prior"]}
    quality = dict(origin.quality)
    if "prior" in quality:
        quality["chosen"] = quality["prior"]
    fitted = at_prior(origin.fitted)
    return replace(origin, fitted=fitted, predicted=predicted, quality=quality)
