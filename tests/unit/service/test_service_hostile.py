"""The ways in which serving frameworks are known to fail out of the box, each as a test."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from itertools import product
from urllib.parse import urlsplit

import pytest
from api_client import TestClient
from contract import reference, validate
from live import listening
from served import LOGINS

from npsight.service.app import build_app
from npsight.service.body import MAX_BODY_BYTES
from npsight.service.state import Live, ServingState

JSON = {"content-type": "application/json"}
FEATURES = "/v1/score/features"
GOOD = {"id": "good", "features": [{"name": LOGINS, "number": 100.0}]}


def row_of(value: str) -> str:
    """The JSON of a row whose number is written as it stands."""
    return f'{{"id": "odd", "features": [{{"name": "{LOGINS}", "number": {value}}}]}}'


def send(client: TestClient, *rows: str):
    content = f'{{"rows": [{", ".join(rows)}]}}'.encode()
    return client.post(FEATURES, content=content, headers=JSON)


def statuses(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [result["status"] for result in answer.json()["results"]]


def check_problem(answer, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    validate(answer.json(), reference("Problem"))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000])
def test_what_is_no_json_number_is_400(client: TestClient, word: str) -> None:
    check_problem(send(client, row_of(word)), 400, "malformed-json")


@pytest.mark.parametrize(
    "value", ['"NaN"', '"Infinity"', "true", "false", '"7"', "[]", "[1]", "{}", "9" * 400]
)
def test_a_number_that_is_none_is_that_rows_fault(client: TestClient, value: str) -> None:
    answer = send(client, json.dumps(GOOD), row_of(value), json.dumps(GOOD | {"id": "other"}))
    assert statuses(answer) == ["ok", "invalid", "ok"]
    result = answer.json()["results"][1]
    assert result["id"] == "odd"
    assert [fault["pointer"] for fault in result["errors"]] == ["/features/0/number"]
    assert result["score"] is None


def test_a_number_that_is_a_blank_text_is_missing(client: TestClient) -> None:
    blank, null = send(client, row_of('""')), send(client, row_of("null"))
    assert statuses(blank) == ["ok"]
    assert blank.json()["results"] == null.json()["results"]


def test_a_bad_row_changes_no_number_of_its_neighbours(client: TestClient) -> None:
    alone = send(client, json.dumps(GOOD)).json()["results"][0]
    among = send(client, row_of('"NaN"'), json.dumps(GOOD), "null").json()["results"][1]
    assert among == alone


def test_null_is_missing(client: TestClient) -> None:
    (result,) = send(client, row_of("null")).json()["results"]
    assert result["status"] == "ok"
    assert result["features_missing"] == result["features_total"]


@pytest.mark.parametrize("value", ["0", "-0.0", "1e308", "-1e308", "5e-324", "123456789012345678"])
def test_a_number_of_any_size_gives_a_finite_score(client: TestClient, value: str) -> None:
    (result,) = send(client, row_of(value)).json()["results"]
    assert result["status"] == "ok"
    assert 0 < result["score"]["detractor_risk"] < 1


def test_no_rows_no_results(client: TestClient) -> None:
    assert statuses(send(client)) == []


def test_a_short_vector_is_scored_with_the_rest_missing(client: TestClient) -> None:
    bare = client.post(FEATURES, json={"rows": [{"id": "bare"}, GOOD]})
    assert statuses(bare) == ["ok", "ok"]
    missing = [result["features_missing"] for result in bare.json()["results"]]
    assert missing[0] == missing[1] + 1


def test_shuffled_features_score_the_same(client: TestClient) -> None:
    told = [
        {"name": LOGINS, "number": 30.0},
        {"name": "tickets__open", "number": 4.0},
        {"name": "accounts__value_plan", "text": "basic"},
    ]
    rows = [{"id": "1", "features": told}, {"id": "2", "features": told[::-1]}]
    first, second = client.post(FEATURES, json={"rows": rows}).json()["results"]
    assert first["score"] == second["score"]


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ([{"name": "no_such_feature", "number": 1.0}], "/features/0/name"),
        ([{"name": LOGINS, "number": 1.0}, {"name": LOGINS, "number": 2.0}], "/features/1/name"),
    ],
    ids=["unknown", "twice"],
)
def test_a_feature_that_is_unknown_or_twice_is_a_fault(
    client: TestClient, told: list, place: str
) -> None:
    answer = client.post(FEATURES, json={"rows": [{"id": "odd", "features": told}, GOOD]})
    assert statuses(answer) == ["invalid", "ok"]
    assert answer.json()["results"][0]["errors"][0]["pointer"].startswith(place[:11])


NO_OBJECTS = ["[]", "null", "7", '"rows"', "true"]
OF_ANOTHER_KIND = [
    *product(["/v1/score", FEATURES, "/v1/jobs/score"], NO_OBJECTS),
    # Not of a job: one without accounts is of all accounts.
    *product(["/v1/score", FEATURES], ["{}"]),
]


@pytest.mark.parametrize(("path", "body"), OF_ANOTHER_KIND)
def test_a_body_of_another_kind_is_422(client: TestClient, path: str, body: str) -> None:
    check_problem(client.post(path, content=body.encode(), headers=JSON), 422, "invalid-body")


@pytest.mark.parametrize(
    "body",
    ['{"accounts": []}'.encode("utf-16"), b'{"accounts": ["\xc3"]}', b"\xff"],
    ids=["UTF-16", "cut UTF-8", "no text"],
)
def test_other_encodings_are_400(client: TestClient, body: bytes) -> None:
    check_problem(client.post("/v1/score", content=body, headers=JSON), 400, "malformed-json")


@pytest.fixture
def address(state: ServingState) -> Iterator[tuple[str, int]]:
    """A real HTTP server: what stands on the wire cannot be sent in process."""
    with listening(build_app(Live(state))) as url:
        found = urlsplit(url)
        assert found.hostname
        assert found.port
        yield found.hostname, found.port


def exchange(address: tuple[str, int], request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that bytes on the wire are answered with; the server hangs up."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ")[1]), headers, body


def request(key: str, method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
    head = [f"{method} {target} HTTP/1.1", "Host: x", f"X-API-Key: {key}", "Connection: close"]
    return "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body


SCORE = b'{"accounts": ["nobody"]}'
CONTENT = "Content-Type: application/json"


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


def test_a_chunked_body_is_taken(address: tuple[str, int], keys: dict[str, str]) -> None:
    sent = request(
        keys["admin"], "POST", "/v1/score", CONTENT, "Transfer-Encoding: chunked",
        body=chunks(SCORE[:5], SCORE[5:]),
    )  # fmt: skip
    status, _, body = exchange(address, sent)
    assert status == 200
    assert json.loads(body)["results"][0]["status"] == "not_found"


def test_a_chunked_body_without_end_is_413(address: tuple[str, int], keys: dict[str, str]) -> None:
    parts = [b" " * 100_000] * (MAX_BODY_BYTES // 100_000 + 2)
    sent = request(
        keys["admin"], "POST", "/v1/score", CONTENT, "Transfer-Encoding: chunked",
        body=chunks(*parts),
    )  # fmt: skip
    assert exchange(address, sent)[0] == 413


@pytest.mark.parametrize("length", [60_000_000, 10**30])
def test_a_huge_length_is_413_before_the_body(
    address: tuple[str, int], keys: dict[str, str], length: int
) -> None:
    sent = request(keys["admin"], "POST", "/v1/score", CONTENT, f"Content-Length: {length}")
    status = exchange(address, sent)[0]
    assert status in (400, 413)


def test_a_short_length_cuts_the_body(address: tuple[str, int], keys: dict[str, str]) -> None:
    sent = request(keys["admin"], "POST", "/v1/score", CONTENT, "Content-Length: 5", body=SCORE)
    status, headers, body = exchange(address, sent)
    assert status == 400
    assert json.loads(body)["code"] == "malformed-json"
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 24", "Content-Length: 25"),
        ("Content-Length: -1",),
        ("Content-Length: x",),
        ("Content-Length: 24", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, x",),
        ("Bad Header Name: x",),
        ("X-Request-Id: a\x00b",),
        ("X-Long: " + "a" * 200_000,),
    ],
    ids=["two", "negative", "word", "both", "unknown coding", "bad name", "null", "long"],
)
def test_headers_that_contradict_themselves_never_crash(
    address: tuple[str, int], keys: dict[str, str], lines: tuple[str, ...]
) -> None:
    sent = request(keys["admin"], "POST", "/v1/score", CONTENT, *lines, body=SCORE)
    try:
        status = exchange(address, sent)[0]
    except (ConnectionError, ValueError):
        status = 400  # The server hung up, as it may.
    assert 400 <= status < 500
    assert exchange(address, request(keys["admin"], "GET", "/healthz"))[0] == 200


def test_a_body_that_ends_early_leaves_the_service_well(
    address: tuple[str, int], keys: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    sent = request(keys["admin"], "POST", "/v1/score", CONTENT, "Content-Length: 999", body=SCORE)
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(sent)
    assert exchange(address, request(keys["admin"], "GET", "/healthz"))[0] == 200
    assert "ClientDisconnect" not in caplog.text


@pytest.mark.parametrize(
    "target",
    ["//", "//v1/score", "/v1/../v1/model/..", "/v1/accounts/%2e%2e%2f%2e%2e", "/%", "/%zz",
     "/v1/model%00", "/" + "a" * 20_000, "http://evil.example/v1/nothing", "/v1/accounts/%ff",
     "/v1/accounts/" + "%2F" * 100, "/v1/accounts/a%0d%0aX-Evil:%201", "*"],
    ids=lambda t: t[:28],
)  # fmt: skip
def test_odd_targets_are_problems(
    address: tuple[str, int], keys: dict[str, str], target: str
) -> None:
    status, headers, body = exchange(address, request(keys["admin"], "GET", target))
    assert status == 404, body
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["code"] == "not-found"
    assert "x-evil" not in headers
    assert "location" not in headers


def test_an_account_with_slashes_is_found(address: tuple[str, int], keys: dict[str, str]) -> None:
    target = "/v1/accounts/a%2F1%20%C3%A9"
    status, _, body = exchange(address, request(keys["admin"], "GET", target))
    assert status == 200
    assert json.loads(body)["account"] == "a/1 é"


def test_a_request_id_from_outside_stands_in_no_header(
    address: tuple[str, int], keys: dict[str, str]
) -> None:
    sent = request(keys["admin"], "GET", "/v1/nothing", "X-Request-Id: forged")
    _, headers, body = exchange(address, sent)
    assert "forged" not in str(headers) + body.decode()


def test_two_content_types_count_as_one_that_is_wrong(
    address: tuple[str, int], keys: dict[str, str]
) -> None:
    sent = request(
        keys["admin"], "POST", "/v1/score", "Content-Type: text/plain", CONTENT,
        f"Content-Length: {len(SCORE)}", body=SCORE,
    )  # fmt: skip
    status, _, body = exchange(address, sent)
    assert (status, json.loads(body)["code"]) == (415, "unsupported-media-type")


def test_bytes_that_are_no_http_get_an_answer_and_harm_nobody(
    address: tuple[str, int], keys: dict[str, str]
) -> None:
    assert exchange(address, b"\x16\x03\x01\x02\x00 hello\r\n\r\n")[0] == 400
    assert exchange(address, request(keys["admin"], "GET", "/healthz"))[0] == 200
