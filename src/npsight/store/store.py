"""Score runs in and out of the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, Table, delete, insert, select, update

from npsight.config.runtime import connection_string
from npsight.config.specs import ProjectSpec
from npsight.errors import NotFoundError, StateError
from npsight.store import tables
from npsight.store.changes import forget_changes
from npsight.store.compared import record_run_changes
from npsight.store.database import count_rows, database_url, mendable, open_engine, writer
from npsight.store.factsread import note_read
from npsight.store.history import points
from npsight.store.migrate import migrate
from npsight.store.originals import forget_original_inputs
from npsight.store.rows import HistoryPoint, JsonObject, ScoreRow, ScoreRun, StoredInput
from npsight.store.values import clean
from npsight.store.worklistrows import CONTACTED_DAYS, WorklistWriter, forget_rows

Item = TypeVar("Item")
InputRow = tuple[str, Mapping[str, Any], Mapping[str, Any]]

CHUNK = 1000
KEEP_RUNS = 30
KEEP_INPUTS = 2
"""Inputs are a hundred values a row, and those of the worklist have many indexes: they are kept
for the newest run, and for the one before it, which a request may still be reading."""

_ROW_FIELDS = tuple(field.name for field in dataclasses.fields(ScoreRow))
_NEWEST_FIRST = (
    tables.score_runs.c.as_of.desc(),
    tables.score_runs.c.created_at.desc(),
    tables.score_runs.c.id.desc(),
)


def store_file(state_dir: Path) -> Path:
    """Where a project's SQLite store lies."""
    return state_dir / "npsight.db"


def open_project_store(project: ProjectSpec) -> Store:
    """The store of a project: the database it names, else SQLite in its state folder.

    Raises
    ------
    ConfigError
        The environment variable of the database is not set.
    StateError
        See `open_store`.
    """
    if project.database is not None:
        return open_store(connection_string(project.database))
    return open_store(store_file(project.state_dir))


def open_store(url_or_path: str | Path) -> Store:
    """Open a store, creating or migrating it where needed.

    Parameters
    ----------
    url_or_path
        A path (SQLite) or any SQLAlchemy URL.

    Raises
    ------
    StateError
        It cannot be opened, is locked, damaged, or of a newer npsight.
    """
    url = database_url(url_or_path)
    engine = open_engine(url)
    with mendable(url):
        migrate(engine)
    return Store(engine)


