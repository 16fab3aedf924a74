"""A project from its first score to closed loops, on each database it can name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
import yaml
from api_client import TestClient
from browsed import HASH, Browsed
from followed import assert_whole
from postgres_server import postgres_server
from sqlalchemy import update
from written_company import END, WrittenCompany, score_company, written_once

from npsight.service.app import build_app
from npsight.service.state import Live, load_state
from npsight.service.writing import close
from npsight.store import create_key, keys_of, store_file
from npsight.store.auditlog import entries
from npsight.store.followuprows import follow_up_events, follow_ups, shown_fields
from npsight.store.followups import follow_ups_of
from npsight.store.users import User, add_user
from npsight.web.app import build_pages

VARIABLE = "NPSIGHT_TEST_END"
CALLED, ANSWERED = END - timedelta(minutes=2), END - timedelta(minutes=1)


@pytest.fixture(scope="module")
def simulated(shared: Path) -> WrittenCompany:
    return written_once(shared)


@pytest.fixture(params=["sqlite", "postgres"])
def company(
    request: pytest.FixtureRequest, simulated: WrittenCompany, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WrittenCompany]:  # fmt: skip
    if request.param == "sqlite":
        yield simulated.copy(tmp_path / "company", state=True)  # as scored once already
        return
    made = simulated.copy(tmp_path / "company")
    content = yaml.safe_load(made.config.read_text())
    made.config.write_text(yaml.safe_dump({**content, "database": VARIABLE}, sort_keys=False))
    with postgres_server("end") as url:
        monkeypatch.setenv(VARIABLE, url)
        score_company(made)
        assert not store_file(made.project.state_dir).exists()
        yield made


def backdated(live: Live, account: str) -> str:
    """Have the account's follow-up, opened and called just now, be of just before the data's end.

    The data end long ago; only so can an answer in them come after a call.
    """
    state, at = live.state, CALLED.replace(tzinfo=UTC)
    (one,) = follow_ups_of(state.store, state.project, account)
    with state.store.writing() as connection:
        mine = follow_ups.c.id == one.id
        connection.execute(update(follow_ups).where(mine).values(opened_at=at, contacted_at=at))
        event = (follow_up_events.c.follow_up_id == one.id) & (follow_up_events.c.version == 2)
        after = {**shown_fields(one), "contacted_at": at.isoformat()}
        connection.execute(update(follow_up_events).where(event).values(after=after))
    return one.id


def test_score_keys_follow_ups_answers_and_score_again(company: WrittenCompany) -> None:
    live = Live(load_state(company.config))
    state, browsed = live.state, Browsed(build_pages(live), live)
    store, project = state.store, state.project
    run = store.latest_run(project)
    rows = {row.account: row for row in store.scores(run.id)}
    accounts = [a for a, row in rows.items() if row.band_now in ("detractor", "passive")][:2]
    assert len(accounts) == 2
    key, _ = create_key(store, project, "crm", ["write", "read", "score"])
    assert [one.name for one in keys_of(store, project)] == ["crm"]
    add_user(store, project, User(uuid.uuid4().hex, "ada", "Ada", "csm"), HASH, "a test")
    browser = browsed.enter("ada")
    for account in accounts:
        call = {"action": "call", "note": "Asked how it goes."}
        address = browser.post(f"/accounts/{account}/follow-up", call).headers["location"]
        assert browser.get(address).status_code == 200
        backdated(live, account)
    # One answer is sent in, and closes its loop at once …
    first, second = accounts
    touchpoint = _touchpoint(company)
    at = f"{ANSWERED.isoformat()}Z"
    body = {"id": "sent-1", "account": first, "score": 10, "occurred_at": at, "known_at": at,
            "touchpoint": touchpoint}  # fmt: skip
    with TestClient(build_app(live), headers={"Authorization": f"Bearer {key}"}) as client:
        answer = client.post("/v1/responses", json={"responses": [body]})
        assert answer.json()["results"][0]["status"] in ("rescored", "stored"), answer.text
    (closed,) = follow_ups_of(store, project, first)
    assert (closed.state, closed.closed_by, closed.after.band) == ("recovered", "api", "promoter")
    # … the other stands in the tables, and the next run finds it.
    row = {"survey_id": "filed-1", "account_id": second, "answered_at": at, "synced_at": at,
           "score": 1, "touchpoint": touchpoint}  # fmt: skip
    company.append("responses", [row])
    score_company(company)
    (closed,) = follow_ups_of(store, project, second)
    assert (closed.state, closed.closed_by, closed.after.score) == (
        "not recovered", "npsight score", 1.0,
    )  # fmt: skip
    assert closed.after.risk is not None
    versions = {
        one.account: one.version for a in accounts for one in follow_ups_of(store, project, a)
    }
    score_company(company)
    assert versions == {
        one.account: one.version for a in accounts for one in follow_ups_of(store, project, a)
    }
    assert {entry.actor for entry in entries(store, project)} >= {"ada", "api", "npsight score"}
    assert assert_whole(store, project) == 2
    words = re.sub(r"<[^>]*>", " ", browser.get(f"/follow-ups/{closed.id}").text)
    assert "the account answered" in words
    store.check()
    close(live)
    store.close()


def test_a_run_that_fails_at_the_end_closes_nothing(company: WrittenCompany) -> None:
    live = Live(load_state(company.config))
    store, project = live.state.store, live.state.project
    browsed = Browsed(build_pages(live), live)
    add_user(store, project, User("bo", "bo", "Bo", "csm"), HASH, "a test")
    account = store.scores(store.latest_run(project).id)[0].account
    browsed.enter("bo").post(f"/accounts/{account}/follow-up", {"action": "call"})
    backdated(live, account)
    at = f"{ANSWERED.isoformat()}Z"
    company.append("responses", [{"survey_id": "f", "account_id": account, "answered_at": at,
                                  "synced_at": at, "score": 9, "touchpoint": _touchpoint(company)}])  # fmt: skip
    runs = len(store.runs(project))

    def fails(*_: object, **__: object) -> int:
        raise OSError("the machine stops here")

    with (
        mock.patch("npsight.store.store._delete_old", fails),
        pytest.raises(OSError, match="stops here"),
    ):
        score_company(company)
    assert follow_ups_of(store, project, account)[0].is_open
    assert len(store.runs(project)) == runs
    score_company(company)
    assert follow_ups_of(store, project, account)[0].state == "recovered"
    assert assert_whole(store, project) == 1
    store.close()


def _touchpoint(company: WrittenCompany) -> str:
    return str(pd.read_csv(company.data / "surveys.csv")["touchpoint"].dropna().iloc[0])
