"""Which rows of a source are read: what `only` and `without` of a table say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import and_

import ibis
import ibis.expr.types as ir

from npsight.config.schema import Source
from npsight.errors import Problem
from npsight.tables.cells import cell_text
from npsight.tables.engine import one_row
from npsight.tables.raw import RawTable, UnusableTableError

_SHOWN_VALUES = 10
_SHOWN_CHARACTERS = 40


def chosen(source: Source, raw: RawTable, where: str, key: str) -> RawTable:
    """The raw table without the rows that the project file does not want; they keep their number.

    Raises
    ------
    UnusableTableError
        No row is left, though there were some.
    """
    if not (source.only or source.without):
        return raw
    wanted = [_holds(source, raw, column, values) for column, values in source.only.items()]
    wanted += [~_holds(source, raw, column, values) for column, values in source.without.items()]
    condition = reduce(and_, wanted)
    counts = one_row(raw.table.aggregate(rows=raw.table.count(), kept=condition.sum()))
    rows, kept = counts["rows"], counts["kept"] or 0
    if rows and not kept:
        raise UnusableTableError([_nothing_left(source, raw, rows, where, key)])
    return replace(raw, table=raw.table.filter(condition), left_out=rows - kept)


def _holds(source: Source, raw: RawTable, column: str, values: Sequence[str]) -> ir.BooleanValue:
    """Whether the column holds one of the values; never null."""
    text = cell_text(raw.table[column], source.blanks).fill_null("")
    plain = [value.strip() for value in values if "*" not in value]
    holds: ir.BooleanValue = text.isin(plain) if plain else ibis.literal(False)
    for value in values:
        if "*" in value:
            parts = (re.escape(part) for part in value.strip().split("*"))
            holds = holds | text.re_search(f"(?s)^{'.*'.join(parts)}$")
    return holds


def _nothing_left(source: Source, raw: RawTable, rows: int, where: str, key: str) -> Problem:
    said = " and ".join(name for name in ("`only`", "`without`") if getattr(source, name[1:-1]))
    # What `without` names may be keys or names of persons: only what is chosen by is shown.
    there = [
        f"; `{column}` holds: {frequent(cell_text(raw.table[column], source.blanks))}"
        for column in source.only
    ]
    what = f"none of its {rows:,} rows is left by {said}"
    remedy = f"write the values as they stand in the table, in their case{''.join(there)}"
    return Problem(what, remedy, where, key)


def frequent(text: ir.StringValue) -> str:
    """The most frequent values of a column of texts, the most frequent first."""
    counted = text.name("text").as_table().group_by("text").aggregate(n=ibis._.count())
    first = counted.order_by(ibis.desc("n"), "text").limit(_SHOWN_VALUES + 1)
    found = [row["text"] for row in first.to_pyarrow().to_pylist()]
    shown = ["''" if value is None else value[:_SHOWN_CHARACTERS] for value in found]
    return ", ".join(shown[:_SHOWN_VALUES]) + (" …" if len(found) > _SHOWN_VALUES else "")
