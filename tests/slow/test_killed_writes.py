"""A process that writes facts is killed, again and again: none is lost, none is kept twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select
from written_company import WrittenCompany, written_once

from npsight.service.incoming import read_answer
from npsight.service.state import Live, load_state
from npsight.service.writing import close, sweep, write_rows
from npsight.store import pending
from npsight.store.changes import score_changes
from npsight.store.posted import posted_facts

KILLS = 4
WRITER = """
import json, os, signal, sys
from pathlib import Path
from npsight.service.incoming import read_answer
from npsight.service.state import Live, load_state
from npsight.service import writing
live = Live(load_state(Path(sys.argv[1])))
rows, die_at = json.loads(Path(sys.argv[2]).read_text()), sys.argv[3]
if die_at == "between":
    writing._settled = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
project = live.state.spec
print("ready", flush=True)
for row in rows:
    answer = writing.write_rows(live, [row], lambda r, now: read_answer(r, project, now), "response")
    print(json.dumps(answer["results"][0]), flush=True)
writing.close(live)
"""


@pytest.fixture(scope="module")
def company(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> WrittenCompany:
    folder = tmp_path_factory.mktemp("killed") / "company"
    return written_once(shared).copy(folder, state=True)


def start(company: WrittenCompany, rows: Path, how: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(company.config), str(rows), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def told(process: subprocess.Popen[str], most: int) -> list[dict[str, str]]:
    """The answers that the process gave, up to so many."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    found = []
    while len(found) < most and (line := process.stdout.readline()):
        found.append(json.loads(line))
    return found


def test_nothing_is_lost_and_nothing_kept_twice(company: WrittenCompany, tmp_path: Path) -> None:
    live = Live(load_state(company.config))
    store, project = live.state.store, live.state.project
    run = store.latest_run(project)
    accounts = [row.account for row in store.scores(run.id)]
    rows = [
        {"id": f"k{i}", "account": accounts[i % len(accounts)], "score": i % 11,
         "occurred_at": "2026-06-28T08:00:00Z", "known_at": f"2026-06-29T08:00:{i:02}Z"}
        for i in range(40)
    ]  # fmt: skip
    file = tmp_path / "rows.json"
    chance = random.Random(5)
    answered: dict[str, str] = {}
    for kill in range(KILLS):
        # The last one dies exactly between keeping a fact and scoring its account.
        left = [row for row in rows if row["id"] not in answered]
        file.write_text(json.dumps(left))
        between = kill == KILLS - 1
        process = start(company, file, "between" if between else "")
        for result in told(process, 0 if between else 4 + kill):
            answered[result["id"]] = result["status"]
        if not between:
            time.sleep(chance.random())
            process.send_signal(signal.SIGKILL)
        for line in process.stdout or ():
            result = json.loads(line)
            answered[result["id"]] = result["status"]
        assert process.wait() == -signal.SIGKILL
        if process.stdout is not None:
            process.stdout.close()
    with store.reading() as connection:
        ids = Counter(connection.execute(select(posted_facts.c.fact_id)).scalars())
    assert set(answered) <= set(ids)  # what was answered is kept
    assert set(ids.values()) == {1}
    assert pending(store, project, run.id)  # the account of the last one waits
    thread = sweep(live)
    assert thread is not None
    thread.join()
    assert pending(store, project, run.id) == []
    # All are sent again: what was kept is unchanged, the rest is scored.
    spec = live.state.spec
    results = write_rows(live, rows, lambda r, now: read_answer(r, spec, now), "response")
    again = {result["id"]: result["status"] for result in results["results"]}
    assert {again[id] for id in ids} == {"unchanged"}
    assert {again[row["id"]] for row in rows if row["id"] not in ids} == {"rescored"}
    with store.reading() as connection:
        ids = Counter(connection.execute(select(posted_facts.c.fact_id)).scalars())
        changed = connection.execute(select(score_changes.c.account)).scalars().all()
    assert ids == Counter(row["id"] for row in rows)
    assert set(changed) == {row["account"] for row in rows}
    assert pending(store, project, run.id) == []
    close(live)
    store.close()
