"""Which column of each table holds the account, and by which other tables it is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from npsight.jobs.notes.words import (
    ACCOUNT_WORDS,
    GROUP_WORDS,
    PERSON_WORDS,
    THING_WORDS,
    is_id,
    words,
)
from npsight.jobs.proposal.guess import pick
from npsight.jobs.proposal.vocabulary import CHURN_WORDS, OWNER_WORDS
from npsight.tables.profile import ColumnProfile, TableProfile

_FEW_ACCOUNTS = 10
_SAME_ACCOUNTS = 0.5
_IN_CASES = 0.02
_OTHER_KEYS = 0.1
"""Of two columns that share fewer values, each names accounts in a way of its own."""
_NEARLY_ALL = 0.9
_MANY = 0.5
_NEARLY_ONCE = 0.97
"""Of people that a list holds, some stand there twice; a look-up forgives it."""
_MOST_WORDS = 5
"""Of a column's name; a question that names a company is no key."""
_MOST_HOPS = 3
_OF_A_NAME = {"name", "title", "id", "key", "uuid", "code", "nr", "no"}
_OF_A_NAME |= {"ref", "reference", "referenz", "numero", "number"}
_OF_A_PERSON = PERSON_WORDS | {"name", "id", "key", "address", "hash", "full", "uuid", "e"}


@dataclass(frozen=True)
class Hop:
    """A look-up: in `table`, the value of `take` beside the value in `key` that `by` has.

    `called` is what the new column is called, where that is not `take`; `lost` the share of rows
    that find nothing.
    """

    table: TableProfile
    by: str
    take: str
    key: str
    match: Literal["value", "domain"] = "value"
    called: str | None = None
    lost: float = 0.0

    @property
    def column(self) -> str:
        """The new column."""
        return self.called or self.take


def guess_keys(tables: Sequence[TableProfile]) -> dict[str, str]:
    """Table to the column of its account: the one shared by most tables, by name then by count.

    A table without a column named so has the one whose values are those of the others' accounts.
    Without any column named so, the account is what reviews are written of, or what recurs, or
    else the person.
    """
    wanted = _wanted(tables)
    shared = Counter(column.name for table in tables for column in table.columns)
    keys: dict[str, ColumnProfile] = {}
    unsure: list[tuple[TableProfile, list[ColumnProfile], ColumnProfile | None]] = []
    for table in tables:
        filled = [c for c in table.columns if not c.is_time and _is_filled(c, table)]
        named = [c for c in filled if is_named(c, wanted)]
        named_best = max(named, key=lambda c: _rank(c, shared), default=None)
        if named_best is not None and _is_whole_name(named_best):
            keys[table.name] = named_best
        else:
            unsure.append((table, filled, named_best))
    sure = list(keys.values()) or list(_shared(tables).values())
    for table, filled, partly in unsure:
        best = _most_alike(filled, sure) or partly or _unnamed(filled, shared)
        if best is not None:
            keys[table.name] = best
    keys |= _of_snapshot(tables, keys)
    keys |= _of_the_others(tables, keys)
    return {table: column.name for table, column in keys.items()}


def _wanted(tables: Sequence[TableProfile]) -> set[str]:
    """The words that name accounts in these tables."""
    columns = [c for t in tables for c in t.columns if not c.is_time]
    if any(is_named(c, ACCOUNT_WORDS) for c in columns):
        return ACCOUNT_WORDS
    groups = [c for c in columns if is_named(c, GROUP_WORDS) and is_id(c) and recurs(c)]
    return GROUP_WORDS if groups else THING_WORDS


def _of_the_others(
    tables: Sequence[TableProfile], keys: Mapping[str, ColumnProfile]
) -> dict[str, ColumnProfile]:
    """Of tables whose key no other table has: another column that holds the others' keys.

    Such as the `id` of a customer beside a number that only this table knows.
    """
    found: dict[str, ColumnProfile] = {}
    for table in tables:
        own = keys.get(table.name)
        others = [key for name, key in keys.items() if name != table.name]
        if own is None or not others or not all(share_nothing(own, key) for key in others):
            continue
        ids = [c for c in table.columns if c is not own and _is_filled(c, table)]
        ids = [c for c in ids if is_id(c) or is_named(c)]
        best = _most_alike(ids, others)
        if best is not None:
            found[table.name] = best
    return found


