"""What pages show of a whole run, such as its segments: one JSON document a name."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Connection, ForeignKey, String, Table, delete, insert, select

from npsight.store.rows import JsonObject, ScoreRun
from npsight.store.store import Store
from npsight.store.tables import metadata, score_runs
from npsight.store.values import clean

KEEP = 6
"""Documents of so many runs are kept: pages show the newest, and compare it with those before."""

run_pages = Table(
    "run_pages",
    metadata,
    Column("run_id", String, ForeignKey("score_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("content", JSON, nullable=False),
)


def write_run_page(
    connection: Connection, run: ScoreRun, name: str, content: JsonObject, keep: int = KEEP
) -> None:
    """Keep a run's document, in the transaction of the run; those of old runs go.

    The `keep` runs written last have theirs; NaN and infinities become null.
    """
    connection.execute(
        insert(run_pages).values(run_id=run.id, name=name, content=clean(dict(content)))
    )
    newest = (
        select(score_runs.c.id)
        .where(score_runs.c.project == run.project, score_runs.c.id != run.id)
        .order_by(score_runs.c.created_at.desc(), score_runs.c.id.desc())
    )
    old = [identity for (identity,) in connection.execute(newest)][keep - 1 :]
    connection.execute(
        delete(run_pages).where(run_pages.c.name == name, run_pages.c.run_id.in_(old))
    )


def run_page(store: Store, run_id: str, name: str) -> JsonObject | None:
    """A run's document; None where it has none, as a run of an older npsight."""
    query = select(run_pages.c.content).where(run_pages.c.run_id == run_id)
    with store.reading() as connection:
        found: JsonObject | None = connection.execute(
            query.where(run_pages.c.name == name)
        ).scalar_one_or_none()
    return found
