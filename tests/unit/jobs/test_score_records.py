"""Frames as plain records: the same values as one by one, and nothing but plain Python."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from npsight.jobs.scoring.scored import _plain, _plain_records

FRAME = pd.DataFrame(
    {
        "number": [1.5, np.nan, -np.inf],
        "small": np.array([0.5, np.nan, 2.0], dtype=np.float32),
        "count": [1, 2, 3],
        "flag": [True, False, True],
        "text": pd.Series(["a", None, "c"], dtype="str"),
        "mixed": pd.Series([np.float64(2.0), None, "x"], dtype=object),
        "whole": pd.Series([1, None, 3], dtype=object),
        "at": pd.to_datetime(["2026-01-01T10:00", None, "2026-01-02T00:00"]),
    },
    index=[5, 5, 9],
)


def test_records_hold_what_each_value_is_in_plain_python():
    records = list(_plain_records(FRAME))
    one_by_one = [
        {name: _plain(value) for name, value in record.items()}
        for record in FRAME.to_dict("records")
    ]
    assert records == one_by_one
    kinds = [[type(value) for value in record.values()] for record in records]
    assert kinds == [[type(value) for value in record.values()] for record in one_by_one]


@pytest.mark.parametrize("name", ["number", "small", "text", "mixed", "whole", "at"])
def test_every_kind_of_missing_is_none(name):
    assert [record[name] for record in _plain_records(FRAME)][1] is None


def test_instants_and_infinities_stay_what_they_are():
    first, _, last = _plain_records(FRAME)
    assert first["at"] == datetime(2026, 1, 1, 10)
    assert type(first["at"]) is datetime
    assert last["number"] == -np.inf


def test_no_rows_are_no_records():
    assert list(_plain_records(FRAME.head(0))) == []
