"""What features looked like on the newest training day, and how far they have moved since.

Numbers are put into ten groups with equally many rows of that day, categories by their value; a
missing value is a group of its own, and so is a category that was not seen then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.specs import FeatureSpec
from npsight.models.logits import Vector

GROUPS = 10
FLOOR = 1e-3
MOST_PSI = 0.25
CHANCE = 3.0
LEAST_ROWS = 100
AGEING = ("age", "days_since_first")


@dataclass(frozen=True)
class Grouping:
    """Rows of a feature by group.

    Attributes
    ----------
    edges
        Upper ends, inclusive, of all groups of numbers but the last; empty for categories.
    names
        The categories; None for numbers.
    counts
        Rows of each group, those of an unknown category next to last (categories only), those
        without a value last.
    """

    edges: tuple[float, ...]
    names: tuple[str, ...] | None
    counts: tuple[int, ...]

    def of(self, values: pd.Series) -> Vector:
        """Rows of other values in the same groups."""
        return _counts(values, self.edges, self.names)

    @property
    def missing(self) -> float:
        """Share of rows without a value; 0 without rows."""
        return self.counts[-1] / max(sum(self.counts), 1)


@dataclass(frozen=True)
class Reference:
    """Every feature on one day (ISO 8601), by name."""

    day: str
    rows: int
    features: Mapping[str, Grouping]

    def to_json(self) -> dict[str, Any]:
        """Plain values, read by `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Reference:
        """Inverse of `to_json`."""
        features = {
            name: Grouping(
                tuple(fields["edges"]),
                None if fields["names"] is None else tuple(fields["names"]),
                tuple(fields["counts"]),
            )
            for name, fields in content["features"].items()
        }
        return cls(content["day"], content["rows"], features)


@dataclass(frozen=True)
class Moved:
    """One feature then and now; shares are of rows.

    `index` is the population stability index, `moved` whether it is at least 0.25 and three times
    what chance makes of so few rows; None where there are fewer than 100 rows, or for an age,
    which time itself moves. `unknown` is the share with a category that was not seen then.
    """

    feature: str
    label: str
    index: float
    moved: bool | None
    missing_then: float
    missing_now: float
    unknown: float


def reference_of(frame: pd.DataFrame, specs: Sequence[FeatureSpec]) -> Reference:
    """The features of the rows of a frame's newest day."""
    newest = frame[frame["as_of"] == frame["as_of"].max()]
    features = {
        spec.name: grouping(newest[spec.name], category=spec.dtype == "category") for spec in specs
    }
    return Reference(f"{newest['as_of'].max():%Y-%m-%d}", len(newest), features)


def grouping(values: pd.Series, *, category: bool) -> Grouping:
    """The groups that these values make."""
    if category:
        names = tuple(sorted(str(name) for name in values.dropna().unique()))
        return _filled(values, (), names)
    known = values.dropna().to_numpy(np.float64)
    steps = np.linspace(0, 1, GROUPS + 1)[1:-1]
    edges = np.unique(np.quantile(known, steps)) if len(known) else np.empty(0)
    return _filled(values, tuple(float(edge) for edge in edges), None)


def stability_index(then: Vector, now: Vector) -> float:
    """Σ (q − p) ln(q / p) over groups, of their counts then and now.

    Shares below 0.001 count as 0.001, so that an empty group is no infinity.
    """
    p, q = (np.maximum(c / max(c.sum(), 1.0), FLOOR) for c in (then, now))
    return float(np.sum((q - p) * np.log(q / p)))


def limit_of(then: int, now: int) -> float:
    """The index from which rows of two days differ: 0.25, and three times what chance makes."""
    return max(MOST_PSI, CHANCE * GROUPS * (1 / max(then, 1) + 1 / max(now, 1)))


def moved(reference: Reference, now: pd.DataFrame, specs: Sequence[FeatureSpec]) -> list[Moved]:
    """Every feature of the reference then and now, the most moved first."""
    found = [
        _moved(reference.features[spec.name], now[spec.name], spec)
        for spec in specs
        if spec.name in reference.features
    ]
    return sorted(found, key=lambda m: (-m.index, m.feature))


def _moved(then: Grouping, values: pd.Series, spec: FeatureSpec) -> Moved:
    before, now = np.asarray(then.counts, dtype=np.float64), then.of(values)
    rows = max(float(now.sum()), 1.0)
    index = stability_index(before, now)
    few = min(before.sum(), now.sum()) < LEAST_ROWS
    judged = not few and spec.aggregation not in AGEING
    return Moved(
        feature=spec.name,
        label=spec.label,
        index=index,
        moved=index >= limit_of(int(before.sum()), int(now.sum())) if judged else None,
        missing_then=then.missing,
        missing_now=float(now[-1]) / rows,
        unknown=0.0 if then.names is None else float(now[-2]) / rows,
    )


def _filled(values: pd.Series, edges: tuple[float, ...], names: tuple[str, ...] | None) -> Grouping:
    counts = _counts(values, edges, names)
    return Grouping(edges, names, tuple(int(count) for count in counts))


def _counts(values: pd.Series, edges: tuple[float, ...], names: tuple[str, ...] | None) -> Vector:
    if names is None:
        numbers = values.to_numpy(np.float64)
        groups = len(edges) + 1
        codes = np.where(np.isnan(numbers), groups, np.searchsorted(edges, numbers, "left"))
    else:
        groups = len(names) + 1
        known = pd.Index(list(names), dtype=object).get_indexer(pd.Index(values.astype(object)))
        unknown = np.where(values.notna().to_numpy(), groups - 1, groups)
        codes = np.where(known >= 0, known, unknown)
    return np.bincount(codes, minlength=groups + 1).astype(np.float64)
