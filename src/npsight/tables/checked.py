"""Runs a table's contract in the engine: good rows to a table of their own, bad ones aside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import VersionedSource
from npsight.errors import Problem
from npsight.tables.contract import FACT_ID, WITHDRAWN, Contract
from npsight.tables.contracts import ALWAYS
from npsight.tables.engine import fresh_name, name_literal, one_row, run
from npsight.tables.posted import add_rows
from npsight.tables.quarantine import write_quarantine
from npsight.tables.raw import BETWEEN, FAULTS, ROW, UNREAD, WITHIN, RawTable, UnusableTableError
from npsight.tables.repeats import mark_repeats, mark_reviewed
from npsight.tables.report import (
    CURRENCIES,
    FOOTER,
    IDENTICAL,
    LEFT_OUT,
    NO_DAY_ABOVE_12,
    NOT_FOUND,
    POSTED,
    POSTED_ASIDE,
    POSTED_TOO,
    RUNNING,
    THOUSANDS,
    FaultCount,
    TableReport,
)
from npsight.tables.sheet import NOT_LISTED, OTHER_CASE, SHOWN_CHARACTERS, Fault, Sheet
from npsight.tables.shown import listed, shown_key
from npsight.tables.versions import mark_corrections

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_MOST_REASONS = 8
_SHOWN_KEYS = 2
_CRM_ID = re.compile(r"^[a-zA-Z0-9]{15}([a-zA-Z0-9]{3})?$")
_ENOUGH_POINTS = 10
_MONTHS, _MANY_MONTHS, _ENOUGH_DATED = 12, 6, 60


@dataclass(frozen=True)
class CheckedTable:
    """The good rows and the report.

    `rows` has all columns of the contract, `_row` (negative for facts that came over HTTP) and
    rows that withdraw a fact; `facts_among` gives the facts.
    """

    rows: ir.Table
    report: TableReport


@dataclass(frozen=True)
class Further:
    """Facts that came over HTTP, to be checked by a contract of their own and added."""

    table: VersionedSource
    sheet: Sheet
    raw: RawTable
    contract: Contract


def facts_among(rows: ir.Table) -> ir.Table:
    """The facts in canonical columns, with `_stated` where they are versions."""
    if WITHDRAWN in rows.columns:
        rows = rows.filter(~rows[WITHDRAWN])
    return rows.drop(*({ROW, FAULTS, UNREAD, FACT_ID, WITHDRAWN} & set(rows.columns)))


def check_table(
    sheet: Sheet,
    raw: RawTable,
    contract: Contract,
    max_share: float,
    quarantine_dir: Path | None,
    backend: Backend,
    further: Further | None = None,
) -> CheckedTable:
    """Split a raw table into facts and quarantine, and add `further` facts.

    Raises
    ------
    UnusableTableError
        No rows, columns of the wrong type or without a zone, or too many bad rows; in the last
        case the quarantine file is written first, so that there is something to look at.
    """
    if sheet.problems:
        raise UnusableTableError(sheet.problems)
    counts = _prescan(sheet, raw, contract)
    if counts["read"] == 0 and not contract.may_be_empty:
        remedy = "export it again, or take the table out of the project file"
        raise UnusableTableError([Problem("holds no rows", remedy, sheet.where, sheet.key)])
    notes = [(what, counts[f"note_{i}"] or 0) for i, what in enumerate(sheet.notes)]
    notes += [(IDENTICAL, counts["identical"]), (LEFT_OUT, raw.left_out)]
    notes += [*raw.not_found, (FOOTER, raw.footer), (RUNNING, raw.running)]
    notes += [*_thousands(sheet, counts), *_day_orders(sheet, counts), *_currencies(sheet, counts)]
    name = _materialise(sheet, contract, backend)
    faults = list(sheet.faults)
    if contract.identity:
        faults += mark_repeats(name, contract, len(faults), backend)
    faults += mark_reviewed(name, contract, len(faults), backend)
    bad = _bad_rows(backend.table(name))
    found = _with_keys(sheet, _count(bad, faults, raw), counts["rows"])
    unread = _rows_in(bad) - _rows_in(bad.filter(~bad.kept))
    file = write_quarantine(bad, faults, raw, _stem(sheet.key), quarantine_dir)
    quarantined = _rows_in(bad.filter(~bad.kept)) + len(raw.malformed)
    run(backend, f"DELETE FROM {name_literal(name)} WHERE {FAULTS} IS NOT NULL")
    own = backend.table(name)
    own = own.filter(own[ROW] > 0)
    if further is not None:
        notes += _add(further, name, contract, quarantine_dir, backend)
    if contract.versioned:
        notes += [mark_corrections(name, backend)]
    report = _report(sheet, counts, notes, facts_among(own), quarantined, found, file)
    if quarantined + unread > max_share * (report.rows - report.identical):
        raise UnusableTableError([_too_many(report, quarantined + unread, max_share)])
    return CheckedTable(backend.table(name), report)


def _add(
    further: Further,
    name: str,
    contract: Contract,
    quarantine_dir: Path | None,
    backend: Backend,
) -> list[tuple[str, int]]:
    """Check further facts and add the good ones to a table's own; bad ones are kept aside."""
    sheet = further.sheet
    added = _materialise(sheet, further.contract, backend)
    bad = _bad_rows(backend.table(added))
    write_quarantine(bad, sheet.faults, further.raw, f"posted_{_stem(sheet.key)}", quarantine_dir)
    aside = _rows_in(bad)
    run(backend, f"DELETE FROM {name_literal(added)} WHERE {FAULTS} IS NOT NULL")
    good = int(one_row(backend.table(added).aggregate(n=ibis._.count()))["n"])
    columns = backend.table(name).columns
    for statement in add_rows(name, added, further.table, contract.versioned, columns):
        run(backend, statement)
    table = backend.table(name)
    taken = int(one_row(table.aggregate(n=(table[ROW] < 0).sum()))["n"] or 0)
    backend.drop_table(added)
    return [(POSTED, taken), (POSTED_TOO, good - taken), (POSTED_ASIDE, aside)]


