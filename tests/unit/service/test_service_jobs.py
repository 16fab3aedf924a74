"""POST /v1/jobs/score and GET /v1/jobs/{id}: what /v1/score gives, in the background."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_client import api_client
from sqlalchemy import update
from starlette.testclient import TestClient
from tiny_project import AS_OF, make_project

import npsight.service.runner as runner_module
from npsight.errors import StateError
from npsight.service.body import MAX_BODY_BYTES
from npsight.service.jobs import MAX_BODY_BYTES as MAX_JOB_BYTES
from npsight.service.jobs import MOST_WAITING
from npsight.service.runner import JobRunner
from npsight.service.shapes.jobs import MAX_JOB_ACCOUNTS, JobAnswer, JobResultsAnswer
from npsight.service.state import Live, ServingState, load_state
from npsight.store.jobs import CHUNK, LEASE, score_jobs, take_job

COUNT = CHUNK + 20


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("jobs"), count=COUNT)


@pytest.fixture
def state(config: Path) -> Iterator[ServingState]:
    """Without jobs."""
    loaded = load_state(config)
    with loaded.store.writing() as connection:
        connection.execute(score_jobs.delete())
    yield loaded
    loaded.store.close()


@pytest.fixture
def crm(state: ServingState) -> Iterator[TestClient]:
    with api_client(state, ["score"]) as opened:
        yield opened


def start(crm: TestClient, **body: object) -> dict:
    answer = crm.post("/v1/jobs/score", json=body)
    assert answer.status_code == 202, answer.text
    JobAnswer.model_validate(answer.json())
    return answer.json()["job"]


def read(crm: TestClient, job: dict, **query: object) -> dict:
    answer = crm.get(f"/v1/jobs/{job['id']}", params=query)
    assert answer.status_code == 200, answer.text
    JobResultsAnswer.model_validate(answer.json())
    return answer.json()


def read_all(crm: TestClient, job: dict, limit: int) -> list[dict]:
    found, query = [], {"limit": limit}
    for _ in range(1000):
        page = read(crm, job, **query)
        found += page["results"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("drivers", [True, False])
@pytest.mark.parametrize("targets", [None, ["churn"]])
def test_a_job_gives_what_single_calls_give(
    crm: TestClient, state: ServingState, drivers: bool, targets: list | None
) -> None:
    accounts = [row.account for row in state.store.scores("run-1")]
    asked = [*accounts[:100], 7, None, "nobody", "x" * 600, "\0", *accounts[::-1]]
    job = start(crm, accounts=asked, drivers=drivers, targets=targets)
    assert (job["status"], job["total"], job["done"]) == ("queued", len(asked), 0)
    waiting = read(crm, job)
    assert (waiting["results"], bool(waiting["next_cursor"])) == ([], True)
    assert JobRunner(Live(state)).work()
    done = read(crm, job)["job"]
    assert (done["status"], done["done"], done["detail"]) == ("done", len(asked), None)
    single = crm.post("/v1/score", json={"accounts": asked, "drivers": drivers, "targets": targets})
    expected = single.json()["results"]
    for limit in (33, 1000):
        found = read_all(crm, job, limit)
        assert [r["status"] for r in found] == [r["status"] for r in expected]
        for got, wanted in zip(found, expected, strict=True):
            assert got.keys() == wanted.keys()
            if got["status"] == "ok":
                assert got["account"] == wanted["account"]
                for name in ("detractor_risk", "churn_risk", "predicted_nps"):
                    assert got[name] == pytest.approx(wanted[name], abs=1e-9)
                assert bool(got["churn_drivers"]) == drivers


def test_no_list_is_all_accounts(crm: TestClient, state: ServingState) -> None:
    job = start(crm)
    assert job["total"] == COUNT
    JobRunner(Live(state)).work()
    found = read_all(crm, job, 100)
    assert {r["account"] for r in found} == {r.account for r in state.store.scores("run-1")}
    assert {r["status"] for r in found} == {"ok"}
    assert start(crm, accounts=[])["status"] == "done"


def test_as_many_as_allowed_fit_into_one_body(crm: TestClient) -> None:
    accounts = [f"account {n:010d} of a long name" for n in range(MAX_JOB_ACCOUNTS)]
    assert MAX_BODY_BYTES < len(json.dumps(accounts)) < MAX_JOB_BYTES
    job = start(crm, accounts=accounts)
    assert job["total"] == MAX_JOB_ACCOUNTS
    answer = crm.post("/v1/jobs/score", json={"accounts": [*accounts, "one more"]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/accounts"


def test_a_longer_body_is_refused_and_other_paths_keep_their_limit(crm: TestClient) -> None:
    headers = {"content-type": "application/json"}
    long = b" " * (MAX_JOB_BYTES + 1)
    assert crm.post("/v1/jobs/score", content=long, headers=headers).status_code == 413
    short = long[: MAX_BODY_BYTES + 1]
    assert crm.post("/v1/score", content=short, headers=headers).status_code == 413
    assert crm.post("/v1/jobs/score", content=short, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({"accounts": "a"}, ["/accounts"]),
        ({"accounts": {}, "drivers": 1, "targets": [1], "as_of": None},
         ["/accounts", "/drivers", "/targets/0", "/as_of"]),
        ({"targets": ["risk"]}, ["/targets/0"]),
    ],
)  # fmt: skip
def test_faults_are_told_at_once(crm: TestClient, body: object, pointers: list) -> None:
    answer = crm.post("/v1/jobs/score", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers


@pytest.mark.parametrize("count", [1, MAX_JOB_ACCOUNTS])
def test_a_repeated_call_starts_no_second_job(crm: TestClient, count: int) -> None:
    body = {"accounts": [f"account {n:06d}" for n in range(count)], "idempotency_key": f"k{count}"}
    first, second = (crm.post("/v1/jobs/score", json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    other = crm.post("/v1/jobs/score", json={**body, "accounts": []})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("path", ["x", "0" * 32, "%00", "..%2F..", "A" * 5000])
def test_unknown_jobs_are_404(crm: TestClient, path: str) -> None:
    answer = crm.get(f"/v1/jobs/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_jobs_of_another_project_are_404(crm: TestClient, state: ServingState) -> None:
    job = start(crm, accounts=["a"])
    with state.store.writing() as connection:
        connection.execute(update(score_jobs).values(project="another"))
    assert crm.get(f"/v1/jobs/{job['id']}").status_code == 404


def test_an_expired_job_is_404(crm: TestClient, state: ServingState) -> None:
    job = start(crm, accounts=["a"])
    with state.store.writing() as connection:
        connection.execute(update(score_jobs).values(expires_at=datetime.now(UTC)))
    assert crm.get(f"/v1/jobs/{job['id']}").status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=x", "page=2"])
def test_faults_of_the_query(crm: TestClient, query: str) -> None:
    job = start(crm, accounts=["a"])
    answer = crm.get(f"/v1/jobs/{job['id']}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-parameter")


def test_a_cursor_of_another_job_is_told(crm: TestClient) -> None:
    cursor = read(crm, start(crm, accounts=["a"]))["next_cursor"]
    other = start(crm, accounts=["a"])
    answer = crm.get(f"/v1/jobs/{other['id']}", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (410, "cursor-expired")


def test_only_so_many_may_wait(crm: TestClient) -> None:
    for _ in range(MOST_WAITING):
        start(crm, accounts=["a"])
    answer = crm.post("/v1/jobs/score", json={"accounts": ["a"]})
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-jobs")
    assert answer.json()["retry_after"] == int(answer.headers["retry-after"]) == 30


def test_a_job_is_made_of_one_model(
    crm: TestClient, state: ServingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A swap between two chunks begins it anew; a cursor into the old results says so."""
    job = start(crm)
    live = Live(state)
    score_chunk, cursors = runner_module.score_chunk, []

    def swapped(*arguments):
        results = score_chunk(*arguments)
        if not cursors:
            live.state = replace(state, version=8, digest="another")
            cursors.append(read(crm, job)["next_cursor"])
        return results

    monkeypatch.setattr(runner_module, "score_chunk", swapped)
    assert JobRunner(live).work()
    done = read(crm, job)
    assert (done["job"]["status"], done["job"]["done"]) == ("done", COUNT)
    assert (done["model_version"], done["model_digest"]) == (8, "another")
    gone = crm.get(f"/v1/jobs/{job['id']}", params={"cursor": cursors[0]})
    assert gone.status_code == 410


