"""GET /v1/accounts: pages, filters, orders, cursors, and every fault at once."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from api_client import api_client
from starlette.testclient import TestClient
from tiny_project import AS_OF, make_project

from npsight.service.instants import instant_text
from npsight.service.shapes.accounts import AccountAnswer, AccountsAnswer
from npsight.service.state import ServingState, load_state
from npsight.store import Rescored, ScoreChange, ScoreRun, record_changes, write_rescored


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingState]:
    """Sixty accounts with owners, segments, levels and revenue."""
    state = load_state(make_project(tmp_path_factory.mktemp("listed")))
    write_run(state, "run-2", days=1)
    yield state
    state.store.close()


def write_run(state: ServingState, run_id: str, days: int, keep: int = 30) -> ScoreRun:
    first = state.store.runs(state.project)[-1]
    rows = [
        replace(
            row,
            as_of=AS_OF + timedelta(days=days),
            owner=("Ada Park", "Bo Lind")[i % 2],
            segment=("pro", "basic")[i % 3 == 0],
            revenue=None if i % 5 == 0 else 100.0 * i,
            renewal_at=None if i % 4 == 0 else AS_OF + timedelta(days=i, hours=i),
            band_now=("detractor", "passive", "promoter", "silent")[i % 4],
            risk_level=("high", "medium", "low")[i % 3],
            rank=None if i % 4 == 2 else i + 1,
        )
        for i, row in enumerate(state.store.scores("run-1"))
    ]
    inputs = [(k, v.features, v.past) for k, v in state.store.inputs(first.id).items()]
    run = replace(first, id=run_id, as_of=AS_OF + timedelta(days=days))
    return state.store.write_run(run, rows, inputs, keep)


@pytest.fixture
def crm(listed: ServingState) -> Iterator[TestClient]:
    with api_client(listed, ["read"]) as opened:
        yield opened


def pages(crm: TestClient, **query: object) -> list[dict]:
    found, cursor = [], ""
    for _ in range(100):
        answer = crm.get("/v1/accounts", params={**query, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        AccountsAnswer.model_validate(answer.json())
        found += answer.json()["accounts"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [7, 60, 61])
@pytest.mark.parametrize(
    ("order", "field", "descending"),
    [
        ("rank", "rank", False),
        ("risk", "detractor_risk", True),
        ("churn_risk", "churn_risk", True),
        ("nps", "predicted_nps", False),
        ("revenue", "revenue", True),
        ("renewal", "renewal_at", False),
        ("account", "account", False),
    ],
)
def test_pages_hold_every_account_once_in_order(
    crm: TestClient, order: str, field: str, descending: bool, limit: int
) -> None:
    found = pages(crm, order=order, limit=limit)
    assert len({row["account"] for row in found}) == len(found) == 60
    values = [row[field] for row in found]
    known = [value for value in values if value is not None]
    assert values[: len(known)] == sorted(known, reverse=descending)


def test_the_worklist_comes_first_and_says_what_it_is_of(
    crm: TestClient, listed: ServingState
) -> None:
    answer = crm.get("/v1/accounts", params={"limit": 2}).json()
    assert [row["rank"] for row in answer["accounts"]] == [1, 2]
    assert answer["as_of"] == instant_text(AS_OF + timedelta(days=1))
    assert (answer["model_version"], answer["model_digest"]) == (7, listed.digest)
    assert answer["request_id"]
    row = answer["accounts"][1]
    stored = listed.store.score("run-2", row["account"])
    assert row["owner"] == stored.owner
    assert row["renewal_at"] == instant_text(stored.renewal_at)
    assert row["nps_interval_80"]["low"] == pytest.approx(stored.nps_low_80, abs=1e-9)
    assert row["nps_interval_95"] is None


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"owner": "Ada Park"}, lambda r: r["owner"] == "Ada Park"),
        ({"segment": "basic"}, lambda r: r["segment"] == "basic"),
        ({"band": "silent"}, lambda r: r["band_now"] == "silent"),
        ({"risk_level": "high"}, lambda r: r["risk_level"] == "high"),
        ({"listed": "true"}, lambda r: r["rank"] is not None),
        ({"listed": "false"}, lambda r: r["rank"] is None),
        ({"min_risk": "0.4"}, lambda r: r["detractor_risk"] >= 0.4),
        ({"min_risk": "0"}, lambda r: True),
        ({"min_risk": "4e-1"}, lambda r: r["detractor_risk"] >= 0.4),
        ({"min_risk": str(1e-7)}, lambda r: True),
        ({"owner": "nobody"}, lambda r: False),
        ({"owner": "' OR 1=1 --"}, lambda r: False),
        ({"owner": "", "band": "", "limit": "", "cursor": ""}, lambda r: True),
        ({"owner": "Bo Lind", "band": "passive", "order": "revenue"},
         lambda r: (r["owner"], r["band_now"]) == ("Bo Lind", "passive")),
    ],
)  # fmt: skip
def test_filters(crm: TestClient, query: dict, fits) -> None:
    everyone = pages(crm, order="account")
    found = pages(crm, **{"limit": 5, **query})
    assert {r["account"] for r in found} == {r["account"] for r in everyone if fits(r)}


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=0", ["/limit"]),
        ("limit=201", ["/limit"]),
        ("limit=1.0", ["/limit"]),
        ("limit=%D9%A1", ["/limit"]),
        ("limit=99999999999999999999", ["/limit"]),
        ("min_risk=NaN", ["/min_risk"]),
        ("min_risk=1e999", ["/min_risk"]),
        ("min_risk=-0.1", ["/min_risk"]),
        ("min_risk=1.1", ["/min_risk"]),
        ("listed=1", ["/listed"]),
        ("band=Detractor", ["/band"]),
        ("risk_level=none", ["/risk_level"]),
        ("order=name", ["/order"]),
        ("owner=%00", ["/owner"]),
        ("segment=a%00b", ["/segment"]),
        ("offset=5", ["/offset"]),
        ("owner=a&owner=b", ["/owner"]),
        ("a/b~=1&limit=x&band=y", ["/a~1b~0", "/band", "/limit"]),
        ("cursor=x", ["/cursor"]),
        ("cursor=%FF", ["/cursor"]),
        ("cursor=" + "A" * 9000, ["/cursor"]),
    ],
)
def test_faults_of_the_query_are_told_at_once(crm: TestClient, query: str, wrong: list) -> None:
    answer = crm.get(f"/v1/accounts?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "invalid-parameter"
    assert [fault["pointer"] for fault in body["errors"]] == wrong


def cursor_for(crm: TestClient, **query: object) -> str:
    return crm.get("/v1/accounts", params={"limit": 5, **query}).json()["next_cursor"]


def test_a_cursor_holds_for_its_question_only(crm: TestClient) -> None:
    cursor = cursor_for(crm, owner="Ada Park")
    for other in ({}, {"owner": "Bo Lind"}, {"owner": "Ada Park", "order": "nps"}):
        answer = crm.get("/v1/accounts", params={"cursor": cursor, **other})
        assert answer.status_code == 400
        assert "other filters or another order" in answer.json()["errors"][0]["detail"]
    fine = {"cursor": cursor, "owner": "Ada Park", "limit": 3}
    assert crm.get("/v1/accounts", params=fine).status_code == 200


def test_an_altered_cursor_is_refused(crm: TestClient) -> None:
    cursor = cursor_for(crm)
    raw = bytearray(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for place in range(len(raw)):
        changed = raw.copy()
        changed[place] ^= 1
        text = urlsafe_b64encode(bytes(changed)).decode().rstrip("=")
        answer = crm.get("/v1/accounts", params={"cursor": text})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-parameter")
    assert crm.get("/v1/accounts", params={"cursor": cursor[:-4]}).status_code == 400


def test_a_cursor_goes_on_in_its_run_while_that_is_kept(tmp_path: Path) -> None:
    state = load_state(make_project(tmp_path, count=12))
    with api_client(state, ["read"]) as crm:
        cursor = cursor_for(crm, order="account")
        write_run(state, "run-2", days=1)
        answer = crm.get("/v1/accounts", params={"cursor": cursor, "order": "account"}).json()
        assert answer["as_of"] == instant_text(AS_OF), "the run that it began in"
        assert len(answer["accounts"]) == 7
        assert crm.get("/v1/accounts").json()["as_of"] == instant_text(AS_OF + timedelta(days=1))
        write_run(state, "run-3", days=2, keep=1)
        gone = crm.get("/v1/accounts", params={"cursor": cursor, "order": "account"})
    state.store.close()
    assert (gone.status_code, gone.json()["code"]) == (410, "cursor-expired")
    assert "start again without a cursor" in gone.json()["detail"]


@pytest.mark.parametrize("order", ["account", "rank"])
def test_accounts_that_are_scored_again_between_pages_are_read_once(tmp_path, order) -> None:
    state = load_state(make_project(tmp_path, count=12))
    run = write_run(state, "run-2", days=1)
    found: list[str] = []
    risks = iter((0.999, 0.001, 0.5))
    with api_client(state, ["read"]) as crm:
        query = {"order": order, "limit": 4}
        while True:
            page = crm.get("/v1/accounts", params=query).json()
            found += [row["account"] for row in page["accounts"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
            risk = next(risks)
            again = [
                Rescored(replace(row, as_of=AS_OF + timedelta(days=2), detractor_risk=risk), {}, {})
                for row in state.store.scores(run.id)
            ]
            causes = {item.row.account: "fact" for item in again}
            assert write_rescored(state.store, run, again, 0, 7, causes, AS_OF)
        accounts = sorted(row.account for row in state.store.scores(run.id))
    state.store.close()
    assert sorted(found) == accounts


def test_an_account_tells_its_last_change(listed: ServingState, crm: TestClient) -> None:
    account = "a/2 é"
    path = "/v1/accounts/a%2F2%20%C3%A9"
    told = crm.get(path).json()
    AccountAnswer.model_validate(told)
    assert told["account"] == account
    assert told["last_change"]["cause"] == "run"
    assert told["last_change"]["after"]["risk_level"] == told["risk_level"]
    assert [point["as_of"] for point in told["history"]] == [
        instant_text(AS_OF + timedelta(days=1)), instant_text(AS_OF),
    ]  # fmt: skip
    after = {"as_of": instant_text(AS_OF), "model_version": 7, "detractor_risk": 0.5,
             "predicted_nps": 1.0, "churn_risk": None, "risk_level": "high",
             "band_now": "passive"}  # fmt: skip
    with listed.store.writing() as connection:
        change = ScoreChange(account, {}, after)
        record_changes(connection, listed.project, "run-2", "response", [change], AS_OF)
    told = crm.get(path).json()
    AccountAnswer.model_validate(told)
    assert told["last_change"] == {
        "changed_at": instant_text(AS_OF), "cause": "response", "before": None, "after": after,
    }  # fmt: skip
    assert crm.get(path + "?x=1").status_code == 400
