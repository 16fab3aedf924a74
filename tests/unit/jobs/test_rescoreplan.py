"""A plan does again only what a request makes different, and all of that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from api_client import TestClient, key_headers
from written_company import written_once

from npsight.jobs.building.servingfacts import find_serving_facts
from npsight.jobs.scoring import rescoreplan
from npsight.service.app import build_app
from npsight.service.state import Live, load_state
from npsight.service.writing import close

ANSWERS = ("npsight_read_", "npsight_responses_", "npsight_invitations_", "npsight_versions_")
"""Stems of tables that are made of answers, or of what cannot be posted."""
MARKET = [f"market__{band}__hl60" for band in ("detractor", "passive", "promoter")]


class Company:
    """Facts are posted to it; `statements` are those of the last request."""

    def __init__(self, live: Live, client: TestClient, statements: list[str]) -> None:
        self.live, self.client, self.statements = live, client, statements
        self.run = live.state.store.latest_run(live.state.project)
        self.accounts = sorted(row.account for row in live.state.store.scores(self.run.id))[:2]

    def usage(self, id: str, account: str, **values: float) -> None:
        at = "2026-06-29T00:00:00Z"
        fact = {"table": "usage", "id": id, "account": account, "occurred_at": at, "known_at": at}
        fact |= values
        self._post("/v1/facts/one", fact)

    def answer(self, id: str, account: str) -> None:
        at = "2026-06-28T00:00:00Z"
        fact = {"id": id, "account": account, "score": 0, "occurred_at": at, "known_at": at}
        self._post("/v1/responses/one", fact)

    def _post(self, path: str, fact: dict[str, Any]) -> None:
        self.statements.clear()
        answer = self.client.post(path, json=fact)
        assert answer.json().get("status") == "rescored", answer.text

    def made(self) -> set[str]:
        """Stems of `ANSWERS` whose tables the last request made."""
        heads = [s.partition(" AS ")[0] for s in self.statements if s.startswith("CREATE")]
        return {stem for stem in ANSWERS if any(stem in head for head in heads)}

    def features(self, account: str) -> dict[str, Any]:
        return dict(self.live.state.store.inputs(self.run.id, [account])[account].features)


@pytest.fixture
def company(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    statements: list[str] = []
    real = rescoreplan.run

    def noted(backend: Any, sql: str) -> Any:
        statements.append(sql)
        return real(backend, sql)

    monkeypatch.setattr(rescoreplan, "run", noted)
    live = Live(load_state(written_once(shared).copy(tmp_path / "company", state=True).config))
    with TestClient(build_app(live), headers=key_headers(live.state, ["write"])) as client:
        yield Company(live, client, statements)
    close(live)
    live.state.store.close()


def test_answers_are_put_together_again_only_after_another_one(company: Company) -> None:
    one, other = company.accounts
    company.usage("u1", one, logins=1)
    first = company.features(one)
    company.usage("u2", other, logins=2)
    # Each table of facts of the accounts is read again, answers of everybody are not.
    assert company.made() == {"npsight_read_", "npsight_invitations_"}
    company.answer("r1", other)
    assert company.made() == {"npsight_read_", "npsight_responses_", "npsight_invitations_"}
    company.usage("u3", one, logins=3)
    later = company.features(one)
    # Another's answer is one of the market, and the fact of before is still there.
    assert [later[name] for name in MARKET] != [first[name] for name in MARKET]
    assert later["usage__sum_logins__90d"] == first["usage__sum_logins__90d"] + 3


def test_files_that_were_written_anew_are_read_anew(company: Company) -> None:
    """As when an account is erased while the service runs."""
    one, other = company.accounts
    company.usage("u1", one, logins=1)
    before = company.features(one)
    facts = find_serving_facts(company.live.state.spec)
    erased = 0
    for name, file in facts.files.items():
        if name.startswith("responses."):
            answers = pq.read_table(file)
            gone = pc.equal(answers["account"], other)
            erased += pc.sum(gone).as_py()
            pq.write_table(answers.filter(pc.invert(gone)), file.with_suffix(".new"))
            file.with_suffix(".new").replace(file)
    assert erased > 0
    company.usage("u2", one, logins=1)
    after = company.features(one)
    assert sum(after[name] for name in MARKET) < sum(before[name] for name in MARKET)


def test_a_request_for_the_same_account_again_reads_its_facts_again_where_they_are_others(
    company: Company,
) -> None:
    one, _ = company.accounts
    company.answer("r1", one)
    before = company.features(one)
    company.usage("u1", one, logins=5)
    company.answer("r2", one)
    after = company.features(one)
    assert after["usage__sum_logins__90d"] == before["usage__sum_logins__90d"] + 5
    detractors = "own__detractor__hl60"
    assert after[detractors] > before[detractors]
