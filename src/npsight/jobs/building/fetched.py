"""What is made of fetched tables, each with a row for every row of the spine in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from npsight.config.specs import ProjectSpec
from npsight.features.attributes import DISPLAY

KEYS = ["account", "as_of"]


def beside_each_other(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The columns of all frames, whose rows are the same in the same order."""
    whole = frames[0]
    for frame in frames[1:]:
        whole = _beside(whole, frame)
    return whole


def _beside(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Columns of `right` next to `left`, whose rows are the same in the same order."""
    if not all(left[key].equals(right[key]) for key in KEYS):
        raise AssertionError("a feature table does not have exactly the spine's rows")
    return pd.concat([left, right.drop(columns=KEYS)], axis=1)


def displayed(
    project: ProjectSpec, attributes: pd.DataFrame, *others: pd.DataFrame
) -> pd.DataFrame:
    """What `FeatureBuilder.display` gives, of its tables; null where one of them is not."""
    frame = attributes[KEYS].copy()
    for column in DISPLAY:
        frame[column.rstrip("_")] = attributes.get(column)
    frame["revenue"] = pd.to_numeric(frame["revenue"], errors="coerce")
    frame["renewal_at"] = _calendar_days(pd.to_datetime(frame["renewal_at"]), project)
    frame = beside_each_other([frame, *others])
    missing = {
        "last_score": np.nan,
        "last_band": None,
        "last_answer_at": pd.NaT,
        "last_contact_at": pd.NaT,
    }
    return frame.assign(**{name: blank for name, blank in missing.items() if name not in frame})


def _calendar_days(instants: pd.Series[Any], project: ProjectSpec) -> pd.Series[Any]:
    """Instants in UTC as midnights of the days that calendars of the accounts' zone show."""
    accounts = project.tables.accounts
    zone = (accounts.timezone if accounts else None) or project.timezone or "UTC"
    local = instants.dt.tz_localize("UTC").dt.tz_convert(zone)
    return local.dt.tz_localize(None).dt.normalize()


def segments_among(attributes: pd.DataFrame, segment: str) -> Any:
    """The segment of each row of attributes, "" where none is known."""
    return attributes[segment].fillna("").to_numpy()
