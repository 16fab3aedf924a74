"""Two trained companies, made once and shared by all workers: tests only read them."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import npsight
from demo_files import demo_project
from made_once import made_once
from small_company import SmallCompany, small_once

ACCOUNTS, DAYS, SEED, UNTIL = 250, 620, 3, "2025-03-12"


@pytest.fixture(scope="session")
def demo_config(shared: Path) -> Path:
    """The simulated company, trained and scored; its project file."""
    return made_once(shared, "demo", _make_demo) / "demo.yaml"


def _make_demo(folder: Path) -> None:
    data = folder / "data"
    arguments = ("--accounts", ACCOUNTS, "--days", DAYS, "--seed", SEED, "--until", UNTIL)
    npsight("simulate", "--to", data, *map(str, arguments)).succeeded()
    demo_project(folder, data)
    (folder / "train.out").write_text(npsight("train", "-c", folder / "demo.yaml").succeeded().out)
    (folder / "score.out").write_text(npsight("score", "-c", folder / "demo.yaml").succeeded().out)


@pytest.fixture(scope="session")
def small(shared: Path) -> SmallCompany:
    """The small company, trained and scored."""
    return small_once(shared)
