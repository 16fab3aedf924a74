"""Runs a table's contract in the engine: good rows to a table of their own, bad ones aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from npsight.errors import Problem
from npsight.tables.contracts import ALWAYS, Contract
from npsight.tables.engine import fresh_name, name_literal, one_row, run
from npsight.tables.quarantine import write_quarantine
from npsight.tables.raw import ROW, RawTable, UnusableTableError
from npsight.tables.report import FaultCount, TableReport
from npsight.tables.sheet import SHOWN_CHARACTERS, Fault, Sheet

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

FAULTS = "_faults"
_BETWEEN, _WITHIN = "\x1e", "\x1f"
_MOST_REASONS = 8


@dataclass(frozen=True)
class CheckedTable:
    """The good rows in canonical columns, and the report."""

    table: ir.Table
    report: TableReport


def check_table(
    sheet: Sheet,
    raw: RawTable,
    contract: Contract,
    max_share: float,
    quarantine_dir: Path | None,
    backend: Backend,
) -> CheckedTable:
    """Split a raw table into facts and quarantine.

    Raises
    ------
    UnusableTableError
        No rows, columns of the wrong type or without a zone, or too many bad rows; in the last
        case the quarantine file is written first, so that there is something to look at.
    """
    if sheet.problems:
        raise UnusableTableError(sheet.problems)
    counts = _prescan(sheet, raw, contract)
    total = counts["rows"] + len(raw.malformed)
    if total == 0:
        remedy = "export it again, or take the table out of the project file"
        raise UnusableTableError([Problem("holds no rows", remedy, sheet.where, sheet.key)])
    name = _materialise(sheet, contract, backend)
    faults = list(sheet.faults)
    if contract.identity:
        faults += _mark_duplicates(name, contract, len(faults), backend)
    bad = _bad_rows(backend.table(name), faults)
    found = _count(bad, faults, raw)
    file = write_quarantine(bad, faults, raw, _stem(sheet.key), quarantine_dir)
    quarantined = int(one_row(bad.aggregate(n=bad[ROW].nunique()))["n"]) + len(raw.malformed)
    run(backend, f"DELETE FROM {name_literal(name)} WHERE {FAULTS} IS NOT NULL")
    good = backend.table(name).drop(ROW, FAULTS)
    if "_id" in good.columns:
        good = good.drop("_id")
    report = _report(sheet, counts, good, total, quarantined, found, file)
    if quarantined > max_share * total:
        raise UnusableTableError([_too_many(report, max_share)])
    return CheckedTable(good, report)


def _prescan(sheet: Sheet, raw: RawTable, contract: Contract) -> dict[str, Any]:
    """Everything that must be counted before the rows are split, in one pass."""
    table = raw.table
    wanted: dict[str, ir.Scalar] = {"rows": table.count()}
    if contract.skip is not None:
        wanted["skipped"] = contract.skip.sum()
    for index, when in enumerate(sheet.notes.values()):
        wanted[f"note_{index}"] = when.sum()
    for index, probe in enumerate(sheet.probes):
        wanted[f"present_{index}"] = probe.present.sum()
        wanted[f"naive_{index}"] = probe.naive.sum()
        wanted[f"example_{index}"] = probe.text.min()
    counts = one_row(table.aggregate(**wanted))
    for index, probe in enumerate(sheet.probes):
        if counts[f"present_{index}"] and counts[f"present_{index}"] == counts[f"naive_{index}"]:
            sheet.no_zone(probe, counts[f"example_{index}"])
    if sheet.problems:
        raise UnusableTableError(sheet.problems)
    return counts


def _materialise(sheet: Sheet, contract: Contract, backend: Backend) -> str:
    """One pass: canonical columns, the row's number, and all its faults as one text."""
    marks = [_mark(index, fault) for index, fault in enumerate(sheet.faults)]
    joined = ibis.literal(_BETWEEN).join(marks).nullif("") if marks else ibis.null("string")
    table = sheet.raw
    if contract.skip is not None:
        table = table.filter(~contract.skip)
    checked = table.select(**contract.columns, **{ROW: sheet.raw[ROW], FAULTS: joined})
    name = fresh_name(_stem(sheet.key))
    backend.create_table(name, checked)
    return name


def _mark(index: int, fault: Fault) -> ir.StringValue:
    mark: ir.Value = ibis.literal(f"{index}{_WITHIN}")
    if fault.value is not None:
        shown = fault.value.fill_null("").substr(0, SHOWN_CHARACTERS)
        mark = mark + shown.re_replace("[\x1e\x1f\r\n]", " ")
    marked: ir.StringValue = ibis.ifelse(fault.when.fill_null(False), mark, ibis.null("string"))
    return marked


