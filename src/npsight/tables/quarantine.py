"""Bad rows, kept as they were read, with their reasons: one Parquet file a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from npsight.errors import StateError
from npsight.tables.raw import ROW, RawTable
from npsight.tables.sheet import Fault

REASON = "_reason"


def write_quarantine(
    bad: ir.Table, faults: Sequence[Fault], raw: RawTable, stem: str, folder: Path | None
) -> Path | None:
    """Write `<folder>/<stem>.parquet`, replacing the one of the run before.

    The file has the source's columns as text, `_row` (from 1; null where the source has no
    order) and `_reason`, all reasons of the row. It appears whole or not at all; with nothing to
    keep, the old file goes.

    Returns
    -------
    Path or None
        The file, or None when there is no folder or no bad row.

    Raises
    ------
    StateError
        The disk is full, or may not be written to.
    """
    if folder is None:
        return None
    file = folder / f"{stem}.parquet"
    rows = _with_reasons(bad, faults, raw)
    if not raw.malformed and rows.limit(1).to_pyarrow().num_rows == 0:
        file.unlink(missing_ok=True)
        return None
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{stem}.{os.getpid()}.tmp"
    try:
        rows.order_by([ROW, REASON]).to_parquet(unfinished)
        unfinished.replace(file)
    except duckdb.IOException as error:
        raise StateError(
            f"{folder}: bad rows cannot be kept ({error})\n"
            "  → check that path, its permissions and the free space there"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return file


def _with_reasons(bad: ir.Table, faults: Sequence[Fault], raw: RawTable) -> ir.Table:
    reasons = [fault.reason for fault in faults]
    texts = ibis.memtable(pa.table({"fault": range(len(faults)), "reason": reasons}))
    named = bad.join(texts, "fault")
    said = named.mutate(said=named.reason.replace("{}", named.value))
    by_row = said.group_by(ROW).aggregate(
        **{REASON: said.said.group_concat("; ", order_by=said.fault)}
    )
    joined = raw.table.inner_join(by_row, ROW)
    number = joined[ROW] if raw.has_order else ibis.null(dt.int64)
    kept = joined.select(
        **{column: joined[column].cast(dt.string) for column in raw.columns},
        **{ROW: number, REASON: joined[REASON]},
    )
    return ibis.union(kept, _malformed(raw)) if raw.malformed else kept


def _malformed(raw: RawTable) -> ir.Table:
    lines = [f"line {number} does not fit the header: {what}" for number, what in raw.malformed]
    table = ibis.memtable(pa.table({REASON: lines}))
    blank = {column: ibis.null(dt.string) for column in raw.columns}
    return table.select(**blank, **{ROW: ibis.null(dt.int64), REASON: table[REASON]})
