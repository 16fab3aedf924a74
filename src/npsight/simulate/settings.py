"""What a simulation is asked for, and what it reports back."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from npsight.simulate.errors import SimulationSettingsError

__all__ = ["SimulationSettings", "SimulationSummary", "recent_start"]

_FIRST_DAY = date(2023, 7, 1)

_LEAST = {
    "accounts": 1,
    "days": 30,
    "seed": 0,
    "chunk_accounts": 1,
    "gap_days": 0,
    "horizon_days": 1,
}


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """Size, time span and randomness of the demo company.

    Parameters
    ----------
    accounts : int
        Accounts that ever exist; about 15 % of them join during the simulated time.
    days : int
        Simulated days, at least 30. Data end at 00:00 UTC of ``start + days``.
    start : datetime.date
        First simulated day (UTC), 1970 or later.
    seed : int
        Same settings, same bytes. Part of the seed is the chunk, so accounts also depend on
        `chunk_accounts`.
    truth : bool
        Also write ``truth.parquet`` and ``truth_answers.parquet``.
    dirt : bool
        Add the blemishes of real exports (see `npsight.simulate.dirt`); no clean row changes.
    chunk_accounts : int
        Accounts held in memory at once (about 0.3 MB each at 1095 days).
    gap_days, horizon_days : int
        Outcome window ``[day + gap, day + gap + horizon)`` of the truth columns, in days.

    Raises
    ------
    SimulationSettingsError
        A ValueError, with every unusable setting listed.
    """

    accounts: int = 2000
    days: int = 1095
    start: date = _FIRST_DAY
    seed: int = 7
    truth: bool = True
    dirt: bool = True
    chunk_accounts: int = 2000
    gap_days: int = 14
    horizon_days: int = 90

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated, every problem at once."""
        problems = list(self._problems())
        if problems:
            raise SimulationSettingsError(problems)

    def _problems(self) -> Iterator[str]:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                yield f"{name} must be a whole number, got {value!r}"
            elif value < least:
                yield f"{name} must be at least {least}, got {value}"
        for name in ("truth", "dirt"):
            if not isinstance(getattr(self, name), bool):
                yield f"{name} must be true or false, got {getattr(self, name)!r}"
        yield from self._date_problems()

    def _date_problems(self) -> Iterator[str]:
        if isinstance(self.start, datetime) or not isinstance(self.start, date):
            yield f"start must be a date without a time, got {self.start!r}"
        elif self.start.year < 1970:
            yield f"start must be 1970-01-01 or later, got {self.start}"
        elif isinstance(self.days, int) and self.days > (date(2262, 1, 1) - self.start).days:
            yield f"start + days must be before 2262-01-01, got {self.start} + {self.days} days"

    @property
    def end(self) -> date:
        """First day that is no longer simulated; no fact is known after its 00:00 UTC."""
        return self.start + timedelta(days=self.days)

    @property
    def chunks(self) -> int:
        """Number of chunks of at most `chunk_accounts` accounts."""
        return -(-self.accounts // self.chunk_accounts)

    def as_json(self) -> dict[str, int | bool | str]:
        """Return the settings as JSON values, the date as ISO 8601."""
        return {**asdict(self), "start": self.start.isoformat()}


def recent_start(days: int, today: date) -> date:
    """Return the start with which the data end today or up to six days earlier.

    It lies whole weeks from the default start. Of the calendar only the weekday counts, so every
    account lives through the same, as many weeks later.
    """
    weeks = (today - timedelta(days=days) - _FIRST_DAY) // timedelta(days=7)
    return _FIRST_DAY + timedelta(days=7 * weeks)


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was written.

    Attributes
    ----------
    directory : Path
        Where the files are now.
    rows : Mapping[str, int]
        Rows per table, e.g. ``{"usage": 1931204, ...}``.
    paths : Mapping[str, Path]
        File per table.
    """

    directory: Path
    rows: Mapping[str, int] = field(default_factory=dict)
    paths: Mapping[str, Path] = field(default_factory=dict)
