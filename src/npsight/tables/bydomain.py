"""Look-ups by domain: an e-mail address on one side, an account's web address on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import Lookup
from npsight.errors import Problem
from npsight.tables.cells import cell_text
from npsight.tables.domains import domain_of, domains_in, is_public
from npsight.tables.engine import fresh_name, one_row
from npsight.tables.raw import WHY, RawTable, UnusableTableError
from npsight.tables.report import NOT_FOUND
from npsight.tables.shown import listed

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

BY, TAKE = "_by", "_take"
"""Columns of a table of keys and what is looked up; no column of a source is called so."""
PUBLIC = "the address in column {by} is at a public mail provider, which tells no {take}"
SHARED = "the domain in column {by} is that of several {take}"
UNKNOWN = "no {take} has the domain in column {by}"
NO_ADDRESS = "column {by} holds no e-mail or web address"
REASONS = (PUBLIC, SHARED, UNKNOWN, NO_ADDRESS)
"""Why a row finds nothing, though it has a value to look up by."""
_SHOWN = 3


def domain_pairs(
    other: RawTable, lookup: Lookup, place: str, key: str, backend: Backend, lower: bool
) -> str:
    """Name of a table of each domain once (`BY`) with its value (`TAKE`), null where it has
    several.

    Raises
    ------
    UnusableTableError
        No cell holds a domain.
    """
    cells, take = (cell_text(other.table[c], []) for c in (lookup.other_key, lookup.take))
    each = other.table.select(cell=domains_in(cells).unnest(), take=take)
    pairs = each.select(domain=domain_of(each.cell), take=each.take)
    pairs = pairs.filter(pairs.domain.notnull(), ~is_public(pairs.domain), pairs.take.notnull())
    alike = pairs.take.lower() if lower else pairs.take
    counted = pairs.group_by("domain").aggregate(n=alike.nunique(), take=pairs.take.min())
    one = ibis.ifelse(counted.n == 1, counted.take, ibis.null(dt.string))
    name = fresh_name("lookup")
    backend.create_table(name, counted.select(**{BY: counted.domain, TAKE: one}))
    if not one_row(backend.table(name).aggregate(n=ibis._.count()))["n"]:
        what = f"column `{lookup.other_key}` holds no domain of an account"
        remedy = "name the column with the accounts' web or e-mail addresses: `key`"
        raise UnusableTableError([Problem(what, remedy, place, f"{key}.key")])
    return name


def joined_by_domain(
    raw: RawTable, pairs: str, lookup: Lookup, place: str, backend: Backend
) -> RawTable:
    """The rows with the column that was looked up, and one that says why there is no value."""
    text = cell_text(raw.table[lookup.by], [])
    domain = domain_of(text)
    held = backend.table(pairs)
    joined = raw.table.left_join(held, domain == held[BY])
    why = ibis.cases(
        (text.isnull() | joined[TAKE].notnull(), ibis.null(dt.string)),
        (domain.isnull(), NO_ADDRESS),
        (is_public(domain), PUBLIC),
        (joined[BY].notnull(), SHARED),
        else_=UNKNOWN,
    )
    own = [joined[column] for column in raw.table.columns]
    name = fresh_name("raw")
    found = {lookup.column: joined[TAKE], f"{WHY}{lookup.column}": why}
    backend.create_table(name, joined.select(*own, **found))
    backend.drop_table(raw.name)
    table = backend.table(name)
    missed = (*raw.not_found, *_missed(table, lookup, place))
    return replace(raw, name=name, table=table, not_found=missed)


def _missed(table: ir.Table, lookup: Lookup, place: str) -> Iterator[tuple[str, int]]:
    """Which domains were looked up in vain, and which are shared, with the number of rows."""
    domain = domain_of(cell_text(table[lookup.by], []))
    given = table.select(domain=domain, why=table[f"{WHY}{lookup.column}"])
    where = f"{NOT_FOUND} column `{lookup.other_key}` of {place}: domains in `{lookup.by}`"
    for reason, said in ((UNKNOWN, "such as"), (SHARED, f"with several `{lookup.take}`, such as")):
        missed = given.filter(given.why == reason)
        counted = missed.group_by("domain").aggregate(n=missed.count())
        first = counted.order_by(ibis.desc("n"), "domain").limit(_SHOWN).to_pyarrow().to_pydict()
        if first["domain"]:
            rows = int(one_row(missed.aggregate(n=missed.count()))["n"])
            yield f"{where} {said} {listed(first['domain'])}", rows


def reasons_of(take: str, by: str) -> dict[str, str]:
    """What stands in the column of reasons -> the reason as it is told."""
    return {reason: reason.format(take=f"`{take}`", by=f"`{by}`") for reason in REASONS}
