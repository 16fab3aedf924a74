"""What one feature alone says of an outcome: its out-of-time AUC, and whether that is too good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.audit.findings import Check, Finding
from npsight.config.schema import AuditSettings
from npsight.config.specs import FeatureSpec
from npsight.models.examples import Examples
from npsight.models.logits import Vector
from npsight.models.metrics import auc

CHECK = "too good alone"
GROUPS = 20
SHRINK = 5.0
LEAST_EVENTS = 20.0
LEAST = int(LEAST_EVENTS)
MOST_PAST = 5_000
ONE_SIDED_Z = 1.645

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows to learn the direction of a feature from, and later rows to judge it on."""

    past: Examples
    test: Examples


def out_of_time(rows: Examples, days: int) -> list[Split]:
    """For the newest `days` as_of dates with enough events: what was known before, and the day.

    The newest comes first. A day qualifies when it, and the rows whose outcome was known before
    it, hold `LEAST_EVENTS` events and as many non-events. Where no single day does, as many of the
    newest as it takes are judged together, a whole outcome window apart, so that no outcome counts
    twice. Of the past every k-th row is kept, at most `MOST_PAST`: one feature needs no more to be
    read.
    """
    found: list[Split] = []
    for day in np.unique(rows.as_of)[::-1]:
        if (split := _split(rows, np.array([day]))) is not None:
            found.append(split)
        if len(found) == days:
            break
    return found or _together(rows)


def _together(rows: Examples) -> list[Split]:
    """The newest days whose windows do not overlap, as few as hold enough events; or none."""
    chosen: list[np.datetime64] = []
    for day in np.unique(rows.as_of)[::-1]:
        if chosen and day + np.timedelta64(rows.window.horizon_days, "D") > chosen[-1]:
            continue
        chosen.append(day)
        if (split := _split(rows, np.array(chosen))) is not None:
            return [split]
    return []


def _split(rows: Examples, days: NDArray[np.datetime64]) -> Split | None:
    """These days, and what was known before the first of them; None with too few events."""
    test = rows.where(np.isin(rows.as_of, days))
    if not test.can_be_learned(LEAST):
        return None
    past = rows.known_before(days.min())
    return Split(_thinned(past), test) if past.can_be_learned(LEAST) else None


def _thinned(past: Examples) -> Examples:
    step = -(-len(past) // MOST_PAST)
    return past.where(np.arange(len(past)) % step == 0) if step > 1 else past


def halves(rows: Examples, seed: int) -> list[Split]:
    """For a snapshot, which has no time: two random halves, each judged by the other."""
    first = np.random.default_rng(seed).random(len(rows)) < 0.5
    pairs = [Split(rows.where(~first), rows.where(first))]
    pairs.append(Split(rows.where(first), rows.where(~first)))
    return [p for p in pairs if p.past.can_be_learned(LEAST) and p.test.can_be_learned(LEAST)]


def strength(values: pd.Series, past: pd.Series, split: Split, *, category: bool) -> float:
    """AUC of `values` on the test rows by what `past` had taught; 0.5 is chance.

    A number is read both by its direction and by the rates of 20 groups of equal size, missing
    being a group of its own, and the better counts: so neither a fine difference nor a hump, nor
    mere presence, is overlooked. A category is read by its rates.
    """
    rates = _rates(past, split.past, values, category=category)
    figures = [_auc(rates, split.test)]
    if not category:
        figures.append(_auc(_directed(past, split.past, values), split.test))
    return max(figures)


def _auc(predicted: Vector, rows: Examples) -> float:
    figure = auc(predicted, rows.share, rows.weight)
    return 0.5 if figure is None else figure


def _directed(past: pd.Series, rows: Examples, values: pd.Series) -> Vector:
    """The number with the sign it had in the past; missing stands at the past's median."""
    known = past.to_numpy(np.float64)
    middle = float(np.nanmedian(known)) if np.isfinite(known).any() else 0.0
    filled = np.where(np.isnan(known), middle, known)
    figure = auc(filled, rows.share, rows.weight)
    sign = -1.0 if figure is not None and figure < 0.5 else 1.0
    now = values.to_numpy(np.float64)
    return sign * np.where(np.isnan(now), middle, now)


def _rates(past: pd.Series, rows: Examples, values: pd.Series, *, category: bool) -> Vector:
    """The past's share of events in the group of each value, shrunk to the share of all."""
    groups, now, count = _by_name(past, values) if category else _by_size(past, values)
    weight = np.bincount(groups, rows.weight, minlength=count)
    events = np.bincount(groups, rows.weight * rows.share, minlength=count)
    base = float(events.sum() / weight.sum())
    rates = (events + SHRINK * base) / (weight + SHRINK)
    return np.asarray(rates[now], np.float64)


def _by_name(past: pd.Series, values: pd.Series) -> tuple[Codes, Codes, int]:
    """Groups of equal names; missing, and names that the past did not have, are one group each."""
    names = pd.Index(past.dropna().unique())
    old = names.get_indexer(past)
    new = names.get_indexer(values)
    unseen = (new < 0) & values.notna().to_numpy()
    old, new = np.where(old < 0, len(names), old), np.where(new < 0, len(names), new)
    return old, np.where(unseen, len(names) + 1, new), len(names) + 2


def _by_size(past: pd.Series, values: pd.Series) -> tuple[Codes, Codes, int]:
    known = past.dropna().to_numpy(np.float64)
    steps = np.linspace(0, 1, GROUPS + 1)[1:-1]
    edges = np.unique(np.quantile(known, steps)) if len(known) else np.empty(0)
    return _placed(past, edges), _placed(values, edges), len(edges) + 2


def _placed(values: pd.Series, edges: Vector) -> Codes:
    numbers = values.to_numpy(np.float64)
    return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, "left"))


