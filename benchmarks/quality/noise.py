"""What a thousand columns of noise cost the model of a small company."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchmarks.quality.companies import Judged
from npsight.config.specs import FeatureSpec
from npsight.jobs.training.fit import Fitted, fit_project
from npsight.models.backtest import mean_quality

COLUMNS = 1_000


@dataclass(frozen=True)
class Cost:
    """Skill of the chosen model in log loss over the base rate, with and without the noise.

    `kept` is how many columns of noise the registered model still looks at.
    """

    target: str
    without: float
    noisy: float
    kept: int

    @property
    def share(self) -> float:
        """Part of the skill that is lost; negative where the noise did no harm."""
        return 1.0 - self.noisy / self.without


def costs(found: Judged, seed: int) -> Iterator[Cost]:
    """Train on the company's features and `COLUMNS` more that say nothing.

    Half of them are drawn anew for every row, half once for each account: those are the
    dangerous kind, because they let a learner recognise accounts.
    """
    rng = np.random.default_rng(seed)
    frame = found.data.frame[["account", "as_of"]]
    accounts, code = np.unique(frame["account"].to_numpy(object), return_inverse=True)
    specs = tuple(
        FeatureSpec(source="noise", aggregation="last", measure=f"n{k:04d}", driver="noise")
        for k in range(COLUMNS)
    )
    columns = {
        spec.name: rng.standard_normal(len(frame))
        if k % 2
        else rng.standard_normal(len(accounts))[code]
        for k, spec in enumerate(specs)
    }
    noise = pd.concat([frame, pd.DataFrame(columns)], axis=1)
    wider = {
        name: replace(rows, frame=rows.frame.merge(noise, on=["account", "as_of"], how="left"))
        for name, rows in found.data.examples.items()
    }
    project = replace(found.project, features=(*found.project.features, *specs))
    fitted = fit_project(project, wider, lambda _: None)
    for name, part in fitted.parts.items():
        kept = [n for n in part.fitted.chosen.schema.names if n.startswith("noise__")]
        yield Cost(name, _skill(found.fitted, name), _skill(fitted, name), len(kept))


def _skill(fitted: Fitted, name: str) -> float:
    origins = fitted.parts[name].origins
    chosen, base = mean_quality(origins, "chosen"), mean_quality(origins, "base rate")
    assert chosen is not None
    assert base is not None
    return base.log_loss - chosen.log_loss