def _mark_duplicates(name: str, contract: Contract, index: int, backend: Backend) -> list[Fault]:
    """Keep the row known first of those with one identity; ties go by all columns, then order."""
    table = backend.table(name)
    good = table.filter(table[FAULTS].isnull())
    for column in contract.identity:
        good = good.filter(good[column].notnull())
    content = sorted(set(contract.columns) - {"known_at", "occurred_at"})
    order = [ibis.asc(good[c], nulls_first=False) for c in ("known_at", "occurred_at", *content)]
    group = [good[column] for column in contract.identity]
    window = ibis.window(group_by=group, order_by=[*order, good[ROW]])
    whole = ibis.struct({column: good[column] for column in contract.columns})
    ranked = good.select(
        **{ROW: good[ROW]},
        place=ibis.row_number().over(window),
        same=(whole == whole.first(include_null=True).over(window)),
    )
    twice = ranked.filter(ranked.place > 0)
    code = ibis.ifelse(twice.same, f"{index}{_WITHIN}", f"{index + 1}{_WITHIN}")
    marks = fresh_name("twice")
    backend.create_table(marks, twice.select(**{ROW: twice[ROW]}, code=code))
    run(
        backend,
        f"UPDATE {name_literal(name)} AS t SET {FAULTS} = d.code "
        f"FROM {name_literal(marks)} AS d WHERE t.{ROW} = d.{ROW}",
    )
    backend.drop_table(marks)
    no = ibis.literal(False)
    return [
        Fault(f"{contract.identity_reason} (identical row)", no),
        Fault(f"{contract.identity_reason} (conflicting row)", no),
    ]


def _bad_rows(checked: ir.Table, faults: Sequence[Fault]) -> ir.Table:
    """One row a bad row and fault: `_row`, `fault` (its place in `faults`) and `value`."""
    bad = checked.filter(checked[FAULTS].notnull())
    each = bad.select(**{ROW: bad[ROW]}, mark=bad[FAULTS].split(_BETWEEN).unnest())
    parts = each.mark.split(_WITHIN)
    return each.select(**{ROW: each[ROW]}, fault=parts[0].cast("int64"), value=parts[1])


def _count(bad: ir.Table, faults: Sequence[Fault], raw: RawTable) -> tuple[FaultCount, ...]:
    counted = bad.group_by("fault").aggregate(
        n=bad.count(), row=bad[ROW].min(), example=bad.value.argmin(bad[ROW])
    )
    found = [
        FaultCount(
            faults[line["fault"]].kind,
            line["n"],
            line["example"] if faults[line["fault"]].value is not None else None,
            line["row"] if raw.has_order else None,
        )
        for line in counted.to_pyarrow().to_pylist()
    ]
    if raw.malformed:
        number, what = raw.malformed[0]
        reason = f"line does not fit the header (first: line {number}, {what})"
        found.append(FaultCount(reason, len(raw.malformed)))
    return tuple(sorted(found, key=lambda f: (-f.rows, f.reason)))


def _stem(key: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", key.removeprefix("tables.").lower()).strip("_")


def _report(
    sheet: Sheet,
    counts: dict[str, Any],
    good: ir.Table,
    total: int,
    quarantined: int,
    found: tuple[FaultCount, ...],
    file: Path | None,
) -> TableReport:
    when = good.occurred_at
    if "invited_at" in good.columns:
        when = ibis.coalesce(good.occurred_at, good.invited_at)
    seen = one_row(good.aggregate(n=good.count(), first=when.min(), last=when.max()))
    notes = [(what, counts[f"note_{i}"] or 0) for i, what in enumerate(sheet.notes)]
    return TableReport(
        key=sheet.key,
        file=sheet.where,
        rows=total,
        good=seen["n"],
        skipped=counts.get("skipped") or 0,
        quarantined=quarantined,
        faults=found,
        notes=tuple((what, n) for what, n in notes if n),
        # Attributes that are true always say nothing of when the data begin.
        first_at=None if seen["first"] == ALWAYS else seen["first"],
        last_at=None if seen["last"] == ALWAYS else seen["last"],
        quarantine_file=file,
    )


def _too_many(report: TableReport, max_share: float) -> Problem:
    share = report.quarantined / report.rows
    lines = [f"\n        {fault}" for fault in report.faults[:_MOST_REASONS]]
    if len(report.faults) > _MOST_REASONS:
        lines.append(f"\n        and {len(report.faults) - _MOST_REASONS} more reasons")
    what = (
        f"{report.quarantined:,} of {report.rows:,} rows are bad ({share:.1%}, "
        f"at most {max_share:.1%} allowed):{''.join(lines)}"
    )
    seen = f"look at {report.quarantine_file}; " if report.quarantine_file else ""
    remedy = f"{seen}mend the table or its mapping, or raise `quarantine.max_share`"
    return Problem(what, remedy, report.file, report.key)
