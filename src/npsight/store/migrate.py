"""Bring a database to the newest revision; safe when several processes open it at once."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from npsight.errors import StateError
from npsight.store.database import mendable, shown, writer

MIGRATIONS = Path(__file__).with_name("migrations")
ADVISORY_LOCK = 7_061_787_401
"""Any number, the same for every npsight: PostgreSQL's name of the migration lock."""


def migrate(engine: Engine) -> None:
    """Apply missing revisions in one transaction.

    Raises
    ------
    StateError
        The database was made by a newer npsight, is locked, or cannot be written.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with mendable(engine.url):
        with engine.connect() as connection:
            if _is_current(connection, script, engine):
                return
        with writer(engine).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
            # Another process may have migrated while this one waited for the lock.
            if not _is_current(connection, script, engine):
                _upgrade(connection, config, script)


def _is_current(connection: Connection, script: ScriptDirectory, engine: Engine) -> bool:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {item.revision for item in script.walk_revisions()}
    if revision is not None and revision not in known:
        raise StateError(
            f"{shown(engine.url)}: the store has revision {revision}, which this npsight does not "
            f"know (its newest is {script.get_current_head()})\n"
            "  → use the npsight version that made it, or a newer one"
        )
    return revision == script.get_current_head()


def _upgrade(connection: Connection, config: Config, script: ScriptDirectory) -> None:
    def steps(revision: object, _context: object) -> object:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]

    with EnvironmentContext(config, script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
