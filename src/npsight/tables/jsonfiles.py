"""Files of JSON objects -> a table of texts: one object a line, or one list of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsight.errors import Problem
from npsight.tables.engine import fresh_name, name_literal, run, text_literal
from npsight.tables.raw import UnusableTableError
from npsight.tables.textfiles import opened

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

Keys = tuple[str, ...]


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
        f"FROM read_json_objects([{text_literal(str(file))}], {_form(file)})"
        for file in files
    ]
    run(backend, f"CREATE TABLE {name_literal(objects)} AS {' UNION ALL '.join(queries)}")
    try:
        shape = run(backend, f"SELECT json_group_structure(object) FROM {name_literal(objects)}")
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


def _form(file: Path) -> str:
    with opened(file, "utf-8") as text:
        first = next((line.strip() for line in text if line.strip()), "")
    if first.startswith("["):
        return "format = 'array'"
    return "format = 'newline_delimited', ignore_errors = true"


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
        raise UnusableTableError([Problem("holds no JSON objects", remedy, str(file), key)])
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
