"""Who the accounts are: the traits that do not change, and their contacts."""

from dataclasses import dataclass

import numpy as np

from npsight.simulate.answers import CONTACT_SD
from npsight.simulate.arrays import Bools, Floats, Ints, pick

__all__ = [
    "INDUSTRIES",
    "PLANS",
    "REGIONS",
    "ROLES",
    "TERM_DAYS",
    "TOPICS",
    "Cohort",
    "draw_cohort",
    "draw_start_days",
]

INDUSTRIES = ("software", "retail", "manufacturing", "healthcare", "finance", "logistics")
REGIONS = ("EMEA", "Americas", "APAC")
PLANS = ("starter", "team", "enterprise")
ROLES = ("admin", "champion", "user", "executive")
TOPICS = ("support", "price", "reliability", "usability", "features", "onboarding")
TERM_DAYS = 365
MOST_CONTACTS = 6
_JOINING_SHARE = 0.15
_SEATS_MEDIAN = np.array([14.0, 60.0, 320.0])
_SEATS_SPREAD = np.array([0.4, 0.5, 0.6])


@dataclass(frozen=True, slots=True)
class Cohort:
    """Traits of a chunk of accounts; arrays of shape (accounts,) unless noted.

    `number` counts accounts from 1. `anchor_day` is the first day of the contract term in force
    when the account is first seen. `notice_days` is the contract's notice before a renewal,
    `exit_lead_days` that of an exit between renewals. The `*_bias` arrays are what is peculiar to
    an account in its usage. `contact_*` have shape (accounts, MOST_CONTACTS); a contact that
    does not exist was created on day NaN.
    """

    number: Ints
    start_day: Ints
    anchor_day: Ints
    industry: Ints
    region: Ints
    plan: Ints
    seats: Ints
    discount: Floats
    trouble_topic: Ints
    delight_topic: Ints
    notice_days: Ints
    exit_lead_days: Ints
    adoption_bias: Floats
    login_bias: Floats
    report_bias: Floats
    error_bias: Floats
    api_bias: Floats
    integrations: Floats
    contact_effect: Floats
    contact_created: Floats
    contact_role: Ints
    contact_willing: Floats

    def present(self, days: Ints) -> Bools:
        """Return which contacts exist at 00:00 of each day; shape (accounts, days, contacts).

        The first contact always counts: it is the one who signed.
        """
        there: Bools = self.contact_created[:, None, :] <= days[None, :, None]
        there[:, :, 0] = True
        return there


def draw_start_days(rng: np.random.Generator, count: int, days: int) -> Ints:
    """Draw the first subscribed day: before day 0, or within the data for those who join."""
    before = -rng.integers(1, 1500, count)
    joins = rng.random(count) < _JOINING_SHARE
    return np.where(joins, rng.integers(1, max(2, days - 10), count), before)


def _notice(rng: np.random.Generator, count: int, share_at_once: float, most: int) -> Ints:
    """Draw notice periods: 15 days and more, or 1 (booked the day before the end)."""
    at_once = rng.random(count) < share_at_once
    return np.where(at_once, 1, rng.integers(15, most + 1, count))


def _contacts(rng: np.random.Generator, start_day: Ints, seats: Ints) -> tuple[Floats, Ints]:
    """Draw creation days (NaN: none) and roles of contacts; larger accounts have more."""
    count = len(start_day)
    number = np.minimum(1 + rng.poisson(0.45 * np.log(seats)), MOST_CONTACTS)
    delay = rng.exponential(120.0, (count, MOST_CONTACTS)).round()
    delay[:, 0] = 0.0
    created = start_day[:, None] + delay
    created[np.arange(MOST_CONTACTS)[None, :] >= number[:, None]] = np.nan
    role = rng.choice(len(ROLES), p=[0.2, 0.2, 0.45, 0.15], size=(count, MOST_CONTACTS))
    role[:, 0] = rng.choice([0, 1], size=count)
    return created, role


def draw_cohort(rng: np.random.Generator, number: Ints, start_day: Ints) -> Cohort:
    """Draw the traits of the accounts `number` that start on `start_day`."""
    count = len(number)
    plan = rng.choice(3, p=[0.45, 0.38, 0.17], size=count)
    spread = rng.normal(0.0, 1.0, count) * _SEATS_SPREAD[plan]
    seats = np.maximum(4, np.rint(_SEATS_MEDIAN[plan] * np.exp(spread))).astype(np.int64)
    # Trouble with support and reliability is commoner than with the rest.
    topic_shares = np.tile([0.24, 0.16, 0.2, 0.16, 0.14, 0.1], (count, 1))
    created, role = _contacts(rng, start_day, seats)
    anchor = np.where(start_day >= 0, start_day, start_day + TERM_DAYS * (-start_day // TERM_DAYS))
    return Cohort(
        number=number,
        start_day=start_day,
        anchor_day=anchor,
        industry=rng.integers(0, len(INDUSTRIES), count),
        region=rng.choice(len(REGIONS), p=[0.45, 0.4, 0.15], size=count),
        plan=plan,
        seats=seats,
        discount=rng.uniform(0.75, 1.0, count),
        trouble_topic=pick(rng, topic_shares),
        delight_topic=pick(rng, topic_shares),
        notice_days=_notice(rng, count, 0.12, 75),
        exit_lead_days=_notice(rng, count, 0.30, 45),
        adoption_bias=rng.normal(-0.15, 0.12, count),
        login_bias=rng.normal(0.0, 0.05, count),
        report_bias=rng.normal(0.0, 0.06, count),
        error_bias=rng.normal(0.0, 0.08, count),
        api_bias=rng.normal(0.0, 0.8, count),
        integrations=rng.uniform(0.5, 5.0, count),
        contact_effect=rng.normal(0.0, CONTACT_SD, (count, MOST_CONTACTS)),
        contact_created=created,
        contact_role=role,
        contact_willing=rng.normal(0.0, 0.4, (count, MOST_CONTACTS)),
    )
