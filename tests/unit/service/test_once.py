"""A repeated write over HTTP: one effect, the first answer again, and clear refusals."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest
from api_client import TestClient, api_client, key_headers

import npsight.service.app as app_module
from npsight.errors import NotFoundError, StateError
from npsight.service import once
from npsight.service.api import DEADLINE_SECONDS, Api
from npsight.service.app import build_app
from npsight.service.body import read_json
from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.problems import ApiError, Json, request_id
from npsight.service.state import Live, ServingState
from npsight.store import create_key

PATH = "/v1/test-writes"


@dataclass
class Effects:
    """What the test-only endpoint did, and what it shall do next."""

    bodies: list[object] = field(default_factory=list)
    seconds: float = 0.0
    goes_on: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException | int] = field(default_factory=list)

    async def handler(self, api: Api, request) -> Json:
        body = await read_json(request)

        def work() -> None:
            self.goes_on.wait(self.seconds)
            self.bodies.append(body)

        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, int):
                return Json({"status": failure}, failure)
            raise failure
        await api.threaded(work)
        return Json({"request_id": request_id(request), "count": len(self.bodies)}, 201)


@pytest.fixture
def effects(monkeypatch: pytest.MonkeyPatch) -> Effects:
    made = Effects()
    extra = [
        Endpoint("POST", PATH, "test_write", "write", made.handler, writes=True),
        Endpoint("POST", f"{PATH}-other", "test_other", "write", made.handler, writes=True),
    ]
    monkeypatch.setattr(app_module, "ENDPOINTS", (*ENDPOINTS, *extra))
    return made


@pytest.fixture
def writer(effects: Effects, state: ServingState) -> Iterator[TestClient]:
    with api_client(state, ["write"]) as opened:
        yield opened


def post(client: TestClient, body: object, key: str | None = None, path: str = PATH, **options):
    headers = {**({"Idempotency-Key": key} if key else {}), **options.pop("headers", {})}
    return client.post(path, json=body, headers=headers, **options)


def test_the_first_answer_is_given_again_byte_for_byte(writer, effects) -> None:
    first = post(writer, {"a": 1, "b": [2]}, "key-1")
    again = post(writer, {"a": 1, "b": [2]}, "key-1")
    rewritten = writer.post(
        PATH,
        content=b'{ "b": [2],\n "a": 1 }',
        headers={"Idempotency-Key": '"key-1"', "content-type": "application/json"},
    )
    assert first.status_code == again.status_code == rewritten.status_code == 201
    assert first.content == again.content == rewritten.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(effects.bodies) == 1


def test_without_a_key_each_request_is_its_own(writer, effects) -> None:
    assert post(writer, {"a": 1}).status_code == post(writer, {"a": 1}).status_code == 201
    assert len(effects.bodies) == 2


def test_the_key_may_stand_in_the_body_and_is_not_the_handlers_concern(writer, effects) -> None:
    first = post(writer, {"a": 1, "idempotency_key": "key-2"})
    again = post(writer, {"a": 1}, "key-2")
    both = post(writer, {"a": 1, "idempotency_key": "key-2"}, "key-2")
    assert first.content == again.content == both.content
    assert effects.bodies == [{"a": 1}]


def test_two_different_keys_are_refused(writer, effects) -> None:
    answer = post(writer, {"a": 1, "idempotency_key": "key-3"}, "key-4")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-idempotency-key")
    assert answer.json()["errors"][0]["pointer"] == "/idempotency_key"
    assert effects.bodies == []


def test_two_headers_that_differ_are_refused_and_alike_are_one(writer, effects) -> None:
    def twice(*keys: str):
        headers = [("Idempotency-Key", key) for key in keys]
        return writer.post(PATH, json={"a": 1}, headers=headers)

    refused = twice("key-5", "key-6")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid-idempotency-key")
    assert "2 headers Idempotency-Key that differ" in refused.json()["detail"]
    assert effects.bodies == []
    assert twice("key-5", '"key-5"').content == twice("key-5").content
    assert len(effects.bodies) == 1


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_key_in_the_body_is_none(writer, effects, blank: str) -> None:
    """A workflow that fills the field from an empty property."""
    first, second = (post(writer, {"a": 1, "idempotency_key": blank}) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert effects.bodies == [{"a": 1}, {"a": 1}]
    assert post(writer, {"a": 1, "idempotency_key": blank}, "key-7").content == (
        post(writer, {"a": 1}, "key-7").content
    )


@pytest.mark.parametrize("key", ["a b", "k" * 201, 7, True, ["k"], {}])
def test_a_key_that_cannot_be_used_is_refused_in_the_body(writer, effects, key) -> None:
    answer = post(writer, {"idempotency_key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-idempotency-key")
    assert effects.bodies == []


@pytest.mark.parametrize("key", [" ", "a b", "k" * 201, '""'])
def test_a_key_that_cannot_be_used_is_refused_in_the_header(writer, effects, key: str) -> None:
    answer = post(writer, {}, key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-idempotency-key")
    assert effects.bodies == []


def test_a_null_key_is_none(writer, effects) -> None:
    for _ in range(2):
        assert post(writer, {"idempotency_key": None}).status_code == 201
    assert len(effects.bodies) == 2


def test_the_key_with_another_body_is_refused(writer, effects) -> None:
    post(writer, {"a": 1}, "key-5")
    answer = post(writer, {"a": 2}, "key-5")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    query = post(writer, {"a": 1}, "key-5", params={"dry": "1"})
    assert (query.status_code, query.json()["code"]) == (422, "idempotency-key-reused")
    assert len(effects.bodies) == 1


def test_a_key_is_one_callers_for_one_operation(writer, effects, state: ServingState) -> None:
    post(writer, {"a": 1}, "key-6")
    assert post(writer, {"a": 2}, "key-6", f"{PATH}-other").status_code == 201
    with TestClient(build_app(Live(state)), headers=key_headers(state, ["write"])) as other:
        assert post(other, {"a": 3}, "key-6").status_code == 201
    assert len(effects.bodies) == 3


def test_a_caller_whose_key_was_replaced_is_the_same(effects, state: ServingState) -> None:
    answers = []
    for _ in range(2):
        key, _ = create_key(state.store, state.project, "rotated", ["write"])
        with TestClient(build_app(Live(state)), headers={"X-API-Key": key}) as client:
            answers.append(post(client, {"a": 1}, "key-7").content)
    assert answers[0] == answers[1]
    assert len(effects.bodies) == 1


def test_a_twin_that_finds_the_claim_before_the_first_has_heard_of_it_waits_little(
    writer, effects, monkeypatch
) -> None:
    claimed, goes_on, real = threading.Event(), threading.Event(), once.answers.claim

    def slow(*asked, **more):
        found = real(*asked, **more)
        if not claimed.is_set():
            claimed.set()
            assert goes_on.wait(20)
        return found

    monkeypatch.setattr(once.answers, "claim", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, writer, {"a": 1}, "key-9")
        assert claimed.wait(20)
        twin = post(writer, {"a": 1}, "key-9")
        goes_on.set()
        assert first.result().status_code == 201
    assert (twin.status_code, twin.json()["code"]) == (503, "in-progress")
    assert twin.json()["retry_after"] <= once.SOON_SECONDS


def test_fifty_twins_at_once_have_one_effect(writer, effects) -> None:
    effects.seconds = 0.3
    answers = []

    def twin() -> None:
        answers.append(post(writer, {"a": 1}, "key-8"))

    twins = [threading.Thread(target=twin) for _ in range(50)]
    for one in twins:
        one.start()
    for one in twins:
        one.join()
    assert len(effects.bodies) == 1
    statuses = Counter(answer.status_code for answer in answers)
    assert sum(statuses.values()) == 50
    assert set(statuses) <= {201, 503}
    assert statuses[503] > 0, "none came while the first was under way"
    told = next(answer for answer in answers if answer.status_code == 503)
    assert told.json()["code"] == "in-progress"
    assert 1 <= told.json()["retry_after"] <= once.SOON_SECONDS
    assert told.headers["Retry-After"] == str(told.json()["retry_after"])
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert post(writer, {"a": 1}, "key-8").status_code == 201
    assert len(effects.bodies) == 1


@pytest.mark.parametrize(
    "failure",
    [ApiError(503, "busy", "busy"), StateError("locked"), KeyError("defect"), 500, 429,
     ApiError(429, "too-many-jobs", "later", retry_after=3)],
)  # fmt: skip
def test_what_may_pass_is_not_kept(writer, effects, failure) -> None:
    effects.failures = [failure]
    assert post(writer, {"f": str(failure)}, "key-9").status_code in (429, 500, 503)
    assert post(writer, {"f": str(failure)}, "key-9").status_code == 201
    assert post(writer, {"f": "other"}, "key-9").status_code == 422


@pytest.mark.parametrize(
    ("failure", "status"),
    [(ApiError(422, "invalid-body", "bad"), 422), (NotFoundError("no such table"), 404)],
)
def test_a_refusal_is_kept(writer, effects, failure, status: int) -> None:
    effects.failures = [failure]
    first = post(writer, {"status": status}, f"refused-{status}")
    again = post(writer, {"status": status}, f"refused-{status}")
    assert first.status_code == again.status_code == status
    assert first.content == again.content
    assert again.headers["content-type"] == "application/problem+json"
    assert effects.bodies == []


def test_work_that_missed_the_deadline_stays_claimed(effects, state: ServingState) -> None:
    effects.seconds = 60
    with api_client(state, ["write"], deadline=0.2) as client:
        late = post(client, {"a": 1}, "key-10")
        again = post(client, {"a": 1}, "key-10")
        assert (late.status_code, late.json()["code"]) == (503, "deadline-exceeded")
        assert (again.status_code, again.json()["code"]) == (503, "in-progress")
        assert again.headers["Retry-After"] == str(again.json()["retry_after"])
        effects.goes_on.set()
    end = time.monotonic() + 20
    while not effects.bodies and time.monotonic() < end:
        time.sleep(0.01)
    assert len(effects.bodies) == 1


def test_what_a_dead_process_claimed_is_told_with_the_whole_rest_of_its_lease(
    writer, effects, monkeypatch
) -> None:
    async def unreleased(*_: object) -> None:
        return None

    # What is left in the store when a process is killed at its work: a claim that nobody gives up.
    with monkeypatch.context() as dying:
        dying.setattr(once, "_release", unreleased)
        effects.failures = [ApiError(503, "busy", "busy")]
        post(writer, {"a": 1}, "key-dead")
    again = post(writer, {"a": 1}, "key-dead")
    assert (again.status_code, again.json()["code"]) == (503, "in-progress")
    whole = DEADLINE_SECONDS + once.LEASE_MARGIN_SECONDS
    assert whole - 5 < again.json()["retry_after"] <= whole
    assert effects.bodies == []


def test_an_answer_that_cannot_be_kept_is_given(writer, effects, monkeypatch, caplog) -> None:
    def fail(*_: object) -> None:
        raise StateError("the disk is full")

    monkeypatch.setattr(once.answers, "keep_answer", fail)
    assert post(writer, {"a": 1}, "key-11").status_code == 201
    assert "could not be kept" in caplog.text


def test_a_store_that_cannot_keep_answers_has_nothing_written(writer, effects, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StateError("locked")

    monkeypatch.setattr(once.answers, "claim", fail)
    answer = post(writer, {"a": 1}, "key-12")
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")
    assert effects.bodies == []


def test_answers_are_kept_as_long_as_the_project_says(effects, state: ServingState) -> None:
    longer = replace(state, service=state.service.model_copy(update={"replay_hours": 48}))
    with api_client(longer, ["write"]) as client:
        post(client, {"a": 1}, "key-13")
    with state.store.reading() as connection:
        kept = connection.exec_driver_sql(
            "SELECT max((julianday(expires_at) - julianday('now')) * 24) FROM answers"
        ).scalar()
    assert 47.9 < kept <= 48


def test_old_answers_are_deleted_by_a_later_write(writer, effects, state: ServingState) -> None:
    post(writer, {"a": 1}, "key-14")
    with state.store.writing() as connection:
        connection.exec_driver_sql("UPDATE answers SET expires_at = '2020-01-01 00:00:00.000000'")
    with api_client(state, ["write"]) as another:
        post(another, {"a": 1}, "key-15")
    with state.store.reading() as connection:
        old = "SELECT count(*) FROM answers WHERE expires_at < '2021'"
        assert connection.exec_driver_sql(old).scalar() == 0


def test_malformed_json_claims_nothing(writer, effects) -> None:
    headers = {"Idempotency-Key": "key-16", "content-type": "application/json"}
    assert writer.post(PATH, content=b"{", headers=headers).status_code == 400
    assert post(writer, {"a": 1}, "key-16").status_code == 201
