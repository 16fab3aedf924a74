"""Which column of each table holds the account, and the look-ups that lead to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from npsight.jobs.proposal import guess
from npsight.jobs.proposal.domains import guess_domain
from npsight.jobs.proposal.keys import (
    Hop,
    guess_bridge,
    guess_keys,
    guess_lookups,
    guess_person,
    is_named,
    is_person,
)

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

Keys = dict[str, str]
Ways = dict[str, list[Hop]]


def keys_and_ways(tables: Sequence[TableProfile]) -> tuple[Keys, Ways]:
    """Table to the column of its account, and table to the look-ups that add that column."""
    keys = guess_keys(tables)
    ways = {
        t.name: way
        for t in tables
        if t.name in keys and (way := guess_lookups(t, keys[t.name], tables))
    }
    keys |= {name: way[-1].column for name, way in ways.items()}
    keys |= {way[-1].table.name: way[-1].take for way in ways.values()}
    _persons(tables, keys, ways)
    _bridge(tables, keys, ways)
    return keys, ways


def columns_of(
    tables: Sequence[TableProfile], keys: Mapping[str, str], ways: Mapping[str, Sequence[Hop]]
) -> Iterator[ColumnProfile]:
    """The columns by which accounts are told or looked up."""
    for table in tables:
        found = [table.column(keys.get(table.name, ""))]
        for hop in (h for h in ways.get(table.name, ()) if h.match == "value"):
            looked_up = [table.column(hop.by), hop.table.column(hop.key)]
            # Addresses are looked up in any case.
            found += [c for c in looked_up if c and not any("@" in text for text in c.sample)]
        yield from (column for column in found if column is not None)


def _persons(tables: Sequence[TableProfile], keys: Keys, ways: Ways) -> None:
    """Persons are looked up where a table says of which account each one is, by their address
    or its domain.
    """
    for table in tables:
        if table.name in ways or not table.rows:
            continue
        person = guess_person(table, keys, tables) if table.name in keys else []
        way = person or guess_domain(table, keys, tables)
        if way:
            ways[table.name] = way
            keys[table.name] = way[-1].column


def _bridge(tables: Sequence[TableProfile], keys: Keys, ways: Ways) -> None:
    """Tables that name accounts as another system does are joined by a table that has both."""
    surveys = [t for t in tables if guess.guess_score(t) and guess.is_survey(t) and t.rows]
    anchor = next((t for t in surveys if t.name in keys), None)
    if anchor is None or anchor.name in ways:
        return
    accounts = anchor.column(keys[anchor.name])
    if accounts is not None and is_person(accounts) and not is_named(accounts):
        return  # of other accounts, persons are a part
    for table in tables:
        if accounts is None or table.name in ways or table.name not in keys:
            continue
        way = guess_bridge(table, keys[table.name], accounts, tables)
        if way:
            ways[table.name] = way
            keys |= {table.name: way[-1].take, way[-1].table.name: way[-1].take}
