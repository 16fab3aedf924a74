"""Sending through Apprise: what came of it, where it may lead, and that it says nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.header import decode_header, make_header
from typing import Any

import pytest
from alert_company import compile_once
from canary import canary, shown
from crm_servers import Fault, LocalServer, Reply
from mail_server import MailServer

from npsight.config.schema import Alerts
from npsight.outgoing import alertpost
from npsight.outgoing.alerts import AlertSender, AlertSettings, Courier, addresses_of
from npsight.outgoing.targets import TargetPolicy
from npsight.store import Store
from npsight.store.alertmessages import AlertMessage, messages, put_message

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
CLOSED_PORT = 1


@pytest.fixture(scope="module")
def courier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Courier]:
    """One process for all; it may call plain servers on 127.0.0.1."""
    with pytest.MonkeyPatch.context() as patch:
        compile_once(tmp_path_factory.getbasetemp(), patch)
        patch.setenv("NPSIGHT_ALLOW_TARGETS", "http://127.0.0.1")
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        with Courier(8.0) as opened:
            yield opened


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as opened:
        yield opened


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as opened:
        yield opened


def address(server: LocalServer) -> str:
    return f"json://127.0.0.1:{server.port}/hook"


def test_a_message_is_sent_as_it_is_with_its_id(courier: Courier, server: LocalServer) -> None:
    body = "• Acme <b>&amp; *x*</b>\n  :smile: \\n ${HOME}\n\nnpsight · message 3f2a"
    assert courier.problem(address(server)) == ""
    assert courier.send(address(server), "Ada: 1 alert", body, "3f2a") == ("sent", "")
    [request] = server.received
    assert request.json()["message"] == body
    assert request.json()["title"] == "Ada: 1 alert"
    assert request.headers["idempotency-key"] == "3f2a"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(204), ("sent", "")),
        (Reply(400), ("refused", "http_400")),
        (Reply(404), ("refused", "http_404")),
        (Reply(429), ("refused", "http_429")),
        (Reply(503), ("refused", "http_503")),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), ("refused", "http_302")),
        (Reply(breaks=0), ("uncertain", "no_answer")),
    ],
)
def test_what_a_service_answered_is_what_came_of_it(
    courier: Courier, server: LocalServer, reply: Reply, outcome: tuple[str, str]
) -> None:
    server.faults.append(Fault(reply))
    assert courier.send(address(server), "t", "b", "1") == outcome
    assert len(server.received) == 1


@pytest.mark.parametrize("more", ["?retry=5&wait=0", "?redirect=yes", "?overflow=split"])
def test_an_address_cannot_ask_for_more_than_one_attempt(
    courier: Courier, server: LocalServer, more: str
) -> None:
    server.faults += [Fault(Reply(503)), Fault(Reply(302, headers={"Location": "/other"}))]
    assert courier.send(address(server) + more, "t", "b" * 50_000, "1")[0] == "refused"
    assert courier.send(address(server) + more, "t", "b" * 50_000, "2")[0] == "refused"
    assert len(server.received) == 2


@pytest.mark.parametrize("url", ["json://127.0.0.1:1/x", "jsons://nope.invalid/x"])
def test_a_service_that_is_not_there_took_nothing(courier: Courier, url: str) -> None:
    assert courier.send(url, "t", "b", "1") == ("refused", "unreachable")


def test_a_server_that_speaks_no_tls_took_nothing(courier: Courier, server: LocalServer) -> None:
    url = f"jsons://127.0.0.1:{server.port}/x"
    assert courier.send(url, "t", "b", "1") == ("refused", "unreachable")
    assert server.received == []


def test_a_service_that_hangs_ends_the_process_and_is_uncertain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NPSIGHT_ALLOW_TARGETS", "http://127.0.0.1")
    with LocalServer() as server, Courier(1.5) as hasty:
        assert hasty.problem(address(server)) == ""
        server.faults.append(Fault(Reply(seconds=5.0)))
        assert hasty.send(address(server), "t", "b", "1") == ("uncertain", "no_answer")
        # The next message has a process of its own.
        assert hasty.send(address(server), "t", "b", "2") == ("sent", "")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.2", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0"]
)
def test_addresses_that_are_not_public_are_not_called(courier: Courier, host: str) -> None:
    url = f"jsons://{host}:{CLOSED_PORT}/x"
    assert courier.send(url, "t", "b", "1") == ("refused", "refused_target")


def test_a_way_without_encryption_needs_to_be_allowed(courier: Courier) -> None:
    for url in ("json://localhost/x", "mailto://a:b@localhost?to=a@example.com"):
        said = courier.problem(url)
        assert "without encryption" in said
        assert courier.send(url, "t", "b", "1") == ("refused", said)


def test_an_address_must_lead_to_one_target(courier: Courier) -> None:
    base = "mailtos://u:p@example.com"
    for url in (f"{base}?to=a@example.com,b@example.com", f"{base}?cc=b@example.com",
                "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#one/#two"):  # fmt: skip
        assert courier.problem(url).startswith("it leads to 2 targets"), url
    assert courier.problem(base) == ""


@pytest.mark.parametrize("url", ["", "hello", "nosuch://host/x", "slack://bad", "json://"])
def test_what_apprise_cannot_read_is_no_address(courier: Courier, url: str) -> None:
    assert courier.problem(url) == "its address is none that Apprise knows"
    assert courier.send(url, "t", "b", "1")[0] == "refused"


def test_no_secret_of_an_address_comes_back(courier: Courier) -> None:
    secret = canary()
    urls = [f"json://u:{secret}@localhost/{secret}", f"jsons://127.0.0.2:1/{secret}?+x={secret}",
            f"slack://{secret}", f"nosuch://{secret}", f"jsons://{secret}.invalid/"]  # fmt: skip
    for url in urls:
        said = courier.problem(url) + str(courier.send(url, "t", "b", "1"))
        assert shown(said, [secret]) == []


def mailed(mail: MailServer) -> str:
    to = "to=ada@example.com&from=nps@example.com"
    return f"mailto://127.0.0.1:{mail.port}?{to}&smtp=127.0.0.1&mode=insecure"


def test_a_mail_is_plain_text_and_its_headers_are_ours(courier: Courier, mail: MailServer) -> None:
    title = "Müller ‹x›: 1 alert\r\nBcc: all@example.com\r\n\r\nspam"
    assert courier.send(mailed(mail), title, "• <b>Acme</b>\nx", "3f2a") == ("sent", "")
    [text] = mail.messages
    made = message_from_string(text)
    [part] = [p for p in made.walk() if not p.is_multipart()]
    assert part.get_content_type() == "text/plain"
    assert part.get_payload(decode=True).decode().split("\r\n")[:2] == ["• <b>Acme</b>", "x"]  # type: ignore[union-attr]
    assert made["Bcc"] is None
    assert made["Idempotency-Key"] == "3f2a"
    assert str(make_header(decode_header(made["Subject"]))).startswith("Müller ‹x›: 1 alert")
    assert [line[8:] for line in mail.recipients] == ["<ada@example.com>"]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("recipient", ("refused", "recipient_refused")),
        ("data", ("refused", "smtp_554")),
        ("gone", ("uncertain", "no_answer")),
    ],
)
def test_what_became_of_a_mail(
    courier: Courier, mail: MailServer, fault: str, outcome: tuple[str, str]
) -> None:
    mail.fault = fault
    assert courier.send(mailed(mail), "t", "b", "1") == outcome


def test_a_mail_server_that_is_not_there_took_nothing(courier: Courier) -> None:
    url = "mailto://127.0.0.1:1?to=a@example.com&from=b@example.com&mode=insecure"
    assert courier.send(url, "t", "b", "1") == ("refused", "unreachable")


# Apprise still looks for a module that Python 3.13 no longer has.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_slack_and_discord_are_sent_text_that_mentions_nobody() -> None:
    """What the plugins would send, seen where they hand it over."""
    import requests

    sent: list[str] = []

    def take(_self: Any, method: str, url: str, **more: Any) -> requests.Response:
        sent.append(str(more.get("data") or json.dumps(more.get("json"))))
        response = requests.Response()
        response.status_code = 200
        response._content = b"ok"
        return response

    hook = "TIiajkdnlazkcOXrIdevi7FQ"
    urls = [f"slack://T1JJ3T3L2/A1BRTD4JD/{hook}", f"discord://1234567890/{hook}",
            f"workflows://example.com:443/{'w' * 20}/{'s' * 20}"]  # fmt: skip
    wire = alertpost._Wire(TargetPolicy())
    post = alertpost.Post(wire)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", take)
        for url in urls:
            assert post.send(url, "Ada: 1 alert", "• ＠everyone ‹!channel›", "1") == ("sent", "")
    assert len(sent) == 3
    for text in sent:
        assert "<!" not in text
        assert "@everyone" not in text
        assert "everyone" in text


def test_a_connection_is_judged_by_the_address_it_goes_to() -> None:
    wire = alertpost._Wire(TargetPolicy.of(["10.0.0.0/8"]))
    wire.hear("socket.getaddrinfo", ("evil.example", 443))
    for there in (("127.0.0.1", 443), ("::1", 443, 0, 0), "/run/some.sock", ("no address", 1)):
        with pytest.raises(PermissionError, match="may not be called"):
            wire.hear("socket.connect", (None, there))
        assert wire.refused
        assert not wire.connected
    wire.hear("socket.connect", (None, ("10.1.2.3", 443)))
    assert wire.connected


def test_the_process_uses_no_proxy() -> None:
    made = alertpost.child_environment({"HTTPS_PROXY": "http://x", "http_proxy": "y", "A": "b"})
    assert {k for k in made if "PROXY" in k.upper()} == {"NO_PROXY"}
    assert made["A"] == "b"


def test_addresses_come_from_the_environment() -> None:
    alerts = Alerts(channels={"team": "TEAM", "ada": "ADA"}, default=["team", "ada"])
    found, missing = addresses_of(alerts, ["team", "ada"], {"TEAM": " json://x ", "ADA": " "})
    assert found == {"team": "json://x"}
    assert missing == {"ada": "the environment variable `ADA` is not set"}


# --- Claimed, sent, settled ----------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def put(store: Store, *ids: str, channel: str = "team") -> None:
    with store.writing() as connection:
        for identity in ids:
            made = AlertMessage(identity, "alerts", "Ada", channel, "t", f"b {identity}", 1, NOW)
            assert put_message(connection, "demo", made)


def states(store: Store) -> dict[str, tuple[str, str | None]]:
    with store.reading() as connection:
        return {m.id: (m.status, m.outcome) for m in messages(connection, "demo", limit=None)}


def test_each_message_is_sent_once(store: Store, courier: Courier, server: LocalServer) -> None:
    put(store, "m1", "m2", "m3")
    for _ in range(2):
        report = AlertSender(store, "demo", courier, {"team": address(server)}, clock=Clock()).run()
        assert report.is_clean
    assert [r.json()["message"] for r in server.received] == ["b m1", "b m2", "b m3"]
    assert set(states(store).values()) == {("sent", None)}


def test_two_senders_at_once_send_once(store: Store, server: LocalServer) -> None:
    put(store, *(f"m{i:02}" for i in range(30)))

    def send() -> None:
        with Courier() as own:
            AlertSender(store, "demo", own, {"team": address(server)}, clock=Clock()).run()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NPSIGHT_ALLOW_TARGETS", "http://127.0.0.1")
        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(r.headers["idempotency-key"] for r in server.received) == [
        f"m{i:02}" for i in range(30)
    ]
    assert set(states(store).values()) == {("sent", None)}


def test_a_refusal_is_tried_again_ever_later_and_then_given_up(
    store: Store, courier: Courier, server: LocalServer
) -> None:
    put(store, "m1")
    server.faults.append(Fault(Reply(500), times=99))
    clock, settings = Clock(), AlertSettings(tries=3)
    waits = []
    for _ in range(3):
        sender = AlertSender(store, "demo", courier, {"team": address(server)}, settings, clock)
        report = sender.run()
        assert not report.is_clean
        with store.reading() as connection:
            [message] = messages(connection, "demo")
        assert message.next_at is not None
        waits.append((message.next_at - clock.now).total_seconds())
        clock.now = max(message.next_at, clock.now)
    assert 30 <= waits[0] <= 60
    assert 120 <= waits[1] <= 240
    assert states(store) == {"m1": ("failed", "http_500")}
    assert len(server.received) == 3
    clock.now += timedelta(days=30)
    AlertSender(store, "demo", courier, {"team": address(server)}, settings, clock).run()
    assert len(server.received) == 3


def test_a_message_that_may_have_come_is_not_sent_again(
    store: Store, courier: Courier, server: LocalServer
) -> None:
    put(store, "m1")
    server.faults.append(Fault(Reply(breaks=0)))
    clock = Clock()
    for _ in range(3):
        AlertSender(store, "demo", courier, {"team": address(server)}, clock=clock).run()
        clock.now += timedelta(days=1)
    assert states(store) == {"m1": ("uncertain", "no_answer")}
    assert len(server.received) == 1


def test_a_channel_that_is_down_holds_no_other_up(
    store: Store, courier: Courier, server: LocalServer
) -> None:
    put(store, "a1", "a2", "a3", channel="down")
    put(store, "b1", "b2", channel="team")
    put(store, "c1", channel="bad")
    put(store, "d1", channel="gone")
    addresses = {"down": "json://127.0.0.1:1/", "team": address(server), "bad": "hello"}
    report = AlertSender(store, "demo", courier, addresses, clock=Clock()).run()
    assert (report.sent, report.retried) == (2, 1)
    assert report.unusable == {"bad": "its address is none that Apprise knows"}
    assert report.reasons == {"down": "unreachable"}
    found = states(store)
    assert [found[i] for i in ("a1", "a2", "a3")] == [
        ("waiting", "unreachable"),
        ("waiting", None),
        ("waiting", None),
    ]
    assert found["c1"] == found["d1"] == ("waiting", None)


def test_nothing_is_sent_in_quiet_hours_or_after_a_stop(
    store: Store, courier: Courier, server: LocalServer
) -> None:
    put(store, "m1", "m2")
    sender = AlertSender(store, "demo", courier, {"team": address(server)}, clock=Clock())
    assert sender.run(is_quiet=lambda now: now == NOW).sent == 0
    stop = threading.Event()
    assert sender.run(stop, progress=lambda report: stop.set()).sent == 1
    assert sender.run(stop).sent == 0
    assert [state for state, _ in states(store).values()].count("sent") == 1


def test_the_process_ends_with_its_owner() -> None:
    courier = Courier()
    with courier:
        courier.problem("json://127.0.0.1/")
        process = courier._process
        assert process is not None
        assert process.poll() is None
    assert process.returncode == 0