@dataclass(frozen=True)
class Strength:
    """AUC of one feature, and the lower end of its one-sided 95 % interval."""

    auc: float
    at_least: float


def strengths(splits: Sequence[Split], specs: Sequence[FeatureSpec]) -> dict[str, Strength]:
    """For each feature that of the newest day, or of the mean over all days, if that is more.

    An undated column that holds the last answer gives itself away on the newest day alone, where
    older days water it down. The interval is one-sided, 95 %.
    """
    found = {}
    for spec in specs:
        by_day = [
            strength(
                split.test.frame[spec.name],
                split.past.frame[spec.name],
                split,
                category=spec.dtype == "category",
            )
            for split in splits
        ]
        spread = [variance(a, s.test) for a, s in zip(by_day, splits, strict=True)]
        newest = _bounded(by_day[0], spread[0])
        mean = _bounded(float(np.mean(by_day)), sum(spread) / len(spread) ** 2)
        found[spec.name] = max(newest, mean, key=lambda s: s.at_least)
    return found


def _bounded(figure: float, variance: float) -> Strength:
    return Strength(figure, figure - ONE_SIDED_Z * float(np.sqrt(variance)))


def variance(figure: float, rows: Examples) -> float:
    """Of an AUC on these rows, by Hanley and McNeil (1982)."""
    events, others = rows.events()
    both = figure * (1 - figure)
    above = (events - 1) * (figure / (2 - figure) - figure**2)
    below = (others - 1) * (2 * figure**2 / (1 + figure) - figure**2)
    return (both + above + below) / (events * others)


def too_good_alone(
    target: str,
    splits: Sequence[Split],
    specs: Sequence[FeatureSpec],
    settings: AuditSettings,
) -> Check:
    """Features that alone tell the outcome better than honest ones do.

    `leak` from `too_good_auc`, `look` from `suspicious_auc`, both inclusive, and both compared
    with the lower end of the AUC's interval, so that no lucky day stops a training.
    """
    name = f"{CHECK}: {target}"
    if not splits:
        few = f"no days with {LEAST} events and as many others after days with as many"
        return Check(name, 0, "features", not_judged=few)
    by_name = {spec.name: spec for spec in specs}
    findings = []
    for feature, found in strengths(splits, specs).items():
        if found.at_least >= settings.suspicious_auc:
            leak = found.at_least >= settings.too_good_auc
            limit = settings.too_good_auc if leak else settings.suspicious_auc
            findings.append(
                Finding(
                    level="leak" if leak else "look",
                    check=name,
                    name=feature,
                    figure=found.at_least,
                    threshold=limit,
                    what=f"`{feature}` alone tells the outcome ({target}) with an AUC of "
                    f"{found.auc:.3f} on days it had not seen (at least {found.at_least:.3f} "
                    f"with 95 % confidence); from {limit:g} on that is "
                    + ("taken for a leak" if leak else "worth a look"),
                    remedy="find out when its column is written. If after the outcome, drop the "
                    "feature or map the true `known_at`; if before, say so under "
                    "`audit.accepted` with the reason",
                    columns=by_name[feature].columns,
                )
            )
    return Check(name, len(specs), "features", tuple(findings))
