"""Files -> raw tables of the working DuckDB. CSV is read as text: bad values are no crash."""

from __future__ import annotations

import csv
import difflib
import glob
import gzip
import io
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import duckdb
import ibis.expr.types as ir

from npsight.config.schema import PERIOD, Place
from npsight.errors import Problem
from npsight.tables.engine import fresh_name, name_literal, run, text_literal
from npsight.tables.footers import footer_of, lines_in
from npsight.tables.headers import Header, delimiter_for, header_of, write_header
from npsight.tables.jsonfiles import read_json
from npsight.tables.nested import flatten
from npsight.tables.raw import ROW, RawTable, UnusableTableError
from npsight.tables.sniff import encoding_of
from npsight.tables.textfiles import opened
from npsight.tables.workbooks import ENDINGS, sheets_for, write_sheet

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
    **dict.fromkeys(ENDINGS, "excel"),
}
# Any other is rewritten before the engine reads it.
_ENGINE_ENCODINGS = ("utf-8", "latin-1", "utf-16")
_MOST_FILES = 10
_BLOCK = 1 << 20
# A separator that no fixed-width file holds, so that a whole line is one column.
_NO_SEPARATOR = "\x01"


def read_files(source: Place, key: str, backend: Backend, taken: Collection[str] = ()) -> RawTable:
    """Copy the file or files of a source into a table, each row numbered from 1.

    `taken` are the paths of other tables: none of them is suggested for a file that is not there.

    Raises
    ------
    UnusableTableError
        No such file, an unknown format, or a content that is not of the format.
    """
    files = matching(source, key, taken)
    kind = source.format or _kind_of(files[0], key)
    name = fresh_name("raw")
    malformed: list[tuple[int, str, int]] = []
    footer, lacking = 0, dict[str, str]()
    try:
        # Row numbers are the order in the file, so the order must survive parallel reading.
        run(backend, "SET preserve_insertion_order = true")
        if kind == "csv":
            shown = [tidy(file) for file in files]
            malformed, footer, lacking = _read_csv(source, key, files, shown, name, backend)
        elif kind == "excel":
            malformed, footer, lacking = _read_sheets(source, key, files, name, backend)
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
    table = numbered(backend, name)
    return RawTable(name, table, True, lines, again, footer=footer, lacking=lacking)


def numbered(backend: Backend, name: str) -> ir.Table:
    """The table with its rows numbered in the order in which they were inserted."""
    table = backend.table(name)
    return table.mutate(**{ROW: table.rowid() + 1})


def _create(backend: Backend, name: str, query: str) -> None:
    run(backend, f"CREATE TABLE {name_literal(name)} AS {query}")


def matching(source: Place, key: str, taken: Collection[str] = ()) -> list[Path]:
    """The files that `path` names, in the order of their names.

    Raises
    ------
    UnusableTableError
        There is none; one is suggested that is not among `taken`, the paths of other tables.
    """
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
        used = {tidy(file) for path in taken for file in _globbed(path)}
        present = [
            e.name
            for e in folder.iterdir()
            if e.name.lower().endswith(tuple(_ENDINGS)) and tidy(e) not in used
        ]
        remedy = _instead(Path(pattern).name, present)
    raise UnusableTableError([Problem("no such file", remedy, tidy(pattern), f"{key}.path")])


def _globbed(path: str) -> list[str]:
    return glob.glob(path.replace(PERIOD, "*"), recursive=True)


def _instead(wanted: str, present: Sequence[str]) -> str:
    """Which file may be meant: one with a close name, its ending apart, else any that is free."""
    stems = {name.split(".")[0]: name for name in sorted(present)}
    close = difflib.get_close_matches(wanted.split(".")[0].strip("*_- "), stems, n=1)
    if close:
        return f"in that folder: did you mean `{stems[close[0]]}`?"
    free = f"; no table reads {', '.join(sorted(present)[:_MOST_FILES])} there" if present else ""
    return f"export it again, or correct `path`{free}"


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
        "add `format: csv`, `excel`, `json`, `parquet`, `duckdb` or `fixed_width`",
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
    if isinstance(error, duckdb.OutOfMemoryException):
        remedy = "raise `engine.memory`, or bring the table as Parquet, which needs less"
    problem = Problem(
        f"cannot be read as {kind} ({what[:160]})",
        remedy,
        tidy(file),
        key,
    )
    return UnusableTableError([problem])


# --- CSV ----------------------------------------------------------------------------------------