def _is_filled(column: ColumnProfile, table: TableProfile) -> bool:
    """Nearly everywhere; of a column that is named as the key of an account, mostly."""
    whole_key = is_named(column) and is_id(column)
    return column.filled >= (_MANY if whole_key else _NEARLY_ALL) * table.rows > 0


def is_named(column: ColumnProfile, wanted: Collection[str] = ACCOUNT_WORDS) -> bool:
    """Whether a column is named as an account is, by these words, and not as who looks after it."""
    named = words(column.name)
    return bool(named & set(wanted)) and len(named) <= _MOST_WORDS and not named & OWNER_WORDS


def is_person(column: ColumnProfile) -> bool:
    """Whether a column is named as a person is, and not as something of a person."""
    named = words(column.name)
    return bool(named & PERSON_WORDS) and named <= _OF_A_PERSON and not column.is_time


def recurs(column: ColumnProfile) -> bool:
    """Whether its values occur twice on average, so that there is a history to learn from."""
    return 2 <= column.distinct <= column.filled / 2


def _rank(column: ColumnProfile, shared: Counter[str]) -> tuple[bool, int, bool, bool]:
    return _is_whole_name(column), shared[column.name], is_id(column), recurs(column)


def _is_whole_name(column: ColumnProfile) -> bool:
    """Whether the name says no more than that it is an account, rather than something of one."""
    named = words(column.name)
    return is_id(column) or len(named) == 1 or named <= ACCOUNT_WORDS | THING_WORDS | _OF_A_NAME


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


def _shared(tables: Sequence[TableProfile]) -> dict[str, ColumnProfile]:
    """Of the columns that tables share by name and values, those that most of them do."""
    found: dict[str, dict[str, ColumnProfile]] = {}
    for table in tables:
        for column in table.columns:
            if not column.is_time and _is_filled(column, table):
                found.setdefault(column.name, {})[table.name] = column
    alike = {name: of for name, of in found.items() if len(of) > 1 and _are_alike(of.values())}
    best = max(alike, key=lambda n: (len(alike[n]), _distinct(alike[n])), default=None)
    return {} if best is None else alike[best]


def _distinct(columns: dict[str, ColumnProfile]) -> int:
    return max(column.distinct for column in columns.values())


def _are_alike(columns: Iterable[ColumnProfile]) -> bool:
    widest, *others = sorted(columns, key=lambda c: -c.distinct)
    return all(_overlap(other, widest) >= _SAME_ACCOUNTS for other in others)


def _most_alike(
    columns: Sequence[ColumnProfile], keys: Sequence[ColumnProfile]
) -> ColumnProfile | None:
    """The column whose values are those of other tables' keys, if there is one."""
    overlap = {c: max((_overlap(c, key) for key in keys), default=0.0) for c in columns}
    best = max(overlap, key=lambda c: overlap[c], default=None)
    return best if best is not None and overlap[best] >= _SAME_ACCOUNTS else None


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
    if column is None or (recurs(column) and not _is_of_a_thing(column, key, tables)):
        return []
    ways: list[tuple[str, list[Hop]]] = [(c.name, []) for c in table.columns if is_id(c)]
    seen = {name for name, _ in ways}
    while ways:
        by, hops = ways.pop(0)
        given = (hops[-1].table if hops else table).column(by)
        for other in tables:
            found = other.column(by) or _id_of(other, by)
            if other is table or found is None or found.distinct < found.filled:
                continue
            if given is None or share_nothing(given, found):
                continue
            for taken in other.columns:
                if not is_id(taken) or taken.name in seen:
                    continue
                way = [*hops, Hop(other, by, taken.name, found.name)]
                if is_named(taken) and recurs_somewhat(taken):
                    return way
                seen.add(taken.name)
                if len(way) < _MOST_HOPS:
                    ways.append((taken.name, way))
    return []


def _is_of_a_thing(column: ColumnProfile, key: str, tables: Sequence[TableProfile]) -> bool:
    """Whether it is the id of a thing that another table lists, such as a ticket of its changes."""
    if is_named(column) or is_person(column):
        return False
    return any(_id_of(other, key) is not None for other in tables)


def _id_of(table: TableProfile, by: str) -> ColumnProfile | None:
    """The `id` of a table of things, where `by` is called after them: `Ticket ID` of `tickets`."""
    things = {word.removesuffix("s") for word in words(table.name)}
    called = words(by) - _OF_A_NAME
    if not called or not called <= things:
        return None
    return next((c for c in table.columns if words(c.name) == {"id"}), None)


