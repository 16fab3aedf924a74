"""`/readyz`: 200 with what is wrong while the service can score, 503 when it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_client import TestClient
from other_models import promote_on_disk, shifted
from tiny_project import make_project

from npsight.config.load import load_project
from npsight.service import fitting
from npsight.service.app import build_app
from npsight.service.standing import MODEL, OVERDUE_SECONDS, SCORES, Standing
from npsight.service.state import Live, load_state
from npsight.service.watch import Watcher
from npsight.store import store_file


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_project(tmp_path, count=3)


@pytest.fixture
def live(config: Path):
    opened = Live(load_state(config))
    yield opened
    opened.state.store.close()


def ask(live: Live):
    with TestClient(build_app(live), raise_server_exceptions=False) as client:
        return client.get("/readyz")


def test_a_well_service_is_ready_and_names_its_model(live: Live) -> None:
    answer = ask(live)
    body = answer.json()
    assert answer.status_code == 200
    assert (body["status"], body["model_version"], body["degraded"]) == ("ready", 7, [])
    assert body["model_digest"] == live.state.digest
    assert datetime.fromisoformat(body["served_since"]).tzinfo == UTC


def test_a_refused_champion_is_told_and_the_service_stays_ready(
    config: Path, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = shifted(0.5)
    promote_on_disk(config, 9, {**files, "golden.json": b"{}"})
    watcher = Watcher(live, load_project(config), None, seconds=3600)
    watcher.look()
    answer = ask(live)
    assert answer.status_code == 200
    (trouble,) = answer.json()["degraded"]
    assert answer.json()["status"] == "degraded"
    assert answer.json()["model_version"] == 7
    assert (trouble["part"], trouble["offered_version"]) == (MODEL, 9)
    assert "golden.json" in trouble["reason"]
    assert trouble["offered_digest"] not in (None, live.state.digest)
    assert datetime.fromisoformat(trouble["since"]) <= datetime.now(UTC)
    monkeypatch.setattr(fitting, "prove", lambda *_: None)
    promote_on_disk(config, 10, files)
    watcher.look()
    assert ask(live).json()["status"] == "ready"
    assert ask(live).json()["model_version"] == 10


def test_a_store_that_is_gone_is_503(config: Path, live: Live) -> None:
    store_file(config.parent / "state").unlink()
    answer = ask(live)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "store-unavailable"


def test_a_model_that_cannot_score_the_latest_run_is_503(live: Live) -> None:
    live.standing.tell(SCORES, "the latest run lacks what the served model reads")
    answer = ask(live)
    assert (answer.status_code, answer.json()["code"]) == (503, "cannot-score")
    live.standing.clear(SCORES)
    assert ask(live).status_code == 200


def test_the_same_trouble_keeps_its_first_time() -> None:
    standing = Standing()
    standing.tell(MODEL, "a", 3)
    (first,) = standing.troubles
    standing.tell(MODEL, "a", 3)
    assert standing.troubles == (first,)
    standing.tell(MODEL, "b", 3)
    assert standing.troubles[0].reason == "b"


def test_a_watcher_that_hangs_is_told() -> None:
    standing = Standing()
    standing.looked(5)
    assert standing.troubles == ()
    standing._looked_at = datetime.now(UTC) - timedelta(seconds=OVERDUE_SECONDS + 1)
    assert [trouble.part for trouble in standing.troubles] == ["watcher"]
