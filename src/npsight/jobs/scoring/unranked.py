"""Which risks of a score run order nothing, by the model that made them."""

from __future__ import annotations

import json

from npsight.config.specs import ProjectSpec
from npsight.store import ScoreRun
from npsight.tracking import read_cached


def unranked_parts(project: ProjectSpec, run: ScoreRun) -> tuple[str, ...]:
    """Parts in which the model of `run` tells no accounts apart.

    Read from the cached champion; empty where that is another model than the run's.
    """
    found = read_cached(project.state_dir)
    if found is None or found[0] != run.model_version:
        return ()
    parts = json.loads(found[1]["model.json"])["parts"]
    return tuple(name for name, part in parts.items() if not part.get("has_skill", True))
