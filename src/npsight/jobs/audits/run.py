"""The checks of an audit over the rows that training uses, in full or as a gate of training."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from npsight.audit.alone import Split, halves, out_of_time, too_good_alone
from npsight.audit.early import CHECK as TOLD_EARLY
from npsight.audit.early import told_long_before
from npsight.audit.findings import AuditReport, Check, with_accepted
from npsight.audit.identifiers import identifiers
from npsight.audit.population import population
from npsight.audit.shifted import vanishing
from npsight.audit.written import Happened
from npsight.config.specs import ProjectSpec
from npsight.errors import LeakageError
from npsight.jobs.audits import cut as audit_cut
from npsight.jobs.audits import oracle as audit_oracle
from npsight.jobs.audits.columns import Columns
from npsight.jobs.audits.future import check_future
from npsight.jobs.audits.lives import check_lives
from npsight.jobs.audits.losses import losses_of
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.jobs.building.held import features_held, held_days, with_held
from npsight.jobs.files import write_atomically
from npsight.models.examples import Examples
from npsight.temporal.spine import midnight_after

if TYPE_CHECKING:
    from npsight.jobs.training.trainingdata import TrainingData

AUDIT_FILE = "audit.json"
NO_TIME = "the data are a snapshot: nothing in them is dated"
USUAL_GAP_DAYS = 14

_SILENCE = (
    "accounts that have long been silent may tell themselves: say after how many days of silence "
    "an account has left (`targets.churn.active_within_days`). Else "
)
_BEGUN = (
    "it may show a silence that has begun already: say a shorter "
    "`targets.churn.active_within_days`, or a longer `gap_days`. Else "
)


@dataclass(frozen=True)
class Extent:
    """How much is looked at.

    `accounts` sampled for the oracle, on `as_ofs` days; `days` on which features are judged alone;
    `column_accounts` whose facts, `column_rows` of each source, are held against what came later;
    `answers` up to which the oracle also counts the segment's and the market's.
    """

    accounts: int
    as_ofs: int
    days: int
    column_accounts: int
    column_rows: int
    answers: int


def about_silence(check: Check, project: ProjectSpec) -> Check:
    """The check of a loss by silence, its remedies led by what keeps out the long silent."""
    churn = project.churn
    if churn is None or churn.event != "no_activity":
        return check
    led = _SILENCE if project.left_after is None else _BEGUN
    found = [replace(f, remedy=led + f.remedy) for f in check.findings]
    return replace(check, findings=tuple(found))


def full(project: ProjectSpec, rows: int | None = None) -> Extent:
    """Of `npsight audit`; `rows` overrides the project file's."""
    return Extent(rows or project.audit.rows, project.audit.as_ofs, 4, 400, 2_000, 20_000)


def gate(project: ProjectSpec) -> Extent:
    """Of `npsight train`: the same checks on less, so that it costs little."""
    return Extent(min(project.audit.rows, 6), min(project.audit.as_ofs, 2), 1, 150, 500, answers=0)


def audit_rows(
    builder: FeatureBuilder,
    data: TrainingData,
    extent: Extent,
    progress: Progress = silent,
    data_digest: str = "",
) -> AuditReport:
    """Run every check on the rows of `data`, which `builder` made.

    Nothing is raised for a leak: see `AuditReport.passed`. The same data give the same report.
    """
    project = builder.project
    days = spread(data.as_ofs, extent.as_ofs)
    accounts = _sample(data.plain["account"], extent.accounts, project.training.seed)
    checks = list(_Run(builder, data, extent, progress).checks(days, accounts))
    reasons = project.audit.accepted
    judged = tuple(replace(c, findings=with_accepted(c.findings, reasons)) for c in checks)
    return AuditReport(
        project.name, tuple(days), len(accounts), judged, data_digest, data.rows, len(data.as_ofs)
    )


def write_json(report: AuditReport, path: Path) -> None:
    """The report as JSON, whole or not at all."""
    text = json.dumps(report.to_json(), indent=2, ensure_ascii=False)
    write_atomically(path, f"{text}\n".encode())


def ensure_clean(project: ProjectSpec, report: AuditReport) -> None:
    """Raises LeakageError naming every leak that no reason in the project file accepts."""
    if report.passed:
        return
    raise LeakageError(
        f"{project.file.name}: the leakage audit failed, and nothing was registered",
        [finding.problem() for finding in report.leaks],
    )


def spread(as_ofs: Sequence[datetime], count: int) -> list[datetime]:
    """The oldest, the newest, and others evenly between; fewer where there are fewer."""
    places = np.linspace(0, len(as_ofs) - 1, min(count, len(as_ofs)))
    if count == 1:
        return [as_ofs[-1]]
    return [as_ofs[place] for place in dict.fromkeys(np.rint(places).astype(int).tolist())]


def _sample(accounts: pd.Series, count: int, seed: int) -> list[str]:
    """Some of the accounts, the same for the same seed."""
    names = np.sort(accounts.unique().astype(object))
    return sorted(np.random.default_rng(seed).permutation(names)[:count].tolist())


