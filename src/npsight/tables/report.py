"""What `prepare` hands back: the facts, and how each table fared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.temporal.facts import Facts

if TYPE_CHECKING:
    from npsight.tables.assemble import CheckedRows

LIFTED = "known_at before occurred_at, lifted to it"
NO_COUNT = "with 0 for no time in column {}"
THOUSANDS = "three digits behind each point in column"
NO_DAY_ABOVE_12 = "no day above 12, as if days were months, in column"
CURRENCIES = "amounts in several currencies in column"
FOOTER = "lines below the last row that are a footer, not read"
NOT_FOUND = "not found in"
UNSCORED = "without a score, left out"
IDENTICAL = "identical to another row, counted once"
LEFT_OUT = "left out by `only` and `without`"
AHEAD = "that begin in the future, counted from then on"
NOT_BEGUN = "that begin in the future, read once they have begun"
RUNNING = "of a period that is not over yet, read once it is"
NO_OUTCOME = "without an outcome: scored, not learned from"
CORRECTED = "corrected by a later row of the same id"
RETRACTED = "withdrawing an earlier row of the same id"
POSTED = "further facts that came over HTTP"
POSTED_TOO = "that came over HTTP are in the table, too: its own rows count"
POSTED_ASIDE = "that came over HTTP do not fit the project file any more, and are kept aside"

NOTES_TO_CHECK = {
    LIFTED: "check that `known_at` names the column that says when a row could first be read, in "
    "the same time zone",
    IDENTICAL: "if two equal rows are two facts of this table, say `duplicates: keep`; if the "
    "file was loaded twice, all is well",
    THOUSANDS: "if `1.234` means 1234 there, say `decimal: ','`; it is read as 1.234",
    CURRENCIES: "they are compared as if they were of one: bring them in one currency, or one "
    "column for each",
    NO_DAY_ABOVE_12: "see whether its months stand first: say `time_format: '%m/%d/%Y'`, or "
    "`'%d/%m/%Y'` where the day does; read the wrong way, a year of facts falls into January",
}
"""Beginnings of notes that may show a mistake where they are many, and what to do then."""
IDENTICAL_STATES = "if the file was loaded twice, all is well: no row is a second fact here"
"""Of a table whose rows say what is so, rather than what happened once more."""


@dataclass(frozen=True)
class FaultCount:
    """Rows quarantined for one reason, with one of them as the example.

    `reason` never holds a row's value; `example` does, for times, numbers and scores only. A row
    with several faults is counted under each of them. `row` counts data rows from 1, or is None
    where the source has no order. With `kept` the rows are good, and only the value is missing.
    `detail` says more of what does not fit.
    """

    reason: str
    rows: int
    example: str | None = None
    row: int | None = None
    kept: bool = False
    detail: str = ""

    def __str__(self) -> str:
        what = f"such as `{self.example}`" if self.example is not None else ""
        at = f"row {self.row}" if self.row is not None else ""
        detail = ", ".join(part for part in (what, at) if part)
        return f"{self.reason}: {self.rows:,}" + (f" ({detail})" if detail else "") + self.detail


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
        Rows read: good + skipped + identical + quarantined.
    good
        Rows that became facts.
    skipped
        Rows that are no fact and no fault: they say that nothing has happened yet (a blank
        time), or that a fact was withdrawn.
    identical
        Rows that equal another one of the source in every column; the other one counts.
    quarantined
        Rows with at least one fault, apart from those of which only a value is missing.
    faults
        Counts by reason.
    notes
        What was done without a fault, such as lifting a `known_at` to its fact, with counts.
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
    identical: int
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
    many threads read them; it may differ between versions of DuckDB. `checked` is what the facts
    were put together from, and `posted_through` the number of the newest fact that had come over
    HTTP then.
    """

    facts: Facts
    reports: tuple[TableReport, ...]
    digest: str
    checked: CheckedRows
    posted_through: int = 0
