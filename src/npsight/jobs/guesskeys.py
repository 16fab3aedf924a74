"""Which column of each unmapped table holds the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from npsight.jobs.guess import ACCOUNT_WORDS, CHURN_WORDS, PERSON_WORDS, is_id, pick, words
from npsight.tables.profile import ColumnProfile, TableProfile

_FEW_ACCOUNTS = 10
_SAME_ACCOUNTS = 0.5
_NEARLY_ALL = 0.9
_MANY = 0.5

Rank = tuple[bool, bool, bool, int, bool]


def guess_keys(tables: Sequence[TableProfile]) -> dict[str, str]:
    """Table to the column of its account: the one shared by most tables, by name then by count.

    A table without a column named so has the one whose values are those of the others' accounts.
    Where no column is named so, the accounts are what tables share by name and values; else
    persons; else what a snapshot has once in each row.
    """
    shared = Counter(column.name for table in tables for column in table.columns)
    keys: dict[str, ColumnProfile] = {}
    unsure: list[tuple[TableProfile, list[ColumnProfile]]] = []
    for table in tables:
        filled = [c for c in table.columns if not c.is_time and _is_filled(c, table)]
        candidates = [c for c in filled if is_id(c) or words(c.name) & ACCOUNT_WORDS]
        if candidates:
            keys[table.name] = max(candidates, key=lambda c: _rank(c, shared))
        if not candidates or not _is_named(keys[table.name]):
            unsure.append((table, filled))
    sure = [c for c in keys.values() if _is_named(c)] or list(_shared(tables).values())
    for table, filled in unsure:
        best = _most_alike(filled, sure)
        if best is not None:
            keys[table.name] = best
    if not keys:
        keys = {t.name: c for t in tables if (c := pick(t.columns, PERSON_WORDS, time=False))}
    keys |= _of_snapshot(tables, keys)
    return {table: column.name for table, column in keys.items()}


def _is_filled(column: ColumnProfile, table: TableProfile) -> bool:
    """Nearly everywhere; of a column that is named as the key of an account, mostly."""
    whole_key = _is_named(column) and is_id(column)
    return column.filled >= (_MANY if whole_key else _NEARLY_ALL) * table.rows > 0


def _is_named(column: ColumnProfile) -> bool:
    return bool(words(column.name) & ACCOUNT_WORDS)


def _rank(column: ColumnProfile, shared: Counter[str]) -> Rank:
    named = _is_named(column)
    whole_key = named and (is_id(column) or len(words(column.name)) == 1)
    person = bool(words(column.name) & PERSON_WORDS)
    return (whole_key, named, person, shared[column.name], is_id(column))


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
    named = found is not None and (_is_named(found) or words(found.name) & PERSON_WORDS)
    left = pick(table.columns, CHURN_WORDS)
    if left is None or (found is not None and named and found.distinct == table.rows):
        return {}
    once = [c for c in table.columns if c.distinct == c.filled == table.rows and _is_whole(c)]
    once.sort(key=lambda c: (c.is_number, not is_id(c)))
    return {table.name: once[0]} if once else {}


def _is_whole(column: ColumnProfile) -> bool:
    """Text, or whole numbers: an amount may have another value in each row, too."""
    return not column.is_number or all(text.isdecimal() for text in column.sample)
