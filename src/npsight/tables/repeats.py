"""Good rows that contradict each other: one is kept, or none, and the others are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from npsight.tables.contract import WITHDRAWN, Contract
from npsight.tables.engine import fresh_name, name_literal, run
from npsight.tables.raw import FAULTS, ROW, WITHIN
from npsight.tables.sheet import Fault

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_NO = ibis.literal(False)


def mark_repeats(name: str, contract: Contract, index: int, backend: Backend) -> list[Fault]:
    """Keep the row known first of those with one identity; ties go by all columns, then order.

    Returns
    -------
    The faults that the others are marked with, to be numbered from `index`.
    """
    table = backend.table(name)
    good = table.filter(table[FAULTS].isnull())
    if contract.versioned:
        good = good.filter(~good[WITHDRAWN])
    for column in contract.identity:
        good = good.filter(good[column].notnull())
    repeated = good.group_by(contract.identity).having(good.count() > 1).aggregate()
    alike = good.semi_join(repeated, contract.identity)
    content = sorted(set(contract.columns) - {"known_at", "occurred_at"})
    order = [ibis.asc(alike[c], nulls_first=False) for c in ("known_at", "occurred_at", *content)]
    group = [alike[column] for column in contract.identity]
    window = ibis.window(group_by=group, order_by=[*order, alike[ROW]])
    whole = ibis.struct({column: alike[column] for column in contract.columns})
    ranked = alike.select(
        **{ROW: alike[ROW]},
        place=ibis.row_number().over(window),
        same=(whole == whole.first(include_null=True).over(window)),
    )
    twice = ranked.filter(ranked.place > 0)
    code = ibis.ifelse(twice.same, f"{index}{WITHIN}", f"{index + 1}{WITHIN}")
    _mark(name, twice.select(**{ROW: twice[ROW]}, code=code), backend)
    return [
        Fault(f"{contract.identity_reason} (same in all that is mapped)", _NO),
        Fault(f"{contract.identity_reason} (conflicting row)", _NO),
    ]


def mark_reviewed(name: str, contract: Contract, index: int, backend: Backend) -> list[Fault]:
    """Mark what the contract's review finds; see `mark_repeats`."""
    if contract.review is None:
        return []
    table = backend.table(name)
    found = contract.review(table.filter(table[FAULTS].isnull()).to_pyarrow().to_pylist())
    reasons = sorted(set(found.values()))
    codes = [f"{index + reasons.index(reason)}{WITHIN}" for reason in found.values()]
    kind = pa.schema([(ROW, pa.int64()), ("code", pa.string())])
    _mark(name, pa.table({ROW: list(found), "code": codes}, schema=kind), backend)
    return [Fault(reason, _NO) for reason in reasons]


def _mark(name: str, codes: ir.Table | pa.Table, backend: Backend) -> None:
    marks = fresh_name("marks")
    backend.create_table(marks, codes)
    run(
        backend,
        f"UPDATE {name_literal(name)} AS t SET {FAULTS} = d.code "
        f"FROM {name_literal(marks)} AS d WHERE t.{ROW} = d.{ROW}",
    )
    backend.drop_table(marks)
