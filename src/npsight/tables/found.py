"""The tables that lie in a folder or a database file, each with the source that reads it."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsight.config.schema import Source
from npsight.errors import Problem
from npsight.tables.engine import fresh_name, name_literal, run, text_literal
from npsight.tables.headers import header_of
from npsight.tables.months import MONTHS
from npsight.tables.raw import UnusableTableError
from npsight.tables.sheetnames import patterns_of
from npsight.tables.sniff import layout_of, sniffed
from npsight.tables.workbooks import ENDINGS as _WORKBOOK_ENDINGS
from npsight.tables.workbooks import sheets_of, write_top

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

_TEXT_ENDINGS = (".csv", ".csv.gz", ".tsv")
_JSON_ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson")
_ENDINGS = (*_TEXT_ENDINGS, ".parquet", *_JSON_ENDINGS, *_WORKBOOK_ENDINGS)
_DATABASE_ENDINGS = (".duckdb", ".db", ".sqlite", ".sqlite3")
_SQLITE, _DUCKDB = b"SQLite format 3\0", b"DUCK"
_DUCKDB_AT = 8
"""Of its first bytes, those by which a DuckDB file is told."""
_OTHER_ENDINGS = {
    ".zip": "an archive; unpack it",
    ".txt": "a text; name it `.csv`, or map it by hand with `format`",
}
_TOP_ROWS = 200
_MONTH = "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True))
_MONTH = rf"(?:{_MONTH})(?![^\W\d_])"
_WORD = rf"(?:{_MONTH}\.?|(?:KW|CW|[WQH])(?=[-_ ]?\d\d?(?![^\W_])))"
_NUMBERS = re.compile(
    rf"(?i)(?:(?<![^\W\d_]){_WORD}[-_ ]?(?:de[ _])?)?\d(?:(?:[\d\W_]|{_WORD})*(?:\d|{_MONTH}))?"
)
"""Numbers, and the names of months, weeks and quarters beside or between them."""

Found = tuple[str, Source]
"""A table's name, and how it is read."""


def sources_in(location: Path, backend: Backend) -> list[Found]:
    """Every table of a DuckDB file, every table file of a folder, or the one file.

    A DuckDB file in a folder stands for its tables. A workbook has a table for each visible sheet
    that holds anything. Files whose names differ in numbers only, such as one for each month, are
    one table where their columns are the same; so are sheets whose names differ in a period or a
    number, and the files of a folder within the folder.
    """
    if _is_duckdb(location):
        return [_in_database(location, name) for name in _tables_of(location, backend)]
    if location.is_file():
        return list(_in_file(location)) if _is_table(location) else []
    entries = sorted(location.glob("*"))
    databases = [file for file in entries if _is_duckdb(file)]
    held = [_in_database(file, name) for file in databases for name in _tables_of(file, backend)]
    files = [entry for entry in entries if _is_table(entry)]
    folders = [
        entry for entry in entries if entry.is_dir() and not entry.name.startswith((".", "_"))
    ]
    within = [found for folder in folders for found in _within(folder)]
    return sorted(_named_apart([*_files(files), *within, *held]), key=lambda found: found[0])


def _named_apart(found: Sequence[Found]) -> Iterator[Found]:
    """Tables of a database are called after it, too, where another table has the name."""
    uses = Counter(name for name, _ in found)
    for name, source in found:
        apart = uses[name] > 1 and source.format == "duckdb"
        yield (f"{_stem(Path(str(source.path)))}_{name}" if apart else name), source


def other_files(location: Path) -> list[Problem]:
    """Files of kinds that are not read, each with the way out."""
    files = sorted(location.glob("*")) if location.is_dir() else [location]
    found = [(file, _why_not(file)) for file in files if file.is_file()]
    return [
        Problem("is not read", remedy, str(file), file.name)
        for file, remedy in found
        if remedy is not None
    ]


def _why_not(file: Path) -> str | None:
    """The way out for a file of a kind that is not read; None where it is read, or no table."""
    if not file.name.lower().endswith(_DATABASE_ENDINGS):
        return _OTHER_ENDINGS.get(file.suffix.lower())
    if _begins(file, _SQLITE):
        return (
            "a SQLite database; export its tables into a DuckDB file or CSV, or map them by hand: "
            f"`connection: APP_DB` and `table: …`, with APP_DB=sqlite:///{file.resolve()} in the "
            "environment"
        )
    return None if _is_duckdb(file) else "no DuckDB file, though it is called like a database"


def _is_duckdb(file: Path) -> bool:
    named = file.is_file() and file.name.lower().endswith(_DATABASE_ENDINGS)
    return named and _begins(file, _DUCKDB, _DUCKDB_AT)


def _begins(file: Path, with_bytes: bytes, at: int = 0) -> bool:
    with file.open("rb") as opened:
        return opened.read(at + len(with_bytes))[at:] == with_bytes