@dataclass(frozen=True)
class _Run:
    builder: FeatureBuilder
    data: TrainingData
    extent: Extent
    progress: Progress

    @property
    def project(self) -> ProjectSpec:
        return self.builder.project

    @property
    def targets(self) -> dict[str, Examples]:
        """The declared outcomes; the promoter's is part of the detractor's, and who answers is
        foreseen for weights only.
        """
        derived = ("promoter", "response")
        return {name: rows for name, rows in self.data.examples.items() if name not in derived}

    def checks(self, days: Sequence[datetime], accounts: Sequence[str]) -> Iterator[Check]:
        frame, plain = self.data.frame, self.data.plain
        if self.project.is_snapshot:
            yield Check(audit_cut.CHECK, 0, "values", not_judged=NO_TIME)
            yield Check(audit_oracle.CHECK, 0, "values", not_judged=NO_TIME)
        else:
            yield audit_cut.check_cut(self.builder, plain, days, self.progress)
            self.progress("audit: a plain loop over the same facts")
            chosen = plain[plain["as_of"].isin([pd.Timestamp(day) for day in days])]
            yield audit_oracle.check_oracle(self.builder, chosen, accounts, self.extent.answers)
        yield from self._outcomes()
        self.progress("audit: columns that know what came later")
        columns = Columns(self.builder)
        if self.project.is_snapshot:
            left = self.data.examples["churn"]
            by_account = dict(zip(left.account, left.share > 0, strict=True))
            yield columns.one_sided(columns.first_versions(), [Happened("left", by_account)])
        else:
            yield from columns.checks()
            yield from self._early(columns)
            seed, most = self.project.training.seed, self.extent.column_rows
            some = _sample(frame["account"], self.extent.column_accounts, seed)
            yield check_future(columns, some, most, seed)
            yield from check_lives(columns, losses_of(columns))
        newest = frame[frame["as_of"] == frame["as_of"].max()]
        yield identifiers(newest, self.project.features)
        if not self.project.is_snapshot:
            self.progress("audit: the accounts to be scored")
            yield population(frame, self._scoring_day(), self.project.features, losses_of(columns))

    def _early(self, columns: Columns) -> Iterator[Check]:
        """Undated attributes have a check of their own, which asks no day."""
        losses = losses_of(columns)
        if losses is None:
            yield Check(
                TOLD_EARLY, 0, "features", not_judged="no loss is foreseen (`targets.churn`)"
            )
            return
        undated = {f"accounts.{name}" for name in columns.read.undated}
        specs = [s for s in self.project.features if not undated.issuperset(s.columns or [""])]
        yield told_long_before(self.data.plain, losses, specs)

    def _scoring_day(self) -> pd.DataFrame:
        day = midnight_after(self.builder.facts.data_end)
        return features_held(self.builder, day, held_days(self.builder, [day]).get(day, ()))

    def _outcomes(self) -> Iterator[Check]:
        """Each feature alone, now and a gap earlier."""
        settings, specs = self.project.audit, self.project.features
        splits = {name: self._splits(rows) for name, rows in self.targets.items()}
        self.progress("audit: each feature alone")
        for name, pairs in splits.items():
            check = too_good_alone(name, pairs, specs, settings)
            yield about_silence(check, self.project) if name == "churn" else check
        if self.project.is_snapshot:
            return
        self.progress("audit: features of a gap earlier")
        earlier = self._earlier({name: pairs[:1] for name, pairs in splits.items()})
        for name, pairs in splits.items():
            both = list(zip(pairs[:1], earlier[name], strict=True))
            yield vanishing(name, both, specs, self._gap(name))

    def _splits(self, rows: Examples) -> list[Split]:
        if self.project.is_snapshot:
            return halves(rows, self.project.training.seed)
        return out_of_time(rows, self.extent.days)

    def _gap(self, target: str) -> int:
        """Days between as_of and the outcome; two weeks where there are none."""
        return self.targets[target].window.gap_days or USUAL_GAP_DAYS

    def _earlier(self, splits: dict[str, list[Split]]) -> dict[str, list[pd.DataFrame]]:
        """For each test row its features of a gap before, computed together."""
        keys = {
            name: [self._keys(split, self._gap(name)) for split in pairs]
            for name, pairs in splits.items()
        }
        every = [frame for frames in keys.values() for frame in frames]
        if not every:
            return {name: [] for name in splits}
        wanted = pd.concat(every).drop_duplicates(ignore_index=True)
        plain = self.builder.features(self.builder.given_spine(wanted))
        days = [day.to_pydatetime() for day in plain["as_of"].unique()]
        rows = with_held(self.builder, plain, held_days(self.builder, days))
        return {
            name: [frame.merge(rows, on=["account", "as_of"], how="left") for frame in frames]
            for name, frames in keys.items()
        }

    @staticmethod
    def _keys(split: Split, days: int) -> pd.DataFrame:
        keys = split.test.frame[["account", "as_of"]].copy()
        keys["as_of"] = keys["as_of"] - timedelta(days=days)
        return keys
