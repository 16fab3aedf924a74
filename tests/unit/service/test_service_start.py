"""With which model the service starts: the best that is proved, the last good one at worst."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from other_models import Files, cut, promote_on_disk, reads_more, sealed, shifted
from tiny_project import make_project

from npsight.config.load import load_project
from npsight.config.runtime import serving_environment, serving_workers
from npsight.errors import ModelIntegrityError, NotFoundError, NpsightError, StateError
from npsight.models.bundle import verify
from npsight.service import offered, serve
from npsight.service.serve import is_loopback, prepare, warn_of_address
from npsight.service.state import load_state
from npsight.store import create_key, open_store, store_file
from npsight.tracking.cache import SERVED, read_cached
from npsight.tracking.offer import Offer


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return make_project(tmp_path, count=3)


@pytest.fixture(scope="module")
def better() -> Files:
    return shifted(0.5)


def served(config: Path) -> int | None:
    prepare(load_project(config))
    state = load_state(config)
    state.store.close()
    found = read_cached(config.parent / "state", SERVED)
    assert found is not None
    assert (state.version, state.digest) == (found[0], verify(found[1]))
    return found[0]


def test_a_bad_promotion_does_not_keep_the_service_down(config: Path, better: Files) -> None:
    assert served(config) == 7
    promote_on_disk(config, 8, sealed(cut(better)))
    assert served(config) == 7
    promote_on_disk(config, 9, better)
    assert served(config) == 9


def test_a_champion_whose_features_are_not_stored_waits(config: Path) -> None:
    assert served(config) == 7
    promote_on_disk(config, 8, reads_more())
    assert served(config) == 7


def test_it_starts_all_the_same_where_there_is_no_other(tmp_path: Path) -> None:
    config = make_project(tmp_path, count=3)
    promote_on_disk(config, 8, reads_more())
    assert served(config) == 8


def test_without_an_earlier_one_a_damaged_champion_is_refused(config: Path, better: Files) -> None:
    promote_on_disk(config, 8, cut(better))
    with pytest.raises(ModelIntegrityError, match=r"not as written: detractor\.lgb\.txt"):
        prepare(load_project(config))
    assert read_cached(config.parent / "state", SERVED) is None


def test_a_lost_cache_leaves_the_last_good_one(config: Path) -> None:
    assert served(config) == 7
    (config.parent / "state" / "champion" / "current.json").write_text("{")
    assert served(config) == 7
    (config.parent / "state" / "champion" / "current.json").unlink()
    assert served(config) == 7


def test_the_registry_offers_another(
    config: Path, better: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []

    def fetch(*arguments: object) -> Files:
        fetched.append(1)
        return better

    monkeypatch.setattr(offered, "champion_offer", lambda *_: Offer(12, verify(better)))
    monkeypatch.setattr(offered, "fetch_bundle", fetch)
    assert served(config) == 12
    assert served(config) == 12
    assert fetched == [1], "what is here already was fetched again"


def test_a_registry_that_is_away_does_not_keep_the_service_down(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> Offer:
        raise StateError("no answer")

    monkeypatch.setattr(offered, "champion_offer", away)
    assert served(config) == 7
    for name in ("champion", "served"):
        (config.parent / "state" / name / "current.json").unlink()
    with pytest.raises(StateError, match="no champion was kept on this machine"):
        prepare(load_project(config))
    monkeypatch.setattr(offered, "champion_offer", lambda *_: None)
    with pytest.raises(NotFoundError, match="npsight train -c"):
        prepare(load_project(config))


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("box", False)],
)
def test_an_address_that_others_reach_is_warned_of(
    host: str, alone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_loopback(host) is alone
    warn_of_address(host)
    assert [("without TLS" in r.getMessage()) for r in caplog.records] == [True] * (not alone)


def test_workers_are_told_by_the_environment() -> None:
    environment = serving_environment(Path("a.yaml"), 3)
    assert serving_workers(environment) == 3
    assert serving_workers({"NPSIGHT_WORKERS": "none"}) == 1


def test_serve_tells_the_process_its_workers(config: Path, monkeypatch) -> None:
    told: list[dict[str, str]] = []
    monkeypatch.setattr(serve, "prepare", lambda _project: None)
    monkeypatch.setattr(serve, "_run", lambda _command, found, _wait: told.append(found) or 0)
    assert serve.serve(config, workers=2) == 0
    assert told[0]["NPSIGHT_WORKERS"] == "2"


def test_serve_says_where_it_is_and_how_to_get_a_key(config: Path, monkeypatch) -> None:
    """The last line comes when somebody listens, and not where the process ended before."""
    ends = [None]

    class Child:
        def poll(self) -> int | None:
            return ends[0]

    def run(command: list[str], _environment: dict[str, str], meanwhile) -> int:
        host, port = (command[command.index(name) + 1] for name in ("--host", "--port"))
        assert not any("is served at" in line for line in said)
        with socket.create_server(
            (host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        ):
            meanwhile(Child())
        return 0

    monkeypatch.setattr(serve, "_run", run)
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve.serve(config, port=port, say=said.append)
    assert "npsight keys create NAME --scope score" in said[1]
    assert f"tiny, model version 7, is served at http://127.0.0.1:{port}" in said[2]
    store = open_store(store_file(config.parent / "state"))
    create_key(store, "tiny", "crm", ["score"])
    store.close()
    said.clear()
    serve.serve(config, host="::1", port=port, say=said.append)
    assert f"http://[::1]:{port}" in said[1]
    assert len(said) == 2
    said.clear()
    ends[0] = 3
    serve.serve(config, port=port, say=said.append)
    assert len(said) == 1


def test_a_port_in_use_is_told_before_anything_is_proved(config: Path) -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(NpsightError, match=f"port {port} .* cannot be used.*\n.*--port"):
            serve.serve(config, port=port, say=said.append)
    assert said == []
