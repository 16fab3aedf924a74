"""Accounts that are gone, and are missing from the data of when they were there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from npsight.audit.findings import Check, Finding

CHECK = "those who left are there"
QUARTERS = 4
LEAST_TENURE = pd.Timedelta(days=365)
EXPECTED = 8.0
LEAST_EARLY, LEAST_DAYS, SILENT_DAYS = 200, 540, 180


@dataclass(frozen=True)
class Lives:
    """Of each account when it began, and when it was lost (or known to be), NaT where it was not.

    `start` and `end` are those of the data.
    """

    began: pd.Series
    lost: pd.Series
    start: pd.Timestamp
    end: pd.Timestamp


def survivors(lives: Lives) -> Check:
    """`look` where no account was lost in the first quarter (half, three quarters) of the data.

    Named when 8 at least would have been at the rate of the rest, of which chance leaves none in 1
    of 3,000: accounts lost long ago were deleted, and early days know only those who stayed. Only
    accounts that are a year old count, as contracts of a year hide losses of young ones.
    """
    lasting = lives.began + LEAST_TENURE
    late = lives.lost[lives.lost >= lasting]
    step = (lives.end - lives.start) / QUARTERS
    found, judged = [], False
    for quarters in (3, 2, 1):
        until = lives.start + quarters * step
        days = _days(lasting, lives.lost, lives.start, until)
        rest = _days(lasting, lives.lost, until, lives.end)
        events = int((late >= until).sum())
        expected = events * days / rest if rest else 0.0
        judged = judged or expected >= EXPECTED
        if expected >= EXPECTED and not (late < until).any():
            found.append(_none_before(until, expected, events))
            break
    few = f"fewer than {EXPECTED:.0f} losses of accounts a year old can be expected in a quarter"
    return Check(CHECK, len(lives.began) if judged else 0, "accounts", tuple(found),
                 "" if judged else few)  # fmt: skip


def _days(began: pd.Series, lost: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> float:
    """Days that accounts were there in all, between two instants."""
    first, last = began.clip(lower=start), lost.fillna(end).clip(upper=end)
    return float(((last - first) / pd.Timedelta(days=1)).clip(lower=0).sum())


def _none_before(until: pd.Timestamp, expected: float, events: int) -> Finding:
    return Finding(
        level="look",
        check=CHECK,
        name="accounts",
        figure=expected,
        threshold=EXPECTED,
        what=f"no account was lost before {until:%Y-%m-%d}, where {expected:.0f} should have been "
        f"at the rate since ({events} losses): those lost earlier seem to be deleted, and the days "
        "before to know only those who stayed",
        remedy="export accounts that are gone, too; or train on the days since, with a later "
        "`training.first_as_of`",
    )


def nobody_is_gone(facts: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> Check:
    """The same where no loss is foreseen: `look` where none of the early accounts fell silent.

    `facts` has one row an account: `first` and `last`, of all its facts. Asked of data of 540 days
    or more, of accounts with a fact in their first third, 200 at least: at a loss of 2 % a year
    chance leaves all of them active in the last 180 days in 1 of 60 cases, at 5 % never.
    """
    early = facts[facts["first"] < start + (end - start) / 3]
    if end - start < pd.Timedelta(days=LEAST_DAYS) or len(early) < LEAST_EARLY:
        few = f"fewer than {LEAST_EARLY} accounts in the first third of {LEAST_DAYS} days or more"
        return Check(CHECK, 0, "accounts", not_judged=few)
    silent = np.count_nonzero(early["last"] < end - pd.Timedelta(days=SILENT_DAYS))
    findings = (_all_stayed(len(early)),) if silent == 0 else ()
    return Check(CHECK, len(early), "accounts", findings)


def _all_stayed(count: int) -> Finding:
    return Finding(
        level="look",
        check=CHECK,
        name="accounts",
        figure=0.0,
        threshold=1.0,
        what=f"none of {count:,} accounts that were there in the first third of the data has "
        f"fallen silent for {SILENT_DAYS} days since: those who left seem to be deleted, so that "
        "past days know only those who stayed",
        remedy="export accounts that are gone, too, with their answers and facts",
    )
