"""What is measured: how many accounts, which as_of dates, which windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

KEYS = ["account", "as_of"]
MEASURES = ("logins", "minutes", "amount")
"""Whole logins; minutes and amount with two decimals."""

START = datetime(2023, 1, 1)
DAYS = 365
DELAY = timedelta(hours=6)
"""Every fact becomes known this long after it happened."""
SEED = 20231101


@dataclass(frozen=True)
class Workload:
    """One set of facts and the sums asked of it.

    Facts: one row for each account and day, for `DAYS` days from `START`. Sums: each of `MEASURES`
    over `[as_of − w, as_of)` of facts known before as_of, for each of `windows`; 0 without facts.
    `in_place` facts are never stored: a view makes them while it is read.
    """

    key: str
    title: str
    accounts: int
    cutoffs: int = 6
    step_days: int = 30
    windows: tuple[int, ...] = (7, 30, 90)
    in_place: bool = False

    @property
    def rows(self) -> int:
        """Facts."""
        return self.accounts * DAYS

    @property
    def as_ofs(self) -> list[datetime]:
        """Midnights, rising, the last one day before the facts end."""
        last = START + timedelta(days=DAYS - 1)
        return [last - timedelta(days=self.step_days * k) for k in reversed(range(self.cutoffs))]

    @property
    def reach(self) -> datetime:
        """The first instant of any window."""
        return self.as_ofs[0] - timedelta(days=max(self.windows))

    @property
    def spine_rows(self) -> int:
        """One for each account and as_of."""
        return self.accounts * self.cutoffs

    def sums(self) -> Iterator[tuple[str, str, int]]:
        """(column, measure, window in days) of every sum asked for; columns as npsight names."""
        for measure in MEASURES:
            for days in self.windows:
                yield column_of(measure, days), measure, days

    @property
    def columns(self) -> list[str]:
        """The names of all sums."""
        return [column for column, _, _ in self.sums()]


def column_of(measure: str, days: int) -> str:
    """The name that npsight gives a sum, such as `usage__sum_logins__30d`."""
    return f"usage__sum_{measure}__{days}d"


ACCOUNTS = 20_000


def standard(accounts: int = ACCOUNTS) -> Workload:
    """The workload that all contenders run."""
    return Workload("1x", "1×", accounts)


def sample(accounts: int = ACCOUNTS) -> Workload:
    """A twentieth of the accounts, for those that would take very long."""
    return Workload("sample", "A sample", accounts // 20)


def tenfold(accounts: int = ACCOUNTS) -> Workload:
    """Ten times the accounts."""
    return Workload("10x", "10× the accounts", accounts * 10)


def many_cutoffs(accounts: int = ACCOUNTS) -> Workload:
    """Weekly as_of dates, windows up to half a year."""
    return Workload(
        "cutoffs",
        "4× the cutoffs, windows to 180 days",
        accounts,
        cutoffs=24,
        step_days=7,
        windows=(7, 30, 90, 180),
    )


def hundredfold(accounts: int = ACCOUNTS) -> Workload:
    """A hundred times the accounts, made while they are read."""
    return Workload("100x", "100× the accounts, in place", accounts * 100, in_place=True)
