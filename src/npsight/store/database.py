"""Engines as the store needs them, and database errors as errors a user can mend."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    Table,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from npsight.errors import StateError
from npsight.store.values import to_json

BUSY_SECONDS = 15.0
CACHE_KB = 32 * 1024
"""Of each connection to SQLite: the indexes of a large worklist stay in it."""
BEGIN = "sqlite_begin"


def database_url(url_or_path: str | Path) -> URL:
    """A SQLAlchemy URL; a path is a SQLite file, whose folder is made where it is missing."""
    if isinstance(url_or_path, str) and "://" in url_or_path:
        try:
            url = make_url(url_or_path)
        except ArgumentError:
            raise StateError(
                "the store's database URL cannot be read\n"
                "  → write it as sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
            ) from None
        # The form that every PostgreSQL tool writes; the driver installed with npsight is psycopg.
        plain = url.drivername in ("postgresql", "postgres")
        return url.set(drivername="postgresql+psycopg") if plain else url
    path = Path(url_or_path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"{path}: the store's folder cannot be made ({error.strerror})\n"
            "  → choose a folder you may write to (`state` in the project file)"
        ) from None
    return URL.create("sqlite", database=str(path))


def open_engine(url: URL, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine whose errors hold no parameters, for they are customers' data."""
    try:
        engine = create_engine(url, hide_parameters=True, json_serializer=to_json)
    except (NoSuchModuleError, ImportError) as error:
        postgres = url.get_backend_name() == "postgresql"
        remedy = "pip install 'npsight[postgres]'" if postgres else "install it"
        raise StateError(
            f"{shown(url)}: no driver for this database ({error})\n  → {remedy}, or use SQLite"
        ) from None
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, busy_seconds)
    return engine


def writer(engine: Engine) -> Engine:
    """The same engine, whose SQLite transactions take the write lock when they begin.

    A transaction that read first could not be upgraded while another writes.
    """
    return engine.execution_options(**{BEGIN: "IMMEDIATE"})


def count_rows(connection: Connection, *tables: Table) -> None:
    """Have PostgreSQL look at tables that a run was just written to.

    A run's id is new to it: without this, its rows are planned for as if there were none, and two
    runs of n accounts are compared in n² steps. SQLite needs no statistics to take the indexes.
    """
    if connection.dialect.name == "postgresql":
        for table in tables:
            connection.execute(text(f"ANALYZE {table.name}"))


def shown(url: URL) -> str:
    """The URL without its password, or the path of a SQLite file."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


@contextmanager
def mendable(url: URL) -> Iterator[None]:
    """Database errors inside become StateError; they never show a statement's values."""
    try:
        yield
    except DBAPIError as error:
        what, remedy = _explain(str(error.orig))
        raise StateError(f"{shown(url)}: {what}\n  → {remedy}") from None
    except SQLAlchemyError as error:
        raise StateError(
            f"{shown(url)}: the store failed ({type(error).__name__})\n"
            "  → check that the database is reachable and not altered by hand"
        ) from None


@contextmanager
def driver_connection(engine: Engine, patient: bool = True) -> Iterator[PoolProxiedConnection]:
    """A pooled connection of the driver, whose errors inside become StateError, too.

    Where something was raised, the connection is not used again: it may be the database that went.
    Without being `patient`, it is an error where a SQLite file is locked, or not open yet.
    """
    hurried = not patient and engine.dialect.name == "sqlite"
    if hurried and not _is_open(engine):
        raise StateError(f"{shown(engine.url)}: the store would have to be opened first")
    try:
        with mendable(engine.url):
            connection = engine.raw_connection()
        try:
            if hurried:
                _wait_for_locks(connection, 0.0)
            yield connection
            if hurried:
                _wait_for_locks(connection, BUSY_SECONDS)
        except BaseException:
            connection.invalidate()
            raise
        finally:
            connection.close()
    except engine.dialect.loaded_dbapi.Error as error:
        what, remedy = _explain(str(error))
        raise StateError(f"{shown(engine.url)}: {what}\n  → {remedy}") from None


def _is_open(engine: Engine) -> bool:
    """Whether a connection waits to be used; opening a locked file takes as long as the lock."""
    return isinstance(engine.pool, QueuePool) and engine.pool.checkedin() > 0


def _wait_for_locks(connection: Any, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def _explain(message: str) -> tuple[str, str]:
    text = message.strip().splitlines()[0] if message.strip() else "no reason given"
    low = text.lower()
    if "locked" in low or "lock timeout" in low or "busy" in low:
        return (
            "the store is locked by another process",
            "wait for the other npsight job, then retry",
        )
    if "full" in low or "no space" in low or "disk i/o" in low:
        return f"the store cannot grow ({text})", "free disk space, then run the job again"
    if "not a database" in low or "malformed" in low:
        return f"the store is damaged ({text})", "move the file away and score again, or restore it"
    if "readonly" in low or "read-only" in low or "unable to open" in low:
        return f"the store cannot be opened ({text})", "check the path and its permissions"
    if "unique" in low or "duplicate key" in low:
        return (
            "a run or an account is written twice",
            "give each run its own id, each account one row",
        )
    return f"the store failed ({text})", "check that the database is reachable, then run it again"


def _prepare_sqlite(engine: Engine, busy_seconds: float) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver's own transactions leave DDL outside; ours begin below.
        connection.isolation_level = None
        _wait_for_locks(connection, busy_seconds)
        _use_wal(connection, busy_seconds)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(BEGIN, "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")


def _use_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch to WAL once; SQLite does not wait for other openers here, so this does."""
    deadline = time.monotonic() + busy_seconds
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