def _in_database(location: Path, name: str) -> Found:
    settings = {"path": str(location), "table": name, "format": "duckdb"}
    return name, Source.model_validate(settings)


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


def _is_table(file: Path) -> bool:
    return file.is_file() and _ending(file) != "" and not file.name.startswith(".")


def _ending(file: Path) -> str:
    endings = [ending for ending in _ENDINGS if file.name.lower().endswith(ending)]
    return max(endings, key=len, default="")


def _stem(file: Path) -> str:
    ending = _ending(file)
    return file.name[: -len(ending)] if ending else file.name.split(".")[0]


def _files(files: Sequence[Path]) -> Iterator[Found]:
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(_pattern(file), []).append(file)
    for pattern, group in groups.items():
        whole = _together(pattern, group)
        yield from [whole] if whole else (found for file in group for found in _in_file(file))


def _in_file(file: Path) -> Iterator[Found]:
    if _ending(file) not in _WORKBOOK_ENDINGS:
        yield _stem(file), sniffed(file)
        return
    try:
        sheets = sheets_of(file)
    except UnusableTableError:
        sheets = []  # reading it says why
    if len(sheets) <= 1:
        yield _stem(file), _sheet(file, None)[0]
        return
    read = {sheet: _sheet(file, sheet) for sheet in sheets}
    for pattern, group in patterns_of(sheets):
        sources, headers = zip(*(read[sheet] for sheet in group), strict=True)
        source = sources[0].model_copy(update={"table": pattern})
        alike = all(s.model_copy(update={"table": pattern}) == source for s in sources)
        if alike and None not in headers and len(set(headers)) == 1:
            name = pattern.replace("*", "_").strip("_-. ") or _stem(file)
            yield name, _at(source, str(file))
            read = {sheet: found for sheet, found in read.items() if sheet not in group}
    yield from ((sheet, source) for sheet, (source, _) in read.items())


def _sheet(file: Path, name: str | None) -> tuple[Source, frozenset[str] | None]:
    """A sheet with what is above its header, and how many lines that has; and its columns."""
    settings: dict[str, Any] = {"path": str(file)} | ({"table": name} if name else {})
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        top = Path(folder) / "top.csv"
        try:
            write_top(file, name, top, _TOP_ROWS)
        except UnusableTableError:
            return Source.model_validate(settings), None
        layout = layout_of(top, "utf-8")
        if layout is not None and layout.delimiter == ",":
            settings |= {"skip_rows": layout.skip_rows} if layout.skip_rows else {}
            settings |= {"header_rows": layout.header_rows} if layout.header_rows > 1 else {}
        source = Source.model_validate(settings)
        as_csv = source.model_copy(update={"path": str(top), "table": None})
        return source, _columns(as_csv) or None


def _pattern(file: Path) -> str:
    """The name with `*` in place of its numbers and periods."""
    stem = unicodedata.normalize("NFC", _stem(file))
    return _NUMBERS.sub("*", stem) + file.name[len(_stem(file)) :]


def _together(pattern: str, group: Sequence[Path]) -> Found | None:
    """Several files as one table, if the pattern names these alone and they are written alike."""
    folder = group[0].parent
    if len(group) < 2 or set(folder.glob(pattern)) != set(group):
        return None
    if _ending(group[0]) in _WORKBOOK_ENDINGS:
        read = [list(_in_file(file)) for file in group]
        if any(len(found) > 1 for found in read):
            return None
        sources = [found[0][1] for found in read]
        headers = {_sheet(file, None)[1] for file in group}
        if None in headers:
            return None
    else:
        sources = [sniffed(file) for file in group]
        texts = _ending(group[0]) in _TEXT_ENDINGS
        headers = {_columns(source) for source in sources} if texts else set()
    if any(source.model_copy(update={"path": sources[0].path}) != sources[0] for source in sources):
        return None
    if len(headers) > 1:
        return None
    stem = pattern[: -len(_ending(group[0]))]
    name = stem.replace("*", "_").strip("_-. ") or folder.name
    return name, _at(sources[0], str(folder / pattern))


def _columns(source: Source) -> frozenset[str]:
    """None where the header cannot be read; reading the table says why."""
    file = Path(str(source.path))
    try:
        return frozenset(header_of(file, source, str(file), "").names)
    except (UnusableTableError, UnicodeDecodeError):
        return frozenset()


def _at(source: Source, path: str) -> Source:
    return Source.model_validate({**source.model_dump(exclude_unset=True), "path": path})


def _within(folder: Path) -> Iterator[Found]:
    """The files of a folder as one table, where all are of one kind."""
    files = sorted(file for file in folder.rglob("*") if _is_table(file))
    endings = {_ending(file) for file in files}
    if len(endings) == 1 and not endings & set(_WORKBOOK_ENDINGS):
        yield folder.name, _at(sniffed(files[0]), str(folder / "**" / f"*{endings.pop()}"))
