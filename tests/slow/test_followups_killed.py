"""A process that writes follow-ups is killed, again and again: nothing is ever half-done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from followed import assert_whole
from postgres_server import postgres_server

from npsight.store import ScoreRow, ScoreRun, open_store
from npsight.store.followups import follow_up

ACCOUNTS = 6
KILLS = {"sqlite": 12, "postgres": 8}
WRITER = """
import dataclasses, random, sys
from datetime import UTC, datetime, timedelta
sys.path.insert(0, sys.argv[1])
from followed import BEFORE, RULES, new_one, stepped
from npsight.store import open_store
from npsight.store.followups import close_answered, open_follow_up, record, snooze
from npsight.store.marks import marks_of
from npsight.worklist.followups import Answer, opened, steps_of
store, chance = open_store(sys.argv[2]), random.Random(int(sys.argv[3]))
print("ready", flush=True)
while True:
    account, now = f"a{chance.randrange(int(sys.argv[4]))}", datetime.now(UTC)
    one = open_follow_up(store, "p", account)
    what = chance.random()
    if what < 0.2:
        with store.reading() as connection:
            seen = marks_of(connection, "p", account).snoozed_until
        until = now + timedelta(days=5) if seen is None else None
        snooze(store, "p", account, until, seen, "why", "ada", now)
    elif one is None:
        day = now.date() + timedelta(days=9)
        first = opened(new_one(account, opened_at=now, due_on=day), RULES)
        call = stepped(first.after, "call", now=now, note="n")
        one = record(store, "p", [first, call][: chance.choice([1, 2])], "ada", now, 21)
    elif what < 0.35:
        answer = Answer(now, now, 9.0, chance.choice(["detractor", "promoter"]))
        with store.writing() as connection:
            done = close_answered(connection, "p", {account: [answer]}, {}, "api", now)
        one = done[0] if done else one
    else:
        name = chance.choice([step.name for step in steps_of(one.state)])
        changes = {"notes": str(chance.random())} if name == "change" else {}
        done = stepped(one, name, now=now, note="n", changes=changes)
        one = record(store, "p", [done], "ada", now, 21)
    if one is not None:
        print(one.id, one.version, flush=True)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/npsight.db"
    else:
        with postgres_server("killed") as found:
            yield found


def test_killed_at_any_moment_leaves_whole_steps(url: str) -> None:
    store = open_store(url)
    now = datetime.now(UTC)
    rows = [ScoreRow(f"a{i}", now, name=f"Name {i}") for i in range(ACCOUNTS)]
    store.write_run(ScoreRun("r1", "p", now, now, 1, "digest"), rows, [])
    helpers = str(Path(__file__).parents[1] / "helpers")
    chance, acknowledged = random.Random(7), {}
    for seed in range(KILLS["sqlite" if store.is_local else "postgres"]):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, helpers, url, str(seed), str(ACCOUNTS)],
            stdout=subprocess.PIPE, text=True, env=dict(os.environ),
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05 + chance.random())
        process.send_signal(signal.SIGKILL)
        told = process.communicate()[0].splitlines()
        assert process.returncode == -signal.SIGKILL
        for line in told:
            if len(words := line.split()) == 2 and words[1].isdecimal():
                acknowledged[words[0]] = int(words[1])
        assert_whole(store, "p")
        for identity, version in acknowledged.items():
            assert follow_up(store, "p", identity).version >= version
    assert sum(acknowledged.values()) > 20, json.dumps(acknowledged)
    store.close()