def _prescan(sheet: Sheet, raw: RawTable, contract: Contract) -> dict[str, Any]:
    """Everything that must be counted before the rows are split, in one pass."""
    table = sheet.raw
    wanted: dict[str, ir.Scalar] = {"rows": table.count()}
    if contract.skip is not None:
        wanted["skipped"] = contract.skip.sum()
    for index, when in enumerate(sheet.notes.values()):
        wanted[f"note_{index}"] = when.sum()
    for index, probe in enumerate(sheet.probes):
        wanted[f"present_{index}"] = probe.present.sum()
        wanted[f"naive_{index}"] = probe.naive.sum()
        wanted[f"example_{index}"] = probe.text.min()
    for index, (whole, decimal) in enumerate(sheet.doubts.values()):
        wanted[f"whole_{index}"] = whole.sum()
        wanted[f"decimal_{index}"] = decimal.sum()
    for index, currency in enumerate(sheet.currencies.values()):
        wanted[f"currencies_{index}"] = currency.nunique()
    for index, day in enumerate(sheet.day_orders.values()):
        wanted[f"dated_{index}"] = day.count()
        wanted[f"days_{index}"] = day.nunique()
        wanted[f"highest_{index}"] = day.max()
    counts = one_row(table.aggregate(**wanted))
    for index, probe in enumerate(sheet.probes):
        if counts[f"present_{index}"] and counts[f"present_{index}"] == counts[f"naive_{index}"]:
            sheet.no_zone(probe, counts[f"example_{index}"])
    if sheet.problems:
        raise UnusableTableError(sheet.problems)
    lines = len(raw.malformed) + raw.malformed_twins
    counts["read"] = one_row(raw.table.aggregate(n=raw.table.count()))["n"] + lines
    counts["identical"] = counts["read"] - counts["rows"] - len(raw.malformed)
    return counts


def _thousands(sheet: Sheet, counts: dict[str, Any]) -> list[tuple[str, int]]:
    """Columns in which each point may part thousands: nothing tells how they are to be read."""
    return [
        (f"{THOUSANDS} {column}", counts[f"whole_{index}"])
        for index, column in enumerate(sheet.doubts)
        if (counts[f"whole_{index}"] or 0) >= _ENOUGH_POINTS and not counts[f"decimal_{index}"]
    ]


