"""usage.parquet: one row per account and subscribed day.

Each measure is noisy and answers to satisfaction s and engagement e with different weights, and
each account has its own level of each; together, over weeks, they tell s and e apart.
"""

from dataclasses import dataclass

import numpy as np

from npsight.simulate.arrays import Bools, Floats, Ints, expit
from npsight.simulate.chunk import Chunk, Columns
from npsight.simulate.cohort import TOPICS
from npsight.simulate.ids import account_ids
from npsight.simulate.process import OUTAGE, OUTAGE_DAYS

__all__ = ["usage"]

_WEEKDAY = np.array([1.0, 1.0, 1.0, 0.98, 0.90, 0.18, 0.14])
_LATE_SHARE = 0.02
_OUTAGE_ERRORS = 5.0
_BLOCK_DAYS = 30


@dataclass(frozen=True, slots=True)
class _Rows:
    """Account and day of each row, with the hidden state there."""

    account: Ints
    day: Ints
    satisfaction: Floats
    engagement: Floats

    def kept(self, keep: Bools) -> "_Rows":
        """Return the rows where `keep` is true."""
        return _Rows(
            self.account[keep], self.day[keep], self.satisfaction[keep], self.engagement[keep]
        )


def _rows(chunk: Chunk) -> _Rows:
    account, day = np.nonzero(chunk.live())
    state = chunk.state
    return _Rows(account, day, state.satisfaction[account, day], state.engagement[account, day])


def _known_at(rng: np.random.Generator, day: Ints) -> Floats:
    """Return when each row arrived: the next night, or 1-5 days after it for 2 %."""
    known = day + 1 + rng.uniform(2 / 24, 5 / 24, len(day))
    late = rng.random(len(day)) < _LATE_SHARE
    return np.asarray(known + late * rng.uniform(1.0, 5.0, len(day)))


def _active_users(chunk: Chunk, rng: np.random.Generator, rows: _Rows, seats: Ints) -> Ints:
    weekday = (chunk.settings.start.weekday() + rows.day) % 7
    pull = 0.80 * rows.satisfaction + 0.50 * rows.engagement
    noise = rng.normal(0.0, 0.25, len(pull))
    share = expit(chunk.cohort.adoption_bias[rows.account] + pull + noise) * _WEEKDAY[weekday]
    active: Ints = rng.binomial(seats, share)
    return active


def _errors(chunk: Chunk, rng: np.random.Generator, rows: _Rows, logins: Ints) -> Ints:
    cohort = chunk.cohort
    since = rows.day - OUTAGE.day(chunk.settings.days)
    outage = np.where((since >= 0) & (since < OUTAGE_DAYS), _OUTAGE_ERRORS, 1.0)
    unreliable = (cohort.trouble_topic == TOPICS.index("reliability"))[rows.account]
    rate = -0.60 + cohort.error_bias[rows.account] - 0.60 * rows.satisfaction + 0.12 * unreliable
    errors: Ints = rng.poisson(logins * np.exp(rate) * outage)
    return errors


def _integrations(chunk: Chunk, rows: _Rows) -> Ints:
    """Return connected integrations, reconsidered every 30 days rather than daily."""
    since_start = rows.day - np.maximum(chunk.cohort.start_day[rows.account], 0)
    review = rows.day - since_start % _BLOCK_DAYS
    drive = np.exp(0.25 * chunk.state.engagement[rows.account, review])
    number: Ints = np.rint(chunk.cohort.integrations[rows.account] * drive).astype(np.int64)
    return number


def usage(chunk: Chunk) -> Columns:
    """Return daily usage; rows that would be known after the data end are left out.

    `adoption` is active users / seats of that day's contract term, 0 to 1.
    """
    rng, cohort = chunk.streams["usage"], chunk.cohort
    rows = _rows(chunk)
    known_at = _known_at(rng, rows.day)
    keep = known_at <= chunk.settings.days
    rows, known_at = rows.kept(keep), known_at[keep]
    account, mood, drive = rows.account, rows.satisfaction, rows.engagement
    seats = chunk.contract.seats[account, chunk.term(account, rows.day)]
    active = _active_users(chunk, rng, rows, seats)
    login_rate = 0.80 + cohort.login_bias[account] + 0.40 * mood + 0.15 * drive
    logins = active + rng.poisson(active * np.exp(login_rate))
    report_rate = 0.50 + cohort.report_bias[account] + 0.55 * mood
    calls = rng.normal(2.0 + cohort.api_bias[account] + 0.10 * mood + 0.40 * drive, 0.4)
    return {
        "account_id": account_ids(cohort.number[account]),
        "day": rows.day.astype(np.float64),
        "known_at": known_at,
        "active_users": active,
        "adoption": active / seats,
        "logins": logins,
        "reports": rng.poisson(active * np.exp(report_rate)),
        "api_calls": np.floor(active * np.exp(calls)).astype(np.int64),
        "integrations": _integrations(chunk, rows),
        "errors": _errors(chunk, rng, rows, logins),
    }
