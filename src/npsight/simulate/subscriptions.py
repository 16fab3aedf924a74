"""When accounts leave, and what their contract says in each term.

An account can leave at two kinds of moments: at every renewal, decided `notice_days` before it,
and at a mark every 30 days, effective `exit_lead_days` later. Each decision is a probit in the
satisfaction of the day it is taken; the first one to go against us ends the subscription.
"""

from dataclasses import dataclass

import numpy as np

from npsight.simulate.arrays import Bools, Floats, Ints, nearest_day, normal_cdf, working_hours
from npsight.simulate.cohort import TERM_DAYS, Cohort
from npsight.simulate.process import PRICE_RISE, State

__all__ = ["MARK_DAYS", "Contract", "draw_contract", "leave_prob"]

MARK_DAYS = 30
# (intercept, weight of satisfaction): 4 % at a renewal for an average account, 38 % at -2.
AT_RENEWAL = (-1.74, 0.75)
AT_MARK = (-3.25, 0.60)
_PRICE_PER_SEAT = np.array([260.0, 480.0, 690.0])


@dataclass(frozen=True, slots=True)
class Contract:
    """What a chunk of accounts signed and how it ended.

    `end_day` and `booked_day` are NaN for a live account; an end may lie after the data when it
    is booked already. `cancelled_at` is the instant of the booking. `first_mark` is the first day
    on which an exit between renewals is considered. `plan`, `seats` and `arr` have shape
    (accounts, terms): term k starts on ``anchor_day + 365 k``.
    """

    end_day: Floats
    booked_day: Floats
    cancelled_at: Floats
    first_mark: Ints
    plan: Ints
    seats: Ints
    arr: Floats

    def live(self, cohort: Cohort, days: Ints) -> Bools:
        """Return whether each account is subscribed on each day; shape (accounts, days)."""
        return (days[None, :] >= cohort.start_day[:, None]) & (
            days[None, :] < self.last_day()[:, None]
        )

    def last_day(self) -> Floats:
        """Return the first day without a subscription, infinity for a live account."""
        return np.where(np.isnan(self.end_day), np.inf, self.end_day)


def leave_prob(decision: tuple[float, float], mean: Floats, variance: Floats | float) -> Floats:
    """Return P(leave) at a decision, satisfaction being normal with this mean and variance."""
    intercept, weight = decision
    return normal_cdf((intercept - weight * mean) / np.sqrt(1.0 + weight**2 * variance))


def _decisions(cohort: Cohort, first_mark: Ints, days: int) -> tuple[Ints, Ints, Bools]:
    """Return decision days, their effective ends, and which are renewals; (accounts, m)."""
    renewal = cohort.anchor_day[:, None] + TERM_DAYS * np.arange(1, days // TERM_DAYS + 3)
    mark = first_mark[:, None] + MARK_DAYS * np.arange(days // MARK_DAYS + 1)
    decided = np.hstack([renewal - cohort.notice_days[:, None], mark])
    end = np.hstack([renewal, mark + cohort.exit_lead_days[:, None]])
    at_renewal = np.arange(decided.shape[1]) < renewal.shape[1]
    return decided, end, at_renewal


def _draw_end(
    rng: np.random.Generator, cohort: Cohort, state: State, first_mark: Ints
) -> tuple[Floats, Floats]:
    """Draw the day the subscription ends and the day that was booked, NaN if it does not."""
    days = state.satisfaction.shape[1]
    decided, end, at_renewal = _decisions(cohort, first_mark, days)
    mood = np.take_along_axis(state.satisfaction, nearest_day(decided, days), axis=1)
    chance = np.where(at_renewal, leave_prob(AT_RENEWAL, mood, 0.0), leave_prob(AT_MARK, mood, 0.0))
    possible = (decided >= np.maximum(cohort.start_day, 0)[:, None]) & (decided < days)
    leaves = possible & (rng.random(decided.shape) < chance)
    first = np.where(leaves, decided, np.iinfo(np.int64).max).argmin(axis=1)
    row, gone = np.arange(len(first)), leaves.any(axis=1)
    return (
        np.where(gone, end[row, first], np.nan).astype(np.float64),
        np.where(gone, decided[row, first], np.nan).astype(np.float64),
    )


def _terms(rng: np.random.Generator, cohort: Cohort, state: State) -> tuple[Ints, Ints, Floats]:
    """Draw plan, seats and ARR of every contract term; satisfied accounts grow."""
    count, days = state.satisfaction.shape
    plans, seats, arrs = [cohort.plan], [cohort.seats], []
    terms = days // TERM_DAYS + 2
    price_day = PRICE_RISE.day(days)
    for term in range(terms):
        begin = cohort.anchor_day + TERM_DAYS * term
        if term:
            mood = state.satisfaction[np.arange(count), nearest_day(begin, days)]
            growth = rng.normal(0.03 + 0.06 * mood, 0.09)
            seats.append(np.maximum(3, np.rint(seats[-1] * np.exp(growth))).astype(np.int64))
            move = mood + rng.standard_normal(count)
            plans.append(np.clip(plans[-1] + (move > 2.2) - (move < -2.4), 0, 2))
        raised = np.where(begin >= price_day, 1.08, 1.0)
        volume = seats[-1] ** -0.08
        arrs.append(_PRICE_PER_SEAT[plans[-1]] * seats[-1] * volume * cohort.discount * raised)
    return np.stack(plans, axis=1), np.stack(seats, axis=1), np.stack(arrs, axis=1).round(-1)


def draw_contract(rng: np.random.Generator, cohort: Cohort, state: State) -> Contract:
    """Draw how each account's subscription goes on and ends."""
    first_mark = np.maximum(cohort.start_day, 0) + rng.integers(0, MARK_DAYS, len(cohort.number))
    first_mark += np.where(cohort.start_day >= 0, MARK_DAYS, 0)
    end_day, booked_day = _draw_end(rng, cohort, state, first_mark)
    plan, seats, arr = _terms(rng, cohort, state)
    return Contract(
        end_day=end_day,
        booked_day=booked_day,
        cancelled_at=booked_day + working_hours(rng, len(booked_day)),
        first_mark=first_mark,
        plan=plan,
        seats=seats,
        arr=arr,
    )
