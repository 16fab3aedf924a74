"""`npsight compare`: two registered versions on the same rows, and on the accounts of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from npsight.config.featurechecks import sources_of
from npsight.config.runtime import registry_uri
from npsight.config.specs import ProjectSpec
from npsight.errors import ConfigError, NotFoundError, Problem
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.jobs.building.held import held_days, with_held
from npsight.jobs.changed import changed, differences
from npsight.jobs.comparetoday import Today, scored_by, today
from npsight.jobs.scoring.asof import check_as_of, default_as_of
from npsight.jobs.training.backtestrows import (
    KEYS,
    KEYS_OF_SNAPSHOT,
    both_tested,
    kept_rows,
    target_of,
    version_folder,
)
from npsight.jobs.training.fit import windows
from npsight.jobs.training.trainingdata import examples_of, open_tables, training_days
from npsight.models.bundle import check_golden, unpack
from npsight.models.model import Model
from npsight.models.versus import Versus, versus
from npsight.tracking import CHALLENGER, CHAMPION, Tracking, VersionInfo


@dataclass(frozen=True)
class Side:
    """A version, its model, and what is kept of its backtest (None: nothing)."""

    info: VersionInfo
    model: Model
    rows: pd.DataFrame | None

    @property
    def version(self) -> int:
        """Its number."""
        return self.info.version


@dataclass(frozen=True)
class Comparison:
    """A candidate held against another version.

    Attributes
    ----------
    differences
        What was decided or found otherwise, a sentence each.
    unseen
        Both on days whose outcomes neither had seen, by part; `unseen_why_not` says why there are
        none.
    backtests
        The ways in which both were made, on the rows that both backtests tested, by part;
        `backtests_why_not` says why there are none.
    today
        Both on today's accounts; None with the reason in `today_why_not`.
    """

    candidate: Side
    other: Side
    differences: tuple[str, ...]
    unseen: tuple[Versus, ...]
    unseen_why_not: str
    backtests: tuple[Versus, ...]
    backtests_why_not: str
    today: Today | None
    today_why_not: str


def compare(
    project: ProjectSpec,
    version: int | None = None,
    other: int | None = None,
    as_of: datetime | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Hold a version against another; nothing is registered, promoted or stored.

    Parameters
    ----------
    version
        The candidate. Default: the challenger, else the newest version that is not `other`.
    other
        Default: the champion.
    as_of
        The day of `today`, as for scoring.

    Raises
    ------
    NotFoundError
        There is no such version, or there are no two.
    ConfigError
        Both are the same version.
    ModelIntegrityError
        One is damaged.
    """
    progress("versions from the registry")
    tracking = Tracking(project.name, project.state_dir, registry_uri(), project.file)
    infos = tracking.versions()
    theirs = _side(project, tracking, infos, CHAMPION if other is None else other)
    ours = _side(project, tracking, infos, _candidate(tracking, infos, theirs.version, version))
    backtests, backtests_why_not = _backtests(project, ours, theirs)
    unable = {side.version: why for side in (theirs, ours) if (why := _unable(project, side))}
    why = "; ".join(f"version {number}: {reason}" for number, reason in unable.items())
    unseen: tuple[Versus, ...] = ()
    now, unseen_why_not, today_why_not = None, why, why
    if not unable:
        with open_tables(project, progress) as (builder, _):
            builders = _Builders(project, builder)
            unseen, unseen_why_not = _unseen(project, builders, ours, theirs, progress)
            now = _today(project, builders, ours, theirs, as_of, progress)
    return Comparison(
        candidate=ours,
        other=theirs,
        differences=tuple(differences(theirs.model, ours.model)),
        unseen=unseen,
        unseen_why_not=unseen_why_not,
        backtests=backtests,
        backtests_why_not=backtests_why_not,
        today=now,
        today_why_not=today_why_not,
    )


def _side(
    project: ProjectSpec, tracking: Tracking, infos: Sequence[VersionInfo], version: int | str
) -> Side:
    number, files = tracking.load_bundle(version)
    model = unpack(files)
    check_golden(model, files)
    info = next(info for info in infos if info.version == number)
    return Side(info, model, kept_rows(version_folder(project.state_dir, number)))


def _candidate(
    tracking: Tracking, infos: Sequence[VersionInfo], other: int, version: int | None
) -> int:
    if version is not None:
        if version == other:
            problem = Problem(
                f"version {version} is compared with itself",
                "name two versions: npsight compare --version N --with M",
                key="--version",
            )
            raise ConfigError("nothing was compared", [problem])
        return version
    challenger = tracking.alias_version(CHALLENGER)
    if challenger is not None and challenger != other:
        return challenger
    for info in infos:
        if info.version != other:
            return info.version
    raise NotFoundError(
        f"{tracking.name} has one version only, {other}\n  → train another one: npsight train"
    )


def _unable(project: ProjectSpec, side: Side) -> str:
    """Why a version cannot read the project's tables as they are declared now; "" if it can."""
    if side.model.segment != project.segment:
        return f"its peers are by {side.model.segment}, now by {project.segment}"
    declared = {spec.name: spec for spec in project.features}
    sources = sources_of(project.tables)
    for spec in side.model.specs:
        now = declared.get(spec.name)
        if now is not None and not changed(spec, now):
            continue
        if spec.expression:
            how = changed(spec, now) if now else "it is no longer declared"
            return f"it reads {spec.name}, an expression of your own: {how}"
        if spec.source not in sources:
            return f"it reads {spec.source}, which is no longer declared"
        there = set().union(*sources[spec.source])
        columns = {spec.measure, spec.per, spec.category, *(name for name, _ in spec.where)}
        gone = sorted(column for column in columns if column and column not in there)
        if gone:
            return f"it reads {', '.join(gone)} of {spec.source}, no longer declared"
    return ""


