"""Raw tables made ready to be mapped: columns of other tables looked up, wide ones made long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import Lookup, Place, Wide
from npsight.errors import Problem
from npsight.tables.bydomain import BY, TAKE, domain_pairs, joined_by_domain
from npsight.tables.columns import check_columns
from npsight.tables.engine import fresh_name, name_literal, one_row, run, text_literal
from npsight.tables.files import numbered, tidy
from npsight.tables.periods import periods_of
from npsight.tables.raw import ROW, RawTable, UnusableTableError
from npsight.tables.report import NOT_FOUND
from npsight.tables.shown import listed, shown_person

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_SHOWN = 3
_LISTED = "_npsight_listed"
"""Whether the other table has the key at all."""
_FEW_SEVERAL = 0.05
"""Share of keys that may have several values, such as people who are listed twice."""
Read = Callable[[Place, str], RawTable]


def looked_up(
    raw: RawTable,
    lookups: Sequence[Lookup],
    where: str,
    key: str,
    backend: Backend,
    read: Read,
    lower: bool = False,
) -> RawTable:
    """The rows with a column for each look-up, null where the other table lacks the key, or has
    several values for it.

    With `lower`, keys that differ in case only are one, and so are their values. Addresses always
    are: people write theirs in any case.

    Raises
    ------
    UnusableTableError
        The other table cannot be read, a column is missing, or more than 5 % of the keys have
        several values there.
    """
    for index, lookup in enumerate(lookups):
        here = f"{key}.lookup" if len(lookups) == 1 else f"{key}.lookup[{index}]"
        check_columns({"by": lookup.by}, raw.columns, where, here)
        if lookup.column in raw.columns:
            what = f"the table has a column `{lookup.column}` itself"
            remedy = "map that one, or say what the other one is to be `called`"
            raise UnusableTableError([Problem(what, remedy, where, f"{here}.take")])
        other = read(lookup, here)
        try:
            wanted = {"key" if lookup.key else "by": lookup.other_key, "take": lookup.take}
            check_columns(wanted, other.columns, _place(lookup), here)
            if lookup.match == "domain":
                place = _tidy_place(lookup)
                pairs = domain_pairs(other, lookup, place, here, backend, lower)
                raw = joined_by_domain(raw, pairs, lookup, place, backend)
            else:
                pairs = _pairs(other, lookup, here, backend, lower)
                raw = _joined(raw, pairs, lookup, backend, lower)
            backend.drop_table(pairs)
        finally:
            backend.drop_table(other.name)
    return raw


def _place(lookup: Lookup) -> str:
    return lookup.path or f"${lookup.connection}.{lookup.table}"


def _tidy_place(lookup: Lookup) -> str:
    return (lookup.path and tidy(lookup.path)) or _place(lookup)


def _pairs(other: RawTable, lookup: Lookup, key: str, backend: Backend, lower: bool) -> str:
    """Name of a table of each key once with its value, null where it has several."""
    table = other.table
    by, take = (_text(table[column]) for column in (lookup.other_key, lookup.take))
    found = table.select(by=by, take=take).distinct()
    pairs = found.filter(found.by.notnull(), found.take.notnull())
    alike = pairs.take.lower() if lower else pairs.take
    folded = pairs.group_by(by=_as_key(pairs.by, lower), alike=alike)
    pairs = folded.aggregate(take=pairs.take.min()).select("by", "take")
    counted = pairs.group_by("by").aggregate(n=pairs.count(), one=pairs.take.min())
    one = ibis.ifelse(counted.n == 1, counted.one, ibis.null(dt.string))
    name = fresh_name("lookup")
    backend.create_table(name, counted.select(**{BY: counted.by, TAKE: one}))
    held = backend.table(name)
    seen = one_row(held.aggregate(keys=held.count(), several=held[TAKE].isnull().sum()))
    count = seen["several"] or 0
    if count > _FEW_SEVERAL * seen["keys"]:
        raise UnusableTableError(
            [
                Problem(
                    f"{count:,} keys in column `{lookup.other_key}` have several values of "
                    f"`{lookup.take}`, so it is unknown which one is meant",
                    "take a column that has one value for each key, or prepare a table with one",
                    _place(lookup),
                    key,
                )
            ]
        )
    return name


def _text(column: ir.Column) -> ir.StringValue:
    return cast(ir.StringValue, column.cast(dt.string).strip().nullif(""))


def _as_key(text: ir.StringValue, lower: bool) -> ir.StringValue:
    """What is compared of a key: addresses in small letters, any other as it stands."""
    if lower:
        return text.lower()
    return cast(ir.StringValue, ibis.ifelse(text.contains("@"), text.lower(), text))


def _joined(raw: RawTable, pairs: str, lookup: Lookup, backend: Backend, lower: bool) -> RawTable:
    held = backend.table(pairs)
    by = _as_key(_text(raw.table[lookup.by]), lower)
    joined = raw.table.left_join(held, by == held[BY])
    columns = [joined[column] for column in raw.table.columns]
    name = fresh_name("raw")
    found = {lookup.column: joined[TAKE], _LISTED: joined[BY].notnull()}
    backend.create_table(name, joined.select(*columns, **found))
    backend.drop_table(raw.name)
    table = backend.table(name)
    missed = (*raw.not_found, *_not_found(table, lookup))
    return replace(raw, name=name, table=table.drop(_LISTED), not_found=missed)


def _not_found(table: ir.Table, lookup: Lookup) -> Iterator[tuple[str, int]]:
    """Which keys were looked up in vain, and which have several values, with their rows."""
    by, listed_there = _text(table[lookup.by]), table[_LISTED]
    given = table.select(by=by, take=table[lookup.column], listed=listed_there)
    given = given.filter(given.by.notnull(), given["take"].isnull())
    where = f"{NOT_FOUND} column `{lookup.other_key}` of {_tidy_place(lookup)}: `{lookup.by}`"
    several = f"with several `{lookup.take}`, such as"
    for missed, said in (
        (given.filter(~given.listed), "such as"),
        (given.filter(given.listed), several),
    ):
        keys = missed.group_by("by").aggregate(n=missed.count())
        ordered = keys.order_by(ibis.desc("n"), "by").limit(_SHOWN)
        first = ordered.to_pyarrow().to_pydict()["by"]
        if first:
            such = listed([shown_person(key) for key in first])
            yield f"{where} {said} {such}", int(one_row(missed.aggregate(n=missed.count()))["n"])


def made_long(raw: RawTable, wide: Wide, where: str, key: str, backend: Backend) -> RawTable:
    """A row for each filled cell of the columns of periods; rows are numbered anew.

    Raises
    ------
    UnusableTableError
        No column fits, one of them is no period, or a new column has the name of another one.
    """
    periods = periods_of(raw.columns, wide)
    _check_wide(raw, periods, wide, where, key)
    kept = [column for column in raw.table.columns if column not in (*periods, ROW)]
    cells = ", ".join(
        f"{{'at': {text_literal(str(day))}, 'of': {name_literal(column)}::VARCHAR}}"
        for column, day in periods.items()
    )
    name, held = fresh_name("raw"), fresh_name("wide")
    backend.create_table(held, raw.table)
    columns = "".join(f"{name_literal(column)}, " for column in kept)
    run(backend, "SET preserve_insertion_order = true")
    run(
        backend,
        f"CREATE TABLE {name_literal(name)} AS SELECT {columns}cell['at'] AS "
        f"{name_literal(wide.time)}, cell['of'] AS {name_literal(wide.value)} FROM "
        f"(SELECT {columns}unnest([{cells}]) AS cell FROM (FROM {name_literal(held)} "
        f"ORDER BY {ROW})) WHERE trim(cell['of']) <> ''",
    )
    run(backend, "SET preserve_insertion_order = false")
    backend.drop_table(held)
    backend.drop_table(raw.name)
    return replace(raw, name=name, table=numbered(backend, name))


def _check_wide(
    raw: RawTable, periods: Mapping[str, object], wide: Wide, where: str, key: str
) -> None:
    shown = ", ".join(f"`{pattern}`" for pattern in wide.columns)
    at = f"{key}.wide.columns"
    if not periods:
        what = f"no column fits {shown}; available: {', '.join(raw.columns)}"
        remedy = "write the names with `*` where the period stands"
        raise UnusableTableError([Problem(what, remedy, where, at)])
    unread = [column for column, day in periods.items() if day is None]
    if unread:
        what = f"of the columns that fit {shown}, no period is read in: {', '.join(unread)}"
        remedy = (
            "narrow the pattern, or rename them to a day, week, month, quarter or year: 2024-05"
        )
        raise UnusableTableError([Problem(what, remedy, where, at)])
    taken = [n for n in (wide.time, wide.value) if n in raw.columns and n not in periods]
    if taken:
        what = f"the table has a column `{taken[0]}` itself"
        remedy = "give the new column another name: `time` or `value` under `wide`"
        raise UnusableTableError([Problem(what, remedy, where, f"{key}.wide")])
