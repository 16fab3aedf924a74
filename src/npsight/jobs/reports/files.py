"""An evaluation as files, and as figures for MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from npsight.jobs.evaluations.found import Evaluation, Verdict
from npsight.jobs.evaluations.verdict import overall
from npsight.jobs.files import write_atomically
from npsight.jobs.reports.html import report_html, report_json
from npsight.models.bootstrap import Interval
from npsight.models.contest import ALL

PAGE = "report.html"
FIGURES = "evaluation.json"


def report_files(found: Evaluation) -> dict[str, bytes]:
    """Name -> content of the page and of its figures."""
    return {PAGE: report_html(found).encode(), FIGURES: report_json(found).encode()}


def keep_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write them, each whole or not at all; returns the page."""
    for name, content in files.items():
        write_atomically(folder / name, content)
    return folder / PAGE


def evaluation_metrics(found: Evaluation) -> dict[str, float]:
    """Figures over all origins, for MLflow: `eval_<target>_<figure>` of the chosen model with the
    ends of its interval, `…_vs_prior` minus the prior's, and NPS errors.
    """
    figures: dict[str, float] = {}
    for verdict in found.verdicts:
        figures |= _of_target(found, verdict)
    for row in found.nps:
        alone = len({r.origin for r in found.nps}) == 1
        if row.contender == "chosen" and (alone or row.origin == ALL):
            figures["eval_nps_company_error"] = row.company_error
            figures["eval_nps_account_error"] = row.account_error
            if row.segment_error is not None:
                figures["eval_nps_segment_error"] = row.segment_error
    return figures


def _of_target(found: Evaluation, verdict: Verdict) -> dict[str, float]:
    name = f"eval_{verdict.target}"
    figures = {f"{name}_worth_using": float(verdict.worth == "worth using")}
    chosen = overall(found.targets[verdict.target].standings).get("chosen")
    if chosen is None:
        return figures
    figures |= {
        f"{name}_rows": float(chosen.rows),
        f"{name}_base_rate": chosen.base_rate,
        f"{name}_calibration_error": chosen.calibration_error,
        f"{name}_brier_reliability": chosen.reliability,
        f"{name}_brier_resolution": chosen.resolution,
    }
    for figure, value in chosen.figures.items():
        if value is not None:
            figures[f"{name}_{figure}"] = value
            figures |= _ends(f"{name}_{figure}", chosen.intervals.get(figure))
    for figure, difference in chosen.against.get("prior", {}).items():
        figures[f"{name}_{figure}_vs_prior"] = difference.value
        figures |= _ends(f"{name}_{figure}_vs_prior", difference.interval)
    return figures


def _ends(name: str, bounds: Interval | None) -> dict[str, float]:
    return {} if bounds is None else {f"{name}_low": bounds.low, f"{name}_high": bounds.high}
