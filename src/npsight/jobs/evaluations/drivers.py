"""Which drivers move the displayed numbers, and whether every origin says the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from npsight.drivers.explain import Explanation, explain
from npsight.drivers.points import Points
from npsight.jobs.evaluations.found import DriverRow, Drivers, FeatureRow
from npsight.jobs.training.fit import PartResult
from npsight.models.backtest import Origin
from npsight.models.logits import Vector
from npsight.models.model import Model
from npsight.models.part import PRIOR_TERM

MOST_ROWS = 1_000
"""Rows explained; taken evenly from all, since exact points take a while."""
MOST_FEATURES = 12
PARTS = {"detractor": ("detractor",), "nps": ("detractor", "promoter"), "churn": ("churn",)}


def drivers_of(
    target: str, model: Model, parts: dict[str, PartResult], newest: pd.DataFrame
) -> Drivers | None:
    """Of the number `target` shows ("detractor", "nps" or "churn"); None where nothing moves it.

    Sizes are those of the final model on the accounts of the newest training day; `by_origin`
    those of each origin's model on the rows it was tested on.
    """
    names = PARTS[target]
    some = evenly(newest)
    explained = explain(_only(model, names), some)
    points = _points(explained, target)
    if points is None or len(some) == 0:
        return None
    earlier = list(_origins(target, model, [parts[n].origins for n in names]))
    sizes = [np.abs(points.values).mean(axis=0)]
    rows = tuple(
        DriverRow(
            driver=group,
            label=_label(model, group),
            actionable=_actionable(model, group),
            size=float(sizes[0][i]),
            mean=float(points.values[:, i].mean()),
            raises=float((points.values[:, i] > 0).mean()),
            by_origin=tuple(found.get(group, 0.0) for _, _, found in earlier),
        )
        for i, group in enumerate(points.groups)
    )
    order = sorted(rows, key=lambda row: (-row.size, row.driver))
    return Drivers(
        target=target,
        rows=len(some),
        drivers=tuple(order),
        origins=tuple(label for label, _, _ in earlier),
        origin_rows=tuple(count for _, count, _ in earlier),
        stability=tuple(_stability([row.by_origin for row in order])),
        features=tuple(_features(model, explained, names[0], some)),
    )


def evenly(frame: pd.DataFrame) -> pd.DataFrame:
    """At most `MOST_ROWS` rows, the same every time."""
    if len(frame) <= MOST_ROWS:
        return frame
    places = np.linspace(0, len(frame) - 1, MOST_ROWS).astype(int)
    return frame.iloc[places].reset_index(drop=True)


def _only(model: Model, names: Sequence[str]) -> Model:
    return replace(
        model,
        detractor=model.detractor if "detractor" in names else None,
        promoter=model.promoter if "promoter" in names else None,
        churn=model.churn if "churn" in names else None,
    )


def _points(explained: Explanation, target: str) -> Points | None:
    return {"detractor": explained.risk, "nps": explained.nps, "churn": explained.churn}[target]


def _origins(
    target: str, model: Model, origins: Sequence[Sequence[Origin]]
) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Label, rows, and each driver's size by that origin's own model."""
    for several in zip(*origins, strict=True):
        chosen = {o.fitted.chosen.name: o.fitted.chosen for o in several}
        own = replace(
            model,
            detractor=chosen.get("detractor"),
            promoter=chosen.get("promoter"),
            churn=chosen.get("churn"),
        )
        rows = evenly(several[0].test.frame)
        if len(rows) == 0:
            continue
        points = _points(explain(own, rows), target)
        assert points is not None
        sizes = np.abs(points.values).mean(axis=0)
        yield several[0].label, len(rows), dict(zip(points.groups, sizes.tolist(), strict=True))


def _stability(sizes: Sequence[Sequence[float]]) -> Iterator[float]:
    """Spearman's rank correlation of the drivers' sizes between each origin and the next."""
    from scipy.stats import rankdata

    if len(sizes) < 2:
        return
    ranks = [rankdata(column) for column in np.transpose(np.asarray(sizes, dtype=np.float64))]
    for one, other in pairwise(ranks):
        yield _correlation(one, other)


def _correlation(one: Vector, other: Vector) -> float:
    """Pearson's; 0 where one of them does not vary."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _features(
    model: Model, explained: Explanation, part: str, frame: pd.DataFrame
) -> Iterator[FeatureRow]:
    """The features with the largest mean |contribution| to the log-odds of the main part."""
    split = explained.contributions[part]
    size = np.abs(split.values).mean(axis=0)
    labels = {spec.name: spec.label or spec.name for spec in model.specs}
    numbers = {spec.name for spec in model.specs if spec.dtype == "number"}
    for i in np.argsort(-size, kind="stable")[:MOST_FEATURES]:
        term = split.terms[i]
        if size[i] == 0:
            continue
        direction = _direction(frame[term], split.values[:, i]) if term in numbers else None
        name = "history prior" if term == PRIOR_TERM else term
        label = "the account's own past answers" if term == PRIOR_TERM else labels[term]
        yield FeatureRow(name, label, float(size[i]), direction)


def _direction(values: pd.Series[float], contribution: Vector) -> float | None:
    """Rank correlation of value and contribution where the value is known; None for under ten."""
    from scipy.stats import rankdata

    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    known = np.isfinite(numbers)
    if known.sum() < 10:
        return None
    return _correlation(rankdata(numbers[known]), rankdata(contribution[known]))


def _label(model: Model, group: str) -> str:
    return next((d.label for d in model.drivers if d.key == group), group)


def _actionable(model: Model, group: str) -> bool:
    return next((d.actionable for d in model.drivers if d.key == group), False)
