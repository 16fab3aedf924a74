"""PostgreSQL as an engine.

Facts are copied into a schema of the run's own (`npsight_<project>_<random>`), indexed, analysed,
and dropped with it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import ibis.expr.types as ir
import psycopg
from psycopg.conninfo import make_conninfo

from npsight.config.specs import ProjectSpec, slug
from npsight.tables.engine import batches_of, fresh_name, name_literal, text_literal
from npsight.tables.handover import Progress, engine_error, handed_over
from npsight.tables.postgres_backend import PostgresBackend
from npsight.temporal.facts import Facts

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

PREFIX = "npsight_"
_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class PostgresEngine:
    """An open connection, and the schema in which the run's facts lie."""

    backend: PostgresBackend
    project: ProjectSpec
    duckdb: Backend

    def take(self, facts: Facts, progress: Progress) -> Facts:
        """The facts as tables of the run's schema."""

        def move(name: str, table: ir.Table) -> ir.Table:
            progress(f"handing {name} over to {self.project.engine.title}")
            place = fresh_name(name[:24])
            batches = batches_of(self.duckdb, table, _BATCH_ROWS)
            self.backend.copy_in(place, batches.schema, batches)
            return self._indexed(place)

        return handed_over(facts, move)

    def _indexed(self, name: str) -> ir.Table:
        table = self.backend.table(name)
        keys = ", ".join(c for c in ("account", "occurred_at") if c in table.columns)
        place = f"{name_literal(self.backend.schema)}.{name_literal(name)}"
        self.backend.run(f"CREATE INDEX ON {place} ({keys})")
        self.backend.run(f"ANALYZE {place}")
        return table


@contextmanager
def open_postgres(project: ProjectSpec, duckdb: Backend) -> Iterator[PostgresEngine]:
    """A connection and a schema of the run's own; both end with the block."""
    variable = str(project.engine.connection)
    connection = _connected(project, variable)
    try:
        _drop_abandoned(connection)
        schema = f"{PREFIX}{slug(project.name)[:40]}_{secrets.token_hex(6)}"
        _create_schema(project, connection, schema)
        try:
            backend = PostgresBackend.within(connection, schema)
            yield PostgresEngine(backend, project, duckdb)
        finally:
            _drop(connection, schema)
    finally:
        connection.close()


def _connected(project: ProjectSpec, variable: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(_address(os.environ[variable]), autocommit=True)
    except (psycopg.Error, ValueError) as error:  # its text may hold the address
        what = f"PostgreSQL at `${variable}` does not answer ({type(error).__name__})"
        remedy = "try the connection string with `psql`: address, user, password, rights"
        raise engine_error(project, what, remedy, "connection") from None


def _address(url: str) -> str:
    """The connection string as libpq reads it; Ibis allows a schema behind the database."""
    parts = urlsplit(url)
    database, _, schema = parts.path.lstrip("/").partition("/")
    if "://" not in url or not schema:
        return make_conninfo(url, application_name="npsight")
    whole = urlunsplit(parts._replace(path=f"/{database}"))
    return make_conninfo(whole, application_name="npsight", options=f"-csearch_path={schema}")


def _create_schema(project: ProjectSpec, connection: psycopg.Connection[Any], schema: str) -> None:
    """A schema that says whose session it belongs to."""
    try:
        connection.execute(f"CREATE SCHEMA {name_literal(schema)}")
    except psycopg.errors.InsufficientPrivilege:
        what = "the database user may not create a schema"
        remedy = "GRANT CREATE ON DATABASE … TO …, or connect as another user"
        raise engine_error(project, what, remedy, "connection") from None
    own = f"SELECT {_SESSION_NAME} FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    [(session,)] = connection.execute(own).fetchall()
    comment = text_literal(str(session))
    connection.execute(f"COMMENT ON SCHEMA {name_literal(schema)} IS {comment}")


_SESSION_NAME = "'session ' || pid || ' since ' || EXTRACT(EPOCH FROM backend_start)"
_ABANDONED = f"""
SELECT nspname FROM pg_namespace
WHERE starts_with(nspname, '{PREFIX}') AND pg_has_role(nspowner, 'USAGE')
  AND starts_with(obj_description(oid, 'pg_namespace'), 'session ')
  AND obj_description(oid, 'pg_namespace') NOT IN
    (SELECT {_SESSION_NAME} FROM pg_stat_activity WHERE backend_start IS NOT NULL)
"""


def _drop_abandoned(connection: psycopg.Connection[Any]) -> None:
    """Drop what runs left behind that were killed: schemas whose session is gone."""
    for (schema,) in connection.execute(_ABANDONED).fetchall():
        _drop(connection, str(schema))


def _drop(connection: psycopg.Connection[Any], schema: str) -> None:
    # Where the connection is lost or busy, the next run finds the schema abandoned.
    with suppress(psycopg.Error):
        connection.execute(f"DROP SCHEMA IF EXISTS {name_literal(schema)} CASCADE")
