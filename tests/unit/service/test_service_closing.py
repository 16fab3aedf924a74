"""A posted answer closes the follow-up of its account at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from followed import RULES, new_one, stepped

from npsight.config.schema import Responses
from npsight.errors import StateError
from npsight.service import closing
from npsight.service.closing import _band
from npsight.service.state import ServingState
from npsight.store.followups import follow_up, record
from npsight.worklist.followups import opened

AGO = datetime.now(UTC) - timedelta(days=5)


def called(state: ServingState, account: str) -> str:
    """A follow-up of an account that was called five days ago."""
    first = opened(new_one(account, opened_at=AGO, due_on=AGO.date()), RULES)
    call = stepped(first.after, "call", now=AGO)
    return record(state.store, state.project, [first, call], "ada", AGO, 21).id


def post(client: Any, id: str, account: str, at: datetime, score: float = 10) -> str:
    row = {"id": id, "account": account, "score": score, "occurred_at": at.isoformat()}
    answer = client.post("/v1/responses", json={"responses": [row]})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["results"][0]["status"])


def test_an_answer_at_the_contact_closes_and_one_before_it_does_not(client, state) -> None:
    identity = called(state, "a/30 é")
    tick = timedelta(microseconds=1)
    assert post(client, "close-1", "a/30 é", AGO - tick) == "stored"
    assert follow_up(state.store, state.project, identity).is_open
    assert post(client, "close-2", "a/31 é", AGO) == "stored"
    assert follow_up(state.store, state.project, identity).is_open
    assert post(client, "close-3", "a/30 é", AGO) == "stored"
    one = follow_up(state.store, state.project, identity)
    assert (one.state, one.closed_by, one.after.band, one.after.score) == (
        "recovered", "api", "promoter", 10.0,
    )  # fmt: skip
    assert one.after.risk is not None


def test_the_same_answer_again_closes_nothing_twice(client, state) -> None:
    identity = called(state, "a/32 é")
    assert post(client, "twice", "a/32 é", AGO, 1) == "stored"
    version = follow_up(state.store, state.project, identity).version
    assert post(client, "twice", "a/32 é", AGO, 1) == "unchanged"
    assert post(client, "later", "a/32 é", AGO + timedelta(days=1), 10) == "stored"
    one = follow_up(state.store, state.project, identity)
    assert (one.version, one.state) == (version, "not recovered")


def test_what_was_not_kept_closes_nothing(client, state) -> None:
    identity = called(state, "a/33 é")
    assert post(client, "conflict", "a/34 é", AGO) == "stored"
    assert post(client, "conflict", "a/33 é", AGO) == "conflict"
    assert post(client, "invalid", "a/33 é", AGO, 11) == "invalid"
    assert follow_up(state.store, state.project, identity).is_open


def test_an_answer_that_was_kept_before_a_crash_closes_when_it_is_sent_again(
    client, state, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = called(state, "a/35 é")

    def full(*_: Any) -> None:
        raise StateError("the store cannot grow\n  → free disk space")

    with monkeypatch.context() as patched:
        patched.setattr(closing, "waiting_of", full)
        assert post(client, "crash", "a/35 é", AGO) == "stored"
    assert follow_up(state.store, state.project, identity).is_open
    assert post(client, "crash", "a/35 é", AGO) == "unchanged"
    assert follow_up(state.store, state.project, identity).state == "recovered"


def test_the_band_is_that_of_the_scale_of_the_day() -> None:
    table = Responses.model_validate(
        {"path": "x.csv", "account": "a", "time": "t", "score": "s", "bands": [
            {"scale": [1, 5], "detractor": [1, 2], "passive": [3, 4], "promoter": [5, 5],
             "valid_to": "2026-01-01"},
            {"scale": [0, 10], "detractor": [0, 6], "passive": [7, 8], "promoter": [9, 10],
             "valid_from": "2026-01-01"},
        ]}
    )  # fmt: skip
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    assert _band(table, 5, new_year - timedelta(microseconds=1)) == "promoter"
    assert _band(table, 5, new_year) == "detractor"