def _currencies(sheet: Sheet, counts: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Columns with amounts in several currencies, with the number of each, most first."""
    for index, (column, currency) in enumerate(sheet.currencies.items()):
        if counts[f"currencies_{index}"] < 2:
            continue
        each = sheet.raw.select(currency=currency)
        counted = (
            each.filter(each.currency.notnull()).group_by("currency").aggregate(n=ibis._.count())
        )
        found = counted.order_by(ibis.desc("n"), "currency").to_pyarrow().to_pylist()
        shown = ", ".join(f"{line['currency']} {line['n']:,}" for line in found)
        yield f"{CURRENCIES} {column} ({shown})", sum(line["n"] for line in found)


def _day_orders(sheet: Sheet, counts: dict[str, Any]) -> list[tuple[str, int]]:
    """Columns whose days are read from 1 to 12 only, and of many sizes, as months are."""
    return [
        (f"{NO_DAY_ABOVE_12} {column}, read by `{pattern}`", counts[f"dated_{index}"])
        for index, (column, pattern) in enumerate(sheet.day_orders)
        if counts[f"dated_{index}"] > _ENOUGH_DATED
        and (counts[f"highest_{index}"] or 0) <= _MONTHS
        and counts[f"days_{index}"] >= _MANY_MONTHS
    ]


def _materialise(sheet: Sheet, contract: Contract, backend: Backend) -> str:
    name = fresh_name(_stem(sheet.key))
    backend.create_table(name, rows_with_faults(sheet, contract))
    return name


def rows_with_faults(sheet: Sheet, contract: Contract) -> ir.Table:
    """One pass: canonical columns, the row's number, and all its faults, each kind as one text."""
    faults = list(enumerate(sheet.faults))
    joined = _joined([_mark(index, fault) for index, fault in faults if not fault.kept])
    unread = _joined([_mark(index, fault) for index, fault in faults if fault.kept])
    table = sheet.raw
    if contract.skip is not None and not contract.versioned:
        table = table.filter(~contract.skip)
    return table.select(**contract.columns, **{ROW: sheet.raw[ROW], FAULTS: joined, UNREAD: unread})


def _joined(marks: Sequence[ir.StringValue]) -> ir.StringValue:
    joined = ibis.literal(BETWEEN).join(marks).nullif("") if marks else ibis.null(dt.string)
    return cast(ir.StringValue, joined)


def _mark(index: int, fault: Fault) -> ir.StringValue:
    mark: ir.Value = ibis.literal(f"{index}{WITHIN}")
    if fault.value is not None:
        shown = fault.value.fill_null("").substr(0, SHOWN_CHARACTERS)
        mark = mark + shown.re_replace("[\x1e\x1f\r\n]", " ")
    marked: ir.StringValue = ibis.ifelse(fault.when.fill_null(False), mark, ibis.null(dt.string))
    return marked


def _bad_rows(checked: ir.Table) -> ir.Table:
    """One row a bad row and fault: `_row`, `fault` (its number), `value`, and `kept`:
    whether that fault leaves the row good.
    """
    return ibis.union(_marks(checked, FAULTS, False), _marks(checked, UNREAD, True))


def _marks(checked: ir.Table, column: str, kept: bool) -> ir.Table:
    bad = checked.filter(checked[column].notnull())
    each = bad.select(**{ROW: bad[ROW]}, mark=bad[column].split(BETWEEN).unnest())
    parts = each.mark.split(WITHIN)
    return each.select(
        **{ROW: each[ROW]}, fault=parts[0].cast(dt.int64), value=parts[1], kept=ibis.literal(kept)
    )


def _rows_in(bad: ir.Table) -> int:
    return int(one_row(bad.aggregate(n=bad[ROW].nunique()))["n"])


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
            faults[line["fault"]].kept,
        )
        for line in counted.to_pyarrow().to_pylist()
    ]
    if raw.malformed:
        number, what = raw.malformed[0]
        reason = f"line does not fit the header (first: line {number}, {what})"
        found.append(FaultCount(reason, len(raw.malformed)))
    return tuple(sorted(found, key=lambda f: (-f.rows, f.reason)))


