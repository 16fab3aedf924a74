"""Delivery: at least once, in order for each account, and never by two at a time."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from crm_servers import Fault, Received, Receiver, Reply
from standardwebhooks import Webhook

from npsight.errors import ConfigError, NotFoundError, OutgoingError
from npsight.outgoing.deliver import Deliverer, DeliverySettings
from npsight.outgoing.endpoints import add_webhook, rotate_webhook, send_test
from npsight.outgoing.http import Sender
from npsight.store import (
    ScoreChange,
    Store,
    counts,
    dead_messages,
    enable_endpoint,
    endpoint_named,
    forget_delivered,
    open_store,
    record_changes,
    remove_endpoint,
    revive,
    take,
)
from npsight.store.database import database_url, open_engine

MASTER = b"a-master-secret-of-enough-characters"
QUICK = DeliverySettings(answer_seconds=2, first_wait_seconds=0.02, wait_factor=1, idle_seconds=0.02,
                         longest_pause_seconds=0.02, lease_seconds=5, tries=3)  # fmt: skip
ALLOW = {"NPSIGHT_ALLOW_TARGETS": "http://127.0.0.1"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as opened:
        yield opened


def change(account: str, after: str = "high", before: str | None = "low") -> ScoreChange:
    earlier = {} if before is None else {"risk_level": before, "detractor_risk": 0.1}
    return ScoreChange(account, earlier, {"risk_level": after, "detractor_risk": 0.7})


def changed(store: Store, *changes: ScoreChange) -> None:
    with store.writing() as connection:
        record_changes(connection, "demo", "r1", "run", changes)


def add(store: Store, url: str, name: str = "crm", events=("risk_band_changed",), env=ALLOW) -> str:
    return add_webhook(store, "demo", name, url, events, MASTER, env)[1]


def deliverer(store: Store, sender: Sender, **more) -> Deliverer:
    return Deliverer(store, "demo", sender, MASTER, **{"settings": QUICK, **more})


def until(done) -> None:
    """Wait for something another thread or process does; fails after a long time."""
    deadline = time.monotonic() + 90
    while not done():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def status_counts(store: Store) -> Counter[str]:
    total: Counter[str] = Counter()
    for numbers in counts(store, "demo").values():
        total.update(numbers)
    return total


def test_a_change_is_told_signed_and_thin(store: Store, sender: Sender, receiver: Receiver) -> None:
    secret = add(store, f"{receiver.url}/hook")
    changed(store, change("é/1 x"))
    report = deliverer(store, sender).run()
    assert (report.delivered, report.failed, report.dead) == (1, 0, 0)
    [got] = receiver.received
    told = Webhook(secret).verify(got.body, got.headers)
    assert told["type"] == "risk_band_changed"
    assert told["data"]["account"] == "é/1 x"
    assert told["data"]["path"] == "/v1/accounts/%C3%A9%2F1%20x"
    assert told["data"]["before"]["risk_level"] == "low"
    assert told["data"]["after"] == {
        "as_of": None, "model_version": None, "risk_level": "high", "detractor_risk": 0.7,
        "predicted_nps": None, "churn_risk": None,
    }  # fmt: skip
    assert told["timestamp"].endswith("Z")
    assert deliverer(store, sender).run().delivered == 0


def test_a_failure_is_tried_again_with_the_same_id_and_body(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    add(store, receiver.url)
    changed(store, change("a"))
    receiver.faults += [Fault(Reply(500)), Fault(Reply(302, headers={"Location": "/x"}))]
    follow(store, sender, lambda: status_counts(store) == {"delivered": 1})
    assert len(receiver.received) == 3
    assert len({(r.headers["webhook-id"], r.body) for r in receiver.received}) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>" + b"x" * 1_000_000),
        Reply(200, b"x" * 100, breaks=10),
        Reply(204, b"", {"Content-Type": "text/html"}),
    ],
    ids=["a long page", "a body that breaks", "none"],
)
def test_2xx_is_delivered_whatever_its_body_is(
    store: Store, sender: Sender, receiver: Receiver, reply: Reply
) -> None:
    add(store, receiver.url)
    changed(store, change("a"))
    receiver.faults.append(Fault(reply))
    report = deliverer(store, sender).run()
    assert (report.delivered, report.failed) == (1, 0)
    assert len(receiver.received) == 1


def follow(store: Store, sender: Sender, done, **more):
    """Deliver until `done`; returns the report."""
    stop = threading.Event()
    found = []
    thread = threading.Thread(
        target=lambda: found.append(deliverer(store, sender, **more).run(stop, follow=True))
    )
    thread.start()
    try:
        until(done)
    finally:
        stop.set()
        thread.join()
    return found[0]


def test_after_enough_tries_a_message_is_dead_and_can_be_revived(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    add(store, receiver.url)
    receiver.status_of = lambda _: 500
    changed(store, change("a"))
    report = follow(store, sender, lambda: status_counts(store) == {"dead": 1})
    assert (report.failed, report.dead, report.reasons) == (2, 1, {"http_500": 3})
    [dead] = dead_messages(store, "demo")
    assert (dead.endpoint, dead.attempts, dead.outcome) == ("crm", 3, "http_500")
    receiver.status_of = lambda _: 204
    with pytest.raises(NotFoundError, match="no dead message"):
        revive(store, "demo", datetime.now(UTC), "msg_none")
    assert revive(store, "demo", datetime.now(UTC), dead.message_id) == 1
    follow(store, sender, lambda: status_counts(store) == {"delivered": 1})
    assert set(receiver.ids) == {dead.message_id}


def test_gone_disables_the_endpoint(store: Store, sender: Sender, receiver: Receiver) -> None:
    add(store, receiver.url)
    receiver.status_of = lambda _: 410
    changed(store, change("a"))
    assert deliverer(store, sender).run().dead == 1
    changed(store, change("a", "low", "high"))
    assert endpoint_named(store, "demo", "crm").disabled_why == "the receiver answered 410 Gone"
    assert deliverer(store, sender).run().delivered == 0
    assert len(receiver.received) == 1
    receiver.status_of = lambda _: 200
    enable_endpoint(store, "demo", "crm")
    changed(store, change("b"))
    assert deliverer(store, sender).run().delivered == 1


def test_messages_about_one_account_stay_in_order(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    add(store, receiver.url)
    levels = ["medium", "high", "low", "medium", "high"]
    for before, after in zip(["low", *levels], levels, strict=False):
        changed(store, change("a", after, before), change("b", after, before))
    receiver.faults += [Fault(Reply(503)), Fault(Reply(429, headers={"Retry-After": "0"}))]
    follow(store, sender, lambda: status_counts(store) == {"delivered": 10})
    for account in ("a", "b"):
        told = [
            r.json()["data"] for r in receiver.received if r.json()["data"]["account"] == account
        ]
        seen = [d["after"]["risk_level"] for d in told]
        assert [level for level, _ in groupby(seen)] == levels


def test_retry_after_is_obeyed(store: Store, sender: Sender, receiver: Receiver) -> None:
    add(store, receiver.url)
    changed(store, change("a"), change("b"))
    receiver.faults.append(Fault(Reply(429, headers={"Retry-After": "3600"}), times=2))
    clock = [datetime.now(UTC)]
    slow = deliverer(store, sender, clock=lambda: clock[0], settings=replace(QUICK, workers=1))
    assert slow.run().failed == 1
    clock[0] += timedelta(seconds=3599)
    assert slow.run().failed == 0
    assert len(receiver.received) == 1
    clock[0] += timedelta(seconds=2)
    # One more refusal was left, for the other message; the receiver is spared again.
    assert slow.run().failed == 1
    clock[0] += timedelta(hours=2)
    assert slow.run().delivered == 2


def test_an_endpoint_that_is_down_is_spared_and_harms_no_other(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    add(store, receiver.url)
    add(store, "http://127.0.0.1:9/", "down")
    changed(store, *(change(f"a{i}") for i in range(50)))
    clock = datetime.now(UTC)
    report = deliverer(
        store, sender, clock=lambda: clock, settings=replace(QUICK, longest_pause_seconds=60)
    ).run()
    assert report.delivered == 50
    assert set(report.reasons) == {"unreachable"}
    assert report.failed <= QUICK.workers
    assert endpoint_named(store, "demo", "down").paused_until > clock


def test_two_deliverers_send_nothing_twice(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    add(store, receiver.url)
    changed(store, *(change(f"a{i}") for i in range(120)))
    others = [deliverer(store, sender) for _ in range(3)]
    threads = [threading.Thread(target=d.run) for d in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.ids) == len(set(receiver.ids)) == 120


def test_what_a_dead_deliverer_took_is_taken_again_when_its_lease_ends(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    add(store, receiver.url)
    changed(store, change("a"))
    now = datetime.now(UTC)
    assert len(take(store, "demo", "dead", 9, timedelta(seconds=60), now)) == 1
    clock = [now + timedelta(seconds=59)]
    late = deliverer(store, sender, clock=lambda: clock[0])
    assert late.run().delivered == 0
    clock[0] = now + timedelta(seconds=60)
    assert late.run().delivered == 1


def test_a_lease_that_was_lost_settles_nothing(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    from npsight.store import settle_delivered, settle_failed, settle_gone

    add(store, receiver.url)
    changed(store, change("a"))
    now = datetime.now(UTC)
    [first] = take(store, "demo", "one", 9, timedelta(seconds=1), now)
    later = now + timedelta(seconds=2)
    [second] = take(store, "demo", "two", 9, timedelta(seconds=60), later)
    assert second.attempts == 2
    assert not settle_delivered(store, first, "one", later)
    assert not settle_failed(store, first, "one", "x", None, None, later)
    assert not settle_gone(store, first, "one", later)
    assert settle_delivered(store, second, "two", later)


def test_events_are_chosen(store: Store, sender: Sender, receiver: Receiver) -> None:
    add(store, f"{receiver.url}/any", "any")
    add(store, f"{receiver.url}/worse", "worse", ["risk_band_worsened"])
    add(store, f"{receiver.url}/better", "better", ["risk_band_improved"])
    changed(
        store,
        change("rose", "high", "medium"), change("fell", "low", "medium"),
        change("same", "low", "low"), change("new", "medium", None), change("new_low", "low", None),
    )  # fmt: skip
    deliverer(store, sender).run()
    told = {
        (r.path, r.json()["type"].removeprefix("risk_band_"), r.json()["data"]["account"])
        for r in receiver.received
    }
    assert told == {
        ("/any", "changed", "rose"), ("/any", "changed", "fell"), ("/any", "changed", "new"),
        ("/any", "changed", "new_low"), ("/worse", "worsened", "rose"),
        ("/worse", "worsened", "new"), ("/better", "improved", "fell"),
    }  # fmt: skip
    assert len(receiver.received) == 7


def test_a_rotation_shows_a_new_secret_once(store: Store) -> None:
    first = add(store, "http://127.0.0.1:9/")
    endpoint, second = rotate_webhook(store, "demo", "crm", timedelta(hours=24), MASTER)
    assert (endpoint.secret_version, second != first) == (2, True)
    with pytest.raises(ConfigError, match="last rotation overlaps until"):
        rotate_webhook(store, "demo", "crm", timedelta(hours=24), MASTER)


def test_another_master_delivers_nothing(store: Store, sender: Sender, receiver: Receiver) -> None:
    add(store, receiver.url)
    changed(store, change("a"))
    other = Deliverer(store, "demo", sender, b"another" * 9, QUICK)
    with pytest.raises(OutgoingError, match="is not the one it was added with"):
        other.run()
    assert receiver.received == []
    assert deliverer(store, sender).run().delivered == 1


def test_no_secret_is_stored_logged_or_shown(
    store: Store, sender: Sender, receiver: Receiver, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    environment = {**ALLOW, "HOOK_TOKEN": "canary-token-77"}
    with caplog.at_level(logging.DEBUG):
        secret = add(store, f"{receiver.url}/${{HOOK_TOKEN}}", env=environment)
        changed(store, change("canary-account-77"))
        receiver.faults.append(Fault(Reply(500)))
        for _ in range(2):
            deliverer(store, sender, environment=environment).run()
            time.sleep(0.03)
    assert receiver.received[-1].path == "/canary-token-77"
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("npsight.db*"))
    for canary in (secret, secret.removeprefix("whsec_"), MASTER.decode(), "canary-token-77"):
        assert canary.encode() not in kept
        assert canary not in caplog.text
    assert "canary-account-77" not in caplog.text


def test_a_variable_that_is_not_set_sends_nothing(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    with pytest.raises(ConfigError, match=r"HOOK_TOKEN is not set[^→]*→ export it with"):
        add(store, f"{receiver.url}/${{HOOK_TOKEN}}")
    add(store, f"{receiver.url}/${{HOOK_TOKEN}}", env={**ALLOW, "HOOK_TOKEN": "x"})
    changed(store, change("a"))
    assert deliverer(store, sender, environment={}).run().reasons == {"unset_variable": 1}
    assert receiver.received == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/", "without encryption"),
        ("https://127.0.0.1/", "not public"),
        ("https://169.254.169.254/", "metadata"),
    ],
)
def test_private_targets_are_not_saved(store: Store, url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        add(store, url, env={})
    with pytest.raises(NotFoundError, match="no webhook of that name"):
        endpoint_named(store, "demo", "crm")


def test_names_and_events_are_checked(store: Store) -> None:
    add(store, "http://127.0.0.1:9/")
    with pytest.raises(ConfigError, match="called crm already"):
        add(store, "http://127.0.0.1:9/")
    with pytest.raises(ConfigError, match=r"the name cannot be used(.|\n)*no event nonsense"):
        add(store, "http://127.0.0.1:9/", "", ["nonsense"])


def test_a_removed_endpoint_takes_its_messages_along(store: Store, receiver: Receiver) -> None:
    add(store, receiver.url)
    changed(store, change("a"))
    remove_endpoint(store, "demo", "crm")
    assert status_counts(store) == {}


def test_what_was_delivered_long_ago_is_forgotten(
    store: Store, sender: Sender, receiver: Receiver
) -> None:
    add(store, receiver.url)
    changed(store, change("a"))
    deliverer(store, sender).run()
    assert forget_delivered(store, "demo", datetime.now(UTC) - timedelta(days=1)) == 0
    assert forget_delivered(store, "demo", datetime.now(UTC) + timedelta(days=1)) == 1


def test_a_trial_is_sent_at_once(store: Store, sender: Sender, receiver: Receiver) -> None:
    secret = add(store, receiver.url)
    receiver.status_of = lambda _: 202
    assert send_test(store, "demo", "crm", sender, MASTER) == 202
    changed(store, change("a"))
    deliverer(store, sender).run()
    trial, real = (Webhook(secret).verify(got.body, got.headers) for got in receiver.received)
    assert trial["type"] == "webhook_test"
    assert (trial["data"]["account"], trial["data"]["cause"]) == ("", "test")
    assert trial["data"].keys() == real["data"].keys()
    for side in ("before", "after"):
        assert trial["data"][side] == dict.fromkeys(real["data"][side])


CHILD = """
import sys, threading
from npsight.outgoing.deliver import Deliverer, DeliverySettings
from npsight.outgoing.http import Sender
from npsight.outgoing.targets import TargetPolicy
from npsight.store import open_store
settings = DeliverySettings(lease_seconds=6, answer_seconds=4, idle_seconds=0.02, workers=4,
                            first_wait_seconds=0.05, wait_factor=1, longest_pause_seconds=0.05)
