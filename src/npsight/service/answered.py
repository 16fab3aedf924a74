"""Answers that a caller gives -> the account's own decayed counts, and the features they tell.

The formulas are those of `npsight.features.history` and `npsight.features.aggregations`, for one
account whose answers are all known: a test holds them equal on random answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from npsight.config.specs import FeatureSpec
from npsight.features.history import (
    BANDS,
    EACH,
    EACH_OTHER,
    HALF_LIVES_DAYS,
    OTHER,
    history_column,
)

DAY = timedelta(days=1)
DECIMALS = 12
OWN = "own"


@dataclass(frozen=True)
class Answer:
    """`score` on 0–10 and its band; given before the as_of it is counted at."""

    score: float
    band: str
    occurred_at: datetime


def own_counts(answers: Sequence[Answer], as_of: datetime) -> dict[str, float]:
    """Every decayed count of the account's own answers: Σ 0.5^(age / half-life) by band.

    Nobody is said to have given them, and no touchpoint: so each is a vote of its own, and all are
    taken to be of those that are foreseen.
    """
    counts: dict[str, float] = {}
    for half_life in HALF_LIVES_DAYS:
        for band in BANDS:
            weights = [
                round(0.5 ** ((as_of - a.occurred_at) / DAY / half_life), DECIMALS)
                for a in answers
                if a.band == band
            ]
            total = round(sum(weights), DECIMALS)
            for level, count in ((OWN, total), (EACH, total), (OTHER, 0.0), (EACH_OTHER, 0.0)):
                counts[history_column(level, band, half_life)] = count
    return counts


def own_features(
    specs: Sequence[FeatureSpec], answers: Sequence[Answer], as_of: datetime
) -> dict[str, float | None]:
    """The features that scores and times of answers alone decide, by name; None for missing.

    Those of comments, touchpoints or people are not among them.
    """
    return {spec.name: _value(spec, answers, as_of) for spec in specs if is_told(spec)}


def is_told(spec: FeatureSpec) -> bool:
    """Whether scores and times of answers alone decide the feature."""
    return (
        spec.source == "responses"
        and spec.aggregation in _FORMULAS
        and spec.measure in (None, "score")
        and not spec.against
        and all(column == "band" for column, _ in spec.where)
    )


def _value(spec: FeatureSpec, answers: Sequence[Answer], as_of: datetime) -> float | None:
    """Over the answers in `[as_of − window, as_of)` that match; 0 where none means that."""
    start = None if spec.window_days is None else as_of - spec.window_days * DAY
    rows = [
        answer
        for answer in answers
        if answer.occurred_at < as_of
        and (start is None or answer.occurred_at >= start)
        and all(answer.band == band for _, band in spec.where)
    ]
    if not rows:
        return 0.0 if spec.missing == "zero" else None
    return float(_FORMULAS[spec.aggregation](rows, as_of))


def _scores(rows: Sequence[Answer]) -> list[float]:
    return [row.score for row in rows]


def _last(rows: Sequence[Answer], _as_of: datetime) -> float:
    """Of answers at the same instant the highest."""
    return max(rows, key=lambda row: (row.occurred_at, row.score)).score


def _first(rows: Sequence[Answer], _as_of: datetime) -> float:
    """Of answers at the same instant the lowest."""
    return min(rows, key=lambda row: (row.occurred_at, row.score)).score


def _days_since(pick: Callable[[list[datetime]], datetime]) -> Formula:
    def formula(rows: Sequence[Answer], as_of: datetime) -> float:
        return (as_of - pick([row.occurred_at for row in rows])) / DAY

    return formula


Formula = Callable[[Sequence[Answer], datetime], float]

_FORMULAS: dict[str, Formula] = {
    "count": lambda rows, _: len(rows),
    "sum": lambda rows, _: sum(_scores(rows)),
    "mean": lambda rows, _: sum(_scores(rows)) / len(rows),
    "min": lambda rows, _: min(_scores(rows)),
    "max": lambda rows, _: max(_scores(rows)),
    "first": _first,
    "last": _last,
    "days_since_first": _days_since(min),
    "days_since_last": _days_since(max),
}
"""(answers, at least one; as_of) -> the feature."""
