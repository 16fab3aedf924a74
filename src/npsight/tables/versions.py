"""Several rows of one fact: its versions, each true until the next was known.

A row that is no fact (it withdraws one, or says that it has not happened after all) ends the
version before it and is gone then. Rows are ordered by the `known_at` that they state, even where
it is lifted to the time of the fact: a correction stays later than what it corrects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import ibis
import ibis.expr.types as ir

from npsight.config.schema import VersionedSource
from npsight.tables.contract import FACT_ID, STATED, WITHDRAWN, Contract
from npsight.tables.engine import fresh_name, name_literal, one_row, run
from npsight.tables.raw import ROW
from npsight.tables.report import CORRECTED, RETRACTED
from npsight.tables.sheet import Sheet
from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


@dataclass(frozen=True)
class Known:
    """When a row was known, before that is lifted to the time of its fact.

    `said` is what its own column says, null where there is none; `at` falls back to the delay.
    """

    said: ir.TimestampValue
    at: ir.TimestampValue


def contract_of(
    sheet: Sheet,
    table: VersionedSource,
    columns: Mapping[str, ir.Value],
    known: Known,
    skip: ir.BooleanValue | None,
) -> Contract:
    """The contract of a table whose rows may have ids, versions and retractions.

    Parameters
    ----------
    columns
        Its canonical columns, without `_id`.
    known
        When each row was known.
    skip
        Rows with a blank time, where that is no fault.
    """
    if table.id is None:
        return Contract(columns, skip)
    identified = {**columns, FACT_ID: sheet.text(table.id)}
    if table.known_at is None:
        reason = f"id in column {table.id} occurs a second time"
        return Contract(identified, skip, (FACT_ID,), reason)
    withdrawn = _withdrawn(sheet, table, known.said, skip)
    ends: ir.BooleanValue = ibis.literal(False) if withdrawn is None else withdrawn
    versioned = {
        **identified,
        # By the delay, a withdrawal would be known as early as the fact itself.
        STATED: ibis.ifelse(ends, known.said, known.at),
        WITHDRAWN: ends,
        "corrected_at": ibis.null(INSTANT),
    }
    reason = f"id in column {table.id} occurs a second time with the same {table.known_at}"
    return Contract(versioned, withdrawn, (FACT_ID, STATED), reason, versioned=True)


def _withdrawn(
    sheet: Sheet,
    table: VersionedSource,
    said: ir.TimestampValue,
    skip: ir.BooleanValue | None,
) -> ir.BooleanValue | None:
    """Rows that are no facts but end the version before them; what they say is not checked."""
    blank = ibis.literal(False) if skip is None else skip
    if table.retracted is None:
        if skip is not None:
            sheet.only_where(~skip)
        return skip
    retracted = sheet.yes(table.retracted)
    sheet.only_where(~(retracted | blank))
    now = ibis.literal(sheet.now, type=INSTANT)
    placed = sheet.text(table.id).notnull() & (said <= now).fill_null(False)
    sheet.fault(
        f"withdrawn by column {table.retracted}, but {table.id} is blank, or {table.known_at} is "
        "blank, no time or in the future",
        retracted & ~placed,
    )
    sheet.notes[RETRACTED] = retracted & placed
    return cast(ir.BooleanValue, ibis.ifelse(retracted, placed, blank))


def mark_corrections(name: str, backend: Backend) -> tuple[str, int]:
    """Fill in `corrected_at` of the good rows; done again once further versions were added.

    Returns
    -------
    The note that says so, and how many rows of facts were corrected.
    """
    marks = fresh_name("corrected")
    backend.create_table(marks, corrections_of(backend.table(name)))
    run(backend, correct(name, marks))
    corrected: int = one_row(backend.table(marks).aggregate(n=ibis._.count()))["n"]
    backend.drop_table(marks)
    return CORRECTED, corrected


def corrections_of(table: ir.Table) -> ir.Table:
    """`_row` of each version of a fact that another one ended, and `corrected_at`."""
    known = table.filter(table[FACT_ID].notnull(), table[STATED].notnull())
    repeated = known.group_by(FACT_ID).having(known.count() > 1).aggregate()
    told = known.semi_join(repeated, FACT_ID)
    # At the same instant, what withdraws a fact comes after it.
    order = ibis.window(group_by=told[FACT_ID], order_by=[told[STATED], told[WITHDRAWN]])
    following = told.select(
        **{ROW: told[ROW], WITHDRAWN: told[WITHDRAWN]},
        corrected_at=told[STATED].lead().over(order),
    )
    ended = following.filter(~following[WITHDRAWN], following.corrected_at.notnull())
    return ended.select(ROW, "corrected_at")


def correct(name: str, marks: str) -> str:
    """The statement that enters `corrections_of` in the rows themselves."""
    return (
        f"UPDATE {name_literal(name)} AS t SET corrected_at = c.corrected_at "
        f"FROM {name_literal(marks)} AS c WHERE t.{ROW} = c.{ROW}"
    )