with Sender(TargetPolicy.of(["http://127.0.0.1"])) as sender:
    Deliverer(open_store(sys.argv[1]), "demo", sender, sys.argv[2].encode(), settings).run(
        threading.Event(), follow=True)
"""


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is there no more after the block, whatever happens within it."""
    with subprocess.Popen(command) as child:
        try:
            yield child
        finally:
            child.kill()


def test_killed_deliverers_lose_nothing_and_double_nothing_for_who_drops_known_ids(
    store: Store, tmp_path: Path, receiver: Receiver
) -> None:
    """kill −9 in the middle, four times; each message arrives, and only those twice whose
    receiver had answered while the deliverer died.
    """
    add(store, receiver.url)
    total = 300
    for start in range(0, total, 50):
        changed(store, *(change(f"a{start + i}") for i in range(50)))
    command = [sys.executable, "-c", CHILD, str(tmp_path / "npsight.db"), MASTER.decode()]
    allowed_doubles = 0
    for number in range(1, 5):
        with running(command) as child:
            until(lambda n=number: len(set(receiver.ids)) >= min(n * 60, total))
            child.send_signal(signal.SIGKILL)
        # At most one message a worker can have been answered and not settled.
        allowed_doubles += 4
    with running(command):
        until(lambda: status_counts(store) == {"delivered": total})
    assert len(set(receiver.ids)) == total
    assert len(receiver.ids) - total <= allowed_doubles
    told = {json.loads(r.body)["data"]["account"] for r in receiver.received}
    assert len(told) == total


