"""shap's waterfall of one account, from its stored inputs and the cached champion."""

from __future__ import annotations

from contextlib import closing

import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.errors import NotFoundError
from npsight.jobs.pictures import waterfall
from npsight.models.bundle import unpack
from npsight.store import open_project_store
from npsight.tracking import read_cached


def waterfall_png(project: ProjectSpec, account: str) -> bytes:
    """PNG of the feature contributions, in log-odds, to the account's main risk."""
    cached = read_cached(project.state_dir)
    if cached is None:
        raise NotFoundError("no champion is cached\n  → npsight score first")
    model = unpack(cached[1])
    with closing(open_project_store(project)) as store:
        run = store.latest_run(project.name)
        inputs = store.inputs(run.id, [account])
    if account not in inputs:
        raise NotFoundError(
            f"the inputs of {account!r} are not kept\n  → npsight score first, then explain"
        )
    part = model.detractor or model.churn
    assert part is not None
    return waterfall(part, pd.DataFrame([inputs[account].features]))
