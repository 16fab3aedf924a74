"""truth.parquet and truth_answers.parquet: what nobody can know of a real company.

Everything is given the hidden state at 00:00 of `day`, where the hidden state is satisfaction
with its parts, the contacts and their effects, and the contract with its notice periods. The
probabilities are exact but for three things: firm-wide shocks still to come are not foreseen
(see `process`); whoever answers in the window is taken to be still a customer then, and as
likely to answer as anyone; and the decisions to leave inside one window are multiplied as if
independent given the state.
"""

import numpy as np

from npsight.simulate.answers import account_bands
from npsight.simulate.arrays import Bools, Floats, Ints, nearest_day
from npsight.simulate.chunk import Chunk, Columns
from npsight.simulate.cohort import TERM_DAYS
from npsight.simulate.ids import account_ids
from npsight.simulate.subscriptions import AT_MARK, AT_RENEWAL, MARK_DAYS, leave_prob
from npsight.simulate.surveys import Surveys, survey_ids

__all__ = ["GRID_DAYS", "truth", "truth_answers"]

GRID_DAYS = 5
_NODES = 4


def truth(chunk: Chunk) -> Columns:
    """Return the truth on every 5th simulated day (0, 5, 10, ...) of each subscribed account.

    Columns
    -------
    p_detractor, p_promoter
        Probability that an answer given on `day` is in the band, averaged over the account's
        contacts of that day.
    p_detractor_next, p_promoter_next
        The same for an answer at a time uniform in ``[day + gap, day + gap + horizon)``.
    p_churn
        Probability that the subscription ends in that window; 0 or 1 once the end is booked.
    satisfaction
        The hidden satisfaction; mean 0 and standard deviation 1 over the long run.
    """
    grid = np.arange(0, chunk.settings.days, GRID_DAYS)
    live = chunk.contract.live(chunk.cohort, grid)
    satisfaction = chunk.state.satisfaction[:, grid]
    present, effect = chunk.cohort.present(grid), chunk.cohort.contact_effect[:, None, :]
    detractor, promoter = account_bands(satisfaction, np.zeros(1), effect, present)
    detractor_next, promoter_next = _next_bands(chunk, grid, present)
    account, place = np.nonzero(live)
    return {
        "account_id": account_ids(chunk.cohort.number[account]),
        "day": grid[place].astype(np.float64),
        "p_detractor": detractor[live],
        "p_promoter": promoter[live],
        "p_detractor_next": detractor_next[live],
        "p_promoter_next": promoter_next[live],
        "p_churn": _churn(chunk, grid)[live],
        "satisfaction": satisfaction[live],
    }


def _next_bands(chunk: Chunk, grid: Ints, present: Bools) -> tuple[Floats, Floats]:
    """Return the band probabilities averaged over the window, by Gauss-Legendre in time."""
    gap, horizon = chunk.settings.gap_days, chunk.settings.horizon_days
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    effect = chunk.cohort.contact_effect[:, None, :]
    shape = (chunk.count, len(grid))
    detractor, promoter = np.zeros(shape), np.zeros(shape)
    for node, weight in zip(nodes, weights / 2, strict=True):
        mean, variance = chunk.state.forward(grid, gap + horizon * (node + 1) / 2)
        bands = account_bands(mean, variance, effect, present)
        detractor += weight * bands[0]
        promoter += weight * bands[1]
    return detractor, promoter


def _churn(chunk: Chunk, grid: Ints) -> Floats:
    """Return P(the subscription ends in the window)."""
    begin = grid + chunk.settings.gap_days
    stop = begin + chunk.settings.horizon_days
    stays_before, stays_within = np.ones((2, chunk.count, len(grid)))
    for decision, decided, end in _coming_decisions(chunk, grid):
        lead = np.maximum(decided - grid, 0).astype(np.float64)
        mean, variance = chunk.state.forward(grid, lead)
        stays = np.where(decided >= grid, 1.0 - leave_prob(decision, mean, variance), 1.0)
        stays_before *= np.where(end < begin, stays, 1.0)
        stays_within *= np.where((end >= begin) & (end < stop), stays, 1.0)
    end_day, booked_day = chunk.contract.end_day[:, None], chunk.contract.booked_day[:, None]
    ends_within = (end_day >= begin) & (end_day < stop)
    # NaN compares false: a live account is not booked.
    return np.where(booked_day < grid, ends_within, stays_before * (1.0 - stays_within))


def _coming_decisions(chunk: Chunk, grid: Ints) -> list[tuple[tuple[float, float], Ints, Ints]]:
    """Return the decisions that can end a subscription within reach of the window.

    Each is its parameters, the day it is taken and the day it takes effect, the latter two of
    shape (accounts, grid).
    """
    reach = chunk.settings.gap_days + chunk.settings.horizon_days
    cohort, first_mark = chunk.cohort, chunk.contract.first_mark[:, None]
    # No renewal is decided on before the first one, a full term after the anchor.
    term = np.maximum((grid - cohort.anchor_day[:, None]) // TERM_DAYS, 0)
    mark = np.maximum(-((first_mark - grid) // MARK_DAYS), 0)
    decisions = []
    for ahead in range(1, reach // TERM_DAYS + 3):
        end = cohort.anchor_day[:, None] + TERM_DAYS * (term + ahead)
        decisions.append((AT_RENEWAL, end - cohort.notice_days[:, None], end))
    for ahead in range(reach // MARK_DAYS + 2):
        decided = first_mark + MARK_DAYS * (mark + ahead)
        decisions.append((AT_MARK, decided, decided + cohort.exit_lead_days[:, None]))
    return decisions


def truth_answers(chunk: Chunk, surveys: Surveys) -> Columns:
    """Return the account's band probabilities on the day of each answer.

    `p_detractor` and `p_promoter` are averaged over the account's contacts: the most that a
    prediction by account can know.
    """
    import pyarrow as pa

    answered = np.flatnonzero(surveys.answered)
    account = surveys.account[answered]
    day = nearest_day(surveys.answered_at[answered], chunk.settings.days)
    present = chunk.cohort.contact_created[account] <= day[:, None]
    present[:, 0] = True
    detractor, promoter = account_bands(
        chunk.state.satisfaction[account, day],
        np.zeros(1),
        chunk.cohort.contact_effect[account],
        present,
    )
    ids: pa.Array = survey_ids(chunk, surveys)
    return {
        "survey_id": ids.take(pa.array(answered)),
        "account_id": account_ids(chunk.cohort.number[account]),
        "p_detractor": detractor,
        "p_promoter": promoter,
    }
