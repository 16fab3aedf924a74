"""The values a sentence is made of: this account's, its past and its peers', feature by feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from npsight.config.specs import FeatureSpec
from npsight.drivers.peers import Peers
from npsight.drivers.phrases import PHRASES, category_phrase, place_phrase
from npsight.drivers.shown import rounded, whole_percents
from npsight.drivers.words import Phrase, Subject, subject_of
from npsight.models.logits import Vector
from npsight.models.model import SEGMENT
from npsight.models.rows import Rows as Features
from npsight.models.rows import absent

LONGEST_SENTENCE = 140
LEVELS = frozenset(
    {
        *("count", "sum", "mean", "std", "ratio", "min", "max", "share", "distinct", "own"),
        *("longest_gap", "mean_gap", "open", "oldest_open", "mean_duration", "max_duration"),
    }
)
"""Aggregations whose distance from the peers can say more than their change."""
ALONE = frozenset({"trend", "mean_trend", "vs_usual", "days_until_end", "days_until_next"})
"""Moves, and what lies ahead: where an account has none, that of those who have says nothing."""
NEVER_ZERO = frozenset({"days_since_first", "days_since_last", "longest_gap", "oldest_open"})
"""Aggregations of facts before as_of whose 0 can only be what `missing: zero` put there."""
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Readings:
    """Features now and one period before, row by row, and the peers' medians."""

    specs: tuple[FeatureSpec, ...]
    now: Features
    past: Features
    peers: Peers

    @cached_property
    def by_name(self) -> dict[str, FeatureSpec]:
        """Every feature by its name."""
        return {spec.name: spec for spec in self.specs}

    @cached_property
    def segments(self) -> NDArray[Any]:
        """Segment value of each row; null where there is none."""
        if SEGMENT in self.now.columns:
            return _objects(self.now.texts(SEGMENT))
        return np.full(len(self.now), None, dtype=object)

    def number(self, name: str, rows: Rows, past: bool = False) -> Vector:
        """Values of a number column; NaN where it is missing or not in the data."""
        features = self.past if past else self.now
        if name not in features.columns:
            return np.full(len(rows), np.nan)
        values: Vector = features.numbers((name,))[rows, 0]
        return self._as_asked(name, values)

    def usual(self, name: str, rows: Rows) -> tuple[Vector, NDArray[np.bool_]]:
        """The peers' median of each row, and whether it is its own segment's; see `Peers.of`."""
        medians, own = self.peers.of(name, self.segments[rows])
        return self._as_asked(name, medians), own

    def _as_asked(self, name: str, values: Vector) -> Vector:
        """Scores on the scale that people know, which features have on 0–10."""
        spec = self.by_name.get(name)
        if spec is None or spec.scale is None:
            return values
        low, high = spec.scale
        return low + values * (high - low) / 10.0

    def category(self, name: str, rows: Rows, past: bool = False) -> list[object]:
        """Values of a category column; None where it is missing or not in the data."""
        features = self.past if past else self.now
        if name not in features.columns:
            return [None] * len(rows)
        values = features.texts(name)
        return [None if absent(values[row]) else values[row] for row in rows.tolist()]

    def tails(self, spec: FeatureSpec, subject: Subject, phrase: Phrase, rows: Rows) -> list[str]:
        """`; similar accounts: 511` of each row, "" where nobody has the feature.

        "all accounts" where the segment is unknown or too small to have a median of its own.
        """
        medians, own = self.usual(spec.name, rows)
        shown = phrase.round(medians)
        pairs = np.column_stack([shown, own])
        kinds, codes = np.unique(pairs, axis=0, return_inverse=True)
        texts = [
            "" if np.isnan(peer) else f"; {_who(mine)}: {phrase.peer(subject, peer)}"
            for peer, mine in kinds.tolist()
        ]
        return [texts[code] for code in codes.ravel().tolist()]


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _who(own_segment: float) -> str:
    return "similar accounts" if own_segment else "all accounts"