def _with_keys(sheet: Sheet, found: tuple[FaultCount, ...], rows: int) -> tuple[FaultCount, ...]:
    """Where most rows are of accounts that are not listed, how both sides write their keys."""
    return tuple(
        replace(fault, detail=_both_sides(sheet))
        if fault.reason == f"account {NOT_LISTED}" and 2 * fault.rows > rows
        else fault
        for fault in found
    )


def _both_sides(sheet: Sheet) -> str:
    if sheet.strangers is None:
        return ""
    account, known = sheet.strangers
    keys = sheet.raw.select(account=account)
    unknown = keys.filter(keys.account.notnull(), ~keys.account.isin(known.account))
    here, there = _first(unknown), _first(known)
    if not (here and there):
        return ""
    said = f"; here {listed([shown_key(key) for key in here])}, "
    said += f"there {listed([shown_key(key) for key in there])}"
    lengths = {len(key) for key in here if _CRM_ID.match(key)}
    if lengths | {len(key) for key in there if _CRM_ID.match(key)} == {15, 18}:
        said += ": ids of Salesforce with 15 against 18 characters; export both in one form"
    return said


def _first(keys: ir.Table) -> list[str]:
    first = keys.select("account").distinct().order_by("account").limit(_SHOWN_KEYS)
    return [str(key) for key in first.to_pyarrow().to_pydict()["account"]]


def _stem(key: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", key.removeprefix("tables.").lower()).strip("_")


def _report(
    sheet: Sheet,
    counts: dict[str, Any],
    notes: Sequence[tuple[str, int]],
    good: ir.Table,
    quarantined: int,
    found: tuple[FaultCount, ...],
    file: Path | None,
) -> TableReport:
    when = good.occurred_at
    if "invited_at" in good.columns:
        when = ibis.coalesce(good.occurred_at, good.invited_at)
    seen = one_row(good.aggregate(n=good.count(), first=when.min(), last=when.max()))
    return TableReport(
        key=sheet.key,
        file=sheet.where,
        rows=counts["read"],
        good=seen["n"],
        skipped=counts.get("skipped") or 0,
        identical=counts["identical"],
        quarantined=quarantined,
        faults=found,
        notes=tuple((what, n) for what, n in notes if n),
        # Attributes that are true always say nothing of when the data begin.
        first_at=None if seen["first"] == ALWAYS else seen["first"],
        last_at=None if seen["last"] == ALWAYS else seen["last"],
        quarantine_file=file,
    )


_HINTS = (
    ("is not a number", ", say how it writes numbers (`decimal`) and no value (`blanks`)"),
    ("is not a time", ", say how it writes times (`time_format`)"),
    (
        NOT_LISTED,
        ", map the column with the key of `tables.accounts`, or reach it by `lookup` (two systems "
        "often have keys of their own)",
    ),
    (OTHER_CASE, ", say `account_case: lower` under `tables` where case tells nothing apart"),
    ("no score", ", say `unscored: skip` where people may leave the score blank"),
    ("outside its scale", ", give the survey's scale (`bands`)"),
)


def _too_many(report: TableReport, bad: int, max_share: float) -> Problem:
    rows = report.rows - report.identical
    share = bad / rows
    lines = [f"\n        {fault}" for fault in report.faults[:_MOST_REASONS]]
    lines += [
        f"\n        {what}: {rows:,}" for what, rows in report.notes if what.startswith(NOT_FOUND)
    ]
    if len(report.faults) > _MOST_REASONS:
        lines.append(f"\n        and {len(report.faults) - _MOST_REASONS} more reasons")
    what = (
        f"{bad:,} of {rows:,} rows are bad ({share:.1%}, "
        f"at most {max_share:.1%} allowed):{''.join(lines)}"
    )
    seen = f"look at {report.quarantine_file}; " if report.quarantine_file else ""
    faults = " ".join(fault.reason for fault in report.faults)
    hints = "".join(hint for reason, hint in _HINTS if reason in faults)
    remedy = f"{seen}mend the table or its mapping{hints}, or raise `quarantine.max_share`"
    return Problem(what, remedy, report.file, report.key)
