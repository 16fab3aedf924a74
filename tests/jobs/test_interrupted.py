"""Jobs that are interrupted or killed: what was there stays whole, and the next run works."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from command_line import npsight, started
from small_company import SmallCompany
from state_of import run_statuses, state_of

SECONDS = 240


@pytest.fixture
def company(tmp_path: Path, small: SmallCompany) -> SmallCompany:
    """A copy of the trained and scored company, which writes into its own folders only."""
    return small.trained_copy(tmp_path)


def stop(job: subprocess.Popen[str], how: signal.Signals, when: Callable[[str], bool]) -> str:
    """Send a signal once a line of output says that it is time; returns what was printed."""
    seen = []
    assert job.stdout is not None
    for line in job.stdout:
        seen.append(line)
        if when(line):
            job.send_signal(how)
            break
    rest, err = job.communicate(timeout=SECONDS)
    printed = "".join(seen) + rest + err
    assert job.returncode != 0, f"it ended before the signal came\n{printed}"
    assert how != signal.SIGINT or job.returncode == 130, printed
    return printed


def after(step: str) -> Callable[[str], bool]:
    """A step is printed when the next one begins."""
    return lambda line: step in line


def assert_whole(company: SmallCompany) -> None:
    """Every file that a reader opens is a whole one."""
    for file in (company.state / "quarantine").glob("*.parquet"):
        pd.read_parquet(file)
    pd.read_parquet(company.state / "backtest_newest.parquet")
    with sqlite3.connect(company.state / "npsight.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        (signal.SIGKILL, "outcomes"),
        (signal.SIGKILL, "promoter: final fit"),
        (signal.SIGINT, "detractor: final fit"),
    ],
)
def test_train_is_stopped(company, how, moment):
    before = state_of(company.state, "small")
    printed = stop(started("train", "-c", company.config), how, after(moment))
    assert "Traceback" not in printed
    assert state_of(company.state, "small") == before
    assert_whole(company)


def test_train_is_killed_while_it_registers(company):
    """A run is left RUNNING; champion and scores are the old ones; the next train reaps it."""
    before = state_of(company.state, "small")
    runs = len(run_statuses(company.state))
    job = started("train", "-c", company.config)
    assert job.stdout is not None
    while len(run_statuses(company.state)) == runs:
        assert job.poll() is None, job.communicate()
        time.sleep(0.02)
    job.kill()
    job.communicate(timeout=SECONDS)
    assert run_statuses(company.state)[-1] == "RUNNING"
    assert state_of(company.state, "small") == before
    assert_whole(company)
    npsight("score", "-c", company.config).succeeded()
    out = npsight("train", "-c", company.config).succeeded().out
    assert "challenger" in out
    assert run_statuses(company.state)[-2:] == ["KILLED", "FINISHED"]
    npsight("promote", "-c", company.config, "--force").succeeded()


def test_a_first_train_is_killed(tmp_path):
    """The registry is being made: it is whole or not there, and the next train works."""
    company = SmallCompany(tmp_path)
    job = started("train", "-c", company.write())
    while not list(tmp_path.glob("state/mlflow.db*")):
        assert job.poll() is None, job.communicate()
        time.sleep(0.02)
    job.kill()
    job.communicate(timeout=SECONDS)
    assert not (company.state / "champion").exists()
    npsight("score", "-c", company.config).failed(7, "no champion yet")
    out = npsight("train", "-c", company.config).succeeded().out
    assert "champion" in out
    assert "RUNNING" not in run_statuses(company.state)


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        (signal.SIGKILL, "NPS history"),
        (signal.SIGKILL, "drivers"),
        (signal.SIGINT, "drivers"),
    ],
)
def test_score_is_stopped(company, tmp_path, how, moment):
    out = tmp_path / "scores.csv"
    npsight("export", out, "-c", company.config).succeeded()
    written = out.read_bytes()
    shutil.rmtree(company.state / "features", ignore_errors=True)  # so that the day is built
    before = state_of(company.state, "small")
    job = started("score", "-c", company.config, "-o", out)
    printed = stop(job, how, after(moment))
    assert "Traceback" not in printed
    now = state_of(company.state, "small")
    assert (now.cached, now.versions) == (before.cached, before.versions)
    assert now == before or moment == "drivers"
    assert out.read_bytes() == written
    assert_whole(company)
    npsight("score", "-c", company.config, "-o", out).succeeded()
    assert len(pd.read_csv(out)) == 60
