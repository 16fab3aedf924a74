"""Losses by horizon: the training days' outcomes at every horizon of a grid, and the curve."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from npsight.config.specs import OutcomeWindow, ProjectSpec
from npsight.errors import ConfigError, Problem
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.jobs.training.fit import Fitted, PartResult, windows
from npsight.models.examples import Instants
from npsight.models.logits import Vector
from npsight.models.model import Model
from npsight.models.survival import ChurnCurve, fit_churn_curve, horizon_grid

KEYS = ["account", "as_of"]


def can_have_curve(project: ProjectSpec) -> bool:
    """Whether a loss has a day of its own: not for a snapshot, nor for `no_activity`, whose event
    is the silence of the whole horizon.
    """
    return project.churn is not None and project.churn.event in ("subscription_end", "churn_table")


def losses_by_horizon(
    builder: FeatureBuilder, frame: pd.DataFrame, progress: Progress = silent
) -> pd.DataFrame | None:
    """When each account was lost, seen from the newest training days; None where that has no
    meaning for the project's event.

    The days are those that the backtest can have predicted: at most `origins` periods before the
    newest one. Each horizon h is asked for by `targets.outcomes`, in the window
    `[as_of + gap, as_of + gap + h)`; a row whose window has not ended has no answer for h.

    Returns
    -------
    One row for each account at risk: `account`, `as_of`, `lost_in` (position of the first horizon
    by which it was lost, −1 for none) and `observed` (how many horizons have ended for it). The
    horizons are in `attrs["horizons"]`.
    """
    project = builder.project
    if not can_have_curve(project) or len(frame) == 0:
        return None
    target, window = project.churn, windows(project)["churn"]
    assert target is not None
    newest = frame["as_of"].max()
    training = project.training
    oldest = newest - timedelta(days=training.period_days * (training.origins + 1))
    days = sorted(d.to_pydatetime() for d in frame.loc[frame["as_of"] >= oldest, "as_of"].unique())
    reach = (builder.facts.data_end - days[0]).days - window.gap_days
    horizons = horizon_grid(window.horizon_days, reach)
    spine = builder.spine(days)
    table: pd.DataFrame | None = None
    for place, horizon in enumerate(horizons):
        progress(f"losses within {horizon} days")
        found = builder.churn(spine, target, OutcomeWindow(window.gap_days, horizon))
        table = _with_horizon(table, found, place)
    assert table is not None
    table.attrs["horizons"] = horizons
    return table


def _with_horizon(table: pd.DataFrame | None, found: pd.DataFrame, place: int) -> pd.DataFrame:
    """`table` with the outcomes of one more horizon."""
    lost = found.set_index(KEYS)["churned"]
    if table is None:
        table = found[KEYS].assign(lost_in=np.int64(-1), observed=np.int64(0))
    known = lost.reindex(pd.MultiIndex.from_frame(table[KEYS])).to_numpy(np.float64)
    table["observed"] += (~np.isnan(known)).astype(np.int64)
    first = (known == 1) & (table["lost_in"] < 0)
    table.loc[first, "lost_in"] = place
    return table


def with_churn_curve(fitted: Fitted, frame: pd.DataFrame, losses: pd.DataFrame | None) -> Fitted:
    """The same with the model's churn curve, where there is enough to learn one from.

    Rows on or after the first backtest origin are used, with the risk given by the newest origin
    that is not later: its model could not know what became of them. Without any origin all rows
    get the base rate.
    """
    part = fitted.parts.get("churn")
    if part is None or losses is None:
        return fitted
    horizons: list[int] = losses.attrs["horizons"]
    risk = _risk_out_of_time(part, frame)
    rows = losses.merge(risk, on=KEYS, how="inner", validate="one_to_one")
    curve = fit_churn_curve(
        np.asarray(rows["account"], dtype=object),
        rows["risk"].to_numpy(np.float64),
        rows["lost_in"].to_numpy(np.int64),
        rows["observed"].to_numpy(np.int64),
        horizons,
        part.examples.window.horizon_days,
    )
    return replace(fitted, model=replace(fitted.model, churn_curve=curve))


def _risk_out_of_time(part: PartResult, frame: pd.DataFrame) -> pd.DataFrame:
    """`account`, `as_of`, `risk` of the rows that an origin's model could foresee."""
    if not part.origins:
        base = float(np.average(part.examples.share, weights=part.examples.weight))
        return frame[KEYS].assign(risk=base)
    as_of: Instants = np.asarray(frame["as_of"], dtype="datetime64[us]")
    starts = [np.datetime64(origin.label, "us") for origin in part.origins]
    ends = [*starts[1:], as_of.max() + np.timedelta64(1, "us")]
    found = []
    for origin, start, end in zip(part.origins, starts, ends, strict=True):
        rows = frame.loc[(as_of >= start) & (as_of < end)].reset_index(drop=True)
        risk: Vector = origin.fitted.chosen.probability(rows)
        found.append(rows[KEYS].assign(risk=risk))
    return pd.concat(found, ignore_index=True)


def curve_for(model: Model, project: ProjectSpec, horizon_days: int) -> ChurnCurve:
    """The model's curve, once it reaches that horizon.

    Raises
    ------
    ConfigError
        The project's loss has no day of its own, or the curve does not reach so far.
    """
    curve = model.churn_curve
    if model.churn is None:
        what, remedy = "the model foresees no churn", "add `churn` under `targets`, and train"
    elif not can_have_curve(project):
        event = project.churn.event if project.churn else "snapshot"
        what = f"an event of `{event}` is defined by its own horizon, so no other can be asked for"
        remedy = "set `targets.churn.horizon_days` and train, or leave the option out"
    elif curve is None:
        what = "the model has no churn curve: too few losses were seen beyond its training days"
        remedy = "train again, with a longer history if this one was already used"
    elif horizon_days > curve.longest_days:
        what = f"the data show losses up to {curve.longest_days} days ahead, not {horizon_days}"
        remedy = f"ask for 1 to {curve.longest_days} days, or train on a longer history"
    else:
        return curve
    raise ConfigError(
        f"{project.file.name}: no churn risk within {horizon_days} days",
        [Problem(what, remedy, key="--churn-horizon")],
    )
