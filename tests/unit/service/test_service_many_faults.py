"""A body with very many faults costs little, and its answer does not outgrow it."""

from __future__ import annotations

import json

import pytest
from api_client import TestClient
from contract import reference, validate

from npsight.service.problems import MOST_FAULTS, Fault, told
from npsight.service.shapes.base import MAX_FIELDS, MAX_NAME
from npsight.service.shapes.score import MAX_TARGETS

FEATURES = "/v1/score/features"
ANSWER = {"score": 1, "occurred_at": "2026-05-20T09:30:00Z"}


def faults_of(client: TestClient, path: str, body: object) -> list[dict[str, str]]:
    """The faults of a body that is refused."""
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text[:300]
    validate(answer.json(), reference("Problem"))
    return answer.json()["errors"]


def row_of(client: TestClient, row: dict) -> dict:
    """The result of a row that is invalid."""
    answer = client.post(FEATURES, json={"rows": [row]})
    (result,) = answer.json()["results"]
    assert result["status"] == "invalid"
    return result


def unknown(count: int) -> dict[str, int]:
    return {f"x{i}": i for i in range(count)}


def test_up_to_a_hundred_faults_are_told_one_by_one() -> None:
    faults = [Fault(f"/{i}", "is wrong") for i in range(MOST_FAULTS + 2)]
    assert told(faults[:MOST_FAULTS]) == faults[:MOST_FAULTS]
    assert told(faults[:-1])[-1] == Fault("", "has 1 more fault; mend these first")
    assert told(faults) == [
        *faults[:MOST_FAULTS],
        Fault("", "has 2 more faults; mend these first"),
    ]


@pytest.mark.parametrize("path", ["/v1/score", FEATURES, "/v1/jobs/score", "/v1/responses"])
def test_unknown_fields_are_named_until_there_are_too_many(client: TestClient, path: str) -> None:
    found = faults_of(client, path, unknown(MAX_FIELDS))
    assert sum(f["detail"] == "is no field of this; leave it out" for f in found) >= MAX_FIELDS - 1
    found = faults_of(client, path, unknown(MAX_FIELDS + 1))
    told_of = f"has {MAX_FIELDS + 1} fields, at most {MAX_FIELDS} are read"
    assert {"pointer": "", "detail": told_of} in found
    assert len(found) <= 2


@pytest.mark.parametrize("path", ["/v1/score", FEATURES, "/v1/jobs/score"])
def test_targets_are_judged_up_to_the_most_there_may_be(client: TestClient, path: str) -> None:
    body = {"rows": []} if path == FEATURES else {"accounts": ["a"]}
    most = {**body, "targets": ["nps"] * MAX_TARGETS}
    assert client.post(path, json=most).status_code in (200, 202)
    found = faults_of(client, path, {**body, "targets": [1] * (MAX_TARGETS + 1)})
    assert found == [{"pointer": "/targets", "detail": f"may have at most {MAX_TARGETS} items"}]
    found = faults_of(client, path, {**body, "targets": ["x"] * 50_000})
    assert len(found) == MAX_TARGETS + 1


def test_a_long_name_is_cut_in_its_pointer(client: TestClient) -> None:
    (fault,) = faults_of(client, "/v1/score", {"accounts": [], "y" * 10_000: 1})
    assert fault["pointer"] == f"/{'y' * MAX_NAME}…"
    (fault,) = faults_of(client, "/v1/score", {"accounts": [], "y" * MAX_NAME: 1})
    assert fault["pointer"] == f"/{'y' * MAX_NAME}"


def test_half_a_character_in_a_name_is_told_in_plain_words(client: TestClient) -> None:
    content = rb'{"\ud800": 1, "accounts": []}'
    answer = client.post("/v1/score", content=content, headers={"content-type": "application/json"})
    assert answer.json()["errors"] == [
        {"pointer": "", "detail": "holds characters that no text has"}
    ]


@pytest.mark.parametrize(("name", "item"), [("features", {"name": 1}), ("answers", {"score": 1})])
def test_a_row_tells_its_first_faults_and_how_many_more(
    client: TestClient, name: str, item: dict
) -> None:
    result = row_of(client, {"id": "x", name: [item] * (MOST_FAULTS + 5)})
    assert len(result["errors"]) == MOST_FAULTS + 1
    assert result["errors"][-1] == {"pointer": "", "detail": "has 5 more faults; mend these first"}
    assert result["detail"].endswith("; has 5 more faults; mend these first")


@pytest.mark.parametrize(
    ("name", "item", "most"),
    [("features", {}, 2000), ("answers", ANSWER | {"score": -1}, 1000)],
)
def test_what_is_beyond_the_longest_list_is_not_judged(
    client: TestClient, name: str, item: dict, most: int
) -> None:
    result = row_of(client, {"id": "x", name: [item] * (most + 5_000)})
    assert result["errors"][0]["detail"] == f"may have at most {most} items"
    # One more fault is that of the length.
    more = most + 1 - MOST_FAULTS
    assert result["errors"][-1]["detail"] == f"has {more:,} more faults; mend these first"


def test_a_written_row_tells_its_first_faults_and_how_many_more(client: TestClient) -> None:
    body = {"responses": [unknown(3 * MOST_FAULTS)]}
    (result,) = client.post("/v1/responses", json=body).json()["results"]
    # Four fields are missing beside those that are unknown.
    assert result["detail"].endswith(f"; {2 * MOST_FAULTS + 4} more faults; mend these first")
    assert len(json.dumps(result)) < 6_000
