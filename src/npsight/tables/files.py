"""Files -> raw tables of the working DuckDB. CSV is read as text: bad values are no crash."""

from __future__ import annotations

import csv
import glob
import gzip
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import duckdb
import ibis.expr.types as ir

from npsight.config.checks import suggest
from npsight.config.schema import Source
from npsight.errors import Problem
from npsight.tables.engine import fresh_name, name_literal, run, text_literal
from npsight.tables.jsonfiles import read_json
from npsight.tables.nested import flatten
from npsight.tables.raw import ROW, RawTable, UnusableTableError
from npsight.tables.sniff import delimiter_of, encoding_of, lines_before_header
from npsight.tables.textfiles import opened

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_ENDINGS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".json.gz": "json",
    ".jsonl": "json",
    ".jsonl.gz": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".duckdb": "duckdb",
    ".db": "duckdb",
}
# Any other is rewritten before the engine reads it.
_ENGINE_ENCODINGS = ("utf-8", "latin-1", "utf-16")
# A separator that no fixed-width file holds, so that a whole line is one column.
_NO_SEPARATOR = "\x01"


def read_files(source: Source, key: str, backend: Backend) -> RawTable:
    """Copy the file or files of a source into a table, each row numbered from 1.

    Raises
    ------
    UnusableTableError
        No such file, an unknown format, or a content that is not of the format.
    """
    files = _matching(source, key)
    kind = source.format or _kind_of(files[0], key)
    name = fresh_name("raw")
    malformed: list[tuple[int, str, int]] = []
    try:
        # Row numbers are the order in the file, so the order must survive parallel reading.
        run(backend, "SET preserve_insertion_order = true")
        if kind == "csv":
            malformed = _read_csv(source, key, files, name, backend)
        elif kind == "parquet":
            query = f"SELECT * FROM read_parquet({_file_list(files)}, union_by_name = true)"
            _create(backend, name, query)
        elif kind == "json":
            malformed = read_json(files, key, name, backend)
        elif kind == "fixed_width":
            _create(backend, name, _fixed_width_query(source, files))
        else:
            _copy_from_database(source, files[0], name, backend)
        flatten(name, backend)
    except duckdb.Error as error:
        raise _not_of_format(kind, files[0], source.encoding, key, error) from None
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile) as error:
        raise _not_of_format(kind, files[0], source.encoding, key, error) from None
    finally:
        run(backend, "SET preserve_insertion_order = false")
    lines = tuple((line, what) for line, what, _ in malformed)
    again = sum(count - 1 for _, _, count in malformed)
    return RawTable(name, numbered(backend, name), True, lines, again)


def numbered(backend: Backend, name: str) -> ir.Table:
    """The table with its rows numbered in the order in which they were inserted."""
    table = backend.table(name)
    return table.mutate(**{ROW: table.rowid() + 1})


def _create(backend: Backend, name: str, query: str) -> None:
    run(backend, f"CREATE TABLE {name_literal(name)} AS {query}")


def _matching(source: Source, key: str) -> list[Path]:
    pattern = source.path or ""
    if Path(pattern).is_file():
        return [Path(pattern)]
    files = [
        Path(name) for name in sorted(glob.glob(pattern, recursive=True)) if Path(name).is_file()
    ]
    if files:
        return files
    folder = Path(pattern).parent
    if Path(pattern).is_dir():
        remedy = "name the files in it, such as `*.csv` or `*.parquet`"
        raise UnusableTableError([Problem("is a folder", remedy, tidy(pattern), f"{key}.path")])
    if not folder.is_dir():
        remedy = f"there is no folder `{tidy(folder)}` either: correct `path`"
    else:
        present = [entry.name for entry in folder.iterdir() if entry.is_file()]
        remedy = f"in that folder: {suggest(Path(pattern).name, present)}"
    raise UnusableTableError([Problem("no such file", remedy, tidy(pattern), f"{key}.path")])


def tidy(path: Path | str) -> str:
    """A path without `..`, for messages."""
    return str(Path(path).resolve())


def _kind_of(file: Path, key: str) -> str:
    name = file.name.lower()
    for ending, kind in _ENDINGS.items():
        if name.endswith(ending):
            return kind
    problem = Problem(
        "the ending does not tell the format",
        "add `format: csv`, `json`, `parquet`, `duckdb` or `fixed_width`",
        tidy(file),
        key,
    )
    raise UnusableTableError([problem])


def _file_list(files: Iterable[Path]) -> str:
    return "[" + ", ".join(text_literal(str(file)) for file in files) + "]"


def _not_of_format(
    kind: str, file: Path, encoding: str, key: str, error: Exception
) -> UnusableTableError:
    # Only the kind of error: the engine's full message may quote rows of the file.
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    what = first_line if kind in ("duckdb", "json", "parquet") else type(error).__name__
    remedy = "check `format`, `encoding` and `delimiter`, or export the table again"
    if kind == "csv" and encoding != (fits := encoding_of(file)):
        remedy = f"add `encoding: {fits}`: all of the file can be read so"
    problem = Problem(
        f"cannot be read as {kind} ({what[:160]})",
        remedy,
        tidy(file),
        key,
    )
    return UnusableTableError([problem])


# --- CSV ----------------------------------------------------------------------------------------


def _read_csv(
    source: Source, key: str, files: Sequence[Path], name: str, backend: Backend
) -> list[tuple[int, str, int]]:
    headers = [_header(file, source, key) for file in files]
    if source.encoding in _ENGINE_ENCODINGS:
        return _read_lines(source, source.encoding, list(files), headers, name, backend)
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        rewritten = [
            _as_utf8(file, source.encoding, Path(folder) / f"{number}{_ending(source, file)}")
            for number, file in enumerate(files)
        ]
        return _read_lines(source, "utf-8", rewritten, headers, name, backend)