def _read_csv(
    source: Place,
    key: str,
    files: Sequence[Path],
    shown: Sequence[str],
    name: str,
    backend: Backend,
) -> tuple[list[tuple[int, str, int]], int, dict[str, str]]:
    """Read the files, which are told by what is `shown` for each.

    The engine refuses a file with several kinds of line ends, or some of its lines, as parts put
    together on several systems have them: it is rewritten with one kind, and read again.

    Returns
    -------
    tuple
        Their malformed lines, the number of lines of footers, and the columns that only some of
        them have, each with one that has not.
    """
    headers = [
        header_of(file, source, where, key) for file, where in zip(files, shown, strict=True)
    ]
    names = [header.names for header in headers]
    lacking = {
        column: where
        for column in dict.fromkeys(column for header in names for column in header)
        for header, where in zip(names, shown, strict=True)
        if column not in header
    }
    footers = [
        footer_of(file, source.encoding, delimiter_for(source, file), len(header.names))
        for file, header in zip(files, headers, strict=True)
    ]
    plain = all(header.plain for header in headers) and not any(footers)
    if source.encoding in _ENGINE_ENCODINGS and plain:
        read = partial(_read_lines, source, source.encoding, files, names, name, backend)
    else:
        read = partial(_read_copies, source, files, headers, footers, name, backend)
    try:
        malformed = read()
        again = bool(malformed) and any(_has_several_ends(file, source) for file in files)
    except duckdb.InvalidInputException:
        again = True
    if again:
        run(backend, f"DROP TABLE IF EXISTS {name_literal(name)}")
        malformed = _read_copies(source, files, headers, footers, name, backend, end="\n")
    # Of the first file: of several it is not known which one a line is of.
    above = headers[0].lines - 1
    below = sum(lines_in(footer) for footer in footers)
    return [(line + above, what, count) for line, what, count in malformed], below, lacking


def _read_copies(
    source: Place,
    files: Sequence[Path],
    headers: Sequence[Header],
    footers: Sequence[str],
    name: str,
    backend: Backend,
    end: str = "",
) -> list[tuple[int, str, int]]:
    """Read copies without what stands above the rows and below; see `_rewritten` for `end`."""
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        rewritten = [
            _rewritten(file, source, header, Path(folder) / f"{number}{_ending(source, file)}", end)
            for number, (file, header) in enumerate(zip(files, headers, strict=True))
        ]
        for copy, footer in zip(rewritten, footers, strict=True):
            below = "".join(_with_one_end(io.StringIO(footer, newline=""))) if end else footer
            os.truncate(copy, copy.stat().st_size - len(below.encode()))
        names = [header.names for header in headers]
        return _read_lines(source, "utf-8", rewritten, names, name, backend)


def _ending(source: Place, file: Path) -> str:
    return ".tsv" if delimiter_for(source, file) == "\t" else ".csv"


def _rewritten(file: Path, source: Place, header: Header, copy: Path, end: str) -> Path:
    """The file in UTF-8, its header one line and the first one; rows keep their line ends, unless
    there is to be but one.
    """
    with (
        opened(file, source.encoding) as text,
        copy.open("w", encoding="utf-8", newline="") as written,
    ):
        above = [next(text) for _ in range(header.lines)]
        of_header = end or ("\r\n" if above[-1].endswith("\r\n") else "\n")
        write_header(written, header.names, delimiter_for(source, file), of_header)
        written.writelines(_with_one_end(text) if end else _blocks(text))
    return copy


def _blocks(text: IO[str]) -> Iterator[str]:
    while block := text.read(_BLOCK):
        yield block


def _has_several_ends(file: Path, source: Place) -> bool:
    decoder = io.IncrementalNewlineDecoder(None, translate=False)
    with opened(file, source.encoding) as text:
        for block in _blocks(text):
            decoder.decode(block)
    return isinstance(decoder.newlines, tuple)


def _with_one_end(text: IO[str]) -> Iterator[str]:
    """The text in blocks, all line ends as Unix has them."""
    decoder = io.IncrementalNewlineDecoder(None, translate=True)
    for block in _blocks(text):
        yield decoder.decode(block)
    yield decoder.decode("", final=True)


def _read_lines(
    source: Place,
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
        f"columns = {_text_columns(header)}, "
        f"delim = {text_literal(delimiter_for(source, group[0]))}, "
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


def _text_columns(header: tuple[str, ...]) -> str:
    return "{" + ", ".join(f"{text_literal(column)}: 'VARCHAR'" for column in header) + "}"


# --- Workbooks ----------------------------------------------------------------------------------


def _read_sheets(
    source: Place, key: str, files: Sequence[Path], name: str, backend: Backend
) -> tuple[list[tuple[int, str, int]], int, dict[str, str]]:
    as_csv = source.model_copy(update={"delimiter": ",", "encoding": "utf-8", "skip_rows": 0})
    sheets = [(file, sheet) for file in files for sheet in sheets_for(file, source, key)]
    shown = [f"{tidy(file)}, sheet `{sheet}`" if sheet else tidy(file) for file, sheet in sheets]
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        copies = [Path(folder) / f"{number}.csv" for number, _ in enumerate(sheets)]
        for (file, sheet), copy in zip(sheets, copies, strict=True):
            write_sheet(file, source.model_copy(update={"table": sheet}), key, copy)
        return _read_csv(as_csv, key, copies, shown, name, backend)


# --- Fixed width --------------------------------------------------------------------------------


def _fixed_width_query(source: Place, files: Sequence[Path]) -> str:
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


def _copy_from_database(source: Place, file: Path, name: str, backend: Backend) -> None:
    alias = fresh_name("attached")
    table = ".".join(name_literal(part) for part in cast(str, source.table).split("."))
    run(backend, f"ATTACH {text_literal(str(file))} AS {name_literal(alias)} (READ_ONLY)")
    try:
        _create(backend, name, f"SELECT * FROM {name_literal(alias)}.{table}")
    finally:
        run(backend, f"DETACH {name_literal(alias)}")
