"""The champion that a registry offers, asked without MLflow, and its files fetched elsewhere."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from registered import bundle, registered

from npsight.errors import ModelIntegrityError, StateError
from npsight.models.bundle import digest_of
from npsight.tracking import CHAMPION, Tracking
from npsight.tracking.client import DATABASE, sqlite_uri
from npsight.tracking.fetch import fetch_bundle
from npsight.tracking.offer import Offer, champion_offer


class Answers(BaseHTTPRequestHandler):
    """Answers as an MLflow server does, by the path of the request."""

    seen: list[tuple[str, str | None]]
    answer: tuple[int, bytes, dict[str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        status, body, headers = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[tuple[type[Answers], str]]:
    handler = type("Handler", (Answers,), {"seen": [], "answer": (200, b"{}", {})})
    opened = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=opened.serve_forever)
    thread.start()
    yield handler, f"127.0.0.1:{opened.server_address[1]}"
    opened.shutdown()
    thread.join()
    opened.server_close()


def version(number: int, digest: str) -> bytes:
    tags = [{"key": "other", "value": "x"}, {"key": "npsight.digest", "value": digest}]
    return json.dumps({"model_version": {"version": str(number), "tags": tags}}).encode()


def test_a_server_is_asked_by_its_rest_interface(
    server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, address = server
    handler.answer = (200, version(12, "d"), {})
    assert champion_offer("my p", tmp_path, f"http://u:p%40@{address}/ml/") == Offer(12, "d")
    path, authorization = handler.seen[0]
    assert path == ("/ml/api/2.0/mlflow/registered-models/alias?name=npsight-my+p&alias=champion")
    assert authorization == "Basic " + base64.b64encode(b"u:p@").decode()
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
    assert champion_offer("p", tmp_path, f"http://{address}") == Offer(12, "d")
    assert handler.seen[1][1] == "Bearer t"


@pytest.mark.parametrize("code", ["INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"])
def test_no_champion_is_no_offer(server, tmp_path: Path, code: str) -> None:
    handler, address = server
    handler.answer = (404, json.dumps({"error_code": code}).encode(), {})
    assert champion_offer("p", tmp_path, f"http://{address}") is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, b"oops", {}), "it answered 500"),
        ((403, b'{"error_code": "PERMISSION_DENIED"}', {}), "it answered 403"),
        ((302, b"", {"Location": "http://127.0.0.1:1/"}), "it answered 302"),
        ((200, b"<html>", {}), "does not answer as MLflow does"),
        ((200, b"[]", {}), "does not answer as MLflow does"),
        ((200, b'{"model_version": {"version": "x"}}', {}), "does not answer as MLflow does"),
        ((200, b" " * 1_100_000, {}), "does not end"),
    ],
)
def test_a_server_that_answers_otherwise_is_away(
    server, tmp_path: Path, answer, reason: str
) -> None:
    handler, address = server
    handler.answer = answer
    with pytest.raises(StateError, match=reason) as error:
        champion_offer("p", tmp_path, f"http://u:secret@{address}")
    assert "secret" not in str(error.value)
    assert len(handler.seen) == 1


def test_a_server_that_accepts_and_never_answers_is_away(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StateError, match="does not answer"):
            champion_offer("p", tmp_path, address, seconds=0.2)


def test_the_database_gives_what_mlflow_itself_gives(tracking: Tracking) -> None:
    def offer(uri: str | None = None) -> Offer | None:
        return champion_offer(tracking.project, tracking.state_dir, uri)

    files = bundle("one")
    first, second = registered(tracking, files), registered(tracking, bundle("two"))
    assert offer() is None
    tracking.set_alias(CHAMPION, first)
    tracking.set_alias("challenger", second)
    assert offer() == Offer(first, digest_of(files))
    assert offer(sqlite_uri(tracking.state_dir / DATABASE)) == offer()
    tracking.set_alias(CHAMPION, second)
    assert offer() == Offer(second, digest_of(bundle("two")))
    assert tracking.alias_version(CHAMPION) == second


def test_a_version_without_digest_is_offered(tracking: Tracking) -> None:
    version = registered(tracking, {"model.json": b"{}"})
    tracking._client.set_registered_model_alias(tracking.name, CHAMPION, str(version))
    assert champion_offer(tracking.project, tracking.state_dir, None) == Offer(version, "")


def test_without_a_database_nothing_is_offered_and_none_is_made(tmp_path: Path) -> None:
    assert champion_offer("p", tmp_path, None) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["postgresql+psycopg://u:secret@127.0.0.1:1/x", "nonsense://x"])
def test_a_database_that_is_away_is_told(tmp_path: Path, uri: str) -> None:
    with pytest.raises(StateError, match="does not answer") as error:
        champion_offer("p", tmp_path, uri, seconds=1)
    assert "secret" not in str(error.value)


def test_a_database_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError, match="does not answer"):
        champion_offer("p", tmp_path, None)


def test_files_are_fetched_in_a_process_of_its_own(tracking: Tracking) -> None:
    files = bundle("fetched")
    version = registered(tracking, files)
    state_dir = tracking.state_dir
    assert fetch_bundle(tracking.project, state_dir, None, version) == files
    with pytest.raises(StateError, match="could not be fetched from the registry within 0.01"):
        fetch_bundle(tracking.project, state_dir, None, version, seconds=0.01)
    run_id = next(v.run_id for v in tracking.versions() if v.version == version)
    folder = state_dir / "mlartifacts" / run_id / "artifacts" / "bundle"
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(ModelIntegrityError, match="has no files"):
        fetch_bundle(tracking.project, state_dir, None, version)
