"""What calls do in the demo company, and what would have happened without them.

A call on day c lifts the account's satisfaction by its own `lift`, which fades by half in
`LIFT_HALF_LIFE_DAYS`. Who is called is decided week by week by the worklist's own rules from
scores that see satisfaction through noise; of the accounts within reach, people call those that
they believe can be won back and those that just complained, by signs that no score holds. The same
random numbers decide each answer with the call and without, so the effect is known exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from npsight.config.specs import OutcomeWindow
from npsight.simulate.answers import CONTACT_SD, account_bands
from npsight.simulate.arrays import Bools, Floats, Ints, expit
from npsight.simulate.process import simulate_common, simulate_state
from npsight.worklist.holdout import Standing, draw_arm, enrol, measured, measuring_days

__all__ = ["CallSettings", "CallStudy", "simulate_calls"]

LIFT_HALF_LIFE_DAYS = 180.0
FIRST_DAY = 30
WEEK = 7
CONTACTED_DAYS = 21
PERIOD_DAYS = 90
WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
SCORE_NOISE = 0.6
CALLED_ALL_THE_SAME = 0.03
"""Chance that somebody who is held out is called nevertheless."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """A company, its hold-out, and what a call is worth.

    Parameters
    ----------
    lift : float
        Mean lift of satisfaction by a call; 0 for calls that change nothing.
    answering : float
        What a call adds to the log-odds of answering. Not 0, and those who answer differ between
        the arms, which no estimate from answers can mend.
    """

    accounts: int = 1500
    owners: int = 12
    capacity: int = 12
    weeks: int = 40
    hold_out: float = 0.2
    lift: float = 0.6
    answering: float = 0.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class CallStudy:
    """One row an enrolment, in the order they were made.

    Attributes
    ----------
    called, contacted, answered
        Its arm is "call"; it was contacted before its answer; it answered.
    detractor
        1.0 for a detractor's answer, 0.0 for another; NaN without one.
    risk, revenue
        As the worklist showed them when it was enrolled.
    complier
        Contacted if and only if not held out.
    with_call, without
        P(detractor) of the answer if contacted, and if not.
    contacted_if_called, contacted_if_held_out
        Whether it is contacted before its answer under either arm.
    """

    account: Ints
    number: Ints
    called: Bools
    hold_out_prob: Floats
    contacted: Bools
    answered: Bools
    detractor: Floats
    risk: Floats
    revenue: Floats
    with_call: Floats
    without: Floats
    contacted_if_called: Bools
    contacted_if_held_out: Bools

    @property
    def complier(self) -> Bools:
        """Contacted if and only if not held out."""
        return self.contacted_if_called & ~self.contacted_if_held_out

    def true_intention_effect(self) -> float:
        """Mean change of P(detractor) by being on the list, among those who answered."""
        change = self.with_call - self.without
        told = self.contacted_if_called.astype(float) - self.contacted_if_held_out
        return float((told * change)[self.answered].mean())

    def true_call_effect(self) -> float:
        """Mean change of P(detractor) by a call, among those who answered and comply."""
        return float((self.with_call - self.without)[self.answered & self.complier].mean())

    def true_mean_effect(self) -> float:
        """Mean change of P(detractor) by a call, among all who answered."""
        return float((self.with_call - self.without)[self.answered].mean())


Columns = dict[str, Any]
"""Arrays by the fields of `CallStudy`."""


def simulate_calls(settings: CallSettings) -> CallStudy:
    """Play the weeks; the same settings give the same values."""
    rng = np.random.default_rng([settings.seed, 71])
    return _Company(settings, rng).study()


class _Company:
    """The accounts, what is known of them, and the weeks as they go by."""

    def __init__(self, settings: CallSettings, rng: np.random.Generator) -> None:
        self.settings, self.rng = settings, rng
        count, days = settings.accounts, FIRST_DAY + WEEK * settings.weeks + PERIOD_DAYS
        common = simulate_common(rng, days)
        self.state = simulate_state(rng, common, np.full(count, -1))
        self.owner = rng.integers(0, settings.owners, count)
        self.revenue = np.exp(rng.normal(10.0, 0.7, count))
        self.voice = rng.normal(0.0, CONTACT_SD, (count, 1))
        self.willing = rng.normal(0.6, 0.6, count)
        self.noise = rng.normal(0.0, SCORE_NOISE, count)
        self.lift = np.maximum(rng.normal(1.0, 0.5, count), 0.0) * settings.lift
        self.called_on = np.full(count, -np.inf)
        self.drawn = np.zeros(count, dtype=np.int64)
        self.until = np.full(count, -np.inf)
        self.held = np.zeros(count, dtype=bool)
        self.days = measuring_days(PERIOD_DAYS, [WINDOW])
        self.window = measured(self.days, WINDOW)

    def study(self) -> CallStudy:
        """All weeks, one after the other."""
        parts = [self._week(FIRST_DAY + WEEK * week) for week in range(self.settings.weeks)]
        joined = {
            name: np.concatenate([part[name] for part in parts])
            for name in CallStudy.__dataclass_fields__
        }
        return CallStudy(**joined)

    def _week(self, day: int) -> Columns:
        risk = self._risk(day)
        order = np.argsort(-risk * self.revenue, kind="stable")
        queue = [(str(i), str(self.owner[i])) for i in order]
        drawn = enrol(
            queue,
            self._standing(day),
            capacity=self.settings.capacity,
            share=self.settings.hold_out,
            seed=f"calls {self.settings.seed}",
        )
        account = np.array([int(draw.account) for draw in drawn], dtype=np.int64)
        called = np.array([draw.arm == "call" for draw in drawn], dtype=bool)
        rows = self._follow(day, account, called, risk[account])
        rows["number"] = np.array([draw.number for draw in drawn], dtype=np.int64)
        rows["hold_out_prob"] = np.array([draw.hold_out_prob for draw in drawn])
        self.drawn[account] += 1
        self.until[account] = day + self.days
        self.held[account] = ~called
        return rows

    def _standing(self, day: int) -> dict[str, Standing]:
        runs, back = self.until > day, self.called_on + CONTACTED_DAYS > day
        back &= self.called_on <= day
        known = np.flatnonzero((self.drawn > 0) | back)
        return {
            str(i): Standing(
                arm=("hold out" if self.held[i] else "call") if runs[i] else None,
                drawn=int(self.drawn[i]),
                stands_back=bool(back[i]),
            )
            for i in known
        }

    def _risk(self, day: int) -> Floats:
        """P(detractor) in the window as the scores of the day see it."""
        lead = float(self.window.gap_days + self.window.horizon_days / 2)
        mean, variance = self.state.forward(np.array([day]), lead)
        everybody = np.arange(len(self.owner))
        seen = (
            mean[:, 0] + self._left_of_calls(everybody, np.full(len(everybody), day)) + self.noise
        )
        present = np.ones((len(seen), 1), dtype=bool)
        spread = np.full(len(seen), float(np.max(variance)) + SCORE_NOISE**2 / 2)
        return account_bands(seen, spread, np.zeros((len(seen), 1)), present)[0]

    def _follow(self, day: int, account: Ints, called: Bools, risk: Floats) -> Columns:
        """What comes of this week's enrolments, under either arm."""
        rng, count = self.rng, len(account)
        would_call = rng.random(count) < self._chance_of_call(day, account)
        all_the_same = rng.random(count) < CALLED_ALL_THE_SAME
        call_day = day + rng.integers(1, self.window.gap_days, count)
        start, end = self.window.gap_days, self.window.gap_days + self.window.horizon_days
        answer_day = day + rng.integers(start, end, count)
        left = self._left_of_calls(account, answer_day)
        contacted = np.where(called, would_call, all_the_same & would_call)
        drive = self.state.engagement[account, day]
        logit = self.willing[account] + 0.5 * drive + self.settings.answering * contacted
        answered = rng.random(count) < expit(logit)
        mood = self.state.satisfaction[account, answer_day] + left
        gained = self.lift[account] * np.exp2(-(answer_day - call_day) / LIFT_HALF_LIFE_DAYS)
        with_call, without = self._bands(account, mood + gained), self._bands(account, mood)
        below = rng.random(count) < np.where(contacted, with_call, without)
        self.called_on[account[contacted]] = call_day[contacted]
        return {
            "account": account,
            "called": called,
            "contacted": contacted,
            "answered": answered,
            "detractor": np.where(answered, below.astype(float), np.nan),
            "risk": risk,
            "revenue": self.revenue[account],
            "with_call": with_call,
            "without": without,
            "contacted_if_called": would_call,
            "contacted_if_held_out": all_the_same & would_call,
        }

    def _chance_of_call(self, day: int, account: Ints) -> Floats:
        """People call those they believe can be won back, and those that just complained."""
        mood, upset = self.state.satisfaction[account, day], self.state.trouble[account, day]
        return expit(0.4 + 0.9 * (mood + 0.8) - 4.0 * upset)

    def _left_of_calls(self, account: Ints, day: Ints) -> Floats:
        """What is left, on a day each, of the newest call that accounts had before this week's."""
        since = day - self.called_on[account]
        left = np.exp2(-np.maximum(since, 0) / LIFT_HALF_LIFE_DAYS)
        return np.where((since > 0) & np.isfinite(since), self.lift[account] * left, 0.0)

    def _bands(self, account: Ints, mood: Floats) -> Floats:
        present = np.ones((len(account), 1), dtype=bool)
        return account_bands(mood, np.zeros(1), self.voice[account], present)[0]


def redrawn(study: CallStudy, settings: CallSettings) -> Bools:
    """The arms drawn anew from what is stored: equal to `called`, or somebody changed them."""
    seed = f"calls {settings.seed}"
    pairs = zip(study.account, study.number, strict=True)
    arms = [draw_arm(seed, str(a), int(n), settings.hold_out) for a, n in pairs]
    return np.array([arm == "call" for arm in arms], dtype=bool)
