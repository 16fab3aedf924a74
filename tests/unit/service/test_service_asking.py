"""POST /v1/score for other days and for some targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from api_client import api_client
from starlette.testclient import TestClient
from tiny_project import AS_OF, make_project

from npsight.service.asking import FIELDS_OF
from npsight.service.instants import instant_text
from npsight.service.shapes.score import Numbers, ScoreAnswer
from npsight.service.state import ServingState, load_state

OLDER = AS_OF - timedelta(days=30)
ACCOUNT = "a/1 é"


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingState]:
    """A project with an older run, made by an older model, without inputs."""
    state = load_state(make_project(tmp_path_factory.mktemp("twice"), count=8))
    run = replace(state.store.latest_run("tiny"), id="old", as_of=OLDER, model_version=3,
                  model_digest="older")  # fmt: skip
    rows = [
        replace(row, as_of=OLDER, detractor_risk=0.125, churn_risk=0.0625)
        for row in state.store.scores("run-1")[:5]
    ]
    state.store.write_run(run, [*rows, replace(rows[0], account="7")], [])
    yield state
    state.store.close()


@pytest.fixture
def crm(twice: ServingState) -> Iterator[TestClient]:
    with api_client(twice, ["score"]) as opened:
        yield opened


def score(crm: TestClient, accounts: list, **more: object) -> dict:
    answer = crm.post("/v1/score", json={"accounts": accounts, **more})
    assert answer.status_code == 200, answer.text
    ScoreAnswer.model_validate(answer.json())
    return answer.json()


@pytest.mark.parametrize(
    "as_of", [None, AS_OF, AS_OF + timedelta(microseconds=1), AS_OF + timedelta(days=900)]
)
def test_now_and_later_are_the_latest_run_by_the_served_model(crm: TestClient, as_of) -> None:
    answer = score(crm, [ACCOUNT], as_of=as_of and instant_text(as_of))
    assert (answer["model_version"], answer["as_of"]) == (7, instant_text(AS_OF))
    assert answer["results"][0]["as_of"] == instant_text(AS_OF)
    assert answer["results"] == score(crm, [ACCOUNT])["results"]


@pytest.mark.parametrize("as_of", [OLDER, AS_OF - timedelta(microseconds=1)])
def test_before_the_latest_run_the_older_ones_rows_stand(crm: TestClient, as_of) -> None:
    asked = ["a/7 é", ACCOUNT, None, "nobody", "\0", 7, "7"]
    answer = score(crm, asked, as_of=instant_text(as_of))
    assert (answer["model_version"], answer["model_digest"]) == (3, "older")
    assert answer["as_of"] == instant_text(OLDER)
    status = [result["status"] for result in answer["results"]]
    assert status == ["not_found", "ok", "invalid", "not_found", "invalid", "ok", "ok"]
    assert answer["results"][5] == answer["results"][6]
    result = answer["results"][1]
    assert (result["detractor_risk"], result["churn_risk"]) == (0.125, 0.0625)
    assert result["as_of"] == instant_text(OLDER)
    assert result["drivers"] is None
    told = score(crm, [ACCOUNT], as_of=instant_text(as_of), drivers=True)["results"][0]
    assert told["drivers"][0]["sentence"]


def test_another_offset_is_the_same_instant(crm: TestClient) -> None:
    assert score(crm, [ACCOUNT], as_of="2026-06-01T01:59:59.999999+02:00")["model_version"] == 3
    assert score(crm, [ACCOUNT], as_of="2026-06-01T02:00:00+02:00")["model_version"] == 7


def test_before_the_first_run_there_is_nothing(crm: TestClient) -> None:
    early = instant_text(OLDER - timedelta(microseconds=1))
    answer = crm.post("/v1/score", json={"accounts": [ACCOUNT], "as_of": early})
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert f"the earliest are of {instant_text(OLDER)}" in answer.json()["detail"]


@pytest.mark.parametrize(
    "targets", [["detractor"], ["nps"], ["churn"], ["churn", "nps"], ["nps", "nps"]]
)
@pytest.mark.parametrize("as_of", [None, instant_text(OLDER)])
def test_only_the_targets_asked_for_have_values(crm: TestClient, targets: list, as_of) -> None:
    whole = score(crm, [ACCOUNT], as_of=as_of, drivers=True)["results"][0]
    part = score(crm, [ACCOUNT], as_of=as_of, drivers=True, targets=targets)["results"][0]
    hidden = {f for target, fields in FIELDS_OF.items() if target not in targets for f in fields}
    assert {name for name in whole if whole[name] != part[name]} <= hidden
    assert all(part[name] is None for name in hidden)
    assert whole["detractor_risk"] is not None
    assert whole.keys() == part.keys() >= Numbers.model_fields.keys()


def test_no_targets_are_all(crm: TestClient) -> None:
    assert score(crm, [ACCOUNT], targets=[]) | {"request_id": ""} == score(
        crm, [ACCOUNT], targets=None
    ) | {"request_id": ""}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"as_of": "2026-06-01"}, ["/as_of"]),
        ({"as_of": "2026-06-01T00:00:00"}, ["/as_of"]),
        ({"as_of": "yesterday"}, ["/as_of"]),
        ({"as_of": "0001-01-01T00:00:00+23:59"}, ["/as_of"]),
        ({"as_of": 1780272000.5}, ["/as_of"]),
        ({"as_of": 178027200}, ["/as_of"]),
        ({"as_of": True}, ["/as_of"]),
        ({"as_of": "2" * 100_000}, ["/as_of"]),
        ({"targets": "churn"}, ["/targets"]),
        ({"targets": ["churn", "Churn", None]}, ["/targets/2", "/targets/1"]),
        ({"targets": ["churn", "Churn", "x"], "as_of": "x"},
         ["/as_of", "/targets/1", "/targets/2"]),
        ({"targets": ["x"], "as_of": "x", "drivers": 1, "y": 1},
         ["/drivers", "/y", "/as_of", "/targets/0"]),
        ({"drivers": "true"}, ["/drivers"]),
    ],
)  # fmt: skip
def test_faults_are_told_at_once(crm: TestClient, body: dict, pointers: list) -> None:
    answer = crm.post("/v1/score", json={"accounts": [ACCOUNT], **body})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers


def test_blank_texts_are_as_good_as_nothing(crm: TestClient) -> None:
    """Workflows send the empty field of a form or of an object as a blank text."""
    plain = score(crm, [ACCOUNT])
    for blank in ("", " \t"):
        asked = {"as_of": blank, "targets": blank, "drivers": blank, "account": blank}
        assert score(crm, [ACCOUNT], **asked)["results"] == plain["results"]
        answer = crm.post("/v1/score", json={"account": blank})
        assert answer.json()["errors"] == [
            {
                "pointer": "/accounts",
                "detail": "is missing: send `accounts`, or one as `account`",
            }
        ]


def test_an_instant_may_be_a_number_of_milliseconds(crm: TestClient) -> None:
    plain = score(crm, [ACCOUNT], as_of="2026-06-10T00:00:00Z")
    for number in (1781049600000, 1781049600, "1781049600000"):
        assert score(crm, [ACCOUNT], as_of=number)["results"] == plain["results"]


def test_nulls_are_as_good_as_nothing(crm: TestClient) -> None:
    nulls = score(crm, [ACCOUNT], as_of=None, drivers=None, targets=None)
    assert nulls["results"] == score(crm, [ACCOUNT])["results"]


def test_as_of_as_dotnet_writes_it(crm: TestClient) -> None:
    answer = score(crm, [ACCOUNT], as_of="2026-06-01t00:00:00.0000000z")
    assert answer["model_version"] == 7


def test_one_account_may_stand_by_itself(client) -> None:
    listed = client.post("/v1/score", json={"accounts": ["a/1 é"]}).json()
    alone = client.post("/v1/score", json={"account": "a/1 é"}).json()
    assert alone["results"] == listed["results"]
    (row,) = client.post("/v1/score", json={"account": False}).json()["results"]
    assert row["status"] == "invalid"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/accounts"),
        ({"account": None}, "/accounts"),
        ({"account": "a", "accounts": []}, "/account"),
    ],
)
def test_one_account_or_several_but_not_neither_nor_both(client, body, place) -> None:
    answer = client.post("/v1/score", json=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [place]