class Store:
    """Reads and writes score runs; safe to share between threads.

    Every method raises StateError where the database is locked, full, damaged or gone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = writer(engine)

    def write_run(
        self,
        run: ScoreRun,
        rows: Iterable[ScoreRow],
        inputs: Iterable[InputRow],
        keep: int = KEEP_RUNS,
        facts_read: int = 0,
        contacted_days: int = CONTACTED_DAYS,
        beside: Sequence[Callable[[Connection], None]] = (),
    ) -> ScoreRun:
        """Write a run in one transaction: all of it is seen, or nothing.

        `inputs` gives account, features and past features. Old runs are deleted, `keep` stay.
        Accounts whose risk level differs from the one they had before are kept as changes, and
        told to the webhooks that ask for it.
        The worklist's rows are written with the scores; an account steps back on it for
        `contacted_days` after its last contact.
        `facts_read` is the number of the newest posted fact that was read for it. `beside` are
        called in the same transaction, when scores and changes are written.
        Returns the run as stored, with its number of accounts.
        """
        with mendable(self._engine.url), self._writer.begin() as connection:
            connection.execute(insert(tables.score_runs), _values(run))
            count, now = 0, datetime.now(UTC)
            listed = WorklistWriter(connection, run.project, run.id, now, contacted_days)
            for row_chunk in _chunks(rows):
                connection.execute(
                    insert(tables.scores), [{"run_id": run.id, **_values(row)} for row in row_chunk]
                )
                listed.add(row_chunk)
                count += len(row_chunk)
            listed.finish()
            count_rows(connection, tables.scores)
            for input_chunk in _chunks(inputs):
                connection.execute(
                    insert(tables.inputs), [_input_values(run.id, *item) for item in input_chunk]
                )
            note_read(connection, run.id, facts_read)
            mine = tables.score_runs.c.id == run.id
            connection.execute(update(tables.score_runs).where(mine).values(account_count=count))
            record_run_changes(connection, run.project, run.id)
            for write in beside:
                write(connection)
            _delete_old(connection, run.project, keep, spared=run.id)
        return dataclasses.replace(run, account_count=count)

    def delete_old_runs(self, project: str, keep: int = KEEP_RUNS) -> int:
        """Delete all but the newest `keep` runs; returns how many went."""
        with mendable(self._engine.url), self._writer.begin() as connection:
            return _delete_old(connection, project, keep)

    def latest_run(self, project: str) -> ScoreRun:
        """The run with the newest as_of; among several of that as_of, the newest made.

        Raises
        ------
        NotFoundError
            The project was never scored.
        """
        runs = self.runs(project, limit=1)
        if not runs:
            raise NotFoundError(
                f"project {project} has no scores yet\n"
                "  → npsight score -c FILE, after npsight train where it has no model yet"
            )
        return runs[0]

    def runs(self, project: str, limit: int = KEEP_RUNS) -> list[ScoreRun]:
        """Runs, newest as_of first."""
        query = (
            select(tables.score_runs)
            .where(tables.score_runs.c.project == project)
            .order_by(*_NEWEST_FIRST)
            .limit(limit)
        )
        return [ScoreRun(**row._mapping) for row in self._all(query)]

    def scores(
        self,
        run_id: str,
        limit: int | None = None,
        offset: int = 0,
        ranked_only: bool = False,
    ) -> list[ScoreRow]:
        """Rows of a run by rank, then, unranked, by account; an unknown run has none."""
        table = tables.scores
        query = select(*_columns(table)).where(table.c.run_id == run_id)
        if ranked_only:
            query = query.where(table.c.rank.is_not(None))
        query = query.order_by(table.c.rank.is_(None), table.c.rank, table.c.account)
        if limit is not None or offset:
            query = query.limit(-1 if limit is None and self._is_sqlite else limit).offset(offset)
        return [ScoreRow(**row._mapping) for row in self._all(query)]

    def score(self, run_id: str, account: str) -> ScoreRow:
        """One account of a run.

        Raises
        ------
        NotFoundError
            The run has no such account.
        """
        table = tables.scores
        query = select(*_columns(table)).where(table.c.run_id == run_id, table.c.account == account)
        found = self._all(query)
        if not found:
            raise NotFoundError(
                "the run has no such account\n"
                "  → check the account's key, or score again after it was added"
            )
        return ScoreRow(**found[0]._mapping)

    def scores_of(self, run_id: str, accounts: Sequence[str]) -> dict[str, ScoreRow]:
        """Rows of the accounts that the run has, by account."""
        table = tables.scores
        found: dict[str, ScoreRow] = {}
        for some in _chunks(accounts):
            query = select(*_columns(table)).where(
                table.c.run_id == run_id, table.c.account.in_(some)
            )
            found.update({row.account: ScoreRow(**row._mapping) for row in self._all(query)})
        return found

    def history(self, project: str, account: str, limit: int = KEEP_RUNS) -> list[HistoryPoint]:
        """An account's numbers in the project's runs, newest as_of first; see `history.points`."""
        with self.reading() as connection:
            return points(connection, project, account, limit)

    def inputs(self, run_id: str, accounts: Sequence[str] | None = None) -> dict[str, StoredInput]:
        """What accounts (all unless named) were scored from; unknown ones are absent."""
        table = tables.inputs
        query = select(table.c.account, table.c.features, table.c.past).where(
            table.c.run_id == run_id
        )
        if accounts is None:
            return {row.account: StoredInput(**row._mapping) for row in self._all(query)}
        found: dict[str, StoredInput] = {}
        for some in _chunks(accounts):
            rows = self._all(query.where(table.c.account.in_(some)))
            found.update({row.account: StoredInput(**row._mapping) for row in rows})
        return found

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with mendable(self._engine.url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds SQLite's write lock from its beginning; undone by an error."""
        with mendable(self._engine.url), self._writer.begin() as connection:
            yield connection

    def check(self) -> None:
        """Raises StateError where the database does not answer, or its file is gone."""
        file = self._engine.url.database
        # Open connections would go on reading a file that was deleted.
        if self._is_sqlite and file not in (None, "", ":memory:") and not Path(file).exists():
            raise StateError(f"{file}: the store is gone\n  → restore it, or score again")
        self._all(select(tables.score_runs.c.id).limit(1))

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine, which answers in microseconds unless locked."""
        return self._is_sqlite

    @property
    def engine(self) -> Engine:
        """The database, for what reads it in its own way (see `lookup`)."""
        return self._engine

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def _all(self, query: Any) -> Sequence[Row[Any]]:
        with mendable(self._engine.url), self._engine.connect() as connection:
            return connection.execute(query).all()


def _values(row: ScoreRun | ScoreRow) -> JsonObject:
    return {f.name: clean(getattr(row, f.name)) for f in dataclasses.fields(row)}


def _input_values(
    run_id: str, account: str, features: Mapping[str, Any], past: Mapping[str, Any]
) -> JsonObject:
    return {
        "run_id": run_id,
        "account": account,
        "features": clean(dict(features)),
        "past": clean(dict(past)),
    }


def _columns(table: Table) -> list[Any]:
    return [table.c[name] for name in _ROW_FIELDS]


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _delete_old(connection: Connection, project: str, keep: int, spared: str = "") -> int:
    run = tables.score_runs
    query = select(run.c.id).where(run.c.project == project).order_by(*_NEWEST_FIRST)
    newest = [identity for (identity,) in connection.execute(query)]
    old = [identity for identity in newest[keep:] if identity != spared]
    bare = [identity for identity in newest[KEEP_INPUTS:] if identity != spared]
    connection.execute(delete(tables.inputs).where(tables.inputs.c.run_id.in_(bare)))
    forget_original_inputs(connection, bare)
    forget_rows(connection, bare)
    connection.execute(delete(run).where(run.c.id.in_(old)))
    forget_changes(connection, project)
    return len(old)
