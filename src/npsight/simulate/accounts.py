"""accounts.csv: the history of attributes; and contacts.csv and subscriptions.csv.

A version starts where a contract term starts (seats, plan, ARR and the next renewal change) or
where the account gets another owner. What lies before the term in force on day 0 is not kept.
"""

from dataclasses import dataclass

import numpy as np

from npsight.simulate.arrays import Floats, Ints, working_hours
from npsight.simulate.chunk import Chunk, Columns
from npsight.simulate.cohort import INDUSTRIES, PLANS, REGIONS, ROLES, TERM_DAYS
from npsight.simulate.ids import account_ids, serial_ids
from npsight.simulate.names import company_names, manager_names, with_awkward_names

__all__ = ["account_versions", "contacts", "subscriptions"]

_ACCOUNTS_PER_OWNER = 60
_OWNER_CHANGES_A_YEAR = 0.25
_AWKWARD_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class _Events:
    """Starts of versions, sorted by account and time."""

    account: Ints
    at: Floats
    is_term: Ints


def _events(chunk: Chunk, rng: np.random.Generator) -> _Events:
    """Collect term starts and changes of owner up to the end of each account."""
    terms = chunk.contract.seats.shape[1]
    begin = chunk.cohort.anchor_day[:, None] + TERM_DAYS * np.arange(terms)
    term_account = np.repeat(np.arange(chunk.count), terms)
    expected = _OWNER_CHANGES_A_YEAR * chunk.settings.days / 365
    owner_account = np.repeat(np.arange(chunk.count), rng.poisson(expected, chunk.count))
    owner_at = rng.integers(0, chunk.settings.days, len(owner_account)) + working_hours(
        rng, len(owner_account)
    )
    account = np.concatenate([term_account, owner_account])
    at = np.concatenate([begin.ravel().astype(np.float64), owner_at])
    is_term = np.arange(len(account)) < len(term_account)
    keep = (at < chunk.stop_day[account]) & (is_term | (at > chunk.cohort.anchor_day[account]))
    order = np.lexsort((at[keep], account[keep]))
    return _Events(account[keep][order], at[keep][order], is_term[keep][order].astype(np.int64))


def _owners(chunk: Chunk, rng: np.random.Generator, events: _Events) -> Ints:
    """Return the owner of each version: drawn at its start unless the version is a new term."""
    managers = max(1, round(chunk.settings.accounts / _ACCOUNTS_PER_OWNER))
    drawn = rng.integers(0, managers, len(events.account))
    first = np.r_[True, events.account[1:] != events.account[:-1]]
    changed = np.where(first | (events.is_term == 0), np.arange(len(drawn)), 0)
    return drawn[np.maximum.accumulate(changed)]


def _valid_to(chunk: Chunk, events: _Events) -> Floats:
    """Return the start of the next version, or the end of the subscription, or NaN."""
    end = chunk.contract.end_day
    ended = np.where(end <= chunk.settings.days, end, np.nan)[events.account]
    last = np.r_[events.account[1:] != events.account[:-1], True]
    return np.where(last, ended, np.r_[events.at[1:], np.nan])


def account_versions(chunk: Chunk) -> Columns:
    """Return the attribute history, one row per version."""
    rng, cohort, contract = chunk.streams["accounts"], chunk.cohort, chunk.contract
    names = company_names(rng, chunk.count)
    if chunk.settings.dirt:
        names = with_awkward_names(chunk.streams["dirt"], names, _AWKWARD_SHARE)
    events = _events(chunk, rng)
    account, term = events.account, chunk.term(events.account, events.at)
    plan = contract.plan[account, term]
    return {
        "account_id": account_ids(cohort.number[account]),
        "valid_from": events.at,
        "valid_to": _valid_to(chunk, events),
        "name": names[account],
        "industry": np.array(INDUSTRIES, dtype=object)[cohort.industry[account]],
        "region": np.array(REGIONS, dtype=object)[cohort.region[account]],
        "plan": np.array(PLANS, dtype=object)[plan],
        "owner": manager_names(_owners(chunk, rng, events)),
        "seats": contract.seats[account, term],
        "arr": contract.arr[account, term],
        "renewal_at": (cohort.anchor_day[account] + TERM_DAYS * (term + 1)).astype(np.float64),
        "created_at": cohort.start_day[account].astype(np.float64),
    }


def contacts(chunk: Chunk) -> Columns:
    """Return the contacts created before the end of their account and of the data."""
    created = chunk.cohort.contact_created
    account, contact = np.nonzero(created < chunk.stop_day[:, None])
    number = chunk.cohort.number[account]
    return {
        "contact_id": serial_ids("C", number, contact),
        "account_id": account_ids(number),
        "role": np.array(ROLES, dtype=object)[chunk.cohort.contact_role[account, contact]],
        "created_at": created[account, contact],
    }


def subscriptions(chunk: Chunk) -> Columns:
    """Return one row per account; an end after the data is there if it was booked in time."""
    return {
        "account_id": account_ids(chunk.cohort.number),
        "started_at": chunk.cohort.start_day.astype(np.float64),
        "ended_at": chunk.contract.end_day,
        "cancelled_at": chunk.contract.cancelled_at,
    }
