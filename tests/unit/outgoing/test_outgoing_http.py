"""One call: pinned, bounded, and silent about what is secret in its URL."""

from __future__ import annotations

import datetime as dt
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from crm_servers import Fault, LocalServer, Receiver, Reply

from npsight.outgoing.http import Sender, SendError
from npsight.outgoing.targets import TargetPolicy

TOKEN = "canary-token-5d1f"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with Receiver() as opened:
        yield opened


def test_a_call_brings_status_headers_and_body(sender: Sender, server: LocalServer) -> None:
    server.faults.append(Fault(Reply(418, b"short", {"X-Kind": "teapot"})))
    answer = sender.send("POST", f"{server.url}/a?b=c", {"X-Own": "1"}, b"hello")
    assert (answer.status, answer.body, answer.headers["x-kind"]) == (418, b"short", "teapot")
    [received] = server.received
    assert (received.path, received.body) == ("/a?b=c", b"hello")
    assert received.headers["host"] == f"127.0.0.1:{server.port}"
    assert received.headers["x-own"] == "1"
    assert received.headers["accept-encoding"] == "identity"
    assert received.headers["user-agent"].startswith("npsight/")


def test_redirects_are_not_followed(sender: Sender, server: LocalServer) -> None:
    server.faults.append(Fault(Reply(302, b"", {"Location": f"{server.url}/else"}), times=9))
    assert sender.send("GET", server.url).status == 302
    assert len(server.received) == 1


def test_private_targets_are_refused_before_anything_is_sent(server: LocalServer) -> None:
    allowed = f"127.0.0.1:{server.port}"
    for policy in (TargetPolicy(), TargetPolicy.of([allowed])):
        with Sender(policy) as strict, pytest.raises(SendError, match="without encryption"):
            strict.send("GET", f"{server.url}/{TOKEN}")
    with Sender(TargetPolicy()) as strict, pytest.raises(SendError, match="not public") as caught:
        strict.send("GET", f"https://127.0.0.1:{server.port}/{TOKEN}")
    assert caught.value.reason == "refused_target"
    assert TOKEN not in str(caught.value)
    assert server.received == []


