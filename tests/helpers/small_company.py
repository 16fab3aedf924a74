"""A company small enough to train on in a second or two, as CSV files and a project file."""

from __future__ import annotations

import copy
import shutil
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from command_line import npsight
from made_once import made_once

FIRST_DAY = date(2024, 1, 1)
PROJECT: dict[str, Any] = {
    "project": "small",
    "timezone": "UTC",
    "state": "state",
    "tables": {
        "accounts": {
            "path": "accounts.csv",
            "key": "account",
            "created_at": "created_at",
            "name": "name",
            "owner": "owner",
            "revenue": "revenue",
            "attributes": {"plan": "category"},
            "static": ["plan"],
            "segments": ["plan"],
        },
        "responses": {
            "path": "answers.csv",
            "id": "id",
            "account": "account",
            "time": "answered_at",
            "score": "score",
        },
        "activity": {
            "usage": {"path": "usage.csv", "account": "account", "time": "day",
                      "measures": ["logins"]},
        },
    },
    "targets": {"detractor": {"gap_days": 7, "horizon_days": 60}, "nps": {}},
    "features": [
        {"source": "usage", "measure": "logins", "aggregate": ["sum", "trend"], "windows": 30,
         "driver": "product_use", "label": "logins"},
        {"source": "accounts", "aggregate": "value", "measure": "plan", "driver": "accounts"},
    ],
    "drivers": {"product_use": {"label": "Product use", "play": "Call them about their use."}},
    "training": {"period_days": 60, "step_days": 30, "origins": 3, "max_trees": 10,
                 "threads": 1},
}  # fmt: skip

PLACES = (
    ("runs", "artifact_uri"),
    ("experiments", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Columns of MLflow's database that name the state folder."""


class SmallCompany:
    """The tables as lists of rows and the project file as a dict; change them, then `write`."""

    def __init__(self, folder: Path, accounts: int = 60, days: int = 420, seed: int = 1) -> None:
        self.folder = folder
        self.project = copy.deepcopy(PROJECT)
        self.tables: dict[str, list[list[object]]] = _tables(accounts, days, seed)

    @property
    def config(self) -> Path:
        return self.folder / "small.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def table(self, name: str) -> Path:
        return self.folder / f"{name}.csv"

    def write(self) -> Path:
        """Write every table and the project file; returns the latter."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            lines = [",".join(map(str, row)) for row in rows]
            self.table(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.config.write_text(yaml.safe_dump(self.project, sort_keys=False), encoding="utf-8")
        return self.config

    def trained_copy(self, folder: Path) -> SmallCompany:
        """The company with its models and scores elsewhere; it writes into its own folder only."""
        copied = SmallCompany(folder)
        copied.write()
        shutil.copytree(self.state, copied.state)
        old, new = self.state.as_uri(), copied.state.as_uri()
        with closing(sqlite3.connect(copied.state / "mlflow.db")) as database, database:
            for table, column in PLACES:
                query = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
                database.execute(query, (old, new))
        return copied


def small_once(shared: Path) -> SmallCompany:
    """Trained and scored; several files of tests read it, with what `train` said in `train.out`."""
    return SmallCompany(made_once(shared, "small", _make))


def _make(folder: Path) -> None:
    company = SmallCompany(folder)
    company.write()
    (folder / "train.out").write_text(npsight("train", "-c", company.config).succeeded().out)
    npsight("score", "-c", company.config).succeeded()


def _tables(accounts: int, days: int, seed: int) -> dict[str, list[list[object]]]:
    rng = np.random.default_rng(seed)
    table: dict[str, list[list[object]]] = {
        "accounts": [["account", "name", "plan", "owner", "revenue", "created_at"]],
        "answers": [["id", "account", "answered_at", "score"]],
        "usage": [["account", "day", "logins"]],
    }
    for number in range(accounts):
        account, plan = f"a{number:03d}", ("pro", "basic")[number % 2]
        owner = ("Ada Park", "Bo Lind")[number % 3 == 0]
        table["accounts"].append(
            [account, f"Firm {number}", plan, owner, 1000 * (number + 1), FIRST_DAY]
        )
        mood = rng.normal(7.2 if plan == "pro" else 6.2, 1.5)
        table["usage"] += [
            [account, FIRST_DAY + timedelta(days=day), max(0, int(rng.normal(4 * mood, 4)))]
            for day in range(int(rng.integers(1, 8)), days, 7)
        ]
        if number % 6 == 5:
            continue  # silent: never answers
        for day in range(int(rng.integers(1, 40)), days - 1, 40):
            score = int(np.clip(round(rng.normal(mood, 1.5)), 0, 10))
            at = FIRST_DAY + timedelta(days=day)
            table["answers"].append([f"r{number}-{day}", account, at, score])
    return table
