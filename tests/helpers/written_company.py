"""A small simulated company, scored by a real model, to which facts can be posted."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import yaml
from demo_files import demo_project
from made_once import made_once

from npsight.config.load import load_project
from npsight.config.specs import ProjectSpec
from npsight.features.history import BANDS
from npsight.jobs.building.frames import FeatureBuilder, silent
from npsight.jobs.score import score
from npsight.jobs.scoring.champion import Champion
from npsight.jobs.training.trainingdata import open_tables
from npsight.models.bundle import golden_rows, pack, unpack
from npsight.models.calibration import Calibration
from npsight.models.encoding import learn_schema
from npsight.models.intervals import NpsSpread
from npsight.models.model import Model
from npsight.models.part import PartModel
from npsight.models.prior import HistoryPrior, Prior, RatePrior
from npsight.models.trees import TreeSettings, fit_trees
from npsight.simulate import SimulationSettings, simulate
from npsight.tracking import read_cached

END = datetime(2026, 6, 30)
"""The end of the simulated data, and the as_of of the run."""
MEETINGS = """\
meeting_id,account_id,takes_place_at,booked_at,kind
{rows}"""
FILES = {
    "responses": "surveys.csv",
    "tickets": "tickets.csv",
    "payments": "invoices.csv",
    "touches": "touches.csv",
    "meetings": "meetings.csv",
}


class WrittenCompany:
    """Its folder, its project, and the instant it was scored at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "demo.yaml"
        self.data = folder / "data"
        self.bundle: tuple[Mapping[str, bytes], Model] | None = None

    @property
    def project(self) -> ProjectSpec:
        return load_project(self.config)

    def copy(self, folder: Path, *, state: bool = False) -> WrittenCompany:
        """The same files elsewhere; without what was scored, unless asked for."""
        ignored = shutil.ignore_patterns(*(() if state else ("state",)))
        shutil.copytree(self.folder, folder, ignore=ignored)
        other = WrittenCompany(folder)
        other.bundle = self.bundle
        text = other.config.read_text().replace(str(self.data), str(other.data))
        other.config.write_text(text)
        return other

    def append(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Further rows of a table, by the columns of its file; the others are blank."""
        if name == "usage":
            file = self.data / "usage.parquet"
            old = pd.read_parquet(file)
            new = pd.DataFrame(list(rows), columns=old.columns)
            for column in old.columns:
                new[column] = new[column].astype(old[column].dtype)
            pd.concat([old, new], ignore_index=True).to_parquet(file, index=False)
            return
        file = self.data / FILES[name]
        with file.open(newline="", encoding="utf-8") as opened:
            header = next(csv.reader(opened))
        with file.open("a", newline="", encoding="utf-8") as opened:
            writer = csv.DictWriter(opened, header, restval="", lineterminator="\n")
            writer.writerows([{k: "" if v is None else v for k, v in row.items()} for row in rows])

    @contextmanager
    def builder(self) -> Iterator[FeatureBuilder]:
        """The batch builder over the files."""
        with open_tables(self.project, silent) as (builder, _):
            yield FeatureBuilder(builder.backend, builder.facts, builder.project)


def write_company(
    folder: Path, accounts: int = 40, days: int = 300, seed: int = 4
) -> WrittenCompany:
    """Simulate a company, score it once, and leave what the service needs."""
    company = WrittenCompany(folder)
    start = END.date() - timedelta(days=days)
    settings = SimulationSettings(accounts, days=days, seed=seed, start=start, truth=False)
    simulate(company.data, settings)
    names = pd.read_csv(company.data / "accounts.csv")["account_id"].drop_duplicates()
    rows = "".join(
        f"M{i},{a},2026-07-{1 + i % 27:02}T09:00:00Z,2026-05-{1 + i % 27:02}T09:00:00Z,review\n"
        for i, a in enumerate(names[::3])
    )
    (company.data / "meetings.csv").write_text(MEETINGS.format(rows=rows))
    demo_project(folder, company.data)
    content = yaml.safe_load(company.config.read_text())
    content["tables"]["activity"]["meetings"] = {
        "path": str(company.data / "meetings.csv"),
        "id": "meeting_id",
        "account": "account_id",
        "time": "takes_place_at",
        "known_at": "booked_at",
        "scheduled": True,
        "categories": ["kind"],
    }
    content["features"] += [
        {"source": "meetings", "aggregate": "days_until_next", "driver": "relationship"},
        {"source": "meetings", "aggregate": "count", "windows": 90, "driver": "relationship"},
        {"source": "responses", "aggregate": "last", "measure": "sentiment"},
        {"source": "responses", "aggregate": "mean", "measure": "score", "windows": 180},
        {"source": "tickets", "aggregate": "mean_duration", "windows": 90, "driver": "support"},
    ]
    company.config.write_text(yaml.safe_dump(content, sort_keys=False))
    score_company(company)
    return company


def written_once(shared: Path) -> WrittenCompany:
    """A smaller one that several files of tests share: copy it before writing into it."""
    company = WrittenCompany(
        made_once(shared, "written", lambda folder: write_company(folder, accounts=30, days=200))
    )
    cached = read_cached(company.project.state_dir)
    assert cached is not None
    company.bundle = cached[1], unpack(cached[1])
    return company


def score_company(
    company: WrittenCompany, as_of: datetime | None = None, *, hold: bool = True
) -> None:
    """`npsight score` with a model made at the first run in place of the registry's."""
    project = company.project
    if company.bundle is None:
        with company.builder() as builder:
            frame = builder.features(builder.spine([END]))
        model = _model(project, frame)
        company.bundle = pack(model, golden_rows(frame, model.specs), "# Card"), model
    files, model = company.bundle
    with mock.patch("npsight.jobs.score.champion", return_value=Champion(1, files, model)):
        score(project, as_of, hold=hold)


def _model(project: ProjectSpec, frame: pd.DataFrame) -> Model:
    priors: dict[str, Prior] = {
        "detractor": HistoryPrior(("detractor",), BANDS, 0.3, 240, 240, 4.0, 20.0),
        "promoter": HistoryPrior(("promoter",), ("passive", "promoter"), 0.4, 240, 240, 4.0, 20.0),
        "churn": RatePrior(0.2),
    }
    parts = {n: _part(project, n, p, frame, i) for i, (n, p) in enumerate(priors.items())}
    return Model(
        project.name,
        **parts,
        spread=NpsSpread(20.0, 4.0),
        specs=project.features,
        drivers=project.drivers,
        segment=project.segment,
        windows={},
        trained_through="2026-03-01",
    )


def _part(
    project: ProjectSpec, name: str, prior: Prior, frame: pd.DataFrame, seed: int
) -> PartModel:
    train = pd.concat([frame] * 20, ignore_index=True)
    rng = np.random.default_rng(seed)
    number = pd.to_numeric(train["usage__sum_logins__90d"]).fillna(0)
    tickets = pd.to_numeric(train["tickets__count__90d"]).fillna(0)
    chance = 0.2 + 0.4 * (number < number.median()) + 0.3 * (tickets > tickets.median())
    share = (chance > rng.random(len(train))).astype(float).to_numpy()
    start, schema = prior.log_odds(train), learn_schema(train, project.features)
    trees = fit_trees(
        schema.encode(train), share, np.ones(len(train)), start, schema,
        TreeSettings(learning_rate=0.2), 10,
    )  # fmt: skip
    return PartModel(
        name=name,
        prior=prior,
        prior_mean=float(start.mean()),
        schema=schema,
        trees=trees,
        tree_count=10,
        tree_blend=0.75,
        calibration=Calibration(0.2, 0.9),
    )
