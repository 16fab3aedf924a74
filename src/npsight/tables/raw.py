"""What a reader hands to the checks: the rows as they lie in the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ibis.expr.types as ir

from npsight.errors import Problem

ROW = "_row"
"""Number of the row in its source, from 1; internal only where the source has no order."""
FAULTS = "_faults"
"""All faults of a row as one text: number and value of each, held together by `WITHIN`, and told
apart by `BETWEEN`; null in good rows.
"""
UNREAD = "_unread"
"""The same of faults that leave a row good, because only a value of it is missing."""
WHY = "_why_"
"""How the column begins that says why a look-up by domain found nothing; the name of what was
looked up follows.
"""
BETWEEN, WITHIN = "\x1e", "\x1f"


class UnusableTableError(Exception):
    """A table that cannot be used at all; collected, so that every table's faults are shown."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.what for problem in self.problems))


@dataclass(frozen=True)
class RawTable:
    """A source's rows in the working DuckDB.

    `table` has the source's columns and `_row`; `has_order` says whether `_row` is the order in
    the source. `malformed` holds lines that could not be split into the header's columns, as
    (line number in the file, what is wrong), and `malformed_twins` counts further lines that
    read the same as one of these. `left_out` counts rows that the project file does not want, and
    `running` those of a period that is not over.
    `not_found` says of each look-up which keys the other table lacks, with the number of rows.
    `footer` counts lines below the last row of a file that are no rows. `lacking` has the columns
    that only some of several files or sheets have, each with one that has not.
    """

    name: str
    table: ir.Table
    has_order: bool
    malformed: tuple[tuple[int, str], ...] = ()
    malformed_twins: int = 0
    left_out: int = 0
    not_found: tuple[tuple[str, int], ...] = ()
    footer: int = 0
    running: int = 0
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The source's own columns."""
        own = (column for column in self.table.columns if column != ROW)
        return [column for column in own if not column.startswith(WHY)]
