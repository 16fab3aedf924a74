"""The sentence of the NPS history driver: the last answer, how old it is, and what was ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isnan

import numpy as np
from numpy.typing import NDArray

from npsight.config.specs import NPS_HISTORY, FeatureSpec
from npsight.drivers.phrases import PHRASES
from npsight.drivers.readings import Readings, Rows, sentences_of
from npsight.drivers.shown import days, label_of, rounded, show, whole
from npsight.drivers.words import subject_of
from npsight.features.history import history_column
from npsight.models.logits import Vector

SEGMENT_HALF_LIFE_DAYS = 240
FEWEST_ANSWERS = 5.0
"""Decayed answers that a segment needs before its share of detractors is told."""
FEELING = 0.1
Flags = NDArray[np.bool_]


def last_score(specs: Iterable[FeatureSpec]) -> FeatureSpec | None:
    """The feature that holds the account's last score, or None in a project without surveys."""
    return _find(specs, "responses", "last", "score")


def answered(readings: Readings, rows: Rows) -> Flags:
    """Whether each account ever answered: advice about its answers needs one."""
    scores = last_score(spec for spec in readings.specs if spec.driver == NPS_HISTORY)
    if scores is None:
        return np.ones(len(rows), dtype=np.bool_)
    return ~np.isnan(readings.number(scores.name, rows))


def is_core(spec: FeatureSpec) -> bool:
    """Whether the history sentence says it already, or it says nothing to a reader by itself."""
    told = {
        ("responses", "last", "score"),
        ("responses", "days_since_last", None),
        ("responses", "last", "comment_length"),
        ("invitations", "open", None),
        ("invitations", "count", None),
    }
    plain = not (spec.where or spec.against)
    return plain and (spec.source, spec.aggregation, spec.measure) in told


def history_sentences(readings: Readings, rows: Rows, tell_segment: Flags) -> list[str]:
    """`Last score 4 (was 8), 37 days ago; 2 of 5 invitations unanswered` for each of the rows.

    `tell_segment`, one boolean a row: where the account never answered, say how its segment
    does. Without a full stop.
    """
    specs = [spec for spec in readings.specs if spec.driver == NPS_HISTORY]
    scores = last_score(specs)
    if scores is None:
        return [""] * len(rows)
    age = _find(specs, "responses", "days_since_last")
    tails = readings.tails(scores, subject_of(scores), PHRASES["last"], rows)
    table = zip(
        rounded(readings.number(scores.name, rows)).tolist(),
        rounded(readings.number(scores.name, rows, past=True)).tolist(),
        _values(readings, age, rows, whole),
        tails,
        _unanswered(readings, specs, rows),
        _segment_shares(readings, rows, tell_segment),
        strict=True,
    )
    return [_sentence(*row) for row in table]


def _sentence(
    score: float, past: float, age: float, tail: str, unanswered: str, segment: str
) -> str:
    if isnan(score):
        return f"Never answered a survey{unanswered}{segment}"
    was = "" if isnan(past) or past == score else f" (was {show(past)})"
    when = "" if isnan(age) else f", {days(age)} ago" if age >= 1 else ", today"
    return f"Last score {show(score)}{was}{when}{tail}{unanswered}"


def _unanswered(readings: Readings, specs: list[FeatureSpec], rows: Rows) -> list[str]:
    opened = _values(readings, _find(specs, "invitations", "open"), rows, rounded)
    sent = _values(readings, _find(specs, "invitations", "count"), rows, rounded)
    return [_ignored(o, s) for o, s in zip(opened, sent, strict=True)]


def _ignored(unanswered: float, sent: float) -> str:
    if isnan(unanswered) or unanswered < 1:
        return ""
    of = f" of {show(sent)}" if sent >= unanswered else ""
    total = sent if of else unanswered
    return f"; {show(unanswered)}{of} invitation{'' if total == 1 else 's'} unanswered in a year"


def _segment_shares(readings: Readings, rows: Rows, tell: Flags) -> list[str]:
    counts = [
        readings.number(history_column("segment", band, SEGMENT_HALF_LIFE_DAYS), rows)
        for band in ("detractor", "passive", "promoter")
    ]
    total = counts[0] + counts[1] + counts[2]
    known = tell & (total >= FEWEST_ANSWERS)
    share = np.divide(counts[0], total, out=np.zeros(len(rows)), where=known)
    return [
        f"; {_share(s)} of answers from similar accounts are detractors'" if k else ""
        for s, k in zip(share.tolist(), known.tolist(), strict=True)
    ]


def _share(value: float) -> str:
    percent = round(100 * value)
    return "under 1 %" if percent == 0 and value > 0 else f"{percent} %"


def extra_sentences(readings: Readings, spec: FeatureSpec, rows: Rows) -> list[str]:
    """What one more feature of the account's answers says; "" where there is nothing to say."""
    label = label_of(spec)
    values = readings.number(spec.name, rows)
    if spec.against:
        return _where_known(values, sentences_of(readings, spec, rows))
    if spec.measure == "sentiment":
        return [_feeling(label, value) for value in values.tolist()]
    if spec.aggregation in ("sum", "count"):
        year = "" if spec.window_days != 365 or "year" in label else " in a year"
        shown = rounded(values).tolist()
        return [f"{label}{year}: {show(v)}" if v > 0 else "" for v in shown]
    return _where_known(values, sentences_of(readings, spec, rows))


def speaks_against(readings: Readings, spec: FeatureSpec, rows: Rows, raises: Flags) -> Flags:
    """Whether a finding is at odds with its driver: a good mood beside a raised risk, a bad one or
    detractors' answers beside a lowered one.

    A reader takes it for the reason, and it is not.
    """
    values = readings.number(spec.name, rows)
    if spec.where == (("band", "detractor"),):
        return ~raises & (values > 0)
    if spec.measure != "sentiment" or spec.against:
        return np.zeros(len(rows), dtype=np.bool_)
    return np.where(raises, values > FEELING, values < -FEELING)


def _where_known(values: Vector, told: list[str]) -> list[str]:
    return ["" if isnan(v) else text for v, text in zip(values.tolist(), told, strict=True)]


def _feeling(label: str, value: float) -> str:
    if isnan(value):
        return ""
    word = "negative" if value < -FEELING else "positive" if value > FEELING else "neutral"
    return f"{label}: {word}"


def _values(
    readings: Readings, spec: FeatureSpec | None, rows: Rows, shown: Callable[[Vector], Vector]
) -> list[float]:
    if spec is None:
        return [float("nan")] * len(rows)
    values: list[float] = shown(readings.number(spec.name, rows)).tolist()
    return values


def _find(
    specs: Iterable[FeatureSpec], source: str, aggregation: str, measure: str | None = None
) -> FeatureSpec | None:
    for spec in specs:
        same = (spec.source, spec.aggregation, spec.measure) == (source, aggregation, measure)
        if same and not (spec.where or spec.against):
            return spec
    return None