def sentences_of(readings: Readings, spec: FeatureSpec, rows: Rows) -> list[str]:
    """One sentence about the feature for each of the rows, without its full stop."""
    if spec.dtype == "category":
        subject = subject_of(spec)
        pairs = zip(
            readings.category(spec.name, rows),
            readings.category(spec.name, rows, past=True),
            strict=True,
        )
        return [category_phrase(subject, now, past) for now, past in pairs]
    if spec.against:
        return _place_sentences(readings, spec, rows)
    if spec.aggregation in ("trend", "mean_trend"):
        return _trend_sentences(readings, spec, rows)
    now = _known(spec, readings.number(spec.name, rows))
    past = _known(spec, readings.number(spec.name, rows, past=True))
    return _told(readings, spec, rows, now, past)


def _known(spec: FeatureSpec, values: Vector) -> Vector:
    """NaN again where a 0 stands for no fact: "within the last day" would be untrue."""
    return np.where(values == 0, np.nan, values) if spec.aggregation in NEVER_ZERO else values


def _told(
    readings: Readings, spec: FeatureSpec, rows: Rows, now: Vector, past: Vector
) -> list[str]:
    subject, phrase = subject_of(spec), PHRASES[spec.aggregation]
    tails = readings.tails(spec, subject, phrase, rows)
    medians, _ = readings.usual(spec.name, rows)
    # A value that is far from the peers but coming nearer says little by its change: "fell from
    # 1.7 to 1.6" would read as good news beside a risk that it raises. The level comes first.
    shown, earlier = phrase.round(now), phrase.round(past)
    nearing = (shown - earlier) * (phrase.round(medians) - shown) > 0
    nearing &= spec.aggregation in LEVELS
    told = []
    for value, before, tail, near in zip(
        shown.tolist(), earlier.tolist(), tails, nearing, strict=True
    ):
        if spec.aggregation in ALONE and np.isnan(value):
            tail = ""
        head = phrase.head(subject, value, np.nan if near else before)
        if near:
            tail = f"{tail}; before: {phrase.peer(subject, before)}"
        told.append(head + tail if len(head) + len(tail) < LONGEST_SENTENCE else head)
    return told


def _place_sentences(readings: Readings, spec: FeatureSpec, rows: Rows) -> list[str]:
    """The account's place among its peers; their median, always about a half, says nothing."""
    subject, title = subject_of(spec), PHRASES[spec.aggregation].title
    now = whole_percents(readings.number(spec.name, rows))
    past = whole_percents(readings.number(spec.name, rows, past=True))
    pairs = zip(now.tolist(), past.tolist(), strict=True)
    return [place_phrase(title, subject, here, before) for here, before in pairs]


def _trend_sentences(readings: Readings, spec: FeatureSpec, rows: Rows) -> list[str]:
    """In numbers where the same window's sum, count or mean is a feature too, else in percent."""
    trend = readings.number(spec.name, rows)
    told = np.array(_told(readings, spec, rows, trend, trend), dtype=object)
    for companion in _companions(readings, spec):
        now = readings.number(companion.name, rows)
        if companion.aggregation == "mean" and spec.aggregation == "trend":
            past = readings.number(companion.name, rows, past=True)
        else:
            past = before_of(now, trend)
        agrees = np.sign(rounded(now) - rounded(past)) == np.sign(trend)
        usable = np.flatnonzero(agrees & ~np.isnan(past))
        told[usable] = _told(readings, companion, rows[usable], now[usable], past[usable])
    return [str(sentence) for sentence in told]


def _companions(readings: Readings, spec: FeatureSpec) -> list[FeatureSpec]:
    """Features that show the trend's own window in numbers, the best of them last."""
    kinds: Sequence[str] = ("mean", "sum")
    if spec.aggregation == "mean_trend":
        kinds = ("mean",)
    elif spec.measure is None:
        kinds = ("count",)
    names = [replace(spec, aggregation=kind).name for kind in kinds]
    return [readings.by_name[name] for name in names if name in readings.by_name]


def before_of(now: Vector, trend: Vector) -> Vector:
    """The window before, from trend = (now − before) / (|now| + |before|).

    NaN where it cannot be known: nothing now, or the two of different sign.
    """
    lean = np.where(now < 0, -trend, trend)
    known = (now != 0) & (np.abs(lean) < 1)
    began = (now != 0) & (lean == 1)
    safe = np.where(known, lean, 0.0)
    before = now * (1 - safe) / (1 + safe)
    # A trend of exactly ±1 away from 0 means that there was nothing before, to the last bit.
    return np.where(known, before, np.where(began, 0.0, np.nan))