def test_a_name_that_turns_private_is_refused(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when it is saved, private when it is called."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    asked = []

    def lookup(host: object, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    policy = TargetPolicy()
    url = f"https://rebound.example:{server.port}/"
    assert policy.check(url).host == "rebound.example"
    with Sender(policy) as strict, pytest.raises(SendError, match="not public"):
        strict.send("GET", url)
    assert len(asked) == 2
    assert server.received == []


def test_the_address_that_was_judged_is_the_one_called(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look-up, which could say something else, never happens."""
    answers = iter(["127.0.0.1"])

    def lookup(host: object, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    policy = TargetPolicy.of([f"http://named.example:{server.port}"])
    with Sender(policy) as sender:
        monkeypatch.setattr(socket, "getaddrinfo", _once(lookup))
        assert sender.send("GET", f"http://named.example:{server.port}/").status == 200
    assert server.received[0].headers["host"] == f"named.example:{server.port}"


def _once(lookup):
    """Only names are looked up; connecting to a literal address asks nothing of a resolver."""
    real = socket.getaddrinfo

    def asked(host, port, *rest, **named):
        text = host.decode() if isinstance(host, bytes) else host
        if text == "127.0.0.1":
            return real(host, port, *rest, **named)
        return lookup(host, port, *rest, **named)

    return asked


def test_the_next_address_is_tried_where_one_does_not_connect(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(host: object, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        kind = (socket.SOCK_STREAM, 6, "")
        return [
            (socket.AF_INET6, *kind, ("::1", port, 0, 0)),
            (socket.AF_INET, *kind, ("127.0.0.1", port)),
        ]

    policy = TargetPolicy.of([f"http://named.example:{server.port}"])
    real = socket.getaddrinfo

    def asked(host, port, *rest, **named):
        text = host.decode() if isinstance(host, bytes) else host
        found = lookup if text == "named.example" else real
        return found(host, port, *rest, **named)

    with Sender(policy) as sender:
        monkeypatch.setattr(socket, "getaddrinfo", asked)
        assert sender.send("GET", f"http://named.example:{server.port}/").status == 200


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(seconds=1.0), "timeout"),
        (Reply(breaks=0), "broken"),
        (Reply(body=b"x" * 100, breaks=10), "broken"),
        (Reply(body=b"x" * 5000), "too_large"),
    ],
)
def test_what_is_no_answer_has_a_reason(
    sender: Sender, server: LocalServer, reply: Reply, reason: str
) -> None:
    server.faults.append(Fault(reply))
    with pytest.raises(SendError, match=r"127\.0\.0\.1: ") as caught:
        sender.send("POST", f"{server.url}/{TOKEN}?t={TOKEN}", {}, b"x", 0.4, 1000)
    assert caught.value.reason == reason
    assert TOKEN not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(202, b"x" * 100, breaks=10),
        Reply(202, b"x" * 5_000_000),
        Reply(202, b"\xff\x00", {"Content-Encoding": "gzip"}),
    ],
    ids=["cut", "long", "garbage"],
)
def test_where_no_body_is_wanted_none_makes_another_answer(
    sender: Sender, server: LocalServer, reply: Reply
) -> None:
    server.faults.append(Fault(reply))
    for status in (202, 200):
        answer = sender.send("POST", server.url, {}, b"x", max_bytes=None)
        assert (answer.status, answer.body) == (status, b"")


@pytest.mark.parametrize("reply", [Reply(seconds=1.0), Reply(breaks=0)], ids=["late", "none"])
def test_without_a_status_there_is_no_answer_though_no_body_is_wanted(
    sender: Sender, server: LocalServer, reply: Reply
) -> None:
    server.faults.append(Fault(reply))
    with pytest.raises(SendError):
        sender.send("POST", server.url, {}, b"x", 0.4, None)


def test_a_body_that_drips_after_the_status_is_left(sender: Sender) -> None:
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not stop.wait(0.05):
                connection.send(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            assert sender.send("POST", url, {}, b"x", seconds=0.5, max_bytes=None).status == 200
        finally:
            stop.set()
            thread.join()


def test_an_answer_that_drips_ends_with_the_time(sender: Sender) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            for letter in b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000:
                if stop.wait(0.05):
                    return
                connection.send(bytes([letter]))

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(SendError, match="no answer within") as caught:
            sender.send("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.5)
        assert caught.value.reason == "timeout"
    finally:
        stop.set()
        thread.join()
        listener.close()


def test_nobody_listens(sender: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SendError, match="cannot be reached") as caught:
        sender.send("GET", f"http://127.0.0.1:{port}/{TOKEN}")
    assert caught.value.reason == "unreachable"


def test_logs_hold_no_url(
    sender: Sender, server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        sender.send("GET", f"{server.url}/{TOKEN}", {"authorization": f"Bearer {TOKEN}"})
    assert TOKEN not in caplog.text


def test_a_proxy_of_the_environment_is_not_used(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Sender(TargetPolicy.of(["http://127.0.0.1"])) as sender:
        assert sender.send("GET", server.url).status == 200


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server called `name` and of a client that trusts it."""
    x509 = pytest.importorskip("cryptography.x509", reason="makes the certificate")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize(("called", "works"), [("hook.example", True), ("other.example", False)])
def test_tls_is_agreed_for_the_name_though_the_address_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: str, works: bool
) -> None:
    server_side, client_side = certificate(tmp_path, "hook.example")
    real = socket.getaddrinfo

    def asked(host, port, *rest, **named):
        return real("127.0.0.1", port, *rest, **named)

    with Receiver(server_side) as server:
        policy = TargetPolicy.of([f"{called}:{server.port}"])
        with Sender(policy, client_side) as sender:
            monkeypatch.setattr(socket, "getaddrinfo", asked)
            if works:
                assert sender.send("GET", f"https://{called}:{server.port}/").status == 200
            else:
                with pytest.raises(SendError, match="cannot be reached"):
                    sender.send("GET", f"https://{called}:{server.port}/")
