"""Calibration overall and by group: by segment, by past answers, and for silent accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.jobs.evaluations.found import CurvePoint, GroupRow
from npsight.jobs.training.context import Context
from npsight.jobs.training.outcomes import predicted_nps
from npsight.models.backtest import Origin
from npsight.models.bootstrap import Interval
from npsight.models.clustered import clustered_mean
from npsight.models.intervals import Z
from npsight.models.logits import Vector
from npsight.models.metrics import auc, calibration_groups

Rows = NDArray[np.bool_]
MOST_VALUES = 12
LEAST_FOR_RANKS = 5
"""Fewer events, or others, than this and no AUC of a group is given."""
PAST_ANSWERS = "answers known before"
LAST_ANSWER = "last known answer"


@dataclass(frozen=True)
class OutcomeRows:
    """All origins' test rows as one, with the chosen model's predictions.

    The NPS columns are None where no NPS is foreseen.
    """

    context: pd.DataFrame
    account: NDArray[Any]
    predicted: Vector
    share: Vector
    weight: Vector
    nps_predicted: Vector | None
    nps_observed: Vector | None
    answers: Vector | None


def tested_rows(
    origins: Sequence[Origin], context: Context, promoter: Sequence[Origin] | None
) -> OutcomeRows:
    """Of origins that have rows; `promoter` are the same origins of the other part of NPS."""
    nps = seen = answers = None
    if promoter is not None:
        pairs = list(zip(origins, promoter, strict=True))
        nps = np.concatenate([predicted_nps(d, p, "chosen") for d, p in pairs])
        frames = [o.test.frame for o in origins]
        answers = np.concatenate([f["answers"].to_numpy(np.float64) for f in frames])
        net = [(f["promoters"] - f["detractors"]).to_numpy(np.float64) for f in frames]
        seen = 100 * np.concatenate(net) / answers
    return OutcomeRows(
        context=pd.concat([context.beside(o.test) for o in origins], ignore_index=True),
        account=np.concatenate([o.test.account for o in origins]),
        predicted=np.concatenate([o.predicted["chosen"] for o in origins]),
        share=np.concatenate([o.test.share for o in origins]),
        weight=np.concatenate([o.test.weight for o in origins]),
        nps_predicted=nps,
        nps_observed=seen,
        answers=answers,
    )


def curve(origins: Sequence[Origin], contenders: Sequence[str]) -> Iterator[CurvePoint]:
    """The calibration curve of each contender: groups of rising risk and equal weight."""
    share = np.concatenate([o.test.share for o in origins])
    weight = np.concatenate([o.test.weight for o in origins])
    for name in contenders:
        predicted = np.concatenate([o.predicted[name] for o in origins])
        for expected, observed, size in calibration_groups(predicted, share, weight):
            low, high = wilson(observed, size)
            yield CurvePoint(name, expected, observed, low, high, size)


def wilson(share: float, trials: float) -> tuple[float, float]:
    """95 % interval of a share seen in so many trials (Wilson 1927)."""
    z = Z[95]
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    spread = np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    half = z / (1 + z**2 / trials) * spread
    return float(max(0.0, centre - half)), float(min(1.0, centre + half))


def groups(rows: OutcomeRows, context: Context, silent_days: int) -> Iterator[GroupRow]:
    """Every grouping that the project has, in the order it is shown."""
    if context.has_answers:
        for name, where in by_past_answers(rows.context):
            yield from _row(rows, PAST_ANSWERS, name, where)
        for name, where in by_silence(rows.context, silent_days):
            yield from _row(rows, LAST_ANSWER, name, where)
    for segment in context.segments:
        for name, where in by_value(rows.context[segment], rows.weight):
            yield from _row(rows, segment, name, where)


def by_past_answers(context: pd.DataFrame) -> Iterator[tuple[str, Rows]]:
    """0, 1, 2–4, 5 or more answers that were known before as_of."""
    count = context["past_answers"].fillna(0).to_numpy(np.float64)
    yield "0", count == 0
    yield "1", count == 1
    yield "2–4", (count >= 2) & (count <= 4)
    yield "5 or more", count >= 5


def by_silence(context: pd.DataFrame, days: int) -> Iterator[tuple[str, Rows]]:
    """Never answered; newest answer before `as_of − days`; newest in `[as_of − days, as_of)`."""
    age = context["as_of"] - context["last_answer_at"]
    never = age.isna().to_numpy()
    long_ago = (age > pd.Timedelta(days=days)).to_numpy() & ~never
    yield "never", never
    yield f"more than {days} days before", long_ago
    yield f"within {days} days before", ~never & ~long_ago


def by_value(column: pd.Series[str], weight: Vector) -> Iterator[tuple[str, Rows]]:
    """The values with the most rows, then all others together."""
    values = column.fillna("(none)").astype(str).to_numpy(object)
    names, codes = np.unique(values.astype(str), return_inverse=True)
    size = np.bincount(codes, weights=weight, minlength=len(names))
    most = np.argsort(-size, kind="stable")[:MOST_VALUES]
    for code in sorted(most):
        yield str(names[code]), codes == code
    if len(names) > MOST_VALUES:
        rest = ~np.isin(codes, most)
        yield f"other ({len(names) - MOST_VALUES} values)", rest


def _row(rows: OutcomeRows, grouping: str, group: str, where: Rows) -> Iterator[GroupRow]:
    weight, share, predicted = rows.weight[where], rows.share[where], rows.predicted[where]
    if weight.sum() <= 0:
        return
    gap, error = clustered_mean(share - predicted, weight, rows.account[where])
    half = Z[95] * error
    events = float(share @ weight)
    ranked = min(events, float(weight.sum()) - events) >= LEAST_FOR_RANKS
    brier = share * (1 - predicted) ** 2 + (1 - share) * predicted**2
    found = GroupRow(
        grouping=grouping,
        group=group,
        rows=int(where.sum()),
        accounts=len(set(rows.account[where])),
        events=events,
        predicted=float(np.average(predicted, weights=weight)),
        observed=float(np.average(share, weights=weight)),
        gap=gap,
        interval=Interval(gap - half, gap + half) if np.isfinite(half) else None,
        auc=auc(predicted, share, weight) if ranked else None,
        brier=float(np.average(brier, weights=weight)),
        **_nps(rows, where),
    )
    yield found


def _nps(rows: OutcomeRows, where: Rows) -> dict[str, float]:
    if rows.answers is None or rows.nps_predicted is None or rows.nps_observed is None:
        return {}
    answers = rows.answers[where]
    expected = float(np.average(rows.nps_predicted[where], weights=answers))
    seen = float(np.average(rows.nps_observed[where], weights=answers))
    return {
        "answers": float(answers.sum()),
        "nps_observed": seen,
        "nps_predicted": expected,
        "nps_error": expected - seen,
    }
