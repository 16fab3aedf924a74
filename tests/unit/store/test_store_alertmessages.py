"""Events are kept once, messages are made once and claimed by one sender, on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from npsight.errors import NotFoundError
from npsight.store import Store
from npsight.store.alertmessages import (
    AlertMessage,
    claim_message,
    forget_texts,
    message_counts,
    messages,
    newest_digest,
    note_dead_claims,
    put_message,
    revive_message,
    settle_message,
    waiting_channels,
)
from npsight.store.alerts import (
    AlertEvent,
    alert_events,
    alert_sends,
    begin_look,
    end_look,
    event_counts,
    keep_events,
    unsent,
    waiting_events,
)
from npsight.store.auditlog import entries

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
LEASE = timedelta(minutes=2)
P = "tiny"


def event(key: str, owner: str = "Ada") -> AlertEvent:
    return AlertEvent(key, "high_risk", key, owner, NOW, {"risk": float("nan"), "name": key})


def made(identity: str, **more: object) -> AlertMessage:
    message = AlertMessage(identity, "alerts", "Ada", "team", "title", "body", 1, NOW)
    return replace(message, **more)  # type: ignore[arg-type]


def put(store: Store, *identities: str, **more: object) -> None:
    with store.writing() as connection:
        for identity in identities:
            assert put_message(connection, P, made(identity, **more))


def claim(store: Store, holder: str = "me", now: datetime = NOW) -> AlertMessage | None:
    return claim_message(store, P, ["team"], holder, LEASE, now)


def all_of(store: Store, *statuses: str) -> list[AlertMessage]:
    with store.reading() as connection:
        return messages(connection, P, statuses)


def keep(store: Store, events: Sequence[AlertEvent], channels: Sequence[str]) -> list[str]:
    with store.writing() as connection:
        routes = {item.key: channels for item in events}
        return [e.key for e in keep_events(connection, P, events, routes, NOW)]


def test_an_event_is_kept_once(any_store: Store) -> None:
    assert keep(any_store, [event("a"), event("b"), event("a")], ["team", "mail", "team"]) == [
        "a",
        "b",
    ]
    assert keep(any_store, [event("b"), event("c")], []) == ["c"]
    with any_store.reading() as connection:
        assert waiting_events(connection, P) == {"team": 2, "mail": 2}
        assert waiting_events(connection, "other") == {}
        found = unsent(connection, P, ["team"], NOW)
        assert unsent(connection, P, ["team"], NOW + timedelta(microseconds=1)) == {}
        assert event_counts(connection, P, "Ada", NOW) == {"high_risk": 3}
        assert event_counts(connection, P, "Bo", NOW) == {}
    [(_, told)] = found.items()
    assert list(found) == [("Ada", "team")]
    assert [(e.key, e.detail, e.happened_at) for e in told] == [
        ("a", {"risk": None, "name": "a"}, NOW),
        ("b", {"risk": None, "name": "b"}, NOW),
    ]


def test_a_look_goes_on_from_the_last(any_store: Store) -> None:
    with any_store.writing() as connection:
        assert begin_look(connection, P, NOW, 7) is None
    later = NOW + LEASE
    with any_store.writing() as connection:
        look = begin_look(connection, P, later, 9)
        assert look is not None
        assert (look.started_at, look.looked_at, look.changes_seq) == (NOW, NOW, 7)
        end_look(connection, P, later, 8)
    with any_store.writing() as connection:
        look = begin_look(connection, P, later, 9)
        assert look is not None
        assert (look.started_at, look.looked_at, look.changes_seq) == (NOW, later, 8)


def test_a_message_is_made_once_and_takes_its_events(any_store: Store) -> None:
    keep(any_store, [event("a"), event("b")], ["team", "mail"])
    with any_store.writing() as connection:
        assert put_message(connection, P, made("m1"), ["a"])
        assert not put_message(connection, P, made("m1"), ["b"])
        left = unsent(connection, P, ["team", "mail"], NOW)
        assert {k: [e.key for e in v] for k, v in left.items()} == {
            ("Ada", "team"): ["b"],
            ("Ada", "mail"): ["a", "b"],
        }


def test_a_claimed_message_is_nobody_elses(any_store: Store) -> None:
    put(any_store, "m1")
    taken = claim(any_store)
    assert taken is not None
    assert (taken.id, taken.status, taken.attempts) == ("m1", "sending", 1)
    assert claim(any_store, "another") is None
    assert not settle_message(any_store, P, taken, "another", "sent", None, NOW)
    assert settle_message(any_store, P, taken, "me", "sent", None, NOW)
    assert not settle_message(any_store, P, taken, "me", "failed", None, NOW)
    assert [m.status for m in all_of(any_store)] == ["sent"]
    assert claim(any_store) is None
    [noted] = entries(any_store, P)
    assert (noted.actor, noted.action, noted.subject) == (
        "npsight alerts",
        "alerts sent",
        "alert m1",
    )


def test_only_due_messages_of_the_channels_are_claimed(any_store: Store) -> None:
    put(any_store, "m1", channel="mail")
    put(any_store, "m2", next_at=NOW + timedelta(microseconds=1))
    assert claim(any_store) is None
    with any_store.reading() as connection:
        assert waiting_channels(connection, P, NOW) == {"mail"}
    later = NOW + timedelta(microseconds=1)
    taken = claim(any_store, now=later)
    assert taken is not None
    assert taken.id == "m2"


def test_what_failed_for_certain_waits_for_its_turn(any_store: Store) -> None:
    put(any_store, "m1")
    taken = claim(any_store)
    assert taken is not None
    retry = NOW + timedelta(hours=1)
    assert settle_message(any_store, P, taken, "me", "waiting", "http_503", NOW, retry)
    assert claim(any_store, now=retry - timedelta(microseconds=1)) is None
    [waiting] = all_of(any_store, "waiting")
    assert (waiting.outcome, waiting.settled_at, waiting.attempts) == ("http_503", None, 1)
    again = claim(any_store, now=retry)
    assert again is not None
    assert again.attempts == 2


def test_a_claim_whose_sender_died_is_uncertain_and_not_sent_again(any_store: Store) -> None:
    put(any_store, "m1")
    taken = claim(any_store)
    assert taken is not None
    for at, count in ((NOW + LEASE - timedelta(microseconds=1), 0), (NOW + LEASE, 1)):
        with any_store.writing() as connection:
            assert note_dead_claims(connection, P, at) == count
    assert [m.status for m in all_of(any_store)] == ["uncertain"]
    assert claim(any_store, "another", NOW + timedelta(days=9)) is None
    # It was only slow: it knows what came of the message.
    assert settle_message(any_store, P, taken, "me", "sent", None, NOW + LEASE)
    assert [m.status for m in all_of(any_store)] == ["sent"]
    with any_store.reading() as connection:
        assert message_counts(connection, P) == {"sent": 1}


def test_only_a_person_has_an_uncertain_message_sent_again(any_store: Store) -> None:
    put(any_store, "m1")
    taken = claim(any_store)
    assert taken is not None
    with pytest.raises(NotFoundError, match="no message of that id"):
        revive_message(any_store, P, "m1", "ada", NOW)
    settle_message(any_store, P, taken, "me", "uncertain", "no_answer", NOW)
    revive_message(any_store, P, "m1", "ada", NOW)
    again = claim(any_store)
    assert again is not None
    assert (again.id, again.attempts) == ("m1", 1)
    assert [e.actor for e in entries(any_store, P)] == ["ada", "npsight alerts"]


def test_old_texts_are_forgotten_and_keys_are_not(any_store: Store) -> None:
    keep(any_store, [event("a"), event("b")], ["team"])
    with any_store.writing() as connection:
        put_message(connection, P, made("m1"), ["a"])
    taken = claim(any_store)
    assert taken is not None
    settle_message(any_store, P, taken, "me", "sent", None, NOW)
    for before in (NOW, NOW + timedelta(microseconds=1)):
        with any_store.writing() as connection:
            forget_texts(connection, P, before)
        gone = before > NOW
        [message] = all_of(any_store)
        assert (message.title, message.body) == (("", "") if gone else ("title", "body"))
        with any_store.reading() as connection:
            details = dict(
                connection.execute(select(alert_events.c.key, alert_events.c.detail)).all()
            )
        assert details["b"]["name"] == "b"
        assert details["a"].get("name") == (None if gone else "a")
    assert keep(any_store, [event("a")], ["team"]) == []


def test_the_newest_digest_is_that_of_the_owner_and_channel(any_store: Store) -> None:
    put(any_store, "m1", kind="digest")
    put(any_store, "m2", kind="digest", created_at=NOW + LEASE)
    put(any_store, "m3", created_at=NOW + 2 * LEASE)
    with any_store.reading() as connection:
        assert newest_digest(connection, P, "Ada", "team") == NOW + LEASE
        assert newest_digest(connection, P, "Bo", "team") is None


def test_many_senders_claim_each_message_once(any_store: Store) -> None:
    put(any_store, *(f"m{i:02}" for i in range(40)))
    claimed: list[str] = []
    failures: list[BaseException] = []

    def send(holder: str) -> None:
        try:
            while (message := claim(any_store, holder)) is not None:
                claimed.append(message.id)
                assert settle_message(any_store, P, message, holder, "sent", None, NOW)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(f"h{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Counter(claimed) == Counter(f"m{i:02}" for i in range(40))
    assert {m.status for m in all_of(any_store)} == {"sent"}


def test_two_looks_at_once_keep_an_event_once(any_store: Store) -> None:
    with any_store.writing() as connection:
        begin_look(connection, P, NOW, 0)
    kept: list[str] = []

    def look() -> None:
        with any_store.writing() as connection:
            begin_look(connection, P, NOW, 0)
            found = keep_events(connection, P, [event("a")], {"a": ["team"]}, NOW)
            kept.extend(e.key for e in found)

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept == ["a"]
    with any_store.reading() as connection:
        assert len(connection.execute(select(alert_sends)).all()) == 1
