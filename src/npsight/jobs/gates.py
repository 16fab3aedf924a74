"""The gates of a candidate: figures gathered from training, audit, tables and the champion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from npsight.audit.findings import AuditReport
from npsight.config.specs import ProjectSpec
from npsight.errors import NoSkillError, NpsightError, Problem
from npsight.jobs.building.frames import KEYS, FeatureBuilder
from npsight.jobs.training.backtestrows import (
    backtest_rows,
    both_tested,
    kept_rows,
    target_of,
    version_folder,
)
from npsight.jobs.training.card import TITLES
from npsight.jobs.training.fit import Fitted, PartResult
from npsight.models.backtest import Origin
from npsight.models.bundle import check_golden, figures_of, unpack
from npsight.models.examples import Examples
from npsight.models.gates import (
    Gate,
    GateReport,
    audit_gate,
    calibration_gate,
    card_gate,
    champion_gate,
    events_gate,
    not_judged,
    prior_gate,
    same_gate,
    skill_gate,
)
from npsight.models.model import Model
from npsight.models.skill import LEVEL
from npsight.models.versus import JUDGED_BY, Versus
from npsight.tracking import CHAMPION, Tracking

HEADING = "## Gates"
SAME_EVENTS = 0.01
"""The same answers on the same rows; of other rows, two backtests say nothing of each other."""


@dataclass(frozen=True)
class Champion:
    """The champion of the day, loaded; `model` None with the reason in `why_not`.

    `figures` are those of the backtest at its training, and `rows` what it predicted there; None
    where they were not kept.
    """

    version: int
    model: Model | None
    why_not: str = ""
    figures: Mapping[str, Any] | None = None
    rows: pd.DataFrame | None = None


@dataclass(frozen=True)
class Again:
    """Some rows of the training frame, and the same rows computed by themselves."""

    trained: pd.DataFrame
    again: pd.DataFrame


def computed_again(builder: FeatureBuilder, frame: pd.DataFrame) -> Again:
    """Rows of the training frame, all columns, and once more without the others.

    They pass through the expressions that scoring runs, nothing kept being read.
    """
    wanted = builder.project.training.gates.rows
    places = np.linspace(0, len(frame) - 1, min(wanted, len(frame))).astype(int)
    trained = frame.iloc[places].sort_values(["as_of", "account"])
    if builder.project.is_snapshot:
        again = builder.features(builder.spine(_days(frame)))
        again = again.merge(trained[KEYS], on=KEYS, how="inner", validate="one_to_one")
    else:
        again = builder.features(builder.given_spine(trained[KEYS]))
    again = again.reindex(columns=trained.columns).sort_values(["as_of", "account"])
    return Again(trained.reset_index(drop=True), again.reset_index(drop=True))


def _days(frame: pd.DataFrame) -> list[pd.Timestamp]:
    return [pd.Timestamp(day).to_pydatetime() for day in np.unique(frame["as_of"])]


def ensure_skill(project: ProjectSpec, fitted: Fitted) -> None:
    """Raises NoSkillError naming every part, when none of them tells accounts apart."""
    if any(part.skill.shown for part in fitted.parts.values()):
        return
    raise NoSkillError(
        f"{project.file.name}: these data do not tell which accounts are at risk; nothing was "
        "registered, and a champion stays as it is",
        [_no_skill(project, part) for part in fitted.parts.values()],
    )


def _no_skill(project: ProjectSpec, part: PartResult) -> Problem:
    skill, training = part.skill, project.training
    if skill.why_not_tested and skill.days == 0:
        remedy = (
            "bring a longer history or more accounts: a day is tested once "
            f"{training.min_events} events and as many others were known before it, and each "
            f"{training.period_days} days more give one more; or lower `training.period_days` to "
            "the rhythm of your surveys"
        )
    elif skill.why_not_tested:
        remedy = (
            "bring a longer history or more accounts, or test on more days: raise "
            f"`training.origins` from {training.origins}"
        )
    elif skill.gain > skill.error:
        needed = int(np.ceil(skill.rows * (2.6 * skill.error / skill.gain) ** 2))
        remedy = (
            f"there may be something: about {needed:,} rows would show a gain of this size; bring "
            "more accounts or a longer history, or raise `training.origins`"
        )
    elif skill.rank_p_value <= LEVEL:
        remedy = (
            "there may be something, but the events are too few to be sure: bring more accounts "
            "or a longer history, raise `training.origins`, or declare fewer features"
        )
    else:
        remedy = (
            "bring columns that may tell accounts apart (usage, tickets, payments, contacts), and "
            "check that the keys of the tables fit: npsight check"
        )
    key = f"targets.{'nps' if part.name == 'promoter' else part.name}"
    return Problem(f"{TITLES[part.name]}: {skill.sentence()}", remedy, key=key)


def load_champion(tracking: Tracking) -> Champion | None:
    """The champion that a candidate is held against; None where there is none."""
    version = tracking.alias_version(CHAMPION)
    if version is None:
        return None
    try:
        files = tracking.load_bundle(version)[1]
        model = unpack(files)
        check_golden(model, files)
    except NpsightError as error:
        return Champion(version, None, str(error).splitlines()[0])
    rows = kept_rows(version_folder(tracking.state_dir, version))
    return Champion(version, model, figures=figures_of(files), rows=rows)


def judge_candidate(
    project: ProjectSpec,
    fitted: Fitted,
    audit: AuditReport,
    again: Again,
    card: str,
    champion: Champion | None,
) -> GateReport:
    """Every gate of a freshly trained model. `card` is its model card as far as it is written."""
    gates = [
        skill_gate({TITLES[n]: part.skill for n, part in fitted.parts.items()}),
        *_part_gates(project, fitted),
        *_champion_gates(project, fitted, champion),
        same_gate(again.trained, again.again, _difference(fitted.model, again)),
        audit_gate(
            len(audit.leaks), audit.rows_compared, sum(bool(f.accepted) for f in audit.findings)
        ),
        card_gate(card, _headings(project, fitted)),
    ]
    return GateReport(tuple(gates), None if champion is None else champion.version)


def gate_lines(report: GateReport) -> Iterator[str]:
    """The section of the model card, in Markdown."""
    yield ""
    yield HEADING
    yield ""
    yield "What the model had to show before it could become the champion; see docs/gates.md."
    yield ""
    yield "| gate | verdict | figures |"
    yield "|---|---|---|"
    for gate in report.gates:
        yield f"| {gate.name} | {gate.verdict} | {gate.sentence} |"


def _headings(project: ProjectSpec, fitted: Fitted) -> list[str]:
    parts = [f"## {TITLES[name]}" for name in fitted.parts]
    return [f"# Model card: {project.name}", *parts, "## Leakage audit", "## Limits"]


def _part_gates(project: ProjectSpec, fitted: Fitted) -> Iterator[Gate]:
    settings, seed = project.training.gates, project.training.seed
    for name, part in fitted.parts.items():
        yield events_gate(name, part.examples, settings.min_events)
    for name, part in fitted.parts.items():
        yield prior_gate(name, part.origins, settings.confidence, seed)
    for name, part in fitted.parts.items():
        yield calibration_gate(name, part.origins, settings.calibration, seed)


def _champion_gates(
    project: ProjectSpec, fitted: Fitted, champion: Champion | None
) -> Iterator[Gate]:
    if champion is None:
        yield not_judged("not worse than the champion", "there is no champion yet")
        return
    for part in fitted.parts.values():
        yield _against_champion(project, part, champion)


def _against_champion(project: ProjectSpec, part: PartResult, champion: Champion) -> Gate:
    name = f"not worse than the champion: {part.name}"
    why = _incomparable(project, part, champion)
    if why:
        return not_judged(name, f"held against version {champion.version}: {why}")
    assert champion.model is not None
    theirs = dict(champion.model.parts())[part.name]
    unseen = [o for o in part.origins if _unseen(o.test, o.label, champion.model)]
    if not unseen:
        why = _too_soon(part, champion.model)
        told = _both_tested(part, champion, project.training.seed)
        return not_judged(name, f"held against version {champion.version}: {why}; {told}")
    rows = _together([origin.test for origin in unseen])
    return champion_gate(
        part.name,
        rows,
        np.concatenate([origin.predicted["chosen"] for origin in unseen]),
        theirs.probability(rows.frame),
        champion.version,
        project.training.gates.confidence,
        project.training.seed,
    )


def _too_soon(part: PartResult, champion: Model) -> str:
    """Since when it was trained, and until where the data must reach for a day it has not seen."""
    through = datetime.fromisoformat(champion.trained_through)
    needed = through + 2 * part.examples.window.end
    return (
        f"it was trained through {through:%Y-%m-%d}, and no backtest day lies a whole outcome "
        f"window later: train again when the data reach {needed:%Y-%m-%d}"
    )


def _both_tested(part: PartResult, champion: Champion, seed: int) -> str:
    """How both did in their own backtests, on the days and rows that these share.

    There each was tested by models of before the day, made as it was. So it tells which way of
    training was better; whether by more than chance, where the champion's rows are kept.
    """
    if champion.rows is not None:
        windows = {target_of(part.name): part.examples.window}
        found = both_tested(backtest_rows([part]), champion.rows, windows, seed)
        return _on_shared_rows(found[0]) if found else _NOTHING_SHARED
    days = [(o, theirs) for o in part.origins if (theirs := _champions_day(o, part.name, champion))]
    if not days:
        return _NOTHING_SHARED
    weights = [float(origin.test.weight.sum()) for origin, _ in days]
    ours = float(np.average([o.quality["chosen"].brier for o, _ in days], weights=weights))
    theirs = float(np.average([brier for _, brier in days], weights=weights))
    count = "one day" if len(days) == 1 else f"{len(days)} days"
    return (
        f"in the backtests of both, on the {count} that they share, models made in its way had a "
        f"Brier score of {theirs:.5f}, in this version's way {ours:.5f} (lower is better)"
    )


_NOTHING_SHARED = "until then nothing compares them, for no backtest day of both is the same"
_JUDGED = {
    "better": "better beyond chance",
    "worse": "worse beyond chance",
    "no difference": "no difference beyond chance",
    "not judged": "too few accounts to tell",
}


def _on_shared_rows(found: Versus) -> str:
    pair = found.figures[JUDGED_BY]
    count = "one day" if len(found.days) == 1 else f"{len(found.days)} days"
    bounds = pair.interval
    gain = f"{pair.gain:+.4f}" + (f", {bounds.low:+.4f} to {bounds.high:+.4f}" if bounds else "")
    return (
        f"in the backtests of both, on the {found.rows:,} rows of {count} that they share, models "
        f"made in its way had a log loss of {pair.other:.4f}, in this version's way "
        f"{pair.candidate:.4f} (gain {gain}: {_JUDGED[found.judgement]})"
    )


def _champions_day(origin: Origin, part: str, champion: Champion) -> float | None:
    """The champion's Brier score on the same rows of the same day, at its training."""
    target = ((champion.figures or {}).get("targets") or {}).get(part) or {}
    for row in target.get("standings") or ():
        if row["origin"] == origin.label and row["contender"] == "chosen":
            same = row["rows"] == len(origin.test)
            same = same and abs(row["events"] - origin.test.events()[0]) < SAME_EVENTS
            return row["figures"].get("brier") if same else None
    return None


