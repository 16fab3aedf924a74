"""Every problem that the sources can answer is known, and docs/errors.md explains it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_client import TestClient

from npsight.service.errorpage import page
from npsight.service.known import BY_CODE, KNOWN, Known

ROOT = Path(__file__).parents[3]
SOURCES = [file.read_text("utf-8") for file in sorted((ROOT / "src" / "npsight").rglob("*.py"))]


def raised(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Status and code of every `ApiError(...)` that is written with both, and of wrong keys."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            first = [a.value for a in node.args[:2] if isinstance(a, ast.Constant)]
            if name == "ApiError" and len(first) == 2:
                yield first[0], first[1]
            if name == "_wrong_key" and first:
                yield 401, first[0]


NAMING = [text for text in SOURCES if "ApiError" in text or "_wrong_key" in text]
RAISED = sorted({pair for text in NAMING for pair in raised(ast.parse(text))})


@pytest.mark.parametrize(("status", "code"), RAISED, ids=[code for _, code in RAISED])
def test_every_code_in_the_sources_is_known_with_its_status(status: int, code: str) -> None:
    assert code in BY_CODE, f"list {code} in service/known.py, then `make docs`"
    assert status in BY_CODE[code].statuses


def test_every_known_code_can_be_answered() -> None:
    made_of_others = {"bad-request", "method-not-allowed", "expired-key", "revoked-key"}
    assert set(BY_CODE) == {code for _, code in RAISED} | made_of_others


def test_there_are_codes() -> None:
    assert {"malformed-json", "invalid-body", "store-unavailable"} <= {code for _, code in RAISED}


def test_codes_are_listed_once_in_the_order_of_their_status() -> None:
    assert len(BY_CODE) == len(KNOWN)
    assert [k.status for k in KNOWN] == sorted(k.status for k in KNOWN)


@pytest.mark.parametrize("known", KNOWN, ids=lambda k: k.code)
def test_a_problem_is_told_in_sentences(known: Known) -> None:
    assert not known.title.endswith(".")
    assert known.cause.endswith(".")
    assert known.remedy.endswith(".")


def test_the_checked_in_page_is_the_generated_one() -> None:
    content = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert content == page(), "run `make docs`"
    assert all(f"### {known.code}\n" in content for known in KNOWN)


def test_the_type_of_a_problem_can_be_followed(client: TestClient) -> None:
    problem = client.post("/v1/score", content=b"{", headers={"content-type": "application/json"})
    told = client.get(problem.json()["type"]).json()
    assert told["code"] == "malformed-json"
    assert told["title"] == problem.json()["title"]
    assert told["remedy"].endswith(".")
    assert client.get("/problems/none").json()["code"] == "not-found"
