"""Files that grow by a chunk at a time, and a directory that appears whole or not at all."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from npsight.simulate.errors import DirectoryRefusedError
from npsight.simulate.tables import TABLES, Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MARKER", "TableFiles", "replaced_directory", "write_marker"]

MARKER = "SIMULATED.json"


class TableFiles:
    """Open files of a directory, one per table, opened with the first chunk; close when done."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._writers: dict[str, Any] = {}
        self.rows: dict[str, int] = {}

    def __enter__(self) -> "TableFiles":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every file."""
        self._stack.close()

    def append(self, table: Table, rows: "pa.Table") -> None:
        """Append a chunk: a row group in Parquet, lines in CSV."""
        if table.name not in self._writers:
            self._writers[table.name] = self._open(table, rows.schema)
        self._writers[table.name].write_table(rows)
        self.rows[table.name] = self.rows.get(table.name, 0) + len(rows)

    def _open(self, table: Table, schema: "pa.Schema") -> Any:
        path = self._directory / table.file
        if table.is_csv:
            return self._stack.enter_context(self._csv(table, path, schema))
        import pyarrow.parquet as pq

        return self._stack.enter_context(pq.ParquetWriter(path, schema, compression="zstd"))

    def _csv(self, table: Table, path: Path, schema: "pa.Schema") -> Any:
        from pyarrow import csv

        # Arrow quotes every text or none; quotes are left out where no value can need them.
        style = "needed" if table.free_text else "none"
        file = self._stack.enter_context(path.open("wb"))
        file.write((",".join(schema.names) + "\n").encode())
        options = csv.WriteOptions(include_header=False, quoting_style=style)
        return csv.CSVWriter(file, schema, write_options=options)


def _refuse_foreign(directory: Path) -> None:
    """Refuse a target that holds anything the simulator did not make."""
    if not directory.exists() or (directory / MARKER).is_file():
        return
    if not directory.is_dir() or any(directory.iterdir()):
        raise DirectoryRefusedError(directory, MARKER)


@contextmanager
def replaced_directory(directory: Path) -> Iterator[Path]:
    """Yield a temporary sibling that takes the place of `directory` when the block succeeds.

    If the block fails, or is interrupted, the sibling is removed and `directory` is as before.
    Files that someone put beside the simulated ones are carried over.

    Raises
    ------
    DirectoryRefusedError
        If `directory` holds something and no marker.
    """
    target = Path(directory).resolve()
    _refuse_foreign(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    fresh = target.with_name(f".{target.name}.{token}.partial")
    fresh.mkdir()
    try:
        yield fresh
        _swap(fresh, target, target.with_name(f".{target.name}.{token}.old"))
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, target: Path, old: Path) -> None:
    """Put `fresh` in the place of `target`; put `target` back if that fails."""
    _refuse_foreign(target)
    if not target.exists():
        fresh.rename(target)
        return
    target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        old.rename(target)
        raise
    _carry_over(old, target)
    shutil.rmtree(old)


def _carry_over(old: Path, target: Path) -> None:
    """Move what the simulator did not write from `old` to `target`."""
    ours = {table.file for table in TABLES.values()} | {MARKER}
    for entry in old.iterdir():
        if entry.name not in ours:
            entry.rename(target / entry.name)


def write_marker(directory: Path, settings: dict[str, Any], rows: dict[str, int]) -> None:
    """Write the marker that says what made the directory, and how."""
    content = {"made_by": "npsight.simulate", "settings": settings, "rows": rows}
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    (directory / MARKER).write_text(text, encoding="utf-8")
