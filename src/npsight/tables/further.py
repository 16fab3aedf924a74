"""Posted facts of a table, read by its contract as if they were rows of its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import pyarrow as pa

from npsight.config.schema import Activity, Responses
from npsight.tables.checked import Further
from npsight.tables.contract import Contract
from npsight.tables.engine import fresh_name, run
from npsight.tables.posted import as_posted, raw_columns
from npsight.tables.raw import RawTable
from npsight.tables.sheet import Sheet

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

Build = Callable[..., Contract]
"""(sheet, table=) -> its contract."""
WHERE = "facts that came over HTTP"


@dataclass(frozen=True)
class Addition:
    """Where further rows of a table come from, and what makes its contract.

    `condition` (SQL over `npsight.tables.posted.SCHEMA`) says which of the source's facts belong
    to this table.
    """

    source: str
    table: Activity | Responses
    build: Build
    condition: str = "true"


def further_rows(
    backend: Backend,
    facts: pa.Table,
    table: Activity | Responses,
    build: Build,
    condition: str,
    key: str,
    now: datetime,
    lower_accounts: bool,
) -> Further:
    """The facts of a table as raw rows with their contract, to be checked and added."""
    name, raw = fresh_name("posted"), fresh_name("raw")
    backend.create_table(name, facts)
    run(backend, f"CREATE TABLE {raw} AS {raw_columns(table, name)} WHERE {condition}")
    backend.drop_table(name)
    return read_by_contract(backend.table(raw), table, build, key, now, lower_accounts)


def read_by_contract(
    raw: ir.Table,
    table: Activity | Responses,
    build: Build,
    key: str,
    now: datetime,
    lower_accounts: bool,
) -> Further:
    """Raw rows of posted facts (see `raw_columns`) with the contract that reads them."""
    mapped = as_posted(table)
    sheet = Sheet(raw, mapped, "UTC", now, key, WHERE, lower_accounts)
    contract = build(sheet, table=mapped)
    return Further(table, sheet, RawTable("", raw, has_order=False), contract)
