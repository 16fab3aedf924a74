"""What `prepare` hands back: the facts, and how each table fared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from npsight.temporal.facts import Facts


@dataclass(frozen=True)
class FaultCount:
    """Rows quarantined for one reason, with one of them as the example.

    `reason` never holds a row's value; `example` does, for times, numbers and scores only. A row
    with several faults is counted under each of them. `row` counts data rows from 1, or is None
    where the source has no order.
    """

    reason: str
    rows: int
    example: str | None = None
    row: int | None = None

    def __str__(self) -> str:
        what = f"such as `{self.example}`" if self.example is not None else ""
        at = f"row {self.row}" if self.row is not None else ""
        detail = ", ".join(part for part in (what, at) if part)
        return f"{self.reason}: {self.rows:,}" + (f" ({detail})" if detail else "")


@dataclass(frozen=True)
class TableReport:
    """How one table of the project file was read.

    Attributes
    ----------
    key
        Its key, such as `tables.activity.usage`.
    file
        The file, or the name of the environment variable of its connection.
    rows
        Rows read: good + skipped + quarantined.
    good
        Rows that became facts.
    skipped
        Rows that say that nothing has happened yet (a blank time); no fault.
    quarantined
        Rows with at least one fault.
    faults
        Counts by reason.
    notes
        What was mended silently, such as a `known_at` before its fact, with counts.
    first_at, last_at
        The earliest and the latest `occurred_at` of the good rows (UTC), None without any.
    quarantine_file
        Where the bad rows lie, or None.
    """

    key: str
    file: str
    rows: int
    good: int
    skipped: int
    quarantined: int
    faults: tuple[FaultCount, ...]
    notes: tuple[tuple[str, int], ...]
    first_at: datetime | None
    last_at: datetime | None
    quarantine_file: Path | None


@dataclass(frozen=True)
class Prepared:
    """The canonical facts with the report of each table and the digest of their content.

    `digest` is the same for the same rows, in whatever order they lie in the files and however
    many threads read them; it may differ between versions of DuckDB.
    """

    facts: Facts
    reports: tuple[TableReport, ...]
    digest: str
