"""The job of alerts is killed at random, again and again: no event is ever told twice.

What was killed between its claim and its outcome is listed as uncertain; all else is told once.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alert_company import account, alert_project, rise, write_run
from crm_servers import LocalServer, Received, Reply
from postgres_server import postgres_server

from npsight.jobs.alerts import plan_alerts
from npsight.store import Store, open_store
from npsight.store.alertmessages import AlertMessage, messages, note_dead_claims

ROUNDS = int(os.environ.get("NPSIGHT_TEST_KILLS", "12"))
"""Kills on SQLite; more of them by the variable."""
OWNERS = 4
PROJECT = "alerts: {channels: {team: TEAM_URL}, default: [team]}\n"
JOB = """
import sys
from npsight.cli import alerts
from npsight.config.load import load_project
from npsight.jobs.alerts import plan_alerts
from npsight.outgoing.alerts import AlertSender, Courier
from npsight.store import open_store
project, store = load_project(sys.argv[1]), open_store(sys.argv[2])
with Courier() as courier:
    courier.problem(sys.argv[3])
    sender = AlertSender(store, project.name, courier, {"team": sys.argv[3]})
    print("ready", flush=True)
    plan_alerts(project, store, alerts._now())
    sender.run()
"""
TOLD = re.compile(r"\((r\d\dm\d)\)")


class Slow(LocalServer):
    """Takes its time after it has counted a message as received."""

    chance = random.Random(11)

    def answer(self, request: Received) -> Reply:
        return Reply(204, b"", seconds=self.chance.choice((0.0, 0.01, 0.04)))

    def told(self) -> Counter[str]:
        """How often each account was told of."""
        bodies = [str(request.json()["message"]) for request in list(self.received)]
        return Counter(key for body in bodies for key in TOLD.findall(body))


class Company:
    """A project whose accounts become risks, a few in each round."""

    def __init__(self, folder: Path, url: str, rounds: int) -> None:
        self.folder, self.url = folder, url
        self.project = alert_project(folder, PROJECT)
        self.store: Store = open_store(url)
        self.keys = [[f"r{n:02}m{i}" for i in range(OWNERS)] for n in range(rounds)]
        every = [(key, i) for keys in self.keys for i, key in enumerate(keys)]
        self.run = write_run(self.store, 0, [account(k, owner=f"O{i}") for k, i in every])
        plan_alerts(self.project, self.store, datetime.now(UTC))

    def happens(self, number: int) -> None:
        for key in self.keys[number]:
            rise(self.store, key, self.run, datetime.now(UTC))

    def start(self, server: LocalServer) -> subprocess.Popen[str]:
        """The job, in a process that is about to look and send."""
        environment = {
            **os.environ,
            "NPSIGHT_ALLOW_TARGETS": "http://127.0.0.1",
            "PYTHONPYCACHEPREFIX": str(self.folder / "compiled"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        address = f"json://127.0.0.1:{server.port}/hook"
        command = [sys.executable, "-c", JOB, str(self.project.file), self.url, address]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.close()
        return process

    def messages(self) -> list[AlertMessage]:
        with self.store.reading() as connection:
            return messages(connection, "tiny", limit=None)

    def accounts(self, status: str) -> set[str]:
        return {k for m in self.messages() if m.status == status for k in TOLD.findall(m.body)}


def killed_at_random(company: Company, seed: int) -> int:
    """Kill the job in every round, then let it end; returns how many messages are uncertain."""
    chance = random.Random(seed)
    with Slow() as server:
        for number in range(len(company.keys)):
            company.happens(number)
            process = company.start(server)
            time.sleep(chance.random() * 0.25)
            process.send_signal(signal.SIGKILL)
            process.wait()
            # What the killed one handed over is still on its way for a moment.
            time.sleep(0.1)
            assert max(server.told().values(), default=0) <= 1
            with company.store.writing() as connection:
                # As a look does when the lease of the dead is over.
                note_dead_claims(connection, "tiny", datetime.now(UTC) + timedelta(hours=1))
        assert company.start(server).wait(120) == 0
        told = server.told()
    every = {key for keys in company.keys for key in keys}
    sent, uncertain = company.accounts("sent"), company.accounts("uncertain")
    assert {m.status for m in company.messages()} <= {"sent", "uncertain"}
    assert sent | uncertain == every
    assert set(told.values()) == {1}
    assert sent <= set(told)
    assert every - set(told) <= uncertain
    return sum(m.status == "uncertain" for m in company.messages())


def test_killed_at_random_nothing_is_told_twice_or_lost_unseen(tmp_path: Path) -> None:
    company = Company(tmp_path, f"sqlite:///{tmp_path}/npsight.db", ROUNDS)
    uncertain = killed_at_random(company, seed=3)
    company.store.close()
    # Some kills hit a send, at most one message each.
    assert 0 < uncertain <= ROUNDS


def test_the_same_on_postgresql(tmp_path: Path) -> None:
    with postgres_server("alerts-killed") as uri:
        url = uri.replace("postgresql://", "postgresql+psycopg://", 1)
        company = Company(tmp_path, url, 6)
        assert killed_at_random(company, seed=5) <= 6
        company.store.close()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_jobs_at_once_tell_everything_once(tmp_path: Path, database: str) -> None:
    def run(url: str) -> None:
        company = Company(tmp_path, url, 10)
        for number in range(10):
            company.happens(number)
        with Slow() as server:
            jobs = [company.start(server) for _ in range(2)]
            assert [job.wait(120) for job in jobs] == [0, 0]
            told = server.told()
        assert told == Counter(key for keys in company.keys for key in keys)
        assert {m.status for m in company.messages()} == {"sent"}
        company.store.close()

    if database == "sqlite":
        run(f"sqlite:///{tmp_path}/npsight.db")
        return
    with postgres_server("alerts-two") as uri:
        run(uri.replace("postgresql://", "postgresql+psycopg://", 1))
