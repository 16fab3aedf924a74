"""Large batches that are scored in the background: what was asked, how far it is, the results.

A job is cut into chunks of accounts, done in order. Whoever works on it holds a lease that ends by
itself, so that a job whose process died is taken up again where it stood, and two processes never
work on one job.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from npsight.store.rows import JsonObject, ScoreRun
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

CHUNK = 250
KEPT_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=60)
MOST_TRIES = 5
"""Times that a job is taken up without getting any further, before it is given up."""
WAITING = ("queued", "running")

score_jobs = Table(
    "score_jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("status", String, nullable=False),
    Column("detail", String),
    Column("drivers", Boolean, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("run_id", String, nullable=False),
    Column("as_of", UtcInstant, nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("model_digest", String, nullable=False),
    Column("created_at", UtcInstant, nullable=False),
    Column("finished_at", UtcInstant),
    Column("expires_at", UtcInstant, nullable=False),
    Column("lease_by", String),
    Column("lease_until", UtcInstant),
    Column("tries", Integer, nullable=False),
    Index("ix_score_jobs_project_status", "project", "status", "created_at"),
    Index("ix_score_jobs_expires_at", "expires_at"),
)
score_job_chunks = Table(
    "score_job_chunks",
    metadata,
    Column("job_id", String, ForeignKey("score_jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("accounts", JSON, nullable=False),
    Column("results", JSON(none_as_null=True)),
)
_JOB_COLUMNS = [c for c in score_jobs.c if c.name not in ("lease_by", "lease_until", "tries")]


@dataclass(frozen=True)
class ScoreJob:
    """A batch and how far it is.

    Attributes
    ----------
    status
        `queued`, `running`, `done` or `failed`.
    targets
        What was asked for; empty for all.
    total, done
        How many accounts it has, and how many of them have a result.
    run_id, as_of, model_version, model_digest
        What its scores are made of.
    expires_at
        From then on it is gone.
    """

    id: str
    project: str
    status: str
    drivers: bool
    targets: list[str]
    total: int
    done: int
    run_id: str
    as_of: datetime
    model_version: int
    model_digest: str
    created_at: datetime
    expires_at: datetime
    detail: str | None = None
    finished_at: datetime | None = None


class LeaseLostError(Exception):
    """Another process works on the job, or it is gone."""


def create_job(
    store: Store,
    run: ScoreRun,
    model: tuple[int, str],
    chunks: Iterable[Sequence[Any]],
    drivers: bool,
    targets: Sequence[str],
    most_waiting: int,
    now: datetime | None = None,
) -> ScoreJob | None:
    """Take a job on, all of it or nothing; None where `most_waiting` are unfinished already.

    `model` is version and digest. `chunks` holds JSON values, `CHUNK` in each list but the last.
    """
    at = now or datetime.now(UTC)
    job = ScoreJob(
        id=secrets.token_hex(16),
        project=run.project,
        status="queued",
        drivers=drivers,
        targets=list(targets),
        total=0,
        done=0,
        run_id=run.id,
        as_of=run.as_of,
        model_version=model[0],
        model_digest=model[1],
        created_at=at,
        expires_at=at + KEPT_FOR,
    )
    with store.writing() as connection:
        if _waiting(connection, run.project, at) >= most_waiting:
            return None
        connection.execute(insert(score_jobs), [{**vars(job), "tries": 0}])
        total = 0
        for number, accounts in enumerate(chunks):
            row = {"job_id": job.id, "number": number, "accounts": list(accounts)}
            connection.execute(insert(score_job_chunks), [row])
            total += len(accounts)
        values: JsonObject = {"total": total}
        if total == 0:
            values |= {"status": "done", "finished_at": at}
        connection.execute(update(score_jobs).where(score_jobs.c.id == job.id).values(**values))
        return _job(connection, run.project, job.id, at)


def _waiting(connection: Connection, project: str, now: datetime) -> int:
    unfinished = (score_jobs.c.project == project) & score_jobs.c.status.in_(WAITING)
    query = select(func.count()).select_from(score_jobs)
    return int(
        connection.execute(query.where(unfinished, score_jobs.c.expires_at > now)).scalar_one()
    )


def job_by_id(
    store: Store, project: str, identity: str, now: datetime | None = None
) -> ScoreJob | None:
    """The project's job of that id; None where there is none, or no longer."""
    with store.reading() as connection:
        return _job(connection, project, identity, now or datetime.now(UTC))


