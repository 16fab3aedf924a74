"""The model that scores: the registry's champion, or for a while the one used here last."""

from __future__ import annotations

from dataclasses import dataclass

from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.errors import ModelIntegrityError, Problem, RegistryAwayError
from npsight.jobs.building.frames import Progress, silent
from npsight.jobs.changed import changed
from npsight.models.bundle import check_golden, unpack, verify
from npsight.models.model import Model
from npsight.tracking import Tracking, read_cached


@dataclass(frozen=True)
class Champion:
    """The model that scores. `doubts` say why it may not be the one that the registry names."""

    version: int
    files: dict[str, bytes]
    model: Model
    doubts: tuple[Problem, ...] = ()


def champion(project: ProjectSpec, progress: Progress = silent) -> Champion:
    """The champion, verified; while the registry does not answer, the one used here last.

    Raises
    ------
    NotFoundError
        There is no champion.
    ModelIntegrityError
        It is damaged, or was trained with other features than the project declares.
    RegistryAwayError
        The registry does not answer, and no champion was used here yet.
    """
    progress("champion from the registry")
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
    doubts: tuple[Problem, ...] = ()
    try:
        version, files = tracking.load_champion()
    except RegistryAwayError as away:
        kept = read_cached(project.state_dir)
        if kept is None:
            raise
        version, files = kept
        verify(files)
        doubts = (_stand_in(version, away),)
        progress(f"the registry does not answer; version {version} stands in")
    model = unpack(files)
    check_golden(model, files)
    _check_features(model, project)
    return Champion(version, files, model, doubts)


def _stand_in(version: int, away: RegistryAwayError) -> Problem:
    return Problem(
        f"{str(away).splitlines()[0]}: version {version} was used, the champion that was used here "
        "last",
        "score again once the registry answers, if another version was promoted meanwhile",
    )


def _check_features(model: Model, project: ProjectSpec) -> None:
    declared = {spec.name: spec for spec in project.features}
    missing = sorted({spec.name for spec in model.specs} - declared.keys())
    if missing:
        raise ModelIntegrityError(
            f"{project.file.name} no longer declares {len(missing)} of the champion's features: "
            f"{', '.join(missing[:8])}\n  → put them back, or train and promote a new model"
        )
    other = [
        f"{spec.name}: {change}"
        for spec in model.specs
        if (change := changed(spec, declared[spec.name]))
    ]
    if other:
        raise ModelIntegrityError(
            f"{project.file.name} declares {len(other)} of the champion's features otherwise "
            f"than it was trained with:\n  {'; '.join(other[:8])}\n"
            "  → put them back as they were, or train and promote a new model"
        )
