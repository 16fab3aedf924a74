"""One training of a company, true or shuffled, by the code that `npsight train` runs."""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.noise.shuffle import shuffled_company
from npsight.config.load import load_project
from npsight.errors import LeakageError, NoSkillError
from npsight.jobs.train import train
from npsight.simulate import SimulationSettings, simulate

ROOT = Path(__file__).parents[2]
DAYS = 1095


@dataclass(frozen=True)
class Trial:
    """How one training ended.

    `ended` is "champion", "challenger", "no skill" or "leak"; `said` names the parts with skill,
    the gates that failed, or what leaked.
    """

    company: str
    seed: int
    ended: str
    said: tuple[str, ...]
    seconds: float


def company(folder: Path, accounts: int, seed: int) -> Path:
    """The tables of a simulated company; made once."""
    data = folder / f"company-{seed}"
    if not (data / "SIMULATED.json").exists():
        simulate(data, SimulationSettings(accounts=accounts, days=DAYS, seed=seed))
    return data


def shuffled(folder: Path, data: Path, seed: int) -> Trial:
    """Train on the company with shuffled outcomes."""
    place = _fresh(folder / f"shuffled-{seed}")
    config = project_file(place, shuffled_company(data, place / "data", seed))
    return _trial("shuffled", seed, config)


def twin(folder: Path, data: Path, seed: int) -> Trial:
    """Train on the company as it is."""
    return _trial("true", seed, project_file(_fresh(folder / f"true-{seed}"), data))


def leaking(folder: Path, data: Path, seed: int) -> list[Trial]:
    """Train with each planted leak by itself; `seed` is the company's."""
    # The leaks are those that the tests of the audit plant.
    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    from planted import LEAKS, plant

    found = []
    for leak in LEAKS:
        config = plant(_fresh(folder / f"leak-{leak.column}"), data, (leak,))
        found.append(_trial(f"{leak.table}.{leak.column}", seed, config))
    return found


def project_file(folder: Path, data: Path) -> Path:
    """configs/demo.yaml over other tables, its state in `folder`, on one thread."""
    text = (ROOT / "configs" / "demo.yaml").read_text().replace("../var/demo/data", str(data))
    content = yaml.safe_load(text)
    content["state"] = "state"
    content["training"] = {"threads": 1}
    content["engine"] = {"threads": 1}
    file = folder / "demo.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def _trial(name: str, seed: int, config: Path) -> Trial:
    began = time.monotonic()
    ended, said = _ending(config)
    shutil.rmtree(config.parent, ignore_errors=True)
    return Trial(name, seed, ended, said, time.monotonic() - began)


def _ending(config: Path) -> tuple[str, tuple[str, ...]]:
    try:
        result = train(load_project(config))
    except NoSkillError as error:
        return "no skill", tuple(problem.what for problem in error.problems)
    except LeakageError as error:
        return "leak", tuple(problem.key for problem in error.problems)
    skilled = tuple(name for name, part in result.fitted.parts.items() if part.skill.shown)
    return result.alias, (*skilled, *(f"failed: {gate.name}" for gate in result.gates.failed))


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