def results_of(store: Store, job: ScoreJob, start: int, limit: int) -> list[JsonObject]:
    """At most `limit` results from place `start` on, as far as the job is."""
    chunk = score_job_chunks.c
    last = min(start + limit, job.done) - 1
    if last < start:
        return []
    within = chunk.number.between(start // CHUNK, last // CHUNK) & chunk.results.is_not(None)
    query = select(chunk.number, chunk.results).where(chunk.job_id == job.id, within)
    with store.reading() as connection:
        rows = connection.execute(query.order_by(chunk.number)).all()
    found = [result for row in rows for result in row.results]
    skipped = start - (start // CHUNK) * CHUNK
    return found[skipped : skipped + limit]


def take_job(
    store: Store, project: str, worker: str, now: datetime | None = None
) -> ScoreJob | None:
    """Lease the oldest job that nobody works on; None where there is none.

    Jobs that expired are removed. One that was taken up `MOST_TRIES` times and got no further has
    failed: what it scores may be what ends the process.
    """
    at = now or datetime.now(UTC)
    table = score_jobs
    free = or_(table.c.lease_until.is_(None), table.c.lease_until <= at)
    open_jobs = (table.c.project == project) & table.c.status.in_(WAITING) & free
    if not _anything_to_do(store, open_jobs, at):
        return None
    with store.writing() as connection:
        connection.execute(delete(table).where(table.c.expires_at <= at))
        given_up = update(table).where(open_jobs, table.c.tries >= MOST_TRIES)
        connection.execute(
            given_up.values(status="failed", detail="it was interrupted too often", finished_at=at)
        )
        found = connection.execute(
            select(table.c.id).where(open_jobs).order_by(table.c.created_at).limit(1)
        ).scalar()
        if found is None:
            return None
        lease = {"status": "running", "lease_by": worker, "lease_until": at + LEASE}
        taken = connection.execute(
            update(table)
            .where(table.c.id == found, open_jobs)
            .values(**lease, tries=table.c.tries + 1)
        )
        return _job(connection, project, found, at) if taken.rowcount == 1 else None


def _anything_to_do(store: Store, open_jobs: Any, now: datetime) -> bool:
    """Looked up without the write lock: most of the time there is nothing."""
    wanted = or_(open_jobs, score_jobs.c.expires_at <= now)
    with store.reading() as connection:
        return (
            connection.execute(select(score_jobs.c.id).where(wanted).limit(1)).first() is not None
        )


def next_chunk(store: Store, job: ScoreJob) -> tuple[int, list[Any]] | None:
    """Number and accounts of the first chunk without results; None where all have them."""
    chunk = score_job_chunks.c
    query = select(chunk.number, chunk.accounts).where(
        chunk.job_id == job.id, chunk.number >= job.done // CHUNK, chunk.results.is_(None)
    )
    with store.reading() as connection:
        row = connection.execute(query.order_by(chunk.number).limit(1)).first()
    return None if row is None else (row.number, row.accounts)


def keep_results(
    store: Store,
    job: ScoreJob,
    worker: str,
    number: int,
    results: Sequence[JsonObject],
    now: datetime | None = None,
) -> ScoreJob:
    """Write a chunk's results and renew the lease; returns the job as it is now.

    Raises
    ------
    LeaseLostError
        Nothing was written.
    """
    at = now or datetime.now(UTC)
    done = job.done + len(results)
    values: JsonObject = {"done": done, "lease_until": at + LEASE, "tries": 0}
    if done >= job.total:
        values |= {"status": "done", "finished_at": at, "expires_at": at + KEPT_FOR}
    chunk = score_job_chunks
    with store.writing() as connection:
        _change(connection, job, worker, values, done=job.done)
        mine = (chunk.c.job_id == job.id) & (chunk.c.number == number)
        connection.execute(update(chunk).where(mine).values(results=list(results)))
        return _held(connection, job, at)


def start_over(
    store: Store,
    job: ScoreJob,
    worker: str,
    run: ScoreRun,
    model: tuple[int, str],
    now: datetime | None = None,
) -> ScoreJob:
    """Forget the results: run or model were replaced, and one job is made of one of each.

    Raises
    ------
    LeaseLostError
        Nothing was changed.
    """
    at = now or datetime.now(UTC)
    made_of = {
        "run_id": run.id,
        "as_of": run.as_of,
        "model_version": model[0],
        "model_digest": model[1],
    }
    chunk = score_job_chunks
    with store.writing() as connection:
        _change(connection, job, worker, {**made_of, "done": 0, "lease_until": at + LEASE})
        connection.execute(update(chunk).where(chunk.c.job_id == job.id).values(results=null()))
        return _held(connection, job, at)


def fail_job(
    store: Store, job: ScoreJob, worker: str, detail: str, now: datetime | None = None
) -> None:
    """End a job that cannot go on; raises LeaseLostError as `keep_results` does."""
    at = now or datetime.now(UTC)
    values = {"status": "failed", "detail": detail, "finished_at": at, "expires_at": at + KEPT_FOR}
    with store.writing() as connection:
        _change(connection, job, worker, values)


def release_job(store: Store, job: ScoreJob, worker: str) -> None:
    """Let another process go on at once; nothing happens where the lease was lost."""
    mine = (score_jobs.c.id == job.id) & (score_jobs.c.lease_by == worker)
    with store.writing() as connection:
        connection.execute(update(score_jobs).where(mine).values(lease_until=None, lease_by=None))


def _change(
    connection: Connection, job: ScoreJob, worker: str, values: JsonObject, done: int | None = None
) -> None:
    table = score_jobs
    mine = (table.c.id == job.id) & (table.c.lease_by == worker) & (table.c.status == "running")
    if done is not None:
        mine = mine & (table.c.done == done)
    if connection.execute(update(table).where(mine).values(**values)).rowcount != 1:
        raise LeaseLostError(job.id)


def _held(connection: Connection, job: ScoreJob, now: datetime) -> ScoreJob:
    found = _job(connection, job.project, job.id, now)
    if found is None:
        raise LeaseLostError(job.id)
    return found


def _job(connection: Connection, project: str, identity: str, now: datetime) -> ScoreJob | None:
    mine = (score_jobs.c.id == identity) & (score_jobs.c.project == project)
    query = select(*_JOB_COLUMNS).where(mine, score_jobs.c.expires_at > now)
    row = connection.execute(query).first()
    return None if row is None else ScoreJob(**row._mapping)


def chunks_of(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The items in lists of `CHUNK`."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
