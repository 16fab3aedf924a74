"""Why a registry cannot be used, told so that it can be mended."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from npsight.errors import NpsightError, RegistryAwayError, RegistryRefusedError, StateError
from npsight.tracking import Tracking
from npsight.tracking.reasons import unusable


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second attempt, and no long wait."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


class Answers(BaseHTTPRequestHandler):
    """Answers everything with the status that the first part of its path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"Denied")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    opened = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=opened.serve_forever)
    thread.start()
    yield f"127.0.0.1:{opened.server_address[1]}"
    opened.shutdown()
    thread.join()
    opened.server_close()


def asked(uri: str, folder: Path) -> NpsightError:
    with pytest.raises(StateError) as told:
        Tracking("p", folder, uri).versions()
    return told.value


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, RegistryRefusedError, ("does not know who asks", "MLFLOW_TRACKING_USERNAME")),
        (403, RegistryRefusedError, ("does not allow this", "docs/mlflow.md")),
        (503, RegistryAwayError, ("it answers with errors",)),
        (429, StateError, ("cannot be used",)),
    ],
)
def test_an_answer_that_is_none_is_told_by_its_status(server, tmp_path, status, kind, words):
    error = asked(f"http://u:hunter2@{server}/{status}", tmp_path)
    assert type(error) is kind
    assert "hunter2" not in str(error)
    for word in words:
        assert word in str(error)


def test_a_registry_that_is_not_there_is_away_for_a_reason(server, tmp_path):
    assert "nothing answers there" in str(asked("http://127.0.0.1:9", tmp_path))
    assert "does not speak TLS" in str(asked(f"https://{server}", tmp_path))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = asked(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path)
    assert isinstance(error, RegistryAwayError)
    assert "no answer in time" in str(error)


def test_a_database_server_that_is_away_is_not_waited_for_as_mlflow_does(tmp_path):
    began = time.monotonic()
    error = asked("postgresql+psycopg://u:hunter2@127.0.0.1:9/runs", tmp_path)
    assert time.monotonic() - began < 60
    assert isinstance(error, RegistryAwayError)
    assert "postgresql+psycopg://127.0.0.1:9/runs: the model registry" in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ssl.SSLCertVerificationError(1, "self-signed"), "MLFLOW_TRACKING_SERVER_CERT_PATH"),
        (socket.gaierror(-2, "unknown"), "the name of its host is not known"),
        (ConnectionResetError(104, "reset"), "hangs up"),
    ],
)
def test_what_an_error_came_from_is_what_is_told(cause: Exception, words: str):
    class WrappedError(Exception):
        def __init__(self, reason: Exception) -> None:
            self.reason = reason
            super().__init__("Max retries exceeded with url: /api?secret")

    told = unusable("http://host", WrappedError(cause), hidden=False)
    assert isinstance(told, RegistryAwayError)
    assert words in str(told)
    assert "secret" not in str(told)
