"""Checked tables -> facts: accounts, bounds, and what accounts took over from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from npsight.config.schema import Tables
from npsight.tables.accounts import accounts_of, bounds_of, instants_of, versions_of
from npsight.tables.checked import facts_among
from npsight.tables.contract import STATED
from npsight.tables.invitations import invitations_of
from npsight.tables.merges import holdings_table, passed_on
from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT

Keep = Callable[[str, ir.Table], ir.Table]
"""(stem of a name, expression) -> the expression as a table of the engine."""


@dataclass(frozen=True)
class CheckedRows:
    """The good rows of every table with all columns of its contract; see `CheckedTable.rows`.

    `answers` has one table for each table of responses, with what was measured in comments.
    `invited` are those of them whose invitations are read; None for all.
    """

    accounts: ir.Table | None
    activities: Mapping[str, ir.Table]
    answers: Sequence[ir.Table]
    subscriptions: ir.Table | None
    churn: ir.Table | None
    merges: ir.Table | None
    invited: Sequence[ir.Table] | None = None

    def named(self) -> dict[str, ir.Table]:
        """Every table by a name of its own."""
        found = {f"activity.{name}": rows for name, rows in self.activities.items()}
        found |= {f"responses.{place}": rows for place, rows in enumerate(self.answers)}
        for name in ("accounts", "subscriptions", "churn", "merges"):
            rows = getattr(self, name)
            if rows is not None:
                found[name] = rows
        return found


def assembled(
    mapped: Tables,
    rows: CheckedRows,
    now: datetime,
    keep: Keep,
    left_after: tuple[str, int] | None = None,
) -> Facts:
    """The facts that checked rows tell of, whoever read them."""
    sources = {name: without(facts_among(table), STATED) for name, table in rows.activities.items()}
    if rows.answers:
        answers = [facts_among(table) for table in rows.answers]
        sources["responses"] = keep("responses", _answered(answers))
        if any(table.invited_at for table in mapped.responses):
            read = answers if rows.invited is None else map(facts_among, rows.invited)
            sent = [invitations_of(table) for table in read]
            sources["invitations"] = keep("invitations", together(sent))
    if rows.subscriptions is not None:
        sources["subscriptions"] = facts_among(rows.subscriptions)
    plain = {
        name: None if table is None else facts_among(table)
        for name, table in (
            ("accounts", rows.accounts),
            ("churn", rows.churn),
            ("merges", rows.merges),
        )
    }
    facts = facts_of(mapped, ReadTables(sources=sources, **plain), now, keep)
    return replace(facts, left_after=left_after)


def _answered(answers: Sequence[ir.Table]) -> ir.Table:
    given = [table.filter(table.raw_score.notnull()) for table in answers]
    return together([without(t, "invited_at", "invitation_known_at", STATED) for t in given])


def together(tables: Sequence[ir.Table]) -> ir.Table:
    """All rows of the tables; where only some are corrected, the others' never are."""
    if any("corrected_at" in table.columns for table in tables):
        null = ibis.null(INSTANT)
        tables = [
            table if "corrected_at" in table.columns else table.mutate(corrected_at=null)
            for table in tables
        ]
    alike = [table.select(tables[0].columns) for table in tables]
    return ibis.union(*alike) if len(alike) > 1 else alike[0]


def without(table: ir.Table, *columns: str) -> ir.Table:
    """The table without those of the columns that it has."""
    return table.drop(*(column for column in columns if column in table.columns))


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
    accounts = accounts_of(read.accounts, mapped.accounts, met)
    if read.accounts is not None and read.merges is not None:
        accounts = accounts.union(_unlisted(read.accounts, read.merges, instants))
    return Facts(
        accounts=keep("accounts", accounts),
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


def _unlisted(listed: ir.Table, merges: ir.Table, instants: ir.Table) -> ir.Table:
    """Accounts that ended and that the table of accounts has forgotten; they began with their
    first fact.
    """
    gone = merges.select("account").distinct().anti_join(listed, "account")
    met = ibis.union(instants, _taking_over(merges))
    return accounts_of(None, None, met.semi_join(gone, "account"))


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
