"""What is usual among similar accounts: medians by segment, small enough to travel with a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.config.specs import FeatureSpec
from npsight.models.logits import Vector

FEWEST = 20
"""Accounts with a value that a segment needs before its median stands for it."""

Medians = Mapping[str, float]


@dataclass(frozen=True)
class Peers:
    """Medians of number features.

    Attributes
    ----------
    by_segment
        Segment value -> feature name -> median, only where at least `FEWEST` accounts of the
        segment have a value.
    overall
        Feature name -> median of all accounts with a value; the fallback.
    worse
        Target -> feature name -> +1 where more goes together with a higher risk, −1 where less
        does; see `npsight.drivers.advice`.
    """

    by_segment: Mapping[str, Medians]
    overall: Medians
    worse: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def of(self, feature: str, segments: NDArray[Any]) -> tuple[Vector, NDArray[np.bool_]]:
        """The median to compare each row with, and whether it is its own segment's.

        `segments` are the rows' segment values, null or "" where they have none. NaN where
        nobody has the feature.
        """
        values = segments.tolist()
        known = {v: self.by_segment.get(str(v), {}).get(feature) for v in set(values)}
        medians = [known[v] for v in values]
        own = np.array([m is not None for m in medians], dtype=np.bool_)
        fallback = self.overall.get(feature, np.nan)
        return np.array([fallback if m is None else m for m in medians], dtype=np.float64), own

    def to_json(self) -> dict[str, Any]:
        """JSON form, read by `from_json`."""
        return {
            "by_segment": {k: dict(self.by_segment[k]) for k in sorted(self.by_segment)},
            "overall": dict(self.overall),
            "worse": {target: dict(sides) for target, sides in self.worse.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Peers:
        """Inverse of `to_json`; runs of an older npsight have no worse sides."""
        return cls(
            {str(k): dict(medians) for k, medians in content["by_segment"].items()},
            dict(content["overall"]),
            {str(k): dict(sides) for k, sides in content.get("worse", {}).items()},
        )


def peers_of(
    frame: pd.DataFrame, specs: Sequence[FeatureSpec], segment_column: str = "segment_"
) -> Peers:
    """Medians of the number features of `specs` over `frame`, one row an account.

    Missing values and infinities do not count. Without `segment_column` there are only overall
    medians; rows whose segment is null or "" count overall alone.
    """
    names = [s.name for s in specs if s.dtype == "number" and s.name in frame.columns]
    numbers = pd.DataFrame(
        {name: _finite(frame[name]) for name in dict.fromkeys(names)}, index=frame.index
    )
    by_segment: dict[str, Medians] = {}
    if segment_column in frame.columns:
        segment = frame[segment_column]
        for value, rows in numbers.groupby(segment.where(segment.notna() & (segment != ""))):
            medians = _medians(rows, FEWEST)
            if medians:
                by_segment[str(value)] = medians
    return Peers(by_segment, _medians(numbers, 1))


def _finite(column: pd.Series[Any]) -> Vector:
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def _medians(rows: pd.DataFrame, fewest: int) -> dict[str, float]:
    enough = [name for name in rows.columns if rows[name].notna().sum() >= fewest]
    return {str(name): float(rows[name].median()) for name in enough}
