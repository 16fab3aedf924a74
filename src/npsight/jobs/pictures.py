"""Plots as PNG: calibration and lift out of time, and shap's beeswarm and waterfall."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from npsight.jobs.comparetoday import TARGETS
from npsight.jobs.evaluations.groups import wilson
from npsight.jobs.training.fit import Fitted, PartResult
from npsight.models.metrics import calibration_groups
from npsight.models.part import PRIOR_TERM, PartModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from npsight.config.schema import Worklist
    from npsight.jobs.compare import Comparison
    from npsight.jobs.monitor import Monitored

MOST_DOTS = 2_000
SHOWN_FEATURES = 14


def pictures(fitted: Fitted, newest: pd.DataFrame) -> dict[str, bytes]:
    """Name -> PNG. `newest` are the feature rows that the beeswarms show."""
    found: dict[str, bytes] = {}
    for name, part in fitted.parts.items():
        if part.origins:
            found[f"calibration_{name}"] = _figure(partial(_calibration, part=part))
            found[f"lift_{name}"] = _figure(partial(_lift, part=part))
        found[f"beeswarm_{name}"] = beeswarm(part.fitted.chosen, newest.head(MOST_DOTS))
    return found


def _figure(draw: Callable[[Any], None]) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.2), layout="constrained")
    draw(figure.subplots())
    return _png(figure)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def _pooled(part: PartResult, contender: str) -> tuple[Any, Any, Any]:
    used = [o for o in part.origins if contender in o.quality]
    return (
        np.concatenate([o.predicted[contender] for o in used]),
        np.concatenate([o.test.share for o in used]),
        np.concatenate([o.test.weight for o in used]),
    )


def _calibration(axes: Axes, part: PartResult) -> None:
    top = 0.0
    for contender, style in (("chosen", "o-"), ("prior", "s--")):
        groups = calibration_groups(*_pooled(part, contender))
        x, y = [g[0] for g in groups], [g[1] for g in groups]
        axes.plot(x, y, style, label=contender, markersize=5)
        top = max([top, *x, *y])
    axes.plot([0, top], [0, top], color="0.6", linewidth=1, label="exact")
    axes.set(xlabel="predicted probability", ylabel="observed share")
    axes.set_title(f"{part.name}: calibration over {len(part.origins)} origins, n = {_n(part):,}")
    axes.legend()


def _lift(axes: Axes, part: PartResult) -> None:
    for contender in ("chosen", "prior", "rule"):
        if not any(contender in o.quality for o in part.origins):
            continue
        predicted, share, weight = _pooled(part, contender)
        order = np.argsort(-predicted, kind="stable")
        called = np.cumsum(weight[order]) / weight.sum()
        caught = np.cumsum((share * weight)[order]) / max(float(share @ weight), 1e-12)
        axes.plot(100 * called, 100 * caught, label=contender)
    axes.plot([0, 100], [0, 100], color="0.6", linewidth=1, label="at random")
    axes.set(xlabel="accounts called, % (highest risk first)", ylabel="events among them, %")
    axes.set_title(f"{part.name}: what calling the riskiest first finds, n = {_n(part):,}")
    axes.legend()


def _n(part: PartResult) -> int:
    return sum(len(o.test) for o in part.origins)


def both_risks(found: Comparison, worklist: Worklist) -> bytes:
    """PNG: each account of today by its risk from both versions, beside the line of no change and
    the limits of the risk levels; one panel a target.
    """
    from matplotlib.figure import Figure

    assert found.today is not None
    moves, accounts = found.today.moves, found.today.accounts
    figure = Figure(figsize=(5 * len(moves), 5), layout="constrained")
    versions = found.other.version, found.candidate.version
    for axes, moved in zip(np.ravel(figure.subplots(1, len(moves))), moves, strict=True):
        other, candidate = (accounts[f"{TARGETS[moved.target]}_v{v}"] for v in versions)
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        for limit in (worklist.medium_risk, worklist.high_risk):
            axes.axhline(limit, color="0.85", linewidth=0.8)
            axes.axvline(limit, color="0.85", linewidth=0.8)
        axes.scatter(other, candidate, s=8, alpha=0.4, linewidths=0)
        axes.set(
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
            xlabel=f"by version {versions[0]}",
            ylabel=f"by version {versions[1]}",
            title=f"{moved.target} risk of {len(accounts):,} accounts, "
            f"{found.today.as_of:%Y-%m-%d}",
        )
    return _png(figure)


def forecasts_and_outcomes(found: Monitored) -> bytes:
    """PNG: mean forecast and the share that came, by day; one panel a target. The bars are the
    95 % intervals of a share among so many (Wilson 1927).
    """
    from matplotlib.figure import Figure

    count = len(found.targets)
    figure = Figure(figsize=(8, 3.2 * count), layout="constrained")
    panels = np.ravel(figure.subplots(count, 1))
    for axes, target in zip(panels, (t.came for t in found.targets), strict=True):
        days = [day.as_of for day in target.days]
        came = np.array([day.came for day in target.days])
        bounds = np.array([wilson(day.came, day.rows) for day in target.days])
        axes.plot(days, [day.forecast for day in target.days], marker="o", label="forecast")
        axes.errorbar(
            days,
            came,
            yerr=np.abs(bounds.T - came),
            marker="s",
            linestyle="--",
            capsize=3,
            label="came",
        )
        axes.set(
            ylim=(0, None),
            ylabel="share",
            title=f"{target.target} risk of {target.accounts:,} accounts",
        )
        axes.legend()
    return _png(figure)


def shap_explanation(part: PartModel, frame: pd.DataFrame) -> Any:
    """The part's own contributions as a `shap.Explanation` (log-odds), for shap's plots."""
    import shap

    split = part.contributions(frame)
    data = np.full(split.values.shape, np.nan)
    if part.trees is not None:
        data[:, 1:] = part.schema.encode(frame)
    names = ["NPS history (prior)" if t == PRIOR_TERM else t for t in split.terms]
    return shap.Explanation(
        values=split.values,
        base_values=np.full(len(frame), split.base),
        data=data,
        feature_names=names,
    )


def beeswarm(part: PartModel, frame: pd.DataFrame) -> bytes:
    """Shap's beeswarm of a part over the rows of a frame."""
    return _shap_plot(
        lambda shap: shap.plots.beeswarm(
            shap_explanation(part, frame),
            max_display=SHOWN_FEATURES,
            show=False,
            plot_size=None,
        )
    )


def waterfall(part: PartModel, row: pd.DataFrame) -> bytes:
    """Shap's waterfall of one row."""
    return _shap_plot(
        lambda shap: shap.plots.waterfall(
            shap_explanation(part, row)[0], max_display=SHOWN_FEATURES, show=False
        )
    )


def _shap_plot(draw: Callable[[Any], Any]) -> bytes:
    """Shap draws on pyplot's current figure: give it one of its own, without a screen."""
    import warnings

    import matplotlib.pyplot as plt

    # A notebook's own plots go on working afterwards.
    backend = plt.get_backend()
    plt.switch_backend("Agg")
    figure = plt.figure(figsize=(8, 5.5))
    try:
        with warnings.catch_warnings():
            # Shap uses what newer matplotlib and numpy deprecate, on import too.
            warnings.simplefilter("ignore")
            import shap

            draw(shap)
        figure = plt.gcf()
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None}
        )
        return buffer.getvalue()
    finally:
        plt.close(figure)
        plt.switch_backend(backend)
