"""Which column of each table holds the account, and by which other tables it is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from npsight.jobs.words import ACCOUNT_WORDS, PERSON_WORDS, THING_WORDS, is_id, words
from npsight.tables.profile import ColumnProfile, TableProfile

_FEW_ACCOUNTS = 10
_SAME_ACCOUNTS = 0.5
_MOST_WORDS = 5
"""Of a column's name; a question that names a company is no key."""
_MOST_HOPS = 3
_OF_A_NAME = {"name", "title", "id", "key", "uuid", "code", "nr", "no"}
_OF_A_PERSON = PERSON_WORDS | {"name", "id", "key", "address", "hash", "full", "uuid", "e"}


@dataclass(frozen=True)
class Hop:
    """A look-up: in `table`, the value of `take` beside the same value of `by`."""

    table: TableProfile
    by: str
    take: str


def guess_keys(tables: Sequence[TableProfile]) -> dict[str, str]:
    """Table to the column of its account: the one shared by most tables, by name then by count.

    A table without a column named so has the one whose values are those of the others' accounts.
    Without any column named so, the account is what reviews are written of, or what recurs, or
    else the person.
    """
    wanted = ACCOUNT_WORDS
    if not any(is_named(c, wanted) and not c.is_time for t in tables for c in t.columns):
        wanted = THING_WORDS
    shared = Counter(column.name for table in tables for column in table.columns)
    keys: dict[str, ColumnProfile] = {}
    unsure: list[tuple[TableProfile, list[ColumnProfile]]] = []
    for table in tables:
        filled = [c for c in table.columns if not c.is_time and c.filled >= 0.9 * table.rows > 0]
        named = [c for c in filled if is_named(c, wanted)]
        if named:
            keys[table.name] = max(named, key=lambda c: _rank(c, shared))
        else:
            unsure.append((table, filled))
    sure = list(keys.values())
    for table, filled in unsure:
        overlap = {c: max((_overlap(c, key) for key in sure), default=0.0) for c in filled}
        best = max(overlap, key=lambda c: overlap[c], default=None)
        if best is None or overlap[best] < _SAME_ACCOUNTS:
            best = _unnamed(filled, shared)
        if best is not None:
            keys[table.name] = best
    return {table: column.name for table, column in keys.items()}


def is_named(column: ColumnProfile, wanted: Collection[str] = ACCOUNT_WORDS) -> bool:
    """Whether a column is named as an account is, by these words."""
    return bool(words(column.name) & set(wanted)) and len(words(column.name)) <= _MOST_WORDS


def is_person(column: ColumnProfile) -> bool:
    """Whether a column is named as a person is, and not as something of a person."""
    named = words(column.name)
    return bool(named & PERSON_WORDS) and named <= _OF_A_PERSON and not column.is_time


def recurs(column: ColumnProfile) -> bool:
    """Whether its values occur twice on average, so that there is a history to learn from."""
    return 2 <= column.distinct <= column.filled / 2


def _rank(column: ColumnProfile, shared: Counter[str]) -> tuple[bool, int, bool, bool]:
    named = words(column.name)
    whole = is_id(column) or len(named) == 1 or named <= ACCOUNT_WORDS | THING_WORDS | _OF_A_NAME
    return whole, shared[column.name], is_id(column), recurs(column)


def _unnamed(filled: Sequence[ColumnProfile], shared: Counter[str]) -> ColumnProfile | None:
    """Of columns that no word tells: ids of several tables, what recurs, persons, any id."""
    ids = [c for c in filled if is_id(c) and not is_person(c)]
    if several := [c for c in ids if shared[c.name] > 1]:
        return max(several, key=lambda c: (shared[c.name], recurs(c)))
    titled = [c for c in filled if words(c.name) & {"name"} and not c.is_number]
    for column in [*ids, *(c for c in titled if not is_person(c))]:
        if recurs(column):
            return column
    persons = [c for c in filled if is_person(c)]
    return next(iter([*(c for c in persons if recurs(c)), *persons, *ids]), None)


def _overlap(column: ColumnProfile, key: ColumnProfile) -> float:
    """Share of the column's sampled values that are the key's, too; 0 where there are few."""
    fewer = min(len(column.sample), len(key.sample))
    return len(column.sample & key.sample) / fewer if fewer >= _FEW_ACCOUNTS else 0.0


def guess_lookups(table: TableProfile, key: str, tables: Sequence[TableProfile]) -> list[Hop]:
    """The shortest way from a key that does not recur to an account that does.

    Such as from a review's order to the order's customer: by columns of the same name, each a key
    of the other table. Empty where the key is the account already, or no such way is found.
    """
    column = table.column(key)
    if column is None or recurs(column):
        return []
    ways: list[tuple[str, list[Hop]]] = [(c.name, []) for c in table.columns if is_id(c)]
    seen = {name for name, _ in ways}
    while ways:
        by, hops = ways.pop(0)
        for other in tables:
            found = other.column(by)
            if other is table or found is None or found.distinct < found.filled:
                continue
            for taken in other.columns:
                if not is_id(taken) or taken.name in seen:
                    continue
                way = [*hops, Hop(other, by, taken.name)]
                if is_named(taken) and recurs_somewhat(taken):
                    return way
                seen.add(taken.name)
                if len(way) < _MOST_HOPS:
                    ways.append((taken.name, way))
    return []


def recurs_somewhat(column: ColumnProfile) -> bool:
    """Whether some of its values occur more than once."""
    return 2 <= column.distinct < 0.98 * column.filled
