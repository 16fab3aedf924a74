"""The tables that lie in a folder or a DuckDB file, and how each is written."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.config.schema import Source
from npsight.errors import Problem
from npsight.tables.engine import fresh_name, name_literal, run, text_literal
from npsight.tables.headers import header_of
from npsight.tables.raw import UnusableTableError
from npsight.tables.sniff import sniffed

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".parquet")
_DATABASE_ENDINGS = (".duckdb", ".db")
_OTHER_ENDINGS = {
    ".xlsx": "a spreadsheet; save its sheet as CSV",
    ".xls": "a spreadsheet; save its sheet as CSV",
    ".ods": "a spreadsheet; save its sheet as CSV",
    ".json": "JSON; write it as CSV or Parquet",
    ".jsonl": "JSON; write it as CSV or Parquet",
    ".ndjson": "JSON; write it as CSV or Parquet",
    ".zip": "an archive; unpack it",
    ".txt": "a text; name it `.csv`, or map it by hand with `format`",
}


def sources_in(location: Path, backend: Backend) -> list[tuple[str, Source]]:
    """Each table with its name; files of one header whose names differ in numbers are one."""
    if location.is_file() and location.name.lower().endswith(_DATABASE_ENDINGS):
        return [
            (
                name,
                Source.model_validate({"path": str(location), "table": name, "format": "duckdb"}),
            )
            for name in _tables_of(location, backend)
        ]
    files = [location] if location.is_file() else sorted(location.glob("*"))
    tables = [
        (file, sniffed(file))
        for file in files
        if file.is_file() and file.name.lower().endswith(_TABLE_ENDINGS)
    ]
    return _grouped(tables)


def other_files(location: Path) -> list[Problem]:
    """Files of kinds that are not read, each with the way out."""
    if not location.is_dir():
        return []
    found = [(file, _OTHER_ENDINGS.get(file.suffix.lower())) for file in sorted(location.glob("*"))]
    return [
        Problem("is not read", remedy, str(file), file.name)
        for file, remedy in found
        if remedy is not None and file.is_file()
    ]


def _grouped(tables: list[tuple[Path, Source]]) -> list[tuple[str, Source]]:
    """Parts of one export, such as `answers_2023.csv` and `answers_2024.csv`, as one glob."""
    groups: dict[tuple[object, ...], list[tuple[Path, Source]]] = {}
    for file, source in tables:
        groups.setdefault(_likeness(file, source), []).append((file, source))
    found: list[tuple[str, Source]] = []
    for group in groups.values():
        pattern = _pattern(group[0][0])
        files = {str(file) for file, _ in group}
        if len(group) > 1 and set(glob.glob(pattern)) == files:
            name = re.sub(r"[^A-Za-z0-9]+", "_", _stem(Path(pattern))).strip("_") or "table"
            found.append((name, group[0][1].model_copy(update={"path": pattern})))
        else:
            found += [(_stem(file), source) for file, source in group]
    return found


def _stem(file: Path) -> str:
    return file.name.split(".")[0]


def _pattern(file: Path) -> str:
    return str(file.with_name(re.sub(r"\d+", "*", file.name)))


def _likeness(file: Path, source: Source) -> tuple[object, ...]:
    """What parts of one export share: all but the numbers in their names."""
    settings = source.model_copy(update={"path": ""}).model_dump_json()
    if file.name.lower().endswith(".parquet") or not re.search(r"\d", file.name):
        return (str(file),)
    try:
        header = header_of(file, source, str(file), "").names
    except (UnusableTableError, UnicodeDecodeError):
        return (str(file),)
    return _pattern(file), settings, header


def _tables_of(file: Path, backend: Backend) -> list[str]:
    alias = fresh_name("profiled")
    run(backend, f"ATTACH {text_literal(str(file))} AS {name_literal(alias)} (READ_ONLY)")
    try:
        rows = run(
            backend,
            "SELECT table_schema, table_name FROM information_schema.tables "
            f"WHERE table_catalog = {text_literal(alias)} ORDER BY ALL",
        )
    finally:
        run(backend, f"DETACH {name_literal(alias)}")
    return [name if schema == "main" else f"{schema}.{name}" for schema, name in rows]
