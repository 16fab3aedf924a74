"""Would more history help: the newest origin, learned from less and less of what was before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from npsight.config.specs import ProjectSpec
from npsight.jobs.evaluations.found import LearningCurve, LearningPoint
from npsight.jobs.training.fit import PartResult, fit_settings
from npsight.models.backtest import Origin
from npsight.models.bootstrap import AccountDraws, draw_accounts, interval
from npsight.models.examples import Examples
from npsight.models.fitting import FitSettings, fit_part
from npsight.models.logits import Vector
from npsight.models.weighted import Ranked

PARTS = (0.25, 0.5, 0.75, 1.0)
MOST_ROWS = 20_000
"""Above this, accounts are sampled: four fits on everything would cost as much as the backtest."""


@dataclass(frozen=True)
class _Learned:
    """The rows that were learned from, and what was predicted of the test rows."""

    part: float
    past: Examples
    predicted: Vector


def learning_curve(project: ProjectSpec, result: PartResult) -> LearningCurve | None:
    """25, 50, 75 and 100 % of the days before the newest origin, most recent first; for a
    snapshot, of the accounts. None where there is no origin, or too little of history to part.

    Everything is decided anew from each part, by one fold inside it, and without a calibration.
    """
    origins = [o for o in result.origins if len(o.test)]
    if not origins:
        return None
    origin = origins[-1]
    whole = _past(project, result.examples, origin)
    past, kept = _thinned(whole, project.training.seed)
    learned = list(_learn(project, result.name, past, origin))
    if len(learned) < 2:
        return None
    draws = draw_accounts([origin.test], project.training.seed)
    losses = [_losses(draws, one.predicted, origin) for one in learned]
    gap = losses[-2] - losses[-1]
    points = tuple(_point(one, loss, origin) for one, loss in zip(learned, losses, strict=True))
    return LearningCurve(
        origin=origin.label,
        by_time=not project.is_snapshot,
        accounts_part=kept,
        points=points,
        gap=float(gap[0]),
        interval=interval(gap[1:]),
    )


def _past(project: ProjectSpec, rows: Examples, origin: Origin) -> Examples:
    """What the origin's model was fitted on."""
    if project.is_snapshot:
        return rows.where(~np.isin(rows.account.astype(str), origin.test.account.astype(str)))
    return rows.known_before(np.datetime64(origin.label, "us"))


def _thinned(rows: Examples, seed: int) -> tuple[Examples, float]:
    """Whole accounts, drawn so that about `MOST_ROWS` rows are left; and which part they are."""
    if len(rows) <= MOST_ROWS:
        return rows, 1.0
    part = MOST_ROWS / len(rows)
    return _some_accounts(rows, part, seed), part


def _some_accounts(rows: Examples, part: float, seed: int) -> Examples:
    names, codes = np.unique(rows.account.astype(str), return_inverse=True)
    draw = np.random.default_rng(seed).permutation(len(names))
    return rows.where(draw[codes] < part * len(names))


def _learn(project: ProjectSpec, name: str, past: Examples, origin: Origin) -> Iterator[_Learned]:
    """The histories that can be learned from, the shortest first."""
    for part in PARTS:
        some = past if part == 1.0 else _part_of(project, past, part)
        if some.can_be_learned(project.training.min_events):
            fitted = fit_part(name, some, _quick(fit_settings(project, name)))
            yield _Learned(part, some, fitted.chosen.probability(origin.test.frame))


def _quick(settings: FitSettings) -> FitSettings:
    """One fold decides, the newest: all points alike, at a third of the cost."""
    return replace(settings, split=lambda rows: settings.split(rows)[:1], folds={})


def _part_of(project: ProjectSpec, past: Examples, part: float) -> Examples:
    if project.is_snapshot:
        return _some_accounts(past, part, project.training.seed)
    days = np.unique(past.as_of)
    first = days[len(days) - max(1, round(part * len(days)))]
    return past.between(first, days[-1])


def _losses(draws: AccountDraws, predicted: Vector, origin: Origin) -> Vector:
    """Log loss on the test rows: of the data as they are, then under each draw."""
    share = origin.test.share
    return draws.figures(0, lambda weights: Ranked(predicted, share, weights).log_loss())


def _point(one: _Learned, losses: Vector, origin: Origin) -> LearningPoint:
    test = origin.test
    ranked = Ranked(one.predicted, test.share, test.weight[None])
    found = float(ranked.auc()[0])
    return LearningPoint(
        part=one.part,
        since=str(one.past.as_of.min().astype("datetime64[D]")),
        rows=len(one.past),
        events=one.past.events()[0],
        tested=len(test),
        auc=found if np.isfinite(found) else None,
        brier=float(ranked.brier()[0]),
        log_loss=float(losses[0]),
        interval=interval(losses[1:]),
    )