def guess_bridge(
    table: TableProfile, key: str, accounts: ColumnProfile, tables: Sequence[TableProfile]
) -> list[Hop]:
    """The look-up from a key of another system to the accounts' own, if a table has both.

    Such as from the `customer` of an invoice to the `id` of a customer and the number that the
    survey knows it by. Empty where the key is the accounts' own, or no table has both.
    """
    own = table.column(key)
    if own is None or not share_nothing(own, accounts):
        return []
    for other in tables:
        if other is table:
            continue
        for taken in other.columns:
            if table.column(taken.name) or _overlap(taken, accounts) < _SAME_ACCOUNTS:
                continue
            for found in other.columns:
                once = found is not taken and found.distinct == found.filled
                if once and _overlap(own, found) >= _SAME_ACCOUNTS:
                    return [Hop(other, key, taken.name, found.name)]
    return []


def guess_person(
    table: TableProfile, keys: Mapping[str, str], tables: Sequence[TableProfile]
) -> list[Hop]:
    """The look-up of a person's account in a table of persons, such as contacts by their e-mail.

    Empty where the key is no person's, or no other table says of which account each one is.
    """
    own = table.column(keys[table.name])
    if own is None or not is_person(own) or is_named(own):
        return []
    for other in tables:
        account = other.column(keys.get(other.name, ""))
        if other is table or account is None or is_person(account) or not is_named(account):
            continue
        if table.column(account.name) is not None:
            continue
        for found in other.columns:
            of_person = is_person(found) or (lists_people(other) and words(found.name) == {"id"})
            once = of_person and found.distinct >= _NEARLY_ONCE * found.filled
            if once and _overlap(_folded(own), _folded(found)) >= _SAME_ACCOUNTS:
                return [Hop(other, own.name, account.name, found.name)]
    return []


def lists_people(table: TableProfile) -> bool:
    """Whether a table is called after people."""
    return bool(words(table.name) & {"contact", "contacts", "users", "people", "members", "user"})


def _folded(column: ColumnProfile) -> ColumnProfile:
    """With its values in lower case: an address is one in any case."""
    return replace(column, sample=frozenset(text.lower() for text in column.sample))


def typed_in_cases(columns: Iterable[ColumnProfile]) -> bool:
    """Whether some keys stand there in several cases, one of them all small or all capital.

    As names do that people typed. Of ids in which case tells two apart, hardly any is so.
    """
    spellings: dict[str, set[str]] = {}
    for column in columns:
        for text in column.sample:
            spellings.setdefault(text.lower(), set()).add(text)
    several = [
        texts
        for lower, texts in spellings.items()
        if len(texts) > 1 and texts & {lower, lower.upper()}
    ]
    return len(several) > _IN_CASES * len(spellings)


def share_nothing(one: ColumnProfile, other: ColumnProfile) -> bool:
    """Whether two columns surely hold keys of different systems; few values tell nothing."""
    fewer = min(len(one.sample), len(other.sample))
    return fewer >= _FEW_ACCOUNTS and _overlap(one, other) < _OTHER_KEYS


def recurs_somewhat(column: ColumnProfile) -> bool:
    """Whether some of its values occur more than once."""
    return 2 <= column.distinct < 0.98 * column.filled


def _of_snapshot(
    tables: Sequence[TableProfile], keys: dict[str, ColumnProfile]
) -> dict[str, ColumnProfile]:
    """Of a single table without times that says who left: a column with a value once, if the one
    found has not.

    A text goes before a number, which may be that of the row.
    """
    if len(tables) != 1 or any(c.is_time for c in tables[0].columns):
        return {}
    table = tables[0]
    found = keys.get(table.name)
    named = found is not None and (is_named(found) or words(found.name) & PERSON_WORDS)
    left = pick(table.columns, CHURN_WORDS)
    if left is None or (found is not None and named and found.distinct == table.rows):
        return {}
    once = [c for c in table.columns if c.distinct == c.filled == table.rows and _is_whole(c)]
    once.sort(key=lambda c: (c.is_number, not is_id(c)))
    return {table.name: once[0]} if once else {}


def _is_whole(column: ColumnProfile) -> bool:
    """Text, or whole numbers: an amount may have another value in each row, too."""
    return not column.is_number or all(text.isdecimal() for text in column.sample)