class _Builders:
    """Features of today's tables as each model has them, whatever the project file lists now.

    Models that read the same get the same frame, built once.
    """

    def __init__(self, project: ProjectSpec, builder: FeatureBuilder) -> None:
        self.project = project
        self.builder = builder
        self._built: dict[tuple[datetime, ...], pd.DataFrame] = {}

    def frame(self, model: Model, days: Sequence[datetime], progress: Progress) -> pd.DataFrame:
        """What the model reads of every account alive on these days, by as_of and account."""
        if not _as_declared(model, self.project):
            return self._read(self._of(model), days, progress)
        if tuple(days) not in self._built:
            self._built[tuple(days)] = self._read(self.builder, days, progress)
        return self._built[tuple(days)]

    @staticmethod
    def _read(
        builder: FeatureBuilder, days: Sequence[datetime], progress: Progress
    ) -> pd.DataFrame:
        frame = builder.features_at(days, progress)
        return with_held(builder, frame, held_days(builder, days), progress)

    def _of(self, model: Model) -> FeatureBuilder:
        own = replace(self.project, features=model.specs)
        return FeatureBuilder(self.builder.backend, self.builder.facts, own, own=self.builder.own)


def _as_declared(model: Model, project: ProjectSpec) -> bool:
    declared = {spec.name: spec for spec in project.features}
    return all(
        spec.name in declared and not changed(spec, declared[spec.name]) for spec in model.specs
    )


def _unseen(
    project: ProjectSpec, builders: _Builders, ours: Side, theirs: Side, progress: Progress
) -> tuple[tuple[Versus, ...], str]:
    """Both on the days that begin when all outcomes that either learned from were over.

    An outcome of a model was over at `trained_through + gap + horizon`, inclusive: a day may begin
    then, as in a backtest.
    """
    if project.is_snapshot:
        return (), "the data are a snapshot: which rows a version has seen is not known"
    both = [dict(side.model.parts()) for side in (theirs, ours)]
    targets = {target_of(part) for part in both[0].keys() & both[1].keys()}
    declared = windows(project)
    same = {
        target
        for target in targets
        if ours.model.windows[target] == theirs.model.windows[target] == declared.get(target)
    }
    if not same:
        return (), "their gaps or horizons differ, or are not those of the project file"
    since = {t: _over(t, ours.model, theirs.model) for t in same}
    days = [day for day in training_days(builders.builder) if day >= min(since.values())]
    if not days:
        return (), (
            "there is no outcome yet that neither has seen: the first day to tell is "
            f"{min(since.values()):%Y-%m-%d}, once its window has ended"
        )
    progress(f"{len(days)} days that neither has seen")
    frames = [builders.frame(side.model, days, progress) for side in (theirs, ours)]
    spine = builders.builder.spine(days)
    rows = [examples_of(builders.builder, spine, frames[0])] * 2
    if frames[1] is not frames[0]:
        rows[1] = examples_of(builders.builder, spine, frames[1])
    found = []
    for part in [name for name, _ in ours.model.parts() if name in both[0]]:
        if target_of(part) not in same or part not in rows[0]:
            continue
        first = np.datetime64(since[target_of(part)], "us")
        unseen = [side[part].between(first, np.datetime64("9999-01-01")) for side in rows]
        if not len(unseen[0]):
            continue
        predicted = [p[part].probability(r.frame) for p, r in zip(both, unseen, strict=True)]
        found.append(versus(part, unseen[1], predicted[1], predicted[0], project.training.seed))
    return tuple(found), "" if found else "nobody answered on the days that neither has seen"


def _over(target: str, *models: Model) -> datetime:
    """When the last outcome that any of the models learned from was over."""
    return max(
        datetime.fromisoformat(model.trained_through) + model.windows[target].end
        for model in models
    )


def _backtests(project: ProjectSpec, ours: Side, theirs: Side) -> tuple[tuple[Versus, ...], str]:
    """The backtests of both on the rows that both tested, of equal outcomes."""
    missing = [f"version {side.version}" for side in (theirs, ours) if side.rows is None]
    if missing:
        return (), f"the backtest rows of {' and '.join(missing)} are not in the state folder"
    assert ours.rows is not None
    assert theirs.rows is not None
    was, now = theirs.model.windows, ours.model.windows
    alike = {target: window for target, window in now.items() if was.get(target) == window}
    by = KEYS_OF_SNAPSHOT if project.is_snapshot else KEYS
    found = both_tested(ours.rows, theirs.rows, alike, project.training.seed, by)
    order = [name for name, _ in ours.model.parts()]
    found.sort(key=lambda v: order.index(v.part))
    return tuple(found), "" if found else "no backtest day and outcome of both is the same"


def _today(
    project: ProjectSpec,
    builders: _Builders,
    ours: Side,
    theirs: Side,
    as_of: datetime | None,
    progress: Progress,
) -> Today:
    builder = builders.builder
    day = default_as_of(builder) if as_of is None else as_of
    check_as_of(builder, day)
    progress(f"accounts of {day:%Y-%m-%d}")
    display = builder.display(builder.spine([day]))
    if not len(display):
        raise NotFoundError(f"no account exists before {day:%Y-%m-%d %H:%M}Z")
    sides = [
        scored_by(
            side.version,
            side.model,
            project.worklist,
            day,
            builders.frame(side.model, [day], progress),
            display,
        )
        for side in (theirs, ours)
    ]
    return today(day, project.worklist, *sides)
