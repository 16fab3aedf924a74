"""One scored company for all contenders: its model, its accounts and their features."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.noise.trials import company, project_file
from npsight.config.load import load_project
from npsight.jobs.score import score
from npsight.jobs.train import train
from npsight.service.inputs import rows_of_inputs
from npsight.service.state import ServingState, load_state
from npsight.store import create_key, store_file
from npsight.store.keys import keys_of, revoke_key

SEED = 7
KEY_NAME = "benchmark"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Account:
    """An account's key, and the features that its detractor risk is made of, missing ones as 0."""

    key: str
    features: list[float]


class Workspace:
    """A folder with a scored company, a key to its service, and the model as others serve it."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder = folder
        self.config = config
        self.model = folder / "detractor.txt"
        self.mlflow_model = folder / "mlflow"
        state = load_state(config)
        with closing(state.store):
            part = state.model.detractor
            if part is None or part.trees is None:
                raise SystemExit("the model has no trees of detractor risk; take another company")
            self.names = list(part.schema.names)
            self.model.write_text(part.trees.text)
            self.known = list(_accounts(state))
            self.headers = (("Authorization", f"Bearer {_key(state)}"),)
        _save_for_mlflow(self.model, self.mlflow_model, self.names)
        lazy = config.read_text() + "\nservice: {score_ahead: false}\n"
        (folder / "lazy.yaml").write_text(lazy)
        self._unasked: dict[str, Iterator[Account]] = {}

    def unasked(self, server: str, count: int) -> list[Account]:
        """Accounts that a server was never asked for; fewer where there are no more."""
        if server not in self._unasked:
            self._unasked[server] = self._clones()
        return list(islice(self._unasked[server], count))

    def _clones(self) -> Iterator[Account]:
        with closing(sqlite3.connect(store_file(load_project(self.config).state_dir))) as database:
            keys = database.execute("SELECT account FROM inputs WHERE account LIKE '%#%'")
            found = [key for (key,) in keys]
        by_key = {account.key: account for account in self.known}
        # Neighbours in the file are not asked for together.
        for place in np.random.default_rng(SEED).permutation(len(found)).tolist():
            original = by_key[found[place].partition("#")[0]]
            yield Account(found[place], original.features)


def prepare(folder: Path, accounts: int, clones: int, say: Say) -> Workspace:
    """A simulated company, trained and scored once and then kept; `clones` accounts more."""
    data = company(folder, accounts, SEED)
    config = folder / "demo.yaml"
    if not config.exists():
        say(f"training on {accounts} simulated accounts")
        shutil.rmtree(folder / "state", ignore_errors=True)
        made = project_file(folder, data)
        try:
            train(load_project(made))
            score(load_project(made))
        except BaseException:
            made.unlink()
            raise
    _clone(store_file(load_project(config).state_dir), clones)
    return Workspace(folder, config)


def _clone(store: Path, count: int) -> None:
    """Accounts with the inputs of others under other keys, until there are so many."""
    with closing(sqlite3.connect(store)) as database, database:
        (there,) = database.execute(
            "SELECT count(*) FROM inputs WHERE account LIKE '%#%'"
        ).fetchone()
        (real,) = database.execute(
            "SELECT count(*) FROM inputs WHERE account NOT LIKE '%#%'"
        ).fetchone()
        for copy in range(there // max(real, 1), -(-count // max(real, 1))):
            for table in ("scores", "inputs"):
                names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                columns = ", ".join(names)
                shown = ", ".join(_copied(name, copy) for name in names)
                database.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {shown} FROM {table} "
                    "WHERE account NOT LIKE '%#%'"
                )


def _copied(column: str, copy: int) -> str:
    if column == "account":
        return f"account || '#{copy}'"
    # Stored drivers are long, and no score over HTTP reads them.
    return "'[]'" if column in ("drivers", "churn_drivers") else column


def _accounts(state: ServingState) -> Iterator[Account]:
    run = state.store.latest_run(state.project)
    stored = state.store.inputs(run.id)
    inputs = [item for item in stored.values() if "#" not in item.account]
    assert state.model.detractor is not None
    matrix = state.model.detractor.schema.encode(rows_of_inputs(state.model, inputs))
    for item, features in zip(inputs, np.nan_to_num(matrix).tolist(), strict=True):
        yield Account(item.account, features)


def _key(state: ServingState) -> str:
    for row in keys_of(state.store, state.project):
        if row.name == KEY_NAME and row.revoked_at is None:
            revoke_key(state.store, state.project, row.id)
    # No limit stands in the way of what is measured.
    key, _ = create_key(
        state.store, state.project, KEY_NAME, ["score", "read"], rate_per_minute=100_000_000
    )
    return key


def _save_for_mlflow(model: Path, folder: Path, names: list[str]) -> None:
    import lightgbm
    from mlflow.lightgbm import save_model
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    shutil.rmtree(folder, ignore_errors=True)
    columns: list[ColSpec] = [ColSpec("double", name, required=False) for name in names]
    save_model(
        lightgbm.Booster(model_file=str(model)),
        str(folder),
        signature=ModelSignature(Schema(columns), Schema([ColSpec("double")])),
        pip_requirements=["lightgbm"],
    )
