"""Two trained companies, made once and shared by all workers: tests only read them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import npsight
from demo_files import demo_project
from small_company import SmallCompany

ACCOUNTS, DAYS, SEED, UNTIL = 250, 620, 3, "2025-03-12"


def _made_once(factory: pytest.TempPathFactory, worker: str, name: str, make: Callable) -> Path:
    """A folder that the first worker to ask makes, and the others wait for."""
    from npsight.tracking.lock import exclusive

    base = factory.getbasetemp()
    base = base if worker == "master" else base.parent
    folder, ready = base / name, base / f"{name}.ready"
    with exclusive(base / f"{name}.lock"):
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            ready.touch()
    return folder


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


@pytest.fixture(scope="session")
def demo_config(tmp_path_factory: pytest.TempPathFactory, worker: str) -> Path:
    """The simulated company, trained and scored; its project file."""
    return _made_once(tmp_path_factory, worker, "demo", _make_demo) / "demo.yaml"


def _make_demo(folder: Path) -> None:
    data = folder / "data"
    arguments = ("--accounts", ACCOUNTS, "--days", DAYS, "--seed", SEED, "--until", UNTIL)
    npsight("simulate", "--to", data, *map(str, arguments)).succeeded()
    demo_project(folder, data)
    (folder / "train.out").write_text(npsight("train", "-c", folder / "demo.yaml").succeeded().out)
    (folder / "score.out").write_text(npsight("score", "-c", folder / "demo.yaml").succeeded().out)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, worker: str) -> SmallCompany:
    """The small company, trained and scored."""
    return SmallCompany(_made_once(tmp_path_factory, worker, "small", _make_small))


def _make_small(folder: Path) -> None:
    company = SmallCompany(folder)
    company.write()
    npsight("train", "-c", company.config).succeeded()
    npsight("score", "-c", company.config).succeeded()