def test_a_run_without_inputs_is_followed_by_the_latest(tmp_path: Path) -> None:
    state = load_state(make_project(tmp_path, count=6))
    with api_client(state, ["score"]) as crm:
        job = start(crm)
        run = state.store.latest_run("tiny")
        inputs = [(k, v.features, v.past) for k, v in state.store.inputs(run.id).items()]
        rows = state.store.scores(run.id)
        for number in (2, 3):
            later = replace(run, id=f"run-{number}", as_of=AS_OF + timedelta(days=number))
            state.store.write_run(later, rows, inputs)
        JobRunner(Live(state)).work()
        done = read(crm, job)
    state.store.close()
    assert done["as_of"] == "2026-06-04T00:00:00Z"
    assert {r["status"] for r in done["results"]} == {"ok"}


def test_a_model_that_does_not_fit_fails_the_job(tmp_path: Path) -> None:
    state = load_state(make_project(tmp_path, count=3))
    run = state.store.latest_run("tiny")
    bare = [(k, {"segment_": ""}, {}) for k in state.store.inputs(run.id)]
    later = replace(run, id="run-2", as_of=AS_OF + timedelta(days=1))
    state.store.write_run(later, state.store.scores(run.id), bare)
    with api_client(state, ["score"]) as crm:
        job = start(crm)
        JobRunner(Live(state)).work()
        told = read(crm, job)["job"]
    state.store.close()
    assert told["status"] == "failed"
    assert "score the project again" in told["detail"]


