"""The companies that are judged: simulated ones, whose truth is known, and real data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

from npsight.config.load import load_project
from npsight.config.specs import ProjectSpec
from npsight.jobs import train as training
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.training.fit import Fitted
from npsight.jobs.training.trainingdata import TrainingData, open_tables, training_data
from npsight.models import fitting
from npsight.simulate import SimulationSettings, simulate

CONFIGS = Path(__file__).parents[2] / "configs"
SIMULATED = (300, 2_000, 20_000)
REAL = ("cdnow", "skytrax", "telco")


@dataclass
class Clock:
    """Seconds of a training, whole, by step, and in LightGBM alone."""

    total: float = 0.0
    boosting: float = 0.0
    fits: int = 0
    steps: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Judged:
    """A trained company: what was learned from, what came out, and what is true of it.

    `truth` has a row for each account and 5th day, or is None on real data; `segments` gives
    the attributes of every account on the newest tested day, None where there is no truth.
    """

    name: str
    project: ProjectSpec
    data: TrainingData
    fitted: Fitted
    truth: pd.DataFrame | None
    segments: pd.DataFrame | None
    clock: Clock


def judged(name: str, folder: Path, say: Callable[[str], None]) -> Judged:
    """Train the company as `npsight train` does, in `folder`, and keep all that came by."""
    project = _project(name, folder / name, say)
    clock = Clock()
    seen: dict[str, Any] = {}
    with _watched(clock, seen):
        began = time.perf_counter()
        try:
            training.train(project, lambda step: clock.steps.append((time.perf_counter(), step)))
        except Exception as error:  # the gates may refuse; what was fitted is judged all the same
            if "fitted" not in seen:
                raise
            say(f"{name}: training ended with: {str(error).splitlines()[0]}")
        clock.total = time.perf_counter() - began
    truth = folder / name / "data" / "truth.parquet"
    known = _read_truth(truth) if truth.exists() else None
    segments = None if known is None else _segments(project, seen["fitted"])
    return Judged(name, project, seen["data"], seen["fitted"], known, segments, clock)


def _project(name: str, folder: Path, say: Callable[[str], None]) -> ProjectSpec:
    """The project file of a company, its tables made where they are simulated."""
    simulated = name.startswith("demo")
    text = (CONFIGS / ("demo.yaml" if simulated else f"{name}.yaml")).read_text()
    folder.mkdir(parents=True, exist_ok=True)
    if simulated and not (folder / "data" / "truth.parquet").exists():
        say(f"{name}: simulating")
        accounts = int(name.removeprefix("demo-"))
        simulate(folder / "data", SimulationSettings(accounts=accounts))
    file = folder / f"{name}.yaml"
    state = next(line for line in text.splitlines() if line.startswith("state:"))
    file.write_text(text.replace(state, "state: state").replace("../var/demo/data", "data"))
    return load_project(file)


@contextmanager
def _watched(clock: Clock, seen: dict[str, Any]) -> Iterator[None]:
    """Notes what training reads and fits, and how long LightGBM takes of it."""
    fit_trees, fit_project = fitting.fit_trees, training.fit_project

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        result = fit_trees(*arguments, **named)
        clock.boosting += time.perf_counter() - began
        clock.fits += 1
        return result

    def read(builder: FeatureBuilder, *arguments: Any, **named: Any) -> TrainingData:
        seen["data"] = training_data(builder, *arguments, **named)
        return seen["data"]

    def fit(*arguments: Any, **named: Any) -> Fitted:
        seen["fitted"] = fit_project(*arguments, **named)
        return seen["fitted"]

    with ExitStack() as stack:
        stack.enter_context(patch.object(fitting, "fit_trees", timed))
        stack.enter_context(patch.object(training, "training_data", read))
        stack.enter_context(patch.object(training, "fit_project", fit))
        yield


def _read_truth(file: Path) -> pd.DataFrame:
    truth = pd.read_parquet(file)
    truth["day"] = pd.to_datetime(truth["day"]).dt.tz_localize(None).astype("datetime64[us]")
    return truth


def _segments(project: ProjectSpec, fitted: Fitted) -> pd.DataFrame:
    """`account` and every segment attribute as of the newest origin."""
    label = next(iter(fitted.parts.values())).origins[-1].label
    with open_tables(project, lambda _: None) as (builder, _):
        spine = builder.spine([pd.Timestamp(label).to_pydatetime()])
        keys = builder.backend.to_pyarrow(spine.select("account", "as_of")).to_pandas()
        keys["as_of"] = keys["as_of"].astype("datetime64[us]")
        accounts = project.tables.accounts
        return builder.attributes(keys, list(accounts.segments if accounts else ()))
