"""`npsight promote`: make a registered version the champion; the same path rolls back."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.errors import GateError, NotFoundError
from npsight.models.bundle import check_golden, unpack, verify
from npsight.tracking import CHALLENGER, CHAMPION, Tracking, VersionInfo

TOLERATED = 1e-4
"""A Brier score worse than the prior's by more than this refuses promotion."""


@dataclass(frozen=True)
class Promotion:
    """The champion before (None for none) and after."""

    before: int | None
    after: int


def promote(project: ProjectSpec, version: int | None = None, force: bool = False) -> Promotion:
    """Set the alias `champion` to a version, by default the challenger's.

    The bundle's digests are verified and its golden rows scored first. A version that did worse
    out of time than its own prior is refused unless `force`.

    Raises
    ------
    NotFoundError
        There is no such version, or no challenger.
    ModelIntegrityError
        The version is damaged.
    GateError
        A figure speaks against it; the champion stays.
    """
    tracking = Tracking(project.name, project.state_dir, registry_uri())
    wanted = version if version is not None else tracking.alias_version(CHALLENGER)
    if wanted is None:
        raise NotFoundError(
            f"npsight-{project.name} has no challenger\n"
            "  → train one, or name a version: npsight promote --version N"
        )
    found, files = tracking.load_bundle(wanted)
    check_golden(unpack(files), files)
    info = next(v for v in tracking.versions() if v.version == found)
    if not force:
        _check_gates(info)
    before = tracking.alias_version(CHAMPION)
    tracking.set_alias(CHAMPION, found)
    if tracking.alias_version(CHALLENGER) == found:
        # It has won: after a roll-back it must not be promoted again by default.
        tracking.drop_alias(CHALLENGER)
    return Promotion(before, found)


def export_bundle(project: ProjectSpec, directory: Path, version: int | None = None) -> Path:
    """Write a version's verified bundle, card included, to `directory/<project>-v<version>`.

    Default: the champion. The folder appears whole or not at all, and replaces one of its name.
    Raises as `promote` does.
    """
    tracking = Tracking(project.name, project.state_dir, registry_uri())
    if version is None:
        found, files = tracking.load_champion()
    else:
        found, files = tracking.load_bundle(version)
    verify(files)
    target = directory / f"{project.name}-v{found}"
    directory.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=directory, prefix=f".{target.name}."))
    try:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return target


def _check_gates(info: VersionInfo) -> None:
    for part in ("detractor", "promoter", "churn"):
        chosen = info.metrics.get(f"{part}_chosen_brier")
        prior = info.metrics.get(f"{part}_prior_brier")
        if chosen is not None and prior is not None and chosen > prior + TOLERATED:
            raise GateError(
                f"version {info.version} is refused: its {part} model has a Brier score of "
                f"{chosen:.4f} out of time, the prior alone {prior:.4f} (worse by "
                f"{chosen - prior:.4f})\n  → look at its card, or insist with --force"
            )