def test_a_broken_store_ends_nothing(
    crm: TestClient, state: ServingState, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """The thread waits, and goes on when the store is there again."""
    monkeypatch.setattr(runner_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(runner_module, "RETRY_SECONDS", 0.01)
    job, calls = start(crm, accounts=["nobody"]), []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise StateError("npsight.db: the store is locked")
        if len(calls) == 2:
            raise KeyError("Secret Name GmbH")
        return take_job(*arguments)

    monkeypatch.setattr(runner_module, "take_job", failing)
    runner = JobRunner(Live(state))
    with caplog.at_level(logging.ERROR, "npsight"):
        runner.start()
        deadline = time.monotonic() + 30
        while read(crm, job)["job"]["status"] != "done" and time.monotonic() < deadline:
            time.sleep(0.02)
        runner.stop()
    assert read(crm, job)["job"]["status"] == "done"
    assert "the store is locked" in caplog.text
    assert "KeyError" in caplog.text
    assert "Secret" not in caplog.text


def test_a_stopped_runner_leaves_the_job_to_others(
    crm: TestClient, state: ServingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, first = start(crm), JobRunner(Live(state))
    score_chunk = runner_module.score_chunk

    def stopping(*arguments):
        first.stop()
        return score_chunk(*arguments)

    monkeypatch.setattr(runner_module, "score_chunk", stopping)
    first.work()
    assert read(crm, job)["job"]["done"] == CHUNK
    monkeypatch.setattr(runner_module, "score_chunk", score_chunk)
    assert JobRunner(Live(state)).work(), "at once, not when the lease ends"
    assert read(crm, job)["job"]["done"] == COUNT


KILLED = """
import sys
from pathlib import Path
import npsight.service.runner as runner
from npsight.service.state import Live, load_state

keep = runner.keep_results
def kept(*arguments):
    job = keep(*arguments)
    print(job.done, flush=True)
    sys.stdin.read()
runner.keep_results = kept
runner.JobRunner(Live(load_state(Path(sys.argv[1])))).work()
"""


def test_a_killed_process_loses_nothing(crm: TestClient, state: ServingState, config: Path) -> None:
    job = start(crm)
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(config)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == f"{CHUNK}\n"
    child.kill()
    child.communicate()
    runner = JobRunner(Live(state))
    assert not runner.work(), "its lease still holds"
    with state.store.writing() as connection:
        ended = datetime.now(UTC) - LEASE
        connection.execute(update(score_jobs).values(lease_until=ended))
    assert runner.work()
    found = read_all(crm, job, 1000)
    assert len({r["account"] for r in found}) == len(found) == COUNT