def test_a_kill_outside_the_window_doubles_nothing(
    store: Store, tmp_path: Path, receiver: Receiver
) -> None:
    """Killed while it idles, everything settled: not one message comes twice."""
    add(store, receiver.url)
    command = [sys.executable, "-c", CHILD, str(tmp_path / "npsight.db"), MASTER.decode()]
    for number in (1, 2):
        changed(store, *(change(f"a{number}-{i}") for i in range(20)))
        with running(command) as child:
            until(lambda n=number: status_counts(store) == {"delivered": 20 * n})
            child.send_signal(signal.SIGKILL)
    assert len(receiver.ids) == len(set(receiver.ids)) == 40


def test_a_change_that_is_rolled_back_tells_nobody(store: Store, receiver: Receiver) -> None:
    add(store, receiver.url)

    def undone() -> None:
        with store.writing() as connection:
            record_changes(connection, "demo", "r1", "run", [change("a")])
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        undone()
    assert status_counts(store) == {}


def test_a_store_that_is_locked_for_a_while_is_waited_for(
    tmp_path: Path, sender: Sender, receiver: Receiver
) -> None:
    """The receiver answered while the store was locked: it is settled later, and not sent twice."""
    import sqlite3

    store = open_store(tmp_path / "npsight.db")
    short = Store(open_engine(database_url(tmp_path / "npsight.db"), busy_seconds=0.05))
    add(store, receiver.url)
    changed(store, change("a"))
    locked, answered = threading.Event(), threading.Event()

    def lock(_: Received) -> int:
        answered.set()
        assert locked.wait(10)
        return 200

    receiver.status_of = lock

    def hold() -> None:
        assert answered.wait(10)
        raw = sqlite3.connect(tmp_path / "npsight.db", isolation_level=None)
        raw.execute("BEGIN IMMEDIATE")
        locked.set()
        time.sleep(0.5)
        raw.execute("ROLLBACK")
        raw.close()

    thread = threading.Thread(target=hold)
    thread.start()
    report = deliverer(short, sender).run()
    thread.join()
    assert report.delivered == 1
    assert len(receiver.received) == 1
    short.close()
    store.close()
