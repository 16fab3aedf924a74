"""The model card: what training found, as text for people, and as figures for MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from npsight.audit.findings import AuditReport
from npsight.config.specs import ProjectSpec
from npsight.jobs.training.cardnps import (
    coverage_metrics,
    nps_lines,
    response_lines,
    response_metrics,
)
from npsight.jobs.training.fit import Fitted, PartResult, windows
from npsight.models.backtest import CONTENDERS, mean_quality
from npsight.models.metrics import Quality

if TYPE_CHECKING:
    from npsight.tables.prepare import Prepared

TITLES = {
    "detractor": "Detractor risk",
    "promoter": "Promoter, given no detractor",
    "churn": "Churn risk",
}
NO_TIME = (
    "**Time cannot be checked on these data.** They are a snapshot: one row an account, no dates. "
    "Nothing shows whether a column was known before the account left or written afterwards "
    "(a closing reason, a final bill), so a leak cannot be seen, and accounts were held out at "
    "random instead of by time: the figures say how well the columns tell leavers from stayers "
    "today, not how well next period's leavers are foreseen. Expect less in use, and bring dated "
    "tables before relying on it."
)


def card(
    project: ProjectSpec,
    prepared: Prepared,
    as_ofs: Sequence[datetime],
    rows: int,
    fitted: Fitted,
    audit: AuditReport,
) -> str:
    """The model card, in Markdown; the same data and model give the same card."""
    lines = [f"# Model card: {project.name}", ""]
    lines += _what_it_is(project, prepared, as_ofs, rows)
    for part in fitted.parts.values():
        lines += ["", f"## {TITLES[part.name]}", "", *_part_lines(part)]
    if fitted.nps:
        lines += ["", "## Next-period NPS", "", *nps_lines(fitted)]
    if fitted.response is not None:
        lines += ["", "## Who answers", "", *response_lines(fitted.response)]
    if fitted.mix:
        lines += ["", "## Where and whom was asked", "", *_mix_lines(fitted)]
    lines += ["", "## Leakage audit", "", *_audit_lines(audit)]
    lines += ["", "## Limits", "", *_limits(fitted)]
    return "\n".join(lines) + "\n"


def _what_it_is(
    project: ProjectSpec, prepared: Prepared, as_ofs: Sequence[datetime], rows: int
) -> Iterator[str]:
    if project.is_snapshot:
        yield NO_TIME
        yield ""
        yield f"Trained on {rows:,} accounts, {len(project.features)} features."
    else:
        yield (
            f"Trained on {rows:,} account-days: {len(as_ofs)} as_of dates from "
            f"{as_ofs[0]:%Y-%m-%d} to {as_ofs[-1]:%Y-%m-%d}, {len(project.features)} features. "
            "A feature reads only facts that had happened and were known before as_of."
        )
    yield f"Data digest `{prepared.digest[:16]}`, seed {project.training.seed}."


def _part_lines(part: PartResult) -> Iterator[str]:
    chosen, selection = part.fitted.chosen, part.fitted.selection
    events, others = part.examples.events()
    yield (
        f"{len(part.examples):,} labelled rows, {events:,.0f} events and {others:,.0f} others. "
        f"Chosen: **{describe(part)}** — {selection.reason} (gain {selection.gain:.4f} ± "
        f"{selection.gain_error:.4f} nats a row over {selection.folds} out-of-time folds)."
    )
    yield f"Skill: {part.skill.sentence()}."
    if chosen.calibration.slope != 1.0 or chosen.calibration.shift != 0.0:
        yield (
            f"Calibration: shift {chosen.calibration.shift:+.3f}, "
            f"slope {chosen.calibration.slope:.3f}."
        )
    yield ""
    yield "| origin | model | rows | events | AUC | Brier | log loss | ECE | lift top 10 % |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for label, contender, figures in quality_rows(part):
        yield (
            f"| {label} | {contender_name(contender, part)} | {figures.rows} | "
            f"{figures.events:.0f} | {number(figures.auc, 3)} | {figures.brier:.4f} | "
            f"{figures.log_loss:.4f} | {figures.calibration_error:.3f} | "
            f"{number(figures.lift, 2)} |"
        )


def describe(part: PartResult) -> str:
    """What was chosen, in words."""
    chosen = part.fitted.chosen
    prior = "history prior" if part.name != "churn" else "base rate"
    learners = []
    if chosen.linear is not None:
        learners.append(f"{chosen.linear_blend:.0%} of logistic regression")
    if chosen.trees is not None:
        learners.append(f"{chosen.tree_blend:.0%} of {chosen.tree_count} trees")
    return " + ".join([f"the {prior}", *learners]) if learners else f"the {prior} alone"


def contender_name(contender: str, part: PartResult) -> str:
    """The rule by its feature, the others by their name."""
    return f"rule `{part.rule}`" if contender == "rule" else contender


def quality_rows(part: PartResult) -> Iterator[tuple[str, str, Quality]]:
    """(origin, contender, figures) for every origin, then over all."""
    for origin in part.origins:
        for contender in CONTENDERS:
            if contender in origin.quality:
                yield origin.label, contender, origin.quality[contender]
    for contender in CONTENDERS:
        figures = mean_quality(part.origins, contender)
        if figures is not None and len(part.origins) > 1:
            yield "all", contender, figures


def _mix_lines(fitted: Fitted) -> Iterator[str]:
    yield (
        "How much more often answers are detractors' than the others of accounts with the same "
        "out-of-time prediction, in points of a hundred; 95 % intervals clustered by account."
    )
    yield ""
    yield "| what | value | answers | accounts | points | from | to |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for effect in fitted.mix:
        value = effect.value.replace("|", "\\|")
        yield (
            f"| {effect.kind} | {value} | {effect.answers:,} | {effect.accounts:,} | "
            f"{effect.points:+.1f} | {effect.low:+.1f} | {effect.high:+.1f} |"
        )


def _audit_lines(audit: AuditReport) -> Iterator[str]:
    days = ", ".join(f"{day:%Y-%m-%d}" for day in audit.as_ofs)
    yield (
        f"{audit.rows_compared:,} values were computed a second time without what came later "
        f"({days}), or by plain loops; each feature was judged alone, each column for what it "
        "knows."
    )
    yield ""
    yield "| check | compared | verdict |"
    yield "|---|---:|---|"
    for check in audit.checks:
        said = f"{check.verdict} ({check.not_judged})" if check.not_judged else check.verdict
        yield f"| {check.name} | {check.compared:,} {check.unit} | {said} |"
    if audit.findings:
        yield ""
    for finding in audit.findings:
        said = f"accepted because: {finding.accepted}" if finding.accepted else finding.remedy
        yield f"- **{finding.level}** {finding.what}. *{said}*"


def _limits(fitted: Fitted) -> Iterator[str]:
    if "detractor" in fitted.parts:
        yield (
            "- Learned from those who answered. A silent account's risk is what its behaviour "
            "says of answers like it; nobody can check it until it answers."
        )
    yield "- Drivers contribute to a prediction; they are not shown to be its reason."
    for part in fitted.parts.values():
        if not part.origins:
            yield f"- {TITLES[part.name]}: too little history for a backtest; treat as untested."
        elif not part.skill.shown:
            yield f"- {TITLES[part.name]}: does not rank accounts; the backtest showed no skill."


def metrics(fitted: Fitted) -> dict[str, float]:
    """Figures for MLflow: means over origins, by part and contender."""
    found: dict[str, float] = {}
    for name, part in fitted.parts.items():
        found |= {
            f"{name}_has_skill": float(part.skill.shown),
            f"{name}_skill_gain": part.skill.gain,
            f"{name}_skill_p_value": part.skill.p_value,
        }
        for contender in CONTENDERS:
            figures = mean_quality(part.origins, contender)
            if figures is not None:
                key = f"{name}_{contender.replace(' ', '_')}"
                found |= {
                    f"{key}_{k}": float(v) for k, v in asdict(figures).items() if v is not None
                }
    if fitted.response is not None:
        found |= response_metrics(fitted.response)
    found |= coverage_metrics(fitted.coverage)
    for contender in fitted.nps[0] if fitted.nps else ():
        errors = [by[contender] for by in fitted.nps]
        key = contender.replace(" ", "_")
        found[f"nps_{key}_company_error"] = sum(e.company for e in errors) / len(errors)
        found[f"nps_{key}_account_rmse"] = sum(e.account for e in errors) / len(errors)
    return found


def parameters(project: ProjectSpec, as_ofs: Sequence[datetime], fitted: Fitted) -> dict[str, str]:
    """Settings for MLflow."""
    found = {f"training.{k}": str(v) for k, v in project.training.model_dump().items()}
    for target, window in windows(project).items():
        found[f"{target}.gap_days"] = str(window.gap_days)
        found[f"{target}.horizon_days"] = str(window.horizon_days)
    found |= {
        "segment": project.segment or "",
        "features": str(len(project.features)),
        "as_of_first": as_ofs[0].isoformat(),
        "as_of_last": as_ofs[-1].isoformat(),
    }
    for name, part in fitted.parts.items():
        found[f"{name}.chosen"] = describe(part)
        found[f"{name}.origins"] = " ".join(origin.label for origin in part.origins)
    return found


def number(value: float | None, digits: int) -> str:
    """The number, or `n/a` where it is not defined."""
    return "n/a" if value is None else f"{value:.{digits}f}"
