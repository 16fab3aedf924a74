"""Migrations down and up again on a filled database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from migrating import fill, flat, only, read, reflected, to_revision

from npsight.store import Store
from npsight.store.tables import metadata

BEFORE_PAGES = "0006_reading"


def test_down_and_up_keeps_what_older_tables_hold(any_store: Store) -> None:
    written = fill(any_store, metadata)
    assert {name for name, rows in read(any_store, metadata).items() if len(rows) != 3} == set()
    before = read(any_store, metadata)
    assert flat(before) == flat(written)
    to_revision(any_store, BEFORE_PAGES)
    older = reflected(any_store)
    assert {"score_runs", "scores", "posted_facts"} <= set(older)
    assert not {"worklist", "users", "follow_ups", "follow_up_events", "account_marks"} & set(older)
    to_revision(any_store, "head")
    with any_store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    after = read(any_store, metadata)
    assert flat(only(after, older)) == flat(only(before, older))
    assert {name for name, rows in after.items() if rows} == set(older)
    # What it can hold now, it can hold again: keys count on, indexes hold.
    with any_store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    assert len(fill(any_store, metadata)) == len(metadata.sorted_tables)


def test_every_single_step_down_can_be_taken_up_again(any_store: Store) -> None:
    fill(any_store, metadata)
    with any_store.reading() as connection:
        newest = MigrationContext.configure(connection).get_current_revision()
    number = int(str(newest)[:4])
    steps = [step for step in _revisions() if int(step[:4]) < number]
    for step in sorted(steps, reverse=True)[:8]:
        to_revision(any_store, step)
        to_revision(any_store, "head")
        with any_store.reading() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def _revisions() -> list[str]:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from npsight.store.migrate import MIGRATIONS

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
