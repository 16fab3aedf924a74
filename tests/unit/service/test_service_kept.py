"""What is kept of scores, and when it is dropped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from api_client import TestClient, key_headers
from sqlalchemy import update
from tiny_project import AS_OF, make_project

from npsight.service.ahead import current
from npsight.service.app import App, build_app
from npsight.service.instants import instant_text
from npsight.service.kept import OVERHEAD, Kept
from npsight.service.state import Live, load_state
from npsight.service.together import results
from npsight.store import Rescored, write_rescored
from npsight.store.tables import inputs

A, B = "a/1 é", "a/2 é"


@pytest.fixture
def served(tmp_path: Path):
    """The app, its client, and what is served, all changeable."""
    state = load_state(make_project(tmp_path, count=12))
    live = Live(state)
    app = build_app(live)
    with TestClient(app, headers=key_headers(state), raise_server_exceptions=False) as client:
        yield app, client, live
    state.store.close()


def risks(client: TestClient, *accounts: str, **more: bool) -> list[float]:
    answer = client.post("/v1/score", json={"accounts": list(accounts), **more})
    assert answer.status_code == 200
    return [result["detractor_risk"] for result in answer.json()["results"]]


def put_inputs(live: Live, account: str, logins: float) -> None:
    """Replace an account's stored inputs, as a posted fact does."""
    store = live.state.store
    run = store.latest_run("tiny")
    item = store.inputs(run.id, [account])[account]
    features = {**item.features, "usage__sum_logins__30d": logins}
    with store.writing() as connection:
        mine = (inputs.c.run_id == run.id) & (inputs.c.account == account)
        connection.execute(update(inputs).where(mine).values(features=features))


def test_a_known_score_is_not_made_again(served, monkeypatch) -> None:
    _, client, _ = served
    first = risks(client, A, B)
    monkeypatch.setattr("npsight.service.together.score_stored", lambda *_: 1 / 0)
    assert risks(client, B, A) == first[::-1]
    assert client.post("/v1/score", json={"accounts": ["a/3 é"]}).status_code == 500


def test_scores_with_drivers_are_kept_by_themselves(served) -> None:
    _, client, live = served
    told = client.post("/v1/score", json={"accounts": [A], "drivers": True}).json()["results"][0]
    plain = client.post("/v1/score", json={"accounts": [A]}).json()["results"][0]
    again = client.post("/v1/score", json={"accounts": [A], "drivers": True}).json()["results"][0]
    assert told["drivers"]
    assert again == told
    assert plain["drivers"] is None
    assert plain["detractor_risk"] == told["detractor_risk"]
    assert len(live.kept) == 2


def test_what_another_worker_scored_again_is_scored_anew_at_once(served) -> None:
    _, client, live = served
    state = live.state
    headers = key_headers(state)
    with TestClient(build_app(Live(state)), headers=headers) as other:
        before = risks(other, A, B)
        assert risks(other, A, B) == before
        run = state.store.latest_run("tiny")
        row = state.store.score(run.id, A)
        item = state.store.inputs(run.id, [A])[A]
        for logins in (1.0, 30.0):
            features = {**item.features, "usage__sum_logins__30d": logins}
            again = Rescored(replace(row, as_of=AS_OF + timedelta(days=1)), features, item.past)
            assert write_rescored(state.store, run, [again], 0, 7, {A: "fact"}, AS_OF)
            live.forget(A)
            after = risks(other, A, B)
            assert after == risks(client, A, B)
            assert after[0] != before[0]
            assert after[1] == before[1]


def test_the_first_request_notices_what_changed_since_scores_were_made_ahead(served) -> None:
    _, client, live = served
    state = live.state
    before = risks(client, A)
    own = Live(state)
    app = build_app(own)
    with TestClient(app, headers=key_headers(state)) as other:
        app.api.notice()
        results(current(own), [A], False)
        run = state.store.latest_run("tiny")
        row, item = state.store.score(run.id, A), state.store.inputs(run.id, [A])[A]
        features = {**item.features, "usage__sum_logins__30d": 1.0}
        again = Rescored(replace(row, as_of=AS_OF + timedelta(days=1)), features, item.past)
        assert write_rescored(state.store, run, [again], 0, 7, {A: "fact"}, AS_OF)
        assert risks(other, A) != before


def test_an_account_whose_inputs_were_replaced_is_scored_anew(served) -> None:
    _, client, live = served
    before = risks(client, A, B)
    put_inputs(live, A, 1.0)
    put_inputs(live, B, 1.0)
    live.forget(A)
    after = risks(client, A, B)
    assert after[0] != before[0]
    assert after[1] == before[1]
    live.changed()
    assert risks(client, A, B)[1] != before[1]


def test_what_was_read_before_a_change_is_not_kept(served, monkeypatch) -> None:
    """The account is forgotten while its score is being made of the old inputs."""
    from npsight.service import together

    _, client, live = served
    stored = together.score_stored

    def slow(*arguments):
        result = stored(*arguments)
        live.forget(A)
        return result

    monkeypatch.setattr(together, "score_stored", slow)
    risks(client, A)
    assert len(live.kept) == 0


def test_another_run_is_answered_once_it_is_told(served) -> None:
    _, client, live = served
    assert client.post("/v1/score", json={"accounts": [A]}).json()["as_of"] == instant_text(AS_OF)
    store, run = live.state.store, live.state.store.latest_run("tiny")
    later = replace(run, id="run-2", as_of=AS_OF + timedelta(days=1))
    items = [(k, v.features, v.past) for k, v in store.inputs(run.id).items()]
    rows = [replace(row, as_of=later.as_of) for row in store.scores(run.id)]
    store.write_run(later, rows, items)
    live.changed()
    answer = client.post("/v1/score", json={"accounts": [A]}).json()
    assert answer["as_of"] == instant_text(later.as_of)
    assert answer["results"][0]["as_of"] == instant_text(later.as_of)


def test_another_model_answers_at_once(served) -> None:
    _, client, live = served
    risks(client, A)
    live.state = replace(live.state, version=8, digest="d" * 64)
    answer = client.post("/v1/score", json={"accounts": [A]}).json()
    assert (answer["model_version"], answer["model_digest"]) == (8, "d" * 64)


def test_a_run_read_before_a_change_is_not_kept(served) -> None:
    _, client, live = served
    risks(client, A)
    old, generation = live.kept, live.generation
    live.changed()
    live.keep(old, generation)
    assert live.kept is None


def test_the_oldest_results_make_room(served) -> None:
    _, _, live = served
    run = live.state.store.latest_run("tiny")
    kept = Kept(live.state, run, most_bytes=3 * (100 + OVERHEAD))
    for account in "abcd":
        kept.put(kept.version, [((account, False), b"x" * 100)])
    assert [kept.get(account, False) is None for account in "abcd"] == [True, False, False, False]
    kept.put(kept.version, [(("d", False), b"y" * 100)])
    assert len(kept) == 3
    kept.forget("b")
    kept.put(kept.version, [(("e", False), b"z" * 100)])
    assert [kept.get(a, False) is None for a in "bcde"] == [True, False, False, False]


def test_many_accounts_are_answered_in_one_request(served) -> None:
    app, client, live = served
    assert isinstance(app, App)
    keys = list(live.state.store.inputs("run-1"))
    whole = risks(client, *keys)
    live.changed()
    assert [risks(client, key)[0] for key in keys] == whole
