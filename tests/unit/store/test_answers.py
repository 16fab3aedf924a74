"""Claims and answers of repeated writes: one claimant, in whatever process."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from npsight.store import Store, open_store
from npsight.store.answers import (
    Claimed,
    Different,
    InFlight,
    Kept,
    Repeatable,
    claim,
    delete_expired,
    keep_answer,
    release,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEASE, KEEP = timedelta(seconds=30), timedelta(hours=24)
WRITE = Repeatable("p", "key:crm", "responses", b"k" * 32, b"r" * 32)
ANSWER = Kept(200, "application/json", b'{"a":1}')


def at(**later: float) -> datetime:
    return NOW + timedelta(**later)


def claimed(store: Store, write: Repeatable = WRITE, now: datetime = NOW) -> Claimed:
    found = claim(store, write, LEASE, KEEP, now)
    assert isinstance(found, Claimed)
    return found


def test_the_first_answer_is_given_again_until_it_is_too_old(any_store: Store) -> None:
    held = claimed(any_store)
    assert claim(any_store, WRITE, LEASE, KEEP, at(seconds=10)) == InFlight(20.0, held.holder)
    assert keep_answer(any_store, WRITE, held, ANSWER, KEEP, at(seconds=5))
    assert claim(any_store, WRITE, LEASE, KEEP, at(seconds=40)) == ANSWER
    just_before = at(hours=24, seconds=4.999)
    assert claim(any_store, WRITE, LEASE, KEEP, just_before) == ANSWER
    claimed(any_store, now=at(hours=24, seconds=5))


@pytest.mark.parametrize("done", [False, True])
def test_another_request_under_the_key_is_noticed(any_store: Store, done: bool) -> None:
    held = claimed(any_store)
    if done:
        keep_answer(any_store, WRITE, held, ANSWER, KEEP, NOW)
    other = dataclasses.replace(WRITE, request_hash=b"o" * 32)
    assert claim(any_store, other, LEASE, KEEP, NOW) == Different()


@pytest.mark.parametrize("field", ["project", "caller", "operation", "key_hash"])
def test_a_key_is_a_callers_own_for_one_operation(any_store: Store, field: str) -> None:
    keep_answer(any_store, WRITE, claimed(any_store), ANSWER, KEEP, NOW)
    claimed(any_store, dataclasses.replace(WRITE, **{field: getattr(WRITE, field)[:-1]}))


def test_a_released_claim_is_free(any_store: Store) -> None:
    release(any_store, WRITE, claimed(any_store))
    claimed(any_store)


def test_a_claim_that_ended_is_taken_over_once(any_store: Store) -> None:
    first = claimed(any_store)
    assert isinstance(claim(any_store, WRITE, LEASE, KEEP, at(seconds=29.9)), InFlight)
    second = claimed(any_store, now=at(seconds=30))
    assert isinstance(claim(any_store, WRITE, LEASE, KEEP, at(seconds=31)), InFlight)
    late = Kept(200, "application/json", b"late")
    assert not keep_answer(any_store, WRITE, first, late, KEEP, at(seconds=32))
    release(any_store, WRITE, first)
    assert keep_answer(any_store, WRITE, second, ANSWER, KEEP, at(seconds=33))
    assert claim(any_store, WRITE, LEASE, KEEP, at(seconds=34)) == ANSWER


def test_what_is_too_old_is_deleted(any_store: Store) -> None:
    keep_answer(any_store, WRITE, claimed(any_store), ANSWER, KEEP, NOW)
    abandoned = dataclasses.replace(WRITE, key_hash=b"a" * 32)
    claimed(any_store, abandoned)
    assert delete_expired(any_store, at(hours=24, seconds=-1)) == 0
    assert delete_expired(any_store, at(hours=24)) == 1
    assert delete_expired(any_store, at(hours=24, seconds=30)) == 1


CLAIMANTS = 25
CHILD = """
import sys, threading
from datetime import timedelta
from npsight.store import open_store
from npsight.store.answers import Claimed, Kept, Repeatable, claim, keep_answer
store = open_store(sys.argv[1])
write = Repeatable("p", "key:crm", "responses", b"k" * 32, b"r" * 32)
keep = timedelta(hours=24)
sys.stdin.readline()
told = []
def work():
    found = claim(store, write, timedelta(seconds=60), keep)
    if isinstance(found, Claimed):
        keep_answer(store, write, found, Kept(200, "", b"done"), keep)
    told.append(type(found).__name__)
threads = [threading.Thread(target=work) for _ in range(int(sys.argv[2]))]
[t.start() for t in threads]; [t.join() for t in threads]
print(" ".join(told)); store.close()
"""


def test_fifty_claimants_in_two_processes_are_one(any_store: Store, store_url: str) -> None:
    command = [sys.executable, "-c", CHILD, store_url, str(CLAIMANTS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    told = " ".join(child.communicate(timeout=120)[0] for child in children).split()
    assert [child.returncode for child in children] == [0, 0]
    assert len(told) == 2 * CLAIMANTS
    assert told.count("Claimed") == 1
    assert set(told) <= {"Claimed", "InFlight", "Kept"}


def test_those_who_find_a_dead_claim_at_once_are_one(any_store: Store, store_url: str) -> None:
    claimed(any_store, now=NOW)
    found: list[object] = []

    def take() -> None:
        found.append(claim(any_store, WRITE, LEASE, KEEP, at(minutes=5)))

    takers = [threading.Thread(target=take) for _ in range(12)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert sum(isinstance(one, Claimed) for one in found) == 1
    assert sum(isinstance(one, InFlight) for one in found) == 11


KILLED = """
import sys, time
from datetime import timedelta
from npsight.store import open_store
from npsight.store.answers import Repeatable, claim
write = Repeatable("p", "key:crm", "responses", b"k" * 32, b"r" * 32)
claim(open_store(sys.argv[1]), write, timedelta(seconds=2), timedelta(hours=24))
print("claimed", flush=True)
time.sleep(600)
"""


def test_the_claim_of_a_killed_process_ends(any_store: Store, store_url: str) -> None:
    command = [sys.executable, "-c", KILLED, store_url]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "claimed\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    store = open_store(store_url)
    for _ in range(200):
        found = claim(store, WRITE, LEASE, KEEP)
        if isinstance(found, Claimed):
            break
        assert isinstance(found, InFlight)
        time.sleep(0.05)
    store.close()
    assert isinstance(found, Claimed)
