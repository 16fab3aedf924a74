"""Whether a model can take over: proved in a child, and able to score what is stored."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence

from npsight.config.specs import ProjectSpec
from npsight.errors import ModelIntegrityError, NpsightError
from npsight.models.bundle import MANIFEST, verify
from npsight.models.model import Model
from npsight.service.scoring import score_inputs
from npsight.service.state import ServingState, load_model, serving_state
from npsight.service.verify import SECONDS, prove
from npsight.store import ScoreRun, Store, StoredInput
from npsight.store.watched import some_inputs

REHEARSED = 20
"""Stored accounts that a model must score before it takes over."""


class UnfitError(ModelIntegrityError):
    """A sound model that cannot score what the latest run has stored."""


def fit_state(
    project: ProjectSpec,
    version: int,
    files: Mapping[str, bytes],
    store: Store,
    seconds: float = SECONDS,
    stop: threading.Event | None = None,
) -> ServingState:
    """The state that serves a bundle, once nothing speaks against it.

    In this order: digests, project, a child process that loads it and scores its golden rows, the
    same in this process, and the stored inputs of some accounts of the latest run.

    Raises
    ------
    ModelIntegrityError
        The bundle is damaged, of another project, or kills or occupies who loads it.
    UnfitError
        It is sound, and reads features that the latest run has not stored.
    StateError
        The store cannot be read.
    """
    verify(files)
    _check_project(project, files)
    run, inputs = some_inputs(store, project.name, REHEARSED)
    prove(files, seconds, f"version {version}", stop)
    state = serving_state(project, load_model(files), version, files, store)
    if run is not None and inputs:
        _rehearse(state, run, inputs)
    return state


def _check_project(project: ProjectSpec, files: Mapping[str, bytes]) -> None:
    owner = json.loads(files[MANIFEST]).get("project")
    if owner != project.name:
        raise ModelIntegrityError(
            f"it is the champion of project {owner!r}, not of {project.name!r}\n"
            "  → point `state` in the project file, or the registry, to this project's own"
        )


def _rehearse(state: ServingState, run: ScoreRun, inputs: list[StoredInput]) -> None:
    missing = missing_names(state.model, inputs)
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise UnfitError(
            f"the latest run has not stored {', '.join(missing[:5])}{more}, which it reads\n"
            "  → npsight score -c FILE; the service then takes it up by itself"
        )
    try:
        results = score_inputs(state, run, inputs, {}, True)
    except (NpsightError, ValueError, TypeError, KeyError) as error:
        raise UnfitError(
            f"it cannot score what the latest run has stored ({type(error).__name__})\n"
            "  → npsight score -c FILE; the service then takes it up by itself"
        ) from None
    if all(result["status"] != "ok" for result in results.values()):
        raise UnfitError(
            "it scores none of the accounts that the latest run has stored\n"
            "  → npsight score -c FILE; the service then takes it up by itself"
        )


def missing_names(model: Model, inputs: Sequence[StoredInput]) -> list[str]:
    """What the model reads and no stored input has, sorted; nothing where nothing is stored."""
    if not inputs:
        return []
    read = {*model.layout.numbers, *model.layout.texts}
    return sorted(read - {name for item in inputs for name in item.features})
