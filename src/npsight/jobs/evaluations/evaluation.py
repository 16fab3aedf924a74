"""A backtest and the rows it was made on -> an `Evaluation`, which reports are written from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from npsight.audit.findings import AuditReport
from npsight.config.specs import ProjectSpec
from npsight.jobs.building.frames import Progress, silent
from npsight.jobs.evaluations.drivers import drivers_of
from npsight.jobs.evaluations.found import (
    AuditLine,
    CoverageFigure,
    Evaluation,
    Facts,
    GroupRow,
    ListFacts,
    NpsRow,
    ScoreBin,
    Scores,
    TargetFound,
    Verdict,
)
from npsight.jobs.evaluations.groups import curve, groups, tested_rows
from npsight.jobs.evaluations.learning import learning_curve
from npsight.jobs.evaluations.nps import nps_rows
from npsight.jobs.evaluations.verdict import EVENTS, verdict
from npsight.jobs.training.card import TITLES, describe
from npsight.jobs.training.context import Context
from npsight.jobs.training.fit import Fitted, PartResult
from npsight.models.backtest import Origin
from npsight.models.bootstrap import DRAWS, LEVEL
from npsight.models.contest import contenders, standings, with_level

BINS = 20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SILENT_PERIODS = 2


class CoverageLike(Protocol):
    """What is read of a coverage row, whoever measured it."""

    level: int
    kind: str
    size: str
    covered: int
    of: int


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation is made of, beside the project.

    `frame` holds the features of every spine row, `newest` those of the newest labelled day.
    """

    fitted: Fitted
    frame: pd.DataFrame
    newest: pd.DataFrame
    context: Context
    audit: AuditReport
    data_digest: str


def evaluate(project: ProjectSpec, made: Evaluated, progress: Progress = silent) -> Evaluation:
    """Everything a report may show. The same data and model give the same evaluation."""
    fitted = made.fitted
    targets = {}
    for name, part in fitted.parts.items():
        targets[name] = _target(project, made, name, part, progress)
    nps: tuple[NpsRow, ...] = ()
    nps_drivers = None
    if "promoter" in fitted.parts:
        both = [fitted.parts[n].origins for n in ("detractor", "promoter")]
        nps = tuple(nps_rows(*both))
        nps_drivers = drivers_of("nps", fitted.model, fitted.parts, made.newest)
    return Evaluation(
        project=project.name,
        verdicts=tuple(_verdicts(targets)),
        targets=targets,
        nps=nps,
        nps_drivers=nps_drivers,
        coverage=tuple(coverage_of(fitted)),
        audit=tuple(
            AuditLine(c.name, c.compared, c.unit, c.verdict, c.not_judged)
            for c in made.audit.checks
        ),
        findings=tuple(
            f"{f.level}: {f.what}. {f'Accepted because: {f.accepted}' if f.accepted else f.remedy}"
            for f in made.audit.findings
        ),
        facts=_facts(project, made),
    )


def coverage_of(fitted: object) -> Iterator[CoverageFigure]:
    """How often intervals held, where the fit measured it."""
    rows: Sequence[CoverageLike] = getattr(fitted, "coverage", ()) or ()
    for row in rows:
        yield CoverageFigure(row.level, row.kind, row.size, row.covered, row.of)


def _verdicts(targets: dict[str, TargetFound]) -> Iterator[Verdict]:
    """Of each target; the promoter's part belongs to NPS."""
    for name, found in targets.items():
        if name != "promoter":
            yield verdict(name, found.title, found.standings, found.lists, found.rule)


def _target(
    project: ProjectSpec, made: Evaluated, name: str, part: PartResult, progress: Progress
) -> TargetFound:
    origins = [with_level(o) for o in part.origins if len(o.test)]
    lists = [made.context.call_list(o.test, project) for o in origins]
    events, others = part.examples.events()
    selection = part.fitted.selection
    whole = name != "promoter"
    if whole:
        progress(f"evaluation: {name} from less history")
    history = learning_curve(project, part) if whole else None
    progress(f"evaluation: {name} side by side")
    return TargetFound(
        name=name,
        title=TITLES[name],
        chosen=describe(part),
        reason=selection.reason,
        gain=selection.gain,
        gain_error=selection.gain_error,
        folds=selection.folds,
        rows=len(part.examples),
        events=events,
        others=others,
        rule=part.rule,
        event=EVENTS[name],
        lists=tuple(
            ListFacts(o.label, c.calls, c.accounts, c.part)
            for o, c in zip(origins, lists, strict=True)
        ),
        standings=tuple(standings(origins, lists, project.training.seed)),
        curve=tuple(curve(origins, _on_curve(origins))) if origins else (),
        groups=tuple(_groups(project, made, name, origins)) if whole else (),
        learning=history,
        drivers=drivers_of(name, made.fitted.model, made.fitted.parts, made.newest)
        if whole
        else None,
        scores=_scores(project, part, made.newest),
    )


def _on_curve(origins: Sequence[Origin]) -> list[str]:
    return [name for name in ("chosen", "prior") if name in contenders(origins)]


def _groups(
    project: ProjectSpec, made: Evaluated, name: str, origins: Sequence[Origin]
) -> Iterator[GroupRow]:
    if not origins:
        return
    promoter = None
    if name == "detractor" and "promoter" in made.fitted.parts:
        others = {o.label: o for o in made.fitted.parts["promoter"].origins}
        promoter = [others[o.label] for o in origins]
    rows = tested_rows(origins, made.context, promoter)
    yield from groups(rows, made.context, SILENT_PERIODS * project.training.period_days)


def _scores(project: ProjectSpec, part: PartResult, newest: pd.DataFrame) -> Scores:
    risk = part.fitted.chosen.probability(newest)
    counts, edges = np.histogram(risk, bins=BINS, range=(0.0, 1.0))
    limits = project.worklist
    high = int((risk >= limits.high_risk).sum())
    medium = int(((risk >= limits.medium_risk) & (risk < limits.high_risk)).sum())
    return Scores(
        day=f"{newest['as_of'].max():%Y-%m-%d}",
        accounts=len(newest),
        quantiles={f"{q:.0%}": float(np.quantile(risk, q)) for q in QUANTILES},
        levels={"high": high, "medium": medium, "low": len(risk) - high - medium},
        bins=tuple(
            ScoreBin(float(low), float(up), int(count))
            for low, up, count in zip(edges, edges[1:], counts, strict=False)
        ),
    )


def _facts(project: ProjectSpec, made: Evaluated) -> Facts:
    days = made.frame["as_of"].drop_duplicates().sort_values()
    return Facts(
        snapshot=project.is_snapshot,
        rows=len(made.frame),
        days=len(days),
        first_day=f"{days.iloc[0]:%Y-%m-%d}",
        last_day=f"{days.iloc[-1]:%Y-%m-%d}",
        accounts=int(made.frame["account"].nunique()),
        features=len(project.features),
        seed=project.training.seed,
        draws=DRAWS,
        level=LEVEL,
        data_digest=made.data_digest,
        audit_passed=made.audit.passed,
        audit_compared=made.audit.rows_compared,
    )
