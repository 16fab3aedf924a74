"""What calling achieved, from what the store keeps of accounts that came within reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.jobs.runs.holdouts import Rhythm
from npsight.models.doubly_robust import Observational, Observed, doubly_robust
from npsight.models.impact import (
    LEAST,
    LEVEL,
    Effect,
    Trial,
    call_effect,
    intention_effect,
    rows_needed,
    share_difference,
    share_interval,
)
from npsight.store import Store
from npsight.store.holdouts import (
    Enrolment,
    FollowUpCount,
    all_enrolments,
    follow_up_counts,
)

SOUGHT = 0.10
"""The difference of detractor shares that the page says how to find."""
Outcome = Callable[[Enrolment], float | None]


@dataclass(frozen=True)
class Arm:
    """One arm; shares are of those that answered, None where nobody did.

    Attributes
    ----------
    running, ended
        Enrolments whose outcome window has not ended, and those whose has.
    answered, contacted
        Of the ended: with an answer; contacted before it, or before the window's end.
    detractors, low, high
        Share of detractors, each account's answers weighing 1, and its 95 % interval.
    """

    name: str
    enrolled: int
    running: int
    ended: int
    answered: int
    contacted: int
    detractors: float | None = None
    low: float | None = None
    high: float | None = None
    nps: float | None = None
    lost: int = 0
    loss_known: int = 0


@dataclass(frozen=True)
class Play:
    """The effect of being called about one driver; None where too few answered to say.

    The intervals of all plays that have one hold together with 95 %.
    """

    driver: str
    called: int
    held_out: int
    effect: Effect | None


@dataclass(frozen=True)
class Waiting:
    """Answers that the smaller arm still lacks; `ready_at` when they should be there, or None
    where those enrolled will not give as many.
    """

    missing: int
    ready_at: datetime | None


@dataclass(frozen=True)
class Measured:
    """What the enrolments say; see `npsight.models.impact`. Effects on shares are differences.

    Attributes
    ----------
    arms
        "call" and "hold out" of enrolments that could have been either; none without a hold-out.
    listed, call
        Effect on the share of detractors of being on the list, and of a call.
    nps, losses
        Effect on NPS points, and on the share of accounts lost, of being on the list.
    answering
        Difference of the shares that answered.
    waiting
        None once there are answers enough.
    needed
        Answers with which a difference of 10 points would be found in four of five times.
    observational
        The estimate from who was called, without an experiment.
    seen_called, seen_not_called
        Enrolments on the list that answered, by whether they were called in time.
    """

    enrolled: int
    arms: tuple[Arm, ...]
    listed: Effect | None
    call: Effect | None
    nps: Effect | None
    losses: Effect | None
    answering: Effect | None
    waiting: Waiting | None
    needed: int | None
    plays: tuple[Play, ...]
    observational: Observational | None
    seen_called: int
    seen_not_called: int

    @property
    def answered(self) -> int:
        """Enrolments of both arms that answered."""
        return sum(arm.answered for arm in self.arms)


@dataclass(frozen=True)
class ImpactReport:
    """What the page and the command show.

    `share` is the hold-out of the project file; `days` how long an enrolment runs; `window` where
    answers count; `has_answers` whether the project has any.
    """

    share: float
    days: int
    window: OutcomeWindow | None
    has_answers: bool
    measured: Measured
    follow_ups: tuple[FollowUpCount, ...]


def impact(project: ProjectSpec, store: Store) -> ImpactReport:
    """All that can be said by now."""
    rhythm = Rhythm.of(project)
    window = rhythm.windows.get("detractor")
    gap = window.gap_days if window is not None else 0
    return ImpactReport(
        share=project.worklist.hold_out,
        days=rhythm.days,
        window=window,
        has_answers=window is not None,
        measured=measure(all_enrolments(store, project.name), gap),
        follow_ups=tuple(follow_up_counts(store, project.name)),
    )


@lru_cache(maxsize=4)
def measure(enrolled: tuple[Enrolment, ...], gap_days: int) -> Measured:
    """The estimates; the same enrolments give the same, and are looked at once."""
    drawn = [one for one in enrolled if 0 < one.hold_out_prob < 1]
    arms = tuple(_arm(name, [o for o in drawn if o.arm == name]) for name in ("call", "hold out"))
    answers = _trial(drawn, _detractors, _risk)
    looked_at = _called_in_time(enrolled, gap_days)
    return Measured(
        enrolled=len(enrolled),
        arms=arms if drawn else (),
        listed=intention_effect(answers),
        call=call_effect(answers),
        nps=intention_effect(_trial(drawn, _nps, lambda one: one.predicted_nps)),
        losses=intention_effect(_trial(drawn, _lost, lambda one: one.churn_risk)),
        answering=_answering(drawn),
        waiting=_waiting(drawn, answers) if drawn else None,
        needed=_needed(drawn, answers),
        plays=_plays(drawn),
        observational=_observational(enrolled, looked_at),
        seen_called=sum(looked_at.values()),
        seen_not_called=len(looked_at) - sum(looked_at.values()),
    )


def contacted_in_time(one: Enrolment) -> bool:
    """Whether it was contacted before its first answer; a silent one before its end."""
    if one.contacted_at is None:
        return False
    return one.first_answer_at is None or one.contacted_at < one.first_answer_at


def _arm(name: str, rows: Sequence[Enrolment]) -> Arm:
    ended = [one for one in rows if one.answers is not None]
    shares = [s for one in ended if (s := _detractors(one)) is not None]
    nps = [n for one in ended if (n := _nps(one)) is not None]
    losses = [loss for one in rows if (loss := _lost(one)) is not None]
    low, high = share_interval(float(np.mean(shares)), len(shares)) if shares else (None, None)
    return Arm(
        name=name,
        enrolled=len(rows),
        running=sum(one.read_at is None for one in rows),
        ended=len(ended),
        answered=len(shares),
        contacted=sum(contacted_in_time(one) for one in ended),
        detractors=float(np.mean(shares)) if shares else None,
        low=low,
        high=high,
        nps=float(np.mean(nps)) if nps else None,
        lost=int(sum(losses)),
        loss_known=len(losses),
    )


def _trial(rows: Sequence[Enrolment], outcome: Outcome, forecast: Outcome) -> Trial:
    known = [(one, value) for one in rows if (value := outcome(one)) is not None]
    return Trial(
        called=np.array([one.arm == "call" for one, _ in known], dtype=bool),
        hold_out_prob=np.array([one.hold_out_prob for one, _ in known], dtype=np.float64),
        contacted=np.array([contacted_in_time(one) for one, _ in known], dtype=bool),
        outcome=np.array([value for _, value in known], dtype=np.float64),
        forecast=_numbers([forecast(one) for one, _ in known]),
        account=np.array([one.account for one, _ in known], dtype=object),
    )


def _detractors(one: Enrolment) -> float | None:
    return (one.detractors or 0) / one.answers if one.answers else None


def _nps(one: Enrolment) -> float | None:
    if not one.answers:
        return None
    return 100 * ((one.promoters or 0) - (one.detractors or 0)) / one.answers


def _lost(one: Enrolment) -> float | None:
    return None if one.churned is None else float(one.churned)


def _risk(one: Enrolment) -> float | None:
    return one.detractor_risk


def _answering(rows: Sequence[Enrolment]) -> Effect | None:
    """Difference of the shares that answered, among those whose window has ended."""

    def answered(one: Enrolment) -> float | None:
        return None if one.answers is None else float(one.answers > 0)

    trial = _trial(rows, answered, lambda one: one.answer_prob)
    return share_difference(trial) if trial.smaller >= LEAST else None


def _waiting(rows: Sequence[Enrolment], answers: Trial) -> Waiting | None:
    """What the smaller arm lacks, and when the running enrolments should have brought it."""
    missing, ready = 0, []
    for arm, known in (("call", answers.called), ("hold out", ~answers.called)):
        lacks = LEAST - int(known.sum())
        if lacks > 0:
            missing = max(missing, lacks)
            ready.append(_ready_at([one for one in rows if one.arm == arm], lacks))
    if not missing:
        return None
    known_days = [at for at in ready if at is not None]
    return Waiting(missing, max(known_days) if len(known_days) == len(ready) else None)


def _ready_at(rows: Sequence[Enrolment], lacks: int) -> datetime | None:
    """When as many answers are to be expected of enrolments that run, by their own chances."""
    ended = [one for one in rows if one.answers is not None]
    usual = (sum(bool(one.answers) for one in ended) + 1) / (len(ended) + 2)
    expected = 0.0
    for one in sorted((o for o in rows if o.read_at is None), key=lambda o: o.until):
        expected += usual if one.answer_prob is None else one.answer_prob
        if expected >= lacks:
            return one.until
    return None


def _needed(rows: Sequence[Enrolment], answers: Trial) -> int | None:
    """By the share of detractors seen so far, else by the risks at enrolment."""
    seen = answers.outcome if len(answers) >= LEAST else _numbers([_risk(one) for one in rows])
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return None
    share = float(np.clip(np.mean(seen), 0.01, 0.99))
    prob = float(np.mean([one.hold_out_prob for one in rows]))
    return rows_needed(share, prob, SOUGHT)


def _plays(rows: Sequence[Enrolment]) -> tuple[Play, ...]:
    by_driver: dict[str, list[Enrolment]] = {}
    for one in rows:
        if one.driver is not None:
            by_driver.setdefault(one.driver, []).append(one)
    trials = {key: _trial(some, _detractors, _risk) for key, some in by_driver.items()}
    told = sum(trial.smaller >= LEAST for trial in trials.values())
    level = 1 - (1 - LEVEL) / max(told, 1)
    found = [
        Play(key, int(t.called.sum()), int((~t.called).sum()), intention_effect(t, level))
        for key, t in trials.items()
    ]
    return tuple(sorted(found, key=lambda play: (-play.called - play.held_out, play.driver)))


def _called_in_time(rows: Sequence[Enrolment], gap_days: int) -> dict[tuple[str, int], bool]:
    """Of those on the list that answered: whether they were called before their outcome window
    began, in `[assigned_at, assigned_at + gap)`, a day at least.

    Later calls may be the consequence of an answer.
    """
    time = timedelta(days=max(gap_days, 1))
    return {
        one.key: one.contacted_at is not None and one.contacted_at < one.assigned_at + time
        for one in rows
        if one.arm == "call" and one.answers
    }


def _observational(
    rows: Sequence[Enrolment], called: Mapping[tuple[str, int], bool]
) -> Observational | None:
    known = [one for one in rows if one.key in called]
    if not known:
        return None
    return doubly_robust(
        Observed(
            covariates=_covariates(known),
            called=np.array([called[one.key] for one in known], dtype=bool),
            outcome=_numbers([_detractors(one) for one in known]),
            account=np.array([one.account for one in known], dtype=object),
        )
    )


def _covariates(rows: Sequence[Enrolment]) -> NDArray[np.float64]:
    """What was known of each at its enrolment; categories that a tenth of the rows have."""
    columns = [_numbers([_log_odds(one.detractor_risk) for one in rows])]
    columns += [_numbers([_log_odds(one.churn_risk) for one in rows])]
    columns += [_numbers([_log_odds(one.answer_prob) for one in rows])]
    columns += [_numbers([_root(one.revenue) for one in rows])]
    for name in ("predicted_nps", "days_until_renewal", "days_since_contact", "number"):
        columns.append(_numbers([getattr(one, name) for one in rows]))
    for name in ("band_now", "segment", "driver", "owner"):
        values = np.array([str(getattr(one, name)) for one in rows], dtype=object)
        kinds, counts = np.unique(values, return_counts=True)
        often = kinds[counts * 10 >= len(rows)]
        columns += [(values == kind).astype(np.float64) for kind in often]
    return np.column_stack(columns)


def _log_odds(prob: float | None) -> float | None:
    if prob is None:
        return None
    bounded = min(max(prob, 1e-6), 1 - 1e-6)
    return float(np.log(bounded / (1 - bounded)))


def _root(value: float | None) -> float | None:
    """Revenue spans decades: its fourth root is nearly even, and knows 0."""
    return None if value is None or value < 0 else sqrt(sqrt(value))


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