def _incomparable(project: ProjectSpec, part: PartResult, champion: Champion) -> str:
    """Why the champion cannot predict this part's backtest rows; "" where it can."""
    if champion.model is None:
        return f"it cannot be loaded ({champion.why_not})"
    if project.is_snapshot:
        return "the data are a snapshot: which rows it has seen is not known"
    theirs = dict(champion.model.parts()).get(part.name)
    if theirs is None:
        return "it does not foresee this"
    if champion.model.segment != project.segment:
        return f"its peers are by {champion.model.segment}, now by {project.segment}"
    target = "detractor" if part.name == "promoter" else part.name
    if champion.model.windows.get(target) != part.examples.window:
        return "its gap or horizon is another"
    declared = {(spec.name, spec.expression_digest) for spec in project.features}
    used = {s.name: s.expression_digest for s in champion.model.specs}
    gone = [n for n in theirs.schema.names if (n, used.get(n, "")) not in declared]
    if gone:
        return f"features it reads are gone or changed: {', '.join(gone[:4])}"
    return ""


def _unseen(rows: Examples, label: str, champion: Model) -> bool:
    """Whether the champion's newest training outcome was over before the day of these rows."""
    if len(rows) == 0:
        return False
    trained = np.datetime64(champion.trained_through, "us")
    return bool(np.datetime64(label, "us") >= trained + np.timedelta64(rows.window.end))


def _together(parts: Sequence[Examples]) -> Examples:
    return Examples(
        frame=pd.concat([rows.frame for rows in parts], ignore_index=True),
        share=np.concatenate([rows.share for rows in parts]),
        weight=np.concatenate([rows.weight for rows in parts]),
        known_at=np.concatenate([rows.known_at for rows in parts]),
        window=parts[0].window,
    )


def _difference(model: Model, again: Again) -> float:
    """The largest difference between predictions of the two computations of the same rows."""
    if len(again.trained) != len(again.again):
        return 1.0
    trained, now = again.trained, again.again
    found = [
        float(np.max(np.abs(part.probability(trained) - part.probability(now)), initial=0.0))
        for _, part in model.parts()
    ]
    return max(found)