def _ending(source: Source, file: Path) -> str:
    return ".tsv" if _delimiter(source, file) == "\t" else ".csv"


def _as_utf8(file: Path, encoding: str, copy: Path) -> Path:
    with opened(file, encoding) as text, copy.open("w", encoding="utf-8", newline="") as written:
        shutil.copyfileobj(text, written)
    return copy


def _read_lines(
    source: Source,
    encoding: str,
    files: Sequence[Path],
    headers: Sequence[tuple[str, ...]],
    name: str,
    backend: Backend,
) -> list[tuple[int, str, int]]:
    rejects = fresh_name("rejects")
    # One read for files of one header; several headers are matched by column name.
    groups: dict[tuple[str, ...], list[Path]] = {}
    for file, header in zip(files, headers, strict=True):
        groups.setdefault(header, []).append(file)
    queries = [
        f"SELECT * FROM read_csv({_file_list(group)}, header = true, auto_detect = false, "
        f"skip = {source.skip_rows}, columns = {_text_columns(header)}, "
        f"delim = {text_literal(_delimiter(source, group[0]))}, "
        f"quote = '\"', escape = '\"', encoding = {text_literal(encoding)}, "
        f"ignore_errors = true, store_rejects = true, "
        f"rejects_table = {text_literal(rejects)}, "
        f"rejects_scan = {text_literal(rejects + '_scan')})"
        for header, group in groups.items()
    ]
    _create(backend, name, " UNION ALL BY NAME ".join(queries))
    found = run(
        backend,
        "SELECT min(line), min(what), count(*) FROM (SELECT line, any_value(csv_line) AS text, "
        f"min(lower(error_type::VARCHAR)) AS what FROM {name_literal(rejects)} "
        "GROUP BY scan_id, file_id, line) GROUP BY coalesce(text, line::VARCHAR) ORDER BY 1",
    )
    return [(int(line), str(what), int(count)) for line, what, count in found]


def _delimiter(source: Source, file: Path) -> str:
    tabs = file.name.lower().endswith(".tsv") and source.delimiter == ","
    return "\t" if tabs else source.delimiter


def _shown(delimiter: str) -> str:
    return "\\t" if delimiter == "\t" else delimiter


def _text_columns(header: tuple[str, ...]) -> str:
    return "{" + ", ".join(f"{text_literal(column)}: 'VARCHAR'" for column in header) + "}"


def _header(file: Path, source: Source, key: str) -> tuple[str, ...]:
    delimiter = _delimiter(source, file)
    with opened(file, source.encoding) as text:
        data = islice(text, source.skip_rows, None)
        first = next(csv.reader(data, delimiter=delimiter), [])
    names = tuple(cell.strip() or f"column_{i}" for i, cell in enumerate(first, start=1))
    if not names:
        problem = Problem("holds no rows", "export it again, with its header", tidy(file), key)
        raise UnusableTableError([problem])
    if len(names) == 1:
        _refuse_one_column(file, source, key)
    lowered = [cell.lower() for cell in names]
    twice = sorted({cell for cell in lowered if lowered.count(cell) > 1})
    if twice:
        problem = Problem(
            f"the header names a column twice: {', '.join(f'`{cell}`' for cell in twice)}",
            "rename one of them in the file (the first line must be the header)",
            tidy(file),
            key,
        )
        raise UnusableTableError([problem])
    return names


def _refuse_one_column(file: Path, source: Source, key: str) -> None:
    """Raise where the lines have more columns by another sign, or below a title."""
    sign = delimiter_of(file, source.encoding)
    if sign is None:
        return
    above = lines_before_header(file, source.encoding, sign)
    settings = [] if sign == _delimiter(source, file) else [f'`delimiter: "{_shown(sign)}"`']
    settings += [f"`skip_rows: {above}`"] if above else []
    if not settings:
        return
    what = "the lines below" if above else "it"
    problem = Problem(
        f"the first line reads as one column, but `{_shown(sign)}` parts {what}",
        f"add {' and '.join(settings)} to this table",
        tidy(file),
        key,
    )
    raise UnusableTableError([problem])


# --- Fixed width --------------------------------------------------------------------------------


def _fixed_width_query(source: Source, files: Sequence[Path]) -> str:
    columns = source.fixed_width or {}
    cut = ", ".join(
        f"substring(line, {first}, {last - first + 1}) AS {name_literal(name)}"
        for name, (first, last) in columns.items()
    )
    return (
        f"SELECT {cut} FROM read_csv({_file_list(files)}, header = false, auto_detect = false, "
        f"skip = {source.skip_rows}, columns = {{'line': 'VARCHAR'}}, "
        f"delim = {text_literal(_NO_SEPARATOR)}, quote = '', escape = '', "
        f"encoding = {text_literal(source.encoding)}) WHERE trim(line) <> ''"
    )


# --- DuckDB files -------------------------------------------------------------------------------


def _copy_from_database(source: Source, file: Path, name: str, backend: Backend) -> None:
    alias = fresh_name("attached")
    table = ".".join(name_literal(part) for part in cast(str, source.table).split("."))
    run(backend, f"ATTACH {text_literal(str(file))} AS {name_literal(alias)} (READ_ONLY)")
    try:
        _create(backend, name, f"SELECT * FROM {name_literal(alias)}.{table}")
    finally:
        run(backend, f"DETACH {name_literal(alias)}")
