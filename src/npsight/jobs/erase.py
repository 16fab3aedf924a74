"""`npsight erase`: an account taken out of all that npsight keeps of it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from npsight.config.specs import ProjectSpec
from npsight.errors import NotFoundError
from npsight.store import Store, open_project_store
from npsight.store.erasure import erase_account, overwrite_deleted
from npsight.store.searchwords import accounts_called

ACTOR = "npsight erase"
REMADE = ("features", "quarantine")
"""Folders of the state that the next run makes anew; nothing in them is kept for its own sake."""
WITH_ROWS = (
    "*.parquet",
    "backtest/*.parquet",
    "forecasts/*.parquet",
    "models/*/*.parquet",
    "serving/*/*.parquet",
)
"""Files of the state that have rows of accounts."""
MOST_NAMED = 5


@dataclass(frozen=True)
class Erased:
    """What was erased.

    Attributes
    ----------
    rows
        Rows of the store that were deleted or emptied, by table.
    files
        Files of the state folder that were written anew without the account.
    removed
        Folders of the state that were removed, to be made anew by the next run.
    overwritten
        Whether nothing of it is left in the store's file, either.
    """

    rows: Mapping[str, int]
    files: tuple[Path, ...]
    removed: tuple[Path, ...]
    overwritten: bool


def erase(project: ProjectSpec, account: str) -> Erased:
    """Erase an account by its exact key, from the store and the state folder.

    The tables of the project are not touched. It can be run again where it was cut off: each file
    is replaced whole, and the store in one transaction.

    Raises
    ------
    NotFoundError
        Neither store nor files know this key.
    """
    state = project.state_dir
    with closing(open_project_store(project)) as store:
        rows = erase_account(store, project.name, account, datetime.now(UTC), ACTOR)
        kept = sorted(file for pattern in WITH_ROWS for file in state.glob(pattern))
        files = tuple(file for file in kept if write_without(file, account))
        overwritten = overwrite_deleted(store)
        if not rows and not files:
            raise NotFoundError(
                f"nothing is kept of an account with this key{_meant(store, project, account)}\n"
                "  → give the key as the tables have it, letter by letter"
            )
    removed = tuple(folder for name in REMADE if (folder := state / name).is_dir())
    for folder in removed:
        shutil.rmtree(folder)
    return Erased(rows, files, removed, overwritten)


def _meant(store: Store, project: ProjectSpec, text: str) -> str:
    """Accounts that are called so, as a question."""
    runs = store.runs(project.name, limit=1)
    if not runs:
        return ""
    with store.reading() as connection:
        found = accounts_called(connection, project.name, runs[0].id, text, MOST_NAMED)
    named = [f"{key} ({name})" if name else key for key, name in found]
    return f"; is it one of these: {', '.join(named)}?" if named else ""


def write_without(file: Path, account: str) -> bool:
    """Write a Parquet file anew without the rows of an account; says whether there were any."""
    with pq.ParquetFile(file) as source:
        schema = source.schema_arrow
        if "account" not in schema.names or not _has(source, account):
            return False
        temporary = file.with_name(f".{file.name}.{uuid4().hex[:8]}.partial")
        try:
            with pq.ParquetWriter(temporary, schema, compression="zstd") as target:
                for number in range(source.num_row_groups):
                    group = source.read_row_group(number)
                    target.write_table(group.filter(pc.invert(_is(group["account"], account))))
            temporary.chmod(file.stat().st_mode & 0o777)
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    return True


def _has(source: pq.ParquetFile, account: str) -> bool:
    batches = source.iter_batches(columns=["account"])
    return any(pc.any(_is(batch["account"], account)).as_py() for batch in batches)


def _is(column: pa.Array | pa.ChunkedArray, account: str) -> pa.Array | pa.ChunkedArray:
    return pc.fill_null(pc.equal(column.cast(pa.string()), account), False)
