"""Files of JSON objects -> a table of texts: one object a line, or one list of objects, which may
lie in an envelope as APIs send it: `{"type": "list", "tickets": [{…}, {…}]}`, also a deeper one.
Objects over several lines, such as a single one, are a row each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from npsight.errors import Problem
from npsight.tables.engine import fresh_name, name_literal, run, text_literal
from npsight.tables.raw import UnusableTableError
from npsight.tables.textfiles import opened

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

Keys = tuple[str, ...]
_PACKED = 30
"""So many times larger a packed file may be than it is."""
_SMALLEST = 1 << 24
_MOST_TO_READ = 1 << 26
_DEEPEST = 3
"""Keys above the key of a list in an envelope."""
_IDS = {"id", "_id", "key", "uuid"}


def read_json(
    files: Sequence[Path], key: str, name: str, backend: Backend
) -> list[tuple[int, str, int]]:
    """Make the table `name` of the files' objects, each value as text, a list as JSON.

    A value within another one is a column of its own, named by the way to it, such as
    `device.os`. A key that an object lacks is null.

    Returns
    -------
    list of tuple
        Lines that are no object: (which one of the lines that are not blank, what is wrong,
        how many read the same).

    Raises
    ------
    UnusableTableError
        No object, or a column twice.
    """
    objects = fresh_name("objects")
    queries = [
        f"SELECT CASE json_type(json) WHEN 'OBJECT' THEN json END AS object "
        f"FROM ({_objects(file, backend)})"
        for file in files
    ]
    run(backend, f"CREATE TABLE {name_literal(objects)} AS {' UNION ALL '.join(queries)}")
    try:
        # One object of each structure: of all of them the engine would keep everything in memory.
        shape = run(
            backend,
            "SELECT json_group_structure(object) FROM (SELECT arg_min(object, rowid) AS object "
            f"FROM {name_literal(objects)} WHERE object IS NOT NULL "
            "GROUP BY json_structure(object) ORDER BY min(rowid))",
        )
        paths = list(_paths(json.loads(shape[0][0] or "null")))
        _refuse_faults(paths, files[0], key)
        run(backend, f"CREATE TABLE {name_literal(name)} AS {_query(paths, objects)}")
        bad = run(
            backend,
            f"SELECT rowid + 1 FROM {name_literal(objects)} WHERE object IS NULL ORDER BY rowid",
        )
    finally:
        run(backend, f"DROP TABLE {name_literal(objects)}")
    return [(int(line), "no JSON object", 1) for (line,) in bad]


def _objects(file: Path, backend: Backend) -> str:
    """The query of a file's objects."""
    with opened(file, "utf-8") as text:
        lines = (line.strip() for line in text if line.strip())
        first, second = next(lines, ""), next(lines, "")
    place = f"[{text_literal(str(file))}]"
    if first.startswith("["):
        return f"SELECT json FROM read_json_objects({place}, format = 'array')"
    of_lines = file.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))
    ends_later = not second or first.endswith(("{", "[", ","))
    if first.startswith("{") and ends_later and not of_lines:
        size = max(file.stat().st_size * (_PACKED if file.suffix == ".gz" else 1), _SMALLEST)
        form = f"format = 'unstructured', maximum_object_size = {size}"
        whole = f"SELECT json FROM read_json_objects({place}, {form})"
        shapes = _shapes(whole, backend)
        within = _list_within(shapes)
        if within is not None:
            objects = f"json_extract(json, {text_literal(within)})"
            return f"SELECT unnest({objects}) AS json FROM ({whole})"
        if shapes:
            return whole
    form = "format = 'newline_delimited', ignore_errors = true"
    return f"SELECT json FROM read_json_objects({place}, {form})"


def _shapes(whole: str, backend: Backend) -> list[Any]:
    """The structure of each object of a file; empty where they are not written over lines."""
    try:
        rows = run(backend, f"SELECT json_structure(json) FROM ({whole})")
    except duckdb.Error:
        return []  # reading it line by line says what is wrong
    return [json.loads(shape or "null") for (shape,) in rows]


def _list_within(shapes: Sequence[Any]) -> str | None:
    """The way to the only list of objects of an object; None where it is no such envelope."""
    shape = shapes[0] if len(shapes) == 1 else None
    found = list(_lists(shape))
    ways = [way for way in found if len(way) == 1] or found
    return f"$.{'.'.join(map(_quoted, ways[0]))}[*]" if len(ways) == 1 else None


def _lists(shape: Any, above: Keys = ()) -> Iterator[Keys]:
    """The keys that lead to each list of objects; what has an id is itself one of a table's
    objects, and what lies deeper in it is a part of it.
    """
    if not isinstance(shape, dict) or len(above) > _DEEPEST:
        return
    for key, inner in shape.items():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            yield (*above, key)
        elif not _IDS & {name.lower() for name in shape}:
            yield from _lists(inner, (*above, key))


def _paths(shape: Any, above: Keys = ()) -> Iterator[Keys]:
    """The keys that lead to each value that holds no further ones."""
    if isinstance(shape, dict) and shape:
        for key, inner in shape.items():
            yield from _paths(inner, (*above, key))
    elif above:
        yield above


def _refuse_faults(paths: Sequence[Keys], file: Path, key: str) -> None:
    if not paths:
        remedy = "write one object a line, or one list of objects: [{…}, {…}]"
        what, at = "holds no JSON objects", _broken_at(file)
        if at is not None:
            what, remedy = f"is no JSON at {at}", f"export it again: it may be cut off; or {remedy}"
        raise UnusableTableError([Problem(what, remedy, str(file), key)])
    names = [".".join(path).lower() for path in paths]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        named = ", ".join(f"`{name}`" for name in twice)
        problem = Problem(
            f"two keys differ in their case only: {named}",
            "rename one of them where the table is exported",
            str(file),
            key,
        )
        raise UnusableTableError([problem])


def _broken_at(file: Path) -> str | None:
    """Where a file that is one value ends to be JSON; None where it is, or is too large to say."""
    if file.stat().st_size > _MOST_TO_READ:
        return None
    with opened(file, "utf-8") as text:
        try:
            json.load(text)
        except json.JSONDecodeError as error:
            return f"line {error.lineno}, column {error.colno}"
    return None


def _query(paths: Sequence[Keys], objects: str) -> str:
    ways = ", ".join(text_literal("$" + "".join(f".{_quoted(k)}" for k in path)) for path in paths)
    columns = ", ".join(
        f"value[{place}] AS {name_literal('.'.join(path))}"
        for place, path in enumerate(paths, start=1)
    )
    return (
        f"SELECT {columns} FROM (SELECT json_extract_string(object, [{ways}]) AS value "
        f"FROM {name_literal(objects)} WHERE object IS NOT NULL)"
    )


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
