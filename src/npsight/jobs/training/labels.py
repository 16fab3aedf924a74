"""Feature rows and outcomes -> the labelled examples of each model part."""

from __future__ import annotations

import numpy as np
import pandas as pd

from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.errors import NothingToLearnError, Problem
from npsight.models.examples import Examples

KEYS = ["account", "as_of"]


def detractor_examples(
    frame: pd.DataFrame, answers: pd.DataFrame, window: OutcomeWindow
) -> Examples:
    """Share of detractors among each account-window's answers, each window weighing 1."""
    rows = frame.merge(answers, on=KEYS, how="inner", validate="one_to_one")
    count = rows["answers"].to_numpy(np.float64)
    return Examples(
        frame=rows,
        share=rows["detractors"].to_numpy(np.float64) / count,
        weight=np.ones(len(rows)),
        known_at=rows["label_known_at"].to_numpy("datetime64[us]"),
        window=window,
    )


def promoter_examples(detractor: Examples) -> Examples:
    """Share of promoters among the answers that are no detractor's, weighing their share."""
    others = (detractor.frame["answers"] - detractor.frame["detractors"]).to_numpy(np.float64)
    promoters = detractor.frame["promoters"].to_numpy(np.float64)
    rows = others > 0
    return Examples(
        frame=detractor.frame,
        share=np.divide(promoters, others, out=np.zeros(len(others)), where=rows),
        weight=1.0 - detractor.share,
        known_at=detractor.known_at,
        window=detractor.window,
    ).where(rows)


def response_examples(
    frame: pd.DataFrame, complete: pd.DataFrame, answers: pd.DataFrame, window: OutcomeWindow
) -> Examples:
    """Whether each account answered in its window: every spine row whose window has ended.

    `complete` names these rows by account and as_of. The frame gets the window's counts
    `answers`, `detractors` and `promoters`, 0 where nobody answered. Silence is known when the
    window ends.
    """
    rows = frame.merge(complete[KEYS], on=KEYS, how="inner", validate="one_to_one")
    rows = rows.merge(answers, on=KEYS, how="left", validate="one_to_one")
    counts = ["answers", "detractors", "promoters"]
    rows[counts] = rows[counts].fillna(0).astype("int64")
    return Examples(
        frame=rows,
        share=(rows["answers"] > 0).to_numpy(np.float64),
        weight=np.ones(len(rows)),
        known_at=rows["label_known_at"].to_numpy("datetime64[us]"),
        window=window,
    )


def churn_examples(frame: pd.DataFrame, churned: pd.DataFrame, window: OutcomeWindow) -> Examples:
    """Whether each account at risk was lost in its window."""
    keys = [key for key in KEYS if key in churned]
    rows = frame.merge(churned, on=keys, how="inner", validate="one_to_one")
    known = rows.get("label_known_at")
    return Examples(
        frame=rows,
        share=rows["churned"].to_numpy(np.float64),
        weight=np.ones(len(rows)),
        known_at=np.full(len(rows), np.datetime64("NaT", "us"))
        if known is None
        else known.to_numpy("datetime64[us]"),
        window=window,
    )


def ensure_learnable(project: ProjectSpec, examples: dict[str, Examples]) -> None:
    """Raises NothingToLearnError naming every target that has too little to learn from."""
    problems = [
        problem
        for name, rows in examples.items()
        if (problem := _obstacle(name, rows, project)) is not None
    ]
    if problems:
        raise NothingToLearnError(
            f"{project.file.name}: nothing was trained, and the champion stays as it is", problems
        )


def _obstacle(name: str, rows: Examples, project: ProjectSpec) -> Problem | None:
    key, least = f"targets.{name}", project.training.min_events
    thing = "answers" if name == "detractor" else "accounts at risk"
    if len(rows) == 0 and name == "detractor" and project.touchpoints:
        return Problem(
            f"no answers at {', '.join(f'`{t}`' for t in project.touchpoints)} fall into any "
            "outcome window that has ended",
            "bring more history, or see with `npsight check` which touchpoints there are",
            key=f"{key}.touchpoints",
        )
    if len(rows) == 0:
        return Problem(
            f"no {thing} fall into any outcome window that has ended",
            "bring more history, or shorten `gap_days` and `horizon_days`",
            key=key,
        )
    if len(rows) == 1:
        return Problem(
            "there is a single outcome; nothing can be compared", "bring more history", key=key
        )
    events, others = rows.events()
    what = ("detractors", "others") if name == "detractor" else ("losses", "others")
    if min(events, others) == 0:
        only = what[0] if others == 0 else "no " + what[0]
        return Problem(
            f"the outcomes are of one class: {only} among {len(rows)} account windows",
            "check the bands or the event in the project file; if they are right, there is no risk "
            f"to tell apart yet: bring more history{_leaving_out(name, project)}",
            key=key,
        )
    days = np.unique(rows.known_at[~np.isnat(rows.known_at)].astype("datetime64[D]"))
    if name == "detractor" and len(days) == 1:
        return Problem(
            f"all answers became known on one day ({days[0]}), so nothing can be tested on later "
            "days",
            "bring a longer history; if they were loaded in one go, map or leave out `known_at`",
            key=key,
        )
    if len(np.unique(rows.as_of)) < 2 and not _is_snapshot(rows):
        return Problem(
            "all outcomes belong to one as_of date, so nothing can be tested on later days",
            "bring a longer history, or lower `training.step_days` or `training.first_as_of`",
            key=key,
        )
    if min(events, others) < least:
        return Problem(
            f"only {events:.0f} {what[0]} and {others:.0f} {what[1]}; at least {least} of each "
            "are asked for",
            f"bring more history{_leaving_out(name, project)}, or lower `training.min_events` "
            "knowing what that means",
            key=key,
        )
    return None


def _leaving_out(name: str, project: ProjectSpec) -> str:
    """The way out where another target is declared, which then is learned alone."""
    if name == "churn":
        return "" if project.detractor is None else ", or leave targets.churn out"
    both = "targets.detractor and targets.nps" if project.nps else "targets.detractor"
    return "" if project.churn is None else f", or leave {both} out"


def _is_snapshot(rows: Examples) -> bool:
    return "label_known_at" not in rows.frame
