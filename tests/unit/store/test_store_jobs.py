"""Jobs: one worker at a time, taken up again after a kill, removed when their time is over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from postgres_server import postgres_server

from npsight.store import ScoreJob, ScoreRun, Store, open_store
from npsight.store.jobs import (
    CHUNK,
    KEPT_FOR,
    LEASE,
    MOST_TRIES,
    LeaseLostError,
    chunks_of,
    create_job,
    fail_job,
    job_by_id,
    keep_results,
    next_chunk,
    release_job,
    results_of,
    start_over,
    take_job,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RUN = ScoreRun("r1", "p", NOW, NOW, 1, "d")
ACCOUNTS = [f"a{n}" for n in range(2 * CHUNK + 10)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    if request.param == "sqlite":
        store = open_store(tmp_path_factory.mktemp("jobs") / "npsight.db")
        yield store
        store.close()
        return
    with postgres_server("jobs") as url:
        store = open_store(url.replace("postgresql://", "postgresql+psycopg://"))
        yield store
        store.close()


@pytest.fixture
def store(opened: Store) -> Iterator[Store]:
    """Without jobs."""
    yield opened
    take_job(opened, "p", "broom", NOW + timedelta(days=9999))


def made(store: Store, accounts: list[Any] = ACCOUNTS, project: str = "p", **more: Any) -> ScoreJob:
    run = ScoreRun("r1", project, NOW, NOW, 1, "d")
    job = create_job(
        store, run, (1, "d"), chunks_of(accounts), False, [], more.pop("most", 50), NOW, **more
    )
    assert job is not None
    return job


def finish(store: Store, job: ScoreJob, worker: str, at: datetime = NOW) -> ScoreJob:
    while chunk := next_chunk(store, job):
        number, accounts = chunk
        job = keep_results(store, job, worker, number, [{"account": a} for a in accounts], at)
    return job


def test_a_job_is_done_in_order_and_read_page_by_page(store: Store) -> None:
    job = made(store)
    assert (job.status, job.total, job.done) == ("queued", len(ACCOUNTS), 0)
    assert len(job.id) == 32
    assert job.expires_at == NOW + KEPT_FOR
    assert results_of(store, job, 0, 10) == []
    taken = take_job(store, "p", "w1", NOW)
    assert taken is not None
    assert (taken.id, taken.status) == (job.id, "running")
    later = NOW + timedelta(hours=1)
    done = finish(store, taken, "w1", later)
    assert (done.status, done.done, done.finished_at) == ("done", len(ACCOUNTS), later)
    assert done.expires_at == later + KEPT_FOR, "kept from when it was done"
    found = []
    for start in range(0, len(ACCOUNTS) + 70, 70):
        found += results_of(store, done, start, 70)
    assert [result["account"] for result in found] == ACCOUNTS
    assert take_job(store, "p", "w2", NOW) is None


def test_two_workers_never_share_a_job(store: Store) -> None:
    made(store)
    first = take_job(store, "p", "w1", NOW)
    assert first is not None
    assert take_job(store, "p", "w2", NOW + LEASE - timedelta(seconds=1)) is None
    second = take_job(store, "p", "w2", NOW + LEASE)
    assert second is not None, "the lease of a process that died ends by itself"
    chunk = next_chunk(store, second)
    assert chunk is not None
    with pytest.raises(LeaseLostError, match=first.id):
        keep_results(store, first, "w1", 0, [{}] * len(chunk[1]), NOW + LEASE)
    with pytest.raises(LeaseLostError, match=first.id):
        fail_job(store, first, "w1", "no", NOW + LEASE)
    release_job(store, first, "w1")
    assert take_job(store, "p", "w3", NOW + LEASE) is None, "it was not the loser's to release"


def test_many_workers_that_ask_at_once_get_one_job_each(store: Store) -> None:
    ids = {made(store, ["a"]).id for _ in range(6)}
    got: list[str] = []
    failed: list[BaseException] = []

    def ask(worker: str) -> None:
        try:
            while job := take_job(store, "p", worker, NOW):
                got.append(job.id)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(got) == len(set(got))
    # On PostgreSQL two may look at the same job; the loser goes home and asks again later.
    while job := take_job(store, "p", "last", NOW):
        got.append(job.id)
    assert sorted(got) == sorted(ids)


def test_it_goes_on_where_it_stood(store: Store) -> None:
    made(store)
    job = take_job(store, "p", "w1", NOW)
    assert job is not None
    keep_results(store, job, "w1", 0, [{"account": a} for a in ACCOUNTS[:CHUNK]], NOW)
    again = take_job(store, "p", "w2", NOW + 2 * LEASE)
    assert again is not None
    assert again.done == CHUNK
    chunk = next_chunk(store, again)
    assert chunk == (1, ACCOUNTS[CHUNK : 2 * CHUNK])
    assert [r["account"] for r in results_of(store, again, 0, 999)] == ACCOUNTS[:CHUNK]


def test_it_starts_over_with_another_model(store: Store) -> None:
    made(store)
    job = take_job(store, "p", "w1", NOW)
    assert job is not None
    job = keep_results(store, job, "w1", 0, [{}] * CHUNK, NOW)
    run = ScoreRun("r2", "p", NOW + timedelta(days=1), NOW, 2, "e")
    job = start_over(store, job, "w1", run, (2, "e"), NOW)
    assert (job.done, job.run_id, job.model_version, job.model_digest) == (0, "r2", 2, "e")
    assert results_of(store, job, 0, 10) == []
    assert finish(store, job, "w1").status == "done"


def test_what_is_interrupted_again_and_again_is_given_up(store: Store) -> None:
    job = made(store)
    for attempt in range(MOST_TRIES):
        assert take_job(store, "p", f"w{attempt}", NOW + attempt * LEASE) is not None
    assert take_job(store, "p", "w", NOW + MOST_TRIES * LEASE) is None
    found = job_by_id(store, "p", job.id, NOW)
    assert found is not None
    assert (found.status, found.detail) == ("failed", "it was interrupted too often")


def test_progress_renews_lease_and_patience(store: Store) -> None:
    made(store)
    job = take_job(store, "p", "w", NOW)
    assert job is not None
    at = NOW + LEASE - timedelta(seconds=1)
    job = keep_results(store, job, "w", 0, [{}] * CHUNK, at)
    assert take_job(store, "p", "w2", NOW + LEASE) is None
    for attempt in range(MOST_TRIES):
        assert take_job(store, "p", "w2", at + (attempt + 1) * LEASE) is not None


def test_a_failed_job_says_why(store: Store) -> None:
    job = made(store)
    assert take_job(store, "p", "w", NOW) is not None
    fail_job(store, job, "w", "why", NOW)
    found = job_by_id(store, "p", job.id, NOW)
    assert found is not None
    assert (found.status, found.detail, found.finished_at) == ("failed", "why", NOW)
    assert take_job(store, "p", "w2", NOW + 9 * LEASE) is None


def test_jobs_of_others_and_old_ones_are_not_found(store: Store) -> None:
    job = made(store)
    assert job_by_id(store, "other", job.id, NOW) is None
    assert job_by_id(store, "p", job.id, NOW + KEPT_FOR - timedelta(microseconds=1)) is not None
    assert job_by_id(store, "p", job.id, NOW + KEPT_FOR) is None
    assert take_job(store, "other", "w", NOW) is None
    assert take_job(store, "p", "w", NOW + KEPT_FOR) is None
    assert job_by_id(store, "p", job.id, NOW) is None, "it was removed, not only hidden"


def test_only_so_many_wait(store: Store) -> None:
    made(store, most=1)
    assert create_job(store, RUN, (1, "d"), [["a"]], False, [], 1, NOW) is None
    assert made(store, project="another").total == len(ACCOUNTS)


def test_a_job_of_nobody_is_done(store: Store) -> None:
    job = made(store, [])
    assert (job.status, job.total, job.finished_at) == ("done", 0, NOW)
