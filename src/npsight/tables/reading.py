"""Every kind of source -> a raw table; a source that two tables share is read once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from npsight.config.named import named_sources
from npsight.config.schema import Place, Source, Tables
from npsight.tables.databases import read_connection
from npsight.tables.files import read_files, tidy
from npsight.tables.namedperiods import is_named, read_named
from npsight.tables.raw import ROW, RawTable
from npsight.tables.reshape import looked_up, made_long
from npsight.tables.twins import twins_of

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

Location = str


def place_of(source: Source) -> str:
    """File of a source, or the name of the variable that holds its connection, for messages."""
    return tidy(source.path) if source.path else f"${source.connection}.{source.table}"


class Reader:
    """Reads sources, and forgets a raw table once every table that shares it is done."""

    def __init__(self, backend: Backend, tables: Tables) -> None:
        self._backend = backend
        self._to_come = Counter(_location(source) for _, source in named_sources(tables))
        self._lower = tables.account_case == "lower"
        self._paths = {s.path for _, s in named_sources(tables) if s.path}
        self._raw: dict[Location, RawTable] = {}
        self._twins: dict[Location, str | None] = {}

    def read(self, source: Source, key: str) -> RawTable:
        """The rows of a source; raises `UnusableTableError` where it cannot be read."""
        location = _location(source)
        if location not in self._raw:
            self._raw[location] = self._made_ready(source, key)
        return self._raw[location]

    def _made_ready(self, source: Source, key: str) -> RawTable:
        raw = self._read(source, key)
        where = place_of(source)
        if source.lookup:
            lower = self._lower
            raw = looked_up(raw, source.lookup, where, key, self._backend, self._read, lower)
        if source.wide is not None:
            raw = made_long(raw, source.wide, where, key, self._backend)
        return raw

    def _read(self, source: Place, key: str) -> RawTable:
        if source.connection:
            return read_connection(source, key, self._backend)
        if is_named(source):
            return read_named(source, key, self._backend, self._paths)
        return read_files(source, key, self._backend, self._paths)

    def facts_of(self, source: Source, raw: RawTable) -> ir.Table:
        """Those rows of `raw` that are to be checked: each once, unless the source says otherwise.

        Tables that share a source may want different rows of it: twins are told among them all.
        """
        if source.duplicates == "keep":
            return raw.table
        location = _location(source)
        if location not in self._twins:
            self._twins[location] = twins_of(self._raw[location], self._backend)
        name = self._twins[location]
        return raw.table if name is None else raw.table.anti_join(self._backend.table(name), ROW)

    def done_with(self, source: Source) -> None:
        """One of the tables that read this source is through with it."""
        location = _location(source)
        self._to_come[location] -= 1
        if self._to_come[location] <= 0:
            self._drop(location)

    def close(self) -> None:
        """Forget all raw tables."""
        for location in list(self._raw):
            self._drop(location)

    def _drop(self, location: Location) -> None:
        raw = self._raw.pop(location, None)
        names = [raw.name if raw else None, self._twins.pop(location, None)]
        for name in names:
            if name is not None:
                self._backend.drop_table(name, force=True)


def _location(source: Source) -> Location:
    """What tells one way to read a table from another; equal ones are read once."""
    ways = {*Place.model_fields, "lookup", "wide"}
    return source.model_dump_json(include=ways)
