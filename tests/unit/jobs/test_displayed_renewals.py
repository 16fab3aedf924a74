"""A renewal is shown as the day that its table tells, whatever the zone of the table."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from npsight.jobs.building.fetched import displayed

DAY = datetime(2027, 1, 23)


def shown(renewal_at: datetime | None, zone: str | None, own: str | None = None) -> Any:
    accounts = SimpleNamespace(timezone=own)
    project: Any = SimpleNamespace(timezone=zone, tables=SimpleNamespace(accounts=accounts))
    row = {"account": "a", "as_of": datetime(2026, 6, 30), "renewal_at_": renewal_at}
    frame = pd.DataFrame([row]).astype({"renewal_at_": "datetime64[us]"})
    return displayed(project, frame)["renewal_at"][0]


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        (datetime(2027, 1, 23), "UTC"),
        (datetime(2027, 1, 23), None),
        (datetime(2027, 1, 22, 23), "Europe/Berlin"),
        (datetime(2027, 1, 23, 22, 59), "Europe/Berlin"),
        (datetime(2027, 1, 23, 5), "America/New_York"),
        (datetime(2027, 1, 22, 10, 15), "Pacific/Chatham"),
    ],
)
def test_the_day_is_that_of_the_zone(written: datetime, zone: str | None) -> None:
    assert shown(written, zone) == DAY


def test_daylight_saving_time_counts() -> None:
    assert shown(datetime(2027, 7, 22, 22), "Europe/Berlin") == datetime(2027, 7, 23)


def test_the_zone_of_the_accounts_comes_before_that_of_the_project() -> None:
    assert shown(datetime(2027, 1, 22, 23), "America/New_York", "Europe/Berlin") == DAY


def test_no_renewal_stays_none() -> None:
    assert pd.isna(shown(None, "Europe/Berlin"))
