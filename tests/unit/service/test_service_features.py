"""POST /v1/score/features: named features in any order, each row's fate its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pandas as pd
import pytest
from api_client import api_client
from starlette.testclient import TestClient
from tiny_project import AS_OF, SPECS, make_project

from npsight.features.history import BANDS, HALF_LIVES_DAYS, history_column
from npsight.service.shapes.features import MAX_ROWS, FeaturesAnswer
from npsight.service.state import ServingState, load_state
from npsight.service.whatif import NO_LEVELS

LOGINS, TICKETS, PLAN, LAST = (spec.name for spec in SPECS)
ACCOUNT = "a/1 é"
JSON = {"content-type": "application/json"}
SCORES = ("detractor_risk", "promoter_prob", "predicted_nps", "churn_risk")
LEVELS = {name: 3.0 + i for i, name in enumerate(NO_LEVELS)}
NO_OWN = {history_column("own", b, h): 0.0 for b in BANDS for h in HALF_LIVES_DAYS}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingState]:
    """A run whose segments have levels: `pro` those of LEVELS, `basic` twice as much."""
    from dataclasses import replace

    loaded = load_state(make_project(tmp_path_factory.mktemp("features"), count=12))
    run = loaded.store.latest_run("tiny")
    later = replace(run, id="run-2", as_of=AS_OF + timedelta(days=1))
    inputs, rows = [], []
    for account, kept in loaded.store.inputs(run.id).items():
        segment = kept.features["segment_"]
        inputs.append((account, kept.features | levels_of(segment), kept.past))
        row = loaded.store.score(run.id, account)
        rows.append(replace(row, segment=segment, as_of=later.as_of))
    loaded.store.write_run(later, rows, inputs)
    yield loaded
    loaded.store.close()


def levels_of(segment: str | None) -> dict[str, float]:
    """The market is the same for all; nobody is of an unknown segment."""
    times = {"pro": 1.0, "basic": 2.0}.get(segment or "", 0.0)
    return {n: v * (times if n.startswith("segment") else 1.0) for n, v in LEVELS.items()}


@pytest.fixture
def crm(state: ServingState) -> Iterator[TestClient]:
    with api_client(state, ["score"]) as opened:
        yield opened


def what_if(crm: TestClient, *rows: object, **more: object) -> list[dict]:
    answer = crm.post("/v1/score/features", json={"rows": list(rows), **more})
    assert answer.status_code == 200, answer.text
    FeaturesAnswer.model_validate(answer.json())
    assert len(answer.json()["results"]) == len(rows)
    return answer.json()["results"]


def number(name: str, value: object) -> dict:
    return {"name": name, "number": value}


def text(name: str, value: object) -> dict:
    return {"name": name, "text": value}


def offline(state: ServingState, **values: object) -> dict[str, float]:
    """What the model says of one row, given as a frame."""
    frame = pd.DataFrame([{spec.name: None for spec in SPECS} | NO_OWN | values])
    for name in (LOGINS, TICKETS, LAST):
        frame[name] = frame[name].astype(float)
    predicted = state.model.predict(frame)
    found = (predicted.detractor, predicted.promoter, predicted.nps, predicted.churn)
    return {name: float(values[0]) for name, values in zip(SCORES, found, strict=True)}


def assert_scores(result: dict, expected: dict[str, float]) -> None:
    assert result["status"] == "ok", result
    for name in SCORES:
        assert result["score"][name] == pytest.approx(expected[name], abs=1e-9)


@pytest.mark.parametrize("segment", ["pro", "basic", "none such", None])
@pytest.mark.parametrize("reverse", [False, True])
def test_given_features_score_as_offline(
    crm: TestClient, state: ServingState, segment: str | None, reverse: bool
) -> None:
    given = [number(LOGINS, 41.5), number(TICKETS, 3), text(PLAN, "basic"), number(LAST, 6)]
    row = {"id": "r", "segment": segment, "features": given[::-1] if reverse else given}
    (result,) = what_if(crm, row)
    values = {LOGINS: 41.5, TICKETS: 3.0, PLAN: "basic", LAST: 6.0}
    assert_scores(result, offline(state, **values, **levels_of(segment)))
    assert (result["features_missing"], result["features_total"]) == (0, 4)
    unknown = ["no account of the latest run has this segment"] if segment == "none such" else []
    assert [w.partition(";")[0] for w in result["warnings"]] == unknown
    assert (result["before"], result["account"]) == (None, None)
    assert result["score"]["band_now"] == "silent"


def test_what_is_not_given_is_missing(crm: TestClient, state: ServingState) -> None:
    nothing, nulls = what_if(
        crm, {"id": "1"}, {"id": "2", "features": [number(LOGINS, None), text(PLAN, None)]}
    )
    assert_scores(nothing, offline(state, **levels_of(None)))
    assert nothing["score"] == nulls["score"]
    assert nothing["features_missing"] == nulls["features_missing"] == 4


def test_an_unknown_category_is_missing_and_said(crm: TestClient, state: ServingState) -> None:
    odd, missing = what_if(
        crm,
        {"id": "1", "features": [text(PLAN, "Basic")]},
        {"id": "2", "features": [text(PLAN, None)]},
    )
    assert odd["score"] == missing["score"]
    assert odd["warnings"] == [f"{PLAN}: the model does not know this category; it is missing"]
    assert odd["features_missing"] == 4


def test_own_answers_fade_and_tell_the_last_score(crm: TestClient, state: ServingState) -> None:
    as_of = AS_OF + timedelta(days=1)
    answers = [
        {"score": 3, "occurred_at": (as_of - timedelta(days=60)).isoformat()},
        {"score": 9.0, "occurred_at": (as_of - timedelta(days=120, hours=12)).isoformat()},
        {"score": 10, "occurred_at": (as_of - timedelta(days=60)).isoformat()},
    ]
    (result,) = what_if(crm, {"id": "r", "segment": "pro", "answers": answers})
    own = {}
    for half_life in HALF_LIVES_DAYS:
        young, old = 0.5 ** (60 / half_life), 0.5 ** (120.5 / half_life)
        for band, count in (("detractor", young), ("passive", 0.0), ("promoter", young + old)):
            own[history_column("own", band, half_life)] = count
    assert_scores(result, offline(state, **{LAST: 10.0}, **levels_of("pro"), **own))
    assert result["score"]["band_now"] == "promoter"
    assert result["features_missing"] == 3


def test_a_feature_given_by_name_wins_over_the_answers(
    crm: TestClient, state: ServingState
) -> None:
    answers = [{"score": 3, "occurred_at": "2026-05-01T00:00:00Z"}]
    plain, other = what_if(
        crm,
        {"id": "1", "answers": answers},
        {"id": "2", "answers": answers, "features": [number(LAST, 10)]},
    )
    assert plain["features_missing"] == other["features_missing"] == 3
    counts = [0.5 ** (32 / h) for h in HALF_LIVES_DAYS]
    own = {history_column("own", "detractor", h): c
           for h, c in zip(HALF_LIVES_DAYS, counts, strict=True)}  # fmt: skip
    assert_scores(other, offline(state, **{LAST: 10.0}, **levels_of(None), **own))
    assert_scores(plain, offline(state, **{LAST: 3.0}, **levels_of(None), **own))


def test_a_stored_account_before_and_after(crm: TestClient, state: ServingState) -> None:
    stored = crm.post("/v1/score", json={"accounts": [ACCOUNT], "drivers": True}).json()
    given = [number(LOGINS, 1000), text(PLAN, "pro")]
    same, changed = what_if(
        crm,
        {"id": "same", "account": ACCOUNT},
        {"id": "changed", "account": ACCOUNT, "features": given},
        drivers=True,
    )
    names = set(same["before"]) - {"drivers", "churn_drivers"}
    expected = {name: stored["results"][0][name] for name in names}
    assert {n: same["before"][n] for n in names} == expected
    assert same["score"] == same["before"] == changed["before"]
    kept = state.store.inputs("run-2", [ACCOUNT])[ACCOUNT].features
    assert_scores(changed, offline(state, **kept | {LOGINS: 1000.0, PLAN: "pro"}))
    assert changed["score"]["detractor_risk"] != changed["before"]["detractor_risk"]
    total = changed["score"]["base_risk"] + sum(d["points"] for d in changed["score"]["drivers"])
    assert total == pytest.approx(changed["score"]["detractor_risk"], abs=1e-9)
    assert changed["account"] == ACCOUNT


def test_only_the_targets_asked_for(crm: TestClient) -> None:
    (result,) = what_if(crm, {"id": "r", "account": ACCOUNT}, targets=["churn"])
    for side in (result["before"], result["score"]):
        assert side["churn_risk"] is not None
        assert side["detractor_risk"] is side["predicted_nps"] is side["drivers"] is None


HOSTILE = [
    (7, "", [""]),
    (None, "", [""]),
    ([], "", [""]),
    ({}, "", ["/id"]),
    ({"id": ""}, "", ["/id"]),
    ({"id": 7.5, "features": {}, "x": 1}, "7.5", ["/id", "/features", "/x"]),
    ({"id": "x" * 513}, "", ["/id"]),
    ({"id": "f1", "features": [number("nope", 1), number(LOGINS, "7"), 5]}, "f1",
     ["/features/0/name", "/features/1/number", "/features/2"]),
    ({"id": "f2", "features": [number("nope", 1), number(LOGINS, 1), number(LOGINS, 2)]}, "f2",
     ["/features/0/name", "/features/2/name"]),
    ({"id": "f3", "features": [number(LOGINS, True)]}, "f3", ["/features/0/number"]),
    ({"id": "f4", "features": [text(LOGINS, "7"), number(PLAN, 7)]}, "f4",
     ["/features/0/text", "/features/1/number"]),
    ({"id": "f5", "features": [{"name": LOGINS, "number": 1, "text": "1"}]}, "f5",
     ["/features/0/text"]),
    ({"id": "f6", "features": [{"number": 1}]}, "f6", ["/features/0/name"]),
    ({"id": "s", "segment": "a\0b", "account": ""}, "s", ["/account", "/segment"]),
    ({"id": "a1", "answers": [{"score": 11, "occurred_at": "2026-01-01"},
                              {"score": 6.5, "occurred_at": "2026-01-01T00:00:00Z"},
                              {"score": -1, "occurred_at": "2026-01-01T00:00:00Z"}]}, "a1",
     ["/answers/0/occurred_at", "/answers/0/score", "/answers/1/score", "/answers/2/score"]),
    ({"id": "a2", "answers": [{"score": 5, "occurred_at": "2026-06-01T23:59:59.999999Z"},
                              {"score": 5, "occurred_at": "2026-06-02T00:00:00Z"}]}, "a2",
     ["/answers/1/occurred_at"]),
    ({"id": "a3", "answers": [{"score": "5", "occurred_at": None}]}, "a3",
     ["/answers/0/score", "/answers/0/occurred_at"]),
    ({"id": "twice", "features": [number("nope", 1)]}, "twice", ["/id", "/features/0/name"]),
]  # fmt: skip


def test_every_row_has_its_own_fate_and_all_its_faults(crm: TestClient) -> None:
    fine = {"id": "twice", "account": ACCOUNT}
    results = what_if(crm, fine, *(row for row, _, _ in HOSTILE), {"id": 8841})
    assert results[-1]["id"] == "8841"
    assert results[0]["status"] == results[-1]["status"] == "ok"
    for result, (row, identity, pointers) in zip(results[1:-1], HOSTILE, strict=True):
        assert result["status"] == "invalid", row
        assert [e["pointer"] for e in result["errors"]] == pointers
        assert result["score"] is result["before"] is result["features_missing"] is None
        assert result["detail"]
        assert result["id"] == identity
    (alone,) = what_if(crm, fine)
    assert alone["score"] == results[0]["score"]


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"1e999", b"-1e999"])
def test_what_no_json_number_is_spoils_the_body(crm: TestClient, value: bytes) -> None:
    body = b'{"rows": [{"id": "r", "features": [{"name": "x", "number": ' + value + b"}]}]}"
    answer = crm.post("/v1/score/features", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-json")


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 10**18, -0.0])
def test_numbers_far_outside_give_a_score_or_a_fault(crm: TestClient, value: float) -> None:
    odd, fine = what_if(
        crm, {"id": "1", "features": [number(LOGINS, value)]}, {"id": "2", "account": ACCOUNT}
    )
    assert fine["status"] == "ok"
    assert odd["status"] == "ok"


def test_lone_surrogates_are_a_rows_fault(crm: TestClient) -> None:
    bad = rb'"features": [{"name": "\ud800", "text": "\ud800"}], "segment": "\ud800"'
    answers = rb'"answers": [{"score": 1, "occurred_at": "\ud800"}], "\ud800": 1'
    rows = [
        rb'{"id": "\ud800"}',
        rb'{"id": "b", "account": "\ud800", ' + bad + b", " + answers + b"}",
    ]
    body = b'{"rows": [' + b", ".join([*rows, b'{"id": "c"}']) + b"]}"
    results = crm.post("/v1/score/features", content=body, headers=JSON).json()["results"]
    assert [r["status"] for r in results] == ["invalid", "invalid", "ok"]


def test_unknown_accounts_are_not_found(crm: TestClient) -> None:
    results = what_if(crm, {"id": "1", "account": "nobody"}, {"id": "2", "account": ACCOUNT})
    assert [r["status"] for r in results] == ["not_found", "ok"]
    assert results[0]["errors"] == [
        {"pointer": "/account", "detail": "the latest run does not have it"}
    ]


def test_an_empty_batch_and_a_full_one(crm: TestClient) -> None:
    assert what_if(crm) == []
    rows = [{"id": str(n), "account": ACCOUNT} for n in range(MAX_ROWS)]
    assert {r["status"] for r in what_if(crm, *rows)} == {"ok"}
    answer = crm.post("/v1/score/features", json={"rows": [*rows, {"id": "more"}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/rows"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ({}, ["/rows"]),
        ({"rows": {}, "drivers": "yes", "targets": "nps", "as_of": "x"},
         ["/rows", "/drivers", "/targets", "/as_of"]),
        ({"rows": [], "targets": ["nps", "risk"]}, ["/targets/1"]),
    ],
)  # fmt: skip
def test_faults_of_the_body_are_told_at_once(crm: TestClient, body: object, pointers: list) -> None:
    answer = crm.post("/v1/score/features", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
