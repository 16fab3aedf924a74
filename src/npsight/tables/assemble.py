"""Checked tables -> facts: accounts, bounds, and what accounts took over from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from npsight.config.schema import Tables
from npsight.tables.accounts import accounts_of, bounds_of, instants_of, versions_of
from npsight.tables.engine import INSTANT
from npsight.tables.merges import holdings_table, passed_on
from npsight.temporal.facts import Facts

Keep = Callable[[str, ir.Table], ir.Table]
"""(stem of a name, expression) -> the expression as a table of the engine."""


@dataclass(frozen=True)
class ReadTables:
    """The good rows of every table, in canonical columns, as they were recorded."""

    accounts: ir.Table | None
    sources: Mapping[str, ir.Table]
    churn: ir.Table | None
    merges: ir.Table | None


def facts_of(mapped: Tables, read: ReadTables, now: datetime, keep: Keep) -> Facts:
    """The facts of a project. Bounds and beginnings are those of the rows as recorded."""
    scheduled = frozenset(name for name, source in mapped.activity.items() if source.scheduled)
    dated = dict(read.sources) if read.churn is None else {**read.sources, "churn": read.churn}
    instants = instants_of(dated, scheduled)
    if instants is None:
        instants = _no_facts()
    apart = {name: rows for name, rows in dated.items() if name != "subscriptions"}
    recorded = instants_of(apart, scheduled)
    first, last = bounds_of(recorded if recorded is not None else instants, instants, now)
    met = instants
    if read.merges is not None and mapped.accounts is None:
        met = ibis.union(instants, _taking_over(read.merges))
    versions = None
    if read.accounts is not None and mapped.accounts is not None:
        versions = keep("versions", versions_of(read.accounts, mapped.accounts))
    sources, merges = dict(read.sources), read.merges
    if merges is not None:
        sources = _passed_on(sources, merges, keep)
        merges = merges.select("account", "into", "known_at")
    return Facts(
        accounts=keep("accounts", accounts_of(read.accounts, mapped.accounts, met)),
        versions=versions,
        sources=sources,
        churn=read.churn,
        data_start=first,
        data_end=last,
        merges=merges,
        scheduled=scheduled,
    )


def _passed_on(
    sources: Mapping[str, ir.Table], merges: ir.Table, keep: Keep
) -> dict[str, ir.Table]:
    """The sources with copies of their rows for the accounts that took others over."""
    held = holdings_table(merges.to_pyarrow().to_pylist())
    if held.num_rows == 0:
        never = ibis.null(INSTANT)
        return {name: t.mutate(owned_from=never, moved_at=never) for name, t in sources.items()}
    holdings = keep("holdings", ibis.memtable(held))
    return {name: keep(name, passed_on(table, holdings)) for name, table in sources.items()}


def _no_facts() -> ir.Table:
    instant = pa.timestamp("us")
    schema = {"account": pa.string(), "occurred_at": instant, "known_at": instant}
    return ibis.memtable(pa.schema(schema).empty_table())


def _taking_over(merges: ir.Table) -> ir.Table:
    """An account that takes another one over exists from when that is known."""
    return merges.select(
        account=merges.into, occurred_at=merges.occurred_at, known_at=merges.known_at
    )


def named_tables(facts: Facts) -> dict[str, ir.Table]:
    """Every table of the facts by its name."""
    named = {f"sources.{name}": table for name, table in facts.sources.items()}
    named["accounts"] = facts.accounts
    if facts.versions is not None:
        named["versions"] = facts.versions
    if facts.churn is not None:
        named["churn"] = facts.churn
    if facts.merges is not None:
        named["merges"] = facts.merges
    return named
