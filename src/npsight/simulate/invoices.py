"""invoices.csv: starters pay monthly, the others by the quarter; the unhappy pay late."""

import numpy as np

from npsight.simulate.arrays import Floats, Ints, nearest_day, sequence_in_group
from npsight.simulate.chunk import Chunk, Columns
from npsight.simulate.cohort import PLANS, TERM_DAYS, TOPICS
from npsight.simulate.ids import account_ids, serial_ids

__all__ = ["invoices"]

_PER_TERM = {"starter": 12, "team": 4, "enterprise": 4}
_TERMS_OF_PAYMENT_DAYS = 30
_ISSUE_TIME = 6 / 24


def _issues(chunk: Chunk) -> tuple[Ints, Ints, Floats, Ints]:
    """Return account, term and instant of each invoice, and the invoices of its term."""
    per_term = np.array([_PER_TERM[plan] for plan in PLANS])[chunk.contract.plan]
    most = int(per_term.max())
    account, term, number = np.nonzero(np.arange(most) < per_term[:, :, None])
    in_term = per_term[account, term]
    day = chunk.cohort.anchor_day[account] + TERM_DAYS * term + number * TERM_DAYS // in_term
    at = day + _ISSUE_TIME
    keep = (at >= 0) & (at < chunk.stop_day[account])
    return account[keep], term[keep], at[keep], in_term[keep]


def _days_late(chunk: Chunk, rng: np.random.Generator, account: Ints, at: Floats) -> Floats:
    """Draw whole days between the due date and the payment; 0 when paid in time."""
    mood = chunk.state.satisfaction[account, nearest_day(at, chunk.settings.days)]
    dear = (chunk.cohort.trouble_topic == TOPICS.index("price"))[account]
    late = rng.normal(1.0 - 4.5 * mood + 1.5 * dear, 5.0)
    return np.asarray(np.maximum(np.rint(late), 0.0))


def invoices(chunk: Chunk) -> Columns:
    """Return invoices; `paid_at` and `days_late` are empty while unpaid.

    `days_late` is known from `paid_at` on.
    """
    rng = chunk.streams["invoices"]
    account, term, at, in_term = _issues(chunk)
    late = _days_late(chunk, rng, account, at)
    early = np.where(late == 0, rng.uniform(0, 20, len(late)), 0.0)
    paid_at = at + _TERMS_OF_PAYMENT_DAYS + late - early + rng.uniform(0, 0.4, len(late))
    paid = paid_at < chunk.stop_day[account]
    number = chunk.cohort.number[account]
    return {
        "invoice_id": serial_ids("I", number, sequence_in_group(number)),
        "account_id": account_ids(number),
        "issued_at": at,
        "amount": (chunk.contract.arr[account, term] / in_term).round(2),
        "paid_at": np.where(paid, paid_at, np.nan),
        "days_late": np.where(paid, late, np.nan),
    }
