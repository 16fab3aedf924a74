"""Eight people change the same follow-ups on one PostgreSQL: nothing that was accepted is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from browsed import HASH, Browsed, Browser
from followed import assert_whole
from postgres_server import postgres_server
from sqlalchemy import select
from tiny_project import make_project

from npsight.service.state import Live, load_state
from npsight.store import open_store, store_file
from npsight.store.followuprows import follow_up_events, follow_ups
from npsight.store.users import User, add_user
from npsight.web.app import build_pages

WRITERS = 8
UPDATES = 200
FOLLOW_UPS = 8
"""One for each writer; some of the changes, 3 in 100, are to anyone's."""
VARIABLE = "NPSIGHT_TEST_STORE"
SECONDS = 600
WRITE = """
import json, multiprocessing, random, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_followups_together import browsed_on
config, updates = Path(sys.argv[2]), int(sys.argv[3])
logins, addresses = map(json.loads, sys.argv[4:])
forks = multiprocessing.get_context("fork")
together = forks.Barrier(len(logins), timeout=300)

def write(login):
    browser = browsed_on(config).enter(login)
    chance, known, accepted, refused = random.Random(login), {}, [], 0
    own = addresses[logins.index(login) % len(addresses)]
    together.wait()
    with browser.client:  # one event loop for all of its requests
        for number in range(updates):
            address = chance.choice(addresses) if chance.random() < 0.03 else own
            while True:
                version = known.get(address, 1)
                said = {"action": "change", "version": str(version), "notes": f"{login} {number}"}
                response = browser.post(address, said)
                assert response.status_code in (303, 412), response.text
                known[address] = int(response.headers["etag"].strip('"').rpartition(".")[2])
                if response.status_code == 303:
                    accepted.append([address, known[address], f"{login} {number}"])
                    break
                refused += 1
    return accepted, refused

with forks.Pool(len(logins)) as pool:
    print(json.dumps(pool.map(write, logins, chunksize=1)))
"""
"""Every writer is a process of its own, with connections of its own; what they import is read once."""


def browsed_on(config: Path) -> Browsed:
    """The pages of a project, as every process of this test opens them."""
    live = Live(load_state(config))
    return Browsed(build_pages(live), live)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A tiny project whose store is a PostgreSQL."""
    made = make_project(tmp_path, 12)
    with postgres_server("together") as url:
        monkeypatch.setenv(VARIABLE, url)
        with made.open("a") as file:
            file.write(f"database: {VARIABLE}\n")
        local, store = open_store(store_file(tmp_path / "state")), open_store(url)
        run = local.latest_run("tiny")
        store.write_run(run, local.scores(run.id), [])
        local.close()
        store.close()
        yield made


def opened(browser: Browser, account: str) -> str:
    response = browser.post(f"/accounts/{account}/follow-up", {"action": "open"})
    assert response.status_code == 303, response.text
    return str(response.headers["location"])


def test_eight_writers_lose_nothing(config: Path) -> None:
    browsed = browsed_on(config)
    state = browsed.live.state
    assert not state.store.is_local
    logins = [f"writer{i}" for i in range(WRITERS)]
    for login in logins:
        add_user(state.store, "tiny", User(login, login, login.title(), "csm"), HASH, "a test")
    first = browsed.enter(logins[0])
    addresses = [opened(first, f"a/{i} é") for i in range(FOLLOW_UPS)]
    helpers = Path(__file__).parents[1] / "helpers"
    paths = os.pathsep.join([str(helpers), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", WRITE, str(Path(__file__).parent), str(config), str(UPDATES)]
    told = subprocess.run(
        [*command, json.dumps(logins), json.dumps(addresses)],
        stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    results = json.loads(told.stdout)
    accepted = [tuple(one) for given, _ in results for one in given]
    refused = sum(count for _, count in results)
    assert len(accepted) == WRITERS * UPDATES
    assert refused > 0  # they did meet, and were told so
    with state.store.reading() as connection:
        query = select(follow_up_events).where(follow_up_events.c.version > 1)
        kept = Counter(
            (f"/follow-ups/{event.follow_up_id}", event.version, event.after["notes"])
            for event in connection.execute(query)
        )
        versions = connection.execute(select(follow_ups.c.version)).scalars().all()
    assert kept == Counter(accepted)
    assert sum(versions) == len(accepted) + FOLLOW_UPS
    assert assert_whole(state.store, "tiny") == FOLLOW_UPS
    print(f"{len(accepted)} updates accepted, {refused} refused with 412 and repeated")
    state.store.close()
