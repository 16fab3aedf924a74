r"""The hidden state: satisfaction and engagement of every account, day by day.

Satisfaction is a sum of independent Ornstein-Uhlenbeck processes and two scripted shocks::

    s_i(t) = slow_i(t) + trouble_i(t) + market(t) + outage(t) + price(t)

so that, given the state at day t, s(t + h) is normal with

    mean     = sum over components of value(t) * 2 ** (-h / half_life)
    variance = sum over components of sd ** 2 * (1 - 4 ** (-h / half_life))

exactly for the processes. The two firm-wide shocks decay like a component without noise and are
not foreseen: forward probabilities computed before a shock do not contain it.
Individual incidents are Gaussian too: `trouble` is the fast process that fills the ticket queue,
and a rough onboarding shifts the first value of `slow` of an account that joins.
"""

from dataclasses import dataclass

import numpy as np

from npsight.simulate.arrays import Floats, Ints

__all__ = [
    "OUTAGE",
    "OUTAGE_DAYS",
    "PRICE_RISE",
    "Common",
    "State",
    "simulate_common",
    "simulate_state",
]


@dataclass(frozen=True, slots=True)
class Component:
    """A stationary Ornstein-Uhlenbeck process with mean 0."""

    sd: float
    half_life_days: float

    def carry(self, lead_days: Floats | float) -> Floats:
        """Return the share of today's value that is expected to be left after the lead."""
        return np.asarray(np.exp2(-np.asarray(lead_days) / self.half_life_days))

    def variance(self, lead_days: Floats | float) -> Floats:
        """Return the variance of the value after the lead, given today's."""
        return np.asarray(self.sd**2 * (1.0 - self.carry(lead_days) ** 2))

    def paths(self, rng: np.random.Generator, days: int, count: int) -> Floats:
        """Draw `count` paths; shape (count, days)."""
        keep = float(self.carry(1.0))
        values = rng.standard_normal((days, count)) * self.sd
        fresh = np.sqrt(1.0 - keep**2)
        for day in range(1, days):
            values[day] = keep * values[day - 1] + fresh * values[day]
        return np.ascontiguousarray(values.T)


@dataclass(frozen=True, slots=True)
class Shock:
    """A firm-wide drop of satisfaction at a share of the simulated time, then fading."""

    at_share: float
    size: float
    half_life_days: float

    def day(self, days: int) -> int:
        """Return the day of the shock."""
        return int(days * self.at_share)

    def path(self, days: int) -> Floats:
        """Return the effect on every day; shape (days,)."""
        since = np.arange(days) - self.day(days)
        faded = self.size * np.exp2(-np.maximum(since, 0) / self.half_life_days)
        return np.where(since >= 0, faded, 0.0)


SLOW = Component(sd=0.97, half_life_days=900)
TROUBLE = Component(sd=0.12, half_life_days=60)
MARKET = Component(sd=0.08, half_life_days=300)
OWN_ENGAGEMENT = Component(sd=1.0, half_life_days=250)
ENGAGEMENT_ON_SATISFACTION = 0.55
ONBOARDING_SHIFT = (-0.25, 0.35)

# Early enough that the last third of the data, where models are judged, holds no new shock.
OUTAGE = Shock(at_share=0.40, size=-0.30, half_life_days=45)
OUTAGE_DAYS = 7
PRICE_RISE = Shock(at_share=0.62, size=-0.20, half_life_days=120)


@dataclass(frozen=True, slots=True)
class Common:
    """The firm-wide part of the state, one value a day."""

    market: Floats
    outage: Floats
    price: Floats

    @property
    def level(self) -> Floats:
        """Sum of the firm-wide parts; shape (days,)."""
        return self.market + self.outage + self.price

    def expected(self, days: Ints, lead_days: Floats | float) -> Floats:
        """Return the firm-wide level expected `lead_days` after each of `days`."""
        return np.asarray(
            self.market[days] * MARKET.carry(lead_days)
            + self.outage[days] * np.exp2(-np.asarray(lead_days) / OUTAGE.half_life_days)
            + self.price[days] * np.exp2(-np.asarray(lead_days) / PRICE_RISE.half_life_days)
        )


@dataclass(frozen=True, slots=True)
class State:
    """The hidden state of a chunk of accounts; arrays of shape (accounts, days)."""

    slow: Floats
    trouble: Floats
    satisfaction: Floats
    engagement: Floats
    common: Common

    def forward(self, days: Ints, lead_days: Floats | float) -> tuple[Floats, Floats]:
        """Return mean and variance of satisfaction a lead after each day.

        Parameters
        ----------
        days : Ints
            Days at which the state is known; shape (g,).
        lead_days : Floats or float
            Days ahead, one for all or of shape (accounts, g).
        """
        mean = (
            self.slow[:, days] * SLOW.carry(lead_days)
            + self.trouble[:, days] * TROUBLE.carry(lead_days)
            + self.common.expected(days, lead_days)
        )
        variance = (
            SLOW.variance(lead_days) + TROUBLE.variance(lead_days) + MARKET.variance(lead_days)
        )
        return mean, np.asarray(variance)


def simulate_common(rng: np.random.Generator, days: int) -> Common:
    """Draw the firm-wide processes, the same for every chunk."""
    return Common(
        market=MARKET.paths(rng, days, 1)[0],
        outage=OUTAGE.path(days),
        price=PRICE_RISE.path(days),
    )


def simulate_state(rng: np.random.Generator, common: Common, start_day: Ints) -> State:
    """Draw the hidden state of accounts whose subscriptions start on `start_day`."""
    days, count = len(common.market), len(start_day)
    slow = SLOW.paths(rng, days, count)
    trouble = TROUBLE.paths(rng, days, count)
    own = OWN_ENGAGEMENT.paths(rng, days, count)
    shift = rng.normal(*ONBOARDING_SHIFT, count)
    joined = np.flatnonzero(start_day >= 0)
    since = np.arange(days)[None, :] - start_day[joined, None]
    slow[joined] += shift[joined, None] * np.where(
        since >= 0, SLOW.carry(np.maximum(since, 0).astype(np.float64)), 0.0
    )
    satisfaction = slow + trouble + common.level
    rest = np.sqrt(1.0 - ENGAGEMENT_ON_SATISFACTION**2)
    engagement = ENGAGEMENT_ON_SATISFACTION * satisfaction + rest * own
    return State(slow, trouble, satisfaction, engagement, common)
