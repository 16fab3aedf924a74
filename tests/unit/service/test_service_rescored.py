"""After an account was scored again: every number stands under an instant that may know it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from api_client import TestClient, key_headers
from written_company import WrittenCompany, score_company, written_once

from npsight.service.app import build_app
from npsight.service.runner import JobRunner
from npsight.service.shapes.accounts import AccountAnswer
from npsight.service.shapes.features import FeaturesAnswer
from npsight.service.shapes.score import ScoreAnswer
from npsight.service.state import Live, load_state
from npsight.service.writing import close

RUN = "2026-06-30T00:00:00Z"
KNOWN = "2026-07-02T09:00:00Z"
AGAIN = "2026-07-02T09:00:00.000001Z"
LATER = "2026-07-04T09:00:00.000001Z"
NUMBERS = ("detractor_risk", "predicted_nps", "churn_risk", "promoter_prob", "band_now")


class Service:
    """A service over a company of its own, and a caller of it."""

    def __init__(self, company: WrittenCompany) -> None:
        self.company = company
        self.live = Live(load_state(company.config))
        scopes = ["score", "read", "write"]
        headers = key_headers(self.live.state, scopes)
        self.client = TestClient(build_app(self.live), headers=headers)
        store = self.live.state.store
        run = store.latest_run(self.live.state.project)
        self.account, self.other = sorted(row.account for row in store.scores(run.id))[:2]

    def answer(self, id: str, score: int, known_at: str = KNOWN) -> dict[str, Any]:
        row = {"id": id, "account": self.account, "score": score, "comment": "Slow.",
               "occurred_at": "2026-06-29T12:00:00Z", "known_at": known_at}  # fmt: skip
        (result,) = self.client.post("/v1/responses", json={"responses": [row]}).json()["results"]
        assert result["status"] == "rescored", result
        return result

    def scores(self, as_of: str | None = None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        body = {"accounts": [self.account, self.other, "nobody"], "as_of": as_of, "drivers": True}
        told = self.client.post("/v1/score", json=body).json()
        ScoreAnswer.model_validate(told)
        return told, told["results"]


@pytest.fixture
def service(shared: Path, tmp_path: Path) -> Iterator[Service]:
    company = written_once(shared).copy(tmp_path / "company", state=True)
    made = Service(company)
    with made.client:
        yield made
    close(made.live)
    made.live.state.store.close()


def numbers(result: dict[str, Any]) -> dict[str, Any]:
    told = [(note["driver"], note["sentence"]) for note in result["drivers"]]
    return {name: result[name] for name in NUMBERS} | {"drivers": told}


def test_each_result_tells_the_instant_of_its_own_numbers(service) -> None:
    service.scores()
    service.answer("r1", 0)
    for as_of in (None, "2027-01-01T00:00:00Z", AGAIN):
        told, (mine, other, _) = service.scores(as_of)
        assert (told["as_of"], mine["as_of"], other["as_of"]) == (RUN, AGAIN, RUN)


def test_a_question_about_an_earlier_instant_knows_no_later_fact(service) -> None:
    _, (before, other, _) = service.scores()
    after = service.answer("r1", 0)["after"]
    service.answer("r2", 1, "2026-07-04T09:00:00Z")
    for as_of in (RUN, KNOWN, AGAIN):
        _, (mine, beside, unknown) = service.scores(as_of)
        assert mine["as_of"] == RUN
        assert numbers(mine) == numbers(before)
        assert beside == other
        assert unknown["status"] == "not_found"
    _, (mine, _, _) = service.scores(LATER)
    assert mine["as_of"] == LATER
    assert mine["detractor_risk"] != before["detractor_risk"]
    assert after["as_of"] == AGAIN


def test_an_older_run_answers_as_it_was_too(service) -> None:
    _, (before, _, _) = service.scores()
    service.answer("r1", 0)
    _, (again, _, _) = service.scores()
    service.live.state.store.close()
    score_company(service.company, datetime(2026, 7, 20))
    service.live.changed()
    told, (mine, other, _) = service.scores("2026-07-01T00:00:00Z")
    assert (told["as_of"], mine["as_of"], other["as_of"]) == (RUN, RUN, RUN)
    assert mine["detractor_risk"] == pytest.approx(before["detractor_risk"], abs=1e-9)
    _, (mine, _, _) = service.scores("2026-07-03T00:00:00Z")
    assert mine["as_of"] == AGAIN
    assert mine["detractor_risk"] == pytest.approx(again["detractor_risk"], abs=1e-9)


def test_what_was_scored_again_before_rows_were_kept_is_not_made_up(service) -> None:
    service.answer("r1", 0)
    with service.live.state.store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM originals")
    _, (mine, other, _) = service.scores(RUN)
    assert (mine["status"], other["status"]) == ("not_found", "ok")
    assert "scored again after that as_of" in mine["detail"]


def test_each_point_of_the_history_stands_at_its_own_instant(service) -> None:
    path = f"/v1/accounts/{service.account}"
    before = service.client.get(path).json()
    after = service.answer("r1", 0)["after"]
    told = service.client.get(path).json()
    AccountAnswer.model_validate(told)
    assert [point["as_of"] for point in before["history"]] == [RUN]
    assert [point["as_of"] for point in told["history"]] == [AGAIN, RUN]
    assert told["history"][1] == before["history"][0]
    assert told["history"][0]["risk_level"] == after["risk_level"]
    assert told["history"][0]["detractor_risk"] == pytest.approx(after["detractor_risk"])


def test_a_number_is_told_with_the_same_digits_everywhere(service) -> None:
    after = service.answer("r1", 0)["after"]
    told = service.client.get(f"/v1/accounts/{service.account}").json()
    _, (scored, _, _) = service.scores()
    for name in ("detractor_risk", "predicted_nps", "churn_risk"):
        assert after[name] == told[name] == scored[name] == told["last_change"]["after"][name]
        assert after[name] == round(after[name], 12)


def test_jobs_and_given_features_tell_it_too(service) -> None:
    service.answer("r1", 0)
    rows = [{"id": "1", "account": service.account}, {"id": "2", "account": service.other}]
    told = service.client.post("/v1/score/features", json={"rows": [*rows, {"id": "3"}]}).json()
    FeaturesAnswer.model_validate(told)
    assert [result["as_of"] for result in told["results"]] == [AGAIN, RUN, RUN]
    asked = {"accounts": [service.account, service.other, "nobody"]}
    job = service.client.post("/v1/jobs/score", json=asked).json()["job"]
    assert JobRunner(service.live).work()
    results = service.client.get(f"/v1/jobs/{job['id']}").json()["results"]
    assert [result["as_of"] for result in results] == [AGAIN, RUN, None]
