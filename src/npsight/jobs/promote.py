"""`npsight promote`: make a registered version the champion; the same path rolls back."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.errors import GateError, NotFoundError
from npsight.models.bundle import check_golden, gates_of, unpack, verify
from npsight.models.gates import Gate, GateReport, judged
from npsight.tracking import CHALLENGER, CHAMPION, Tracking, VersionInfo, write_cached

TOLERATED = 1e-4
"""A version without gates is refused when its Brier score is worse than its prior's by more."""


@dataclass(frozen=True)
class Promotion:
    """The champion before (None for none) and after; `notes` are sentences worth knowing."""

    before: int | None
    after: int
    notes: tuple[str, ...] = ()


def promote(project: ProjectSpec, version: int | None = None, force: bool = False) -> Promotion:
    """Set the alias `champion` to a version, by default the challenger's.

    The bundle's digests are verified and its golden rows scored first. A version that a gate
    failed is refused unless `force`, which is kept with the version. Without a challenger, a
    version counts as one whose training was stopped after it was registered.

    Raises
    ------
    NotFoundError
        There is no such version, or no challenger.
    ModelIntegrityError
        The version is damaged.
    GateError
        A figure speaks against it; the champion stays.
    """
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
    tracking.reap_dead_runs()
    with tracking.aliases_held():
        notes: list[str] = []
        wanted = version if version is not None else _default(tracking, notes)
        found, files = tracking.load_bundle(wanted)
        check_golden(unpack(files), files)
        info = next(v for v in tracking.versions() if v.version == found)
        before = tracking.alias_version(CHAMPION)
        refusal = _refusal(info, gates_of(files), before, notes)
        if refusal and not force:
            raise GateError(refusal)
        tracking.set_alias(CHAMPION, found)
        write_cached(project.state_dir, found, files)
        tracking.note_promotion(found, "forced" if refusal else "passed")
        if tracking.alias_version(CHALLENGER) == found:
            # It has won: after a roll-back it must not be promoted again by default.
            tracking.drop_alias(CHALLENGER)
    return Promotion(before, found, tuple(notes))


def _default(tracking: Tracking, notes: list[str]) -> int:
    """The challenger, else the newest version whose training was stopped."""
    challenger = tracking.alias_version(CHALLENGER)
    if challenger is not None:
        return challenger
    for info in tracking.versions():
        if CHAMPION in info.aliases:
            break
        if info.is_interrupted:
            notes.append(
                f"Version {info.version} had no alias: its training was stopped after it was "
                "registered. It is whole, and was taken as the challenger."
            )
            return info.version
    raise NotFoundError(
        f"{tracking.name} has no challenger\n"
        "  → train one, or name a version: npsight promote --version N"
    )


def export_bundle(project: ProjectSpec, directory: Path, version: int | None = None) -> Path:
    """Write a version's verified bundle, card included, to `directory/<project>-v<version>`.

    Default: the champion. The folder appears whole or not at all, and replaces one of its name.
    Raises as `promote` does.
    """
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
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


def _refusal(
    info: VersionInfo, gates: GateReport | None, champion: int | None, notes: list[str]
) -> str:
    """What speaks against a version, every figure of it; "" for nothing."""
    failed = _failed_before_gates(info) if gates is None else gates.failed
    if gates is not None and champion not in (None, info.version, gates.champion):
        against = f"version {gates.champion}" if gates.champion else "no champion"
        notes.append(
            f"Version {info.version} was held against {against} when it was trained; the champion "
            f"then to be replaced is version {champion}. Train again to compare with that one."
        )
    if gates is not None and champion == gates.champion:
        notes += [
            f"Version {info.version} may be better or worse than the champion: {gate.name} was "
            f"not judged. {gate.sentence}."
            for gate in gates.gates
            if gate.verdict == "not judged" and gate.name.startswith("not worse than the champion:")
        ]
    if not failed:
        return ""
    lines = "\n".join(f"  {n}. {_shortfall(gate)}" for n, gate in enumerate(failed, start=1))
    count = "1 gate" if len(failed) == 1 else f"{len(failed)} gates"
    return (
        f"version {info.version} is refused by {count}\n{lines}\n"
        "  → look at its card and at docs/gates.md, or insist with --force"
    )


def _shortfall(gate: Gate) -> str:
    if gate.figure is None or gate.limit is None:
        return f"{gate.name}: {gate.sentence}"
    return (
        f"{gate.name}: {_short(gate.figure)} where {_short(gate.limit)} is the limit (off by "
        f"{_short(abs(gate.figure - gate.limit))}); {gate.sentence}"
    )


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.4g}"


def _failed_before_gates(info: VersionInfo) -> tuple[Gate, ...]:
    """A version without gates is judged by the figures of its run, as versions were then."""
    failed = []
    for part in ("detractor", "promoter", "churn"):
        chosen = info.metrics.get(f"{part}_chosen_brier")
        prior = info.metrics.get(f"{part}_prior_brier")
        if chosen is not None and prior is not None and chosen > prior + TOLERATED:
            said = (
                f"its {part} model has a Brier score of {chosen:.4f} out of time, the prior alone "
                f"{prior:.4f} (worse by {chosen - prior:.4f})"
            )
            name = f"better than the prior: {part}"
            failed.append(judged(name, False, prior - chosen, -TOLERATED, said))
    return tuple(failed)
