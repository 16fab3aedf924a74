"""Medians of similar accounts, and when all accounts stand in for them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from npsight.config.specs import FeatureSpec
from npsight.drivers.peers import FEWEST, Peers, peers_of

LOGINS = FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=30)
HOURS = FeatureSpec(source="resolutions", aggregation="mean", measure="hours", window_days=90)
PLAN = FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category")
SPECS = (LOGINS, HOURS, PLAN)


def frame_of(**segments):
    """Accounts by segment value; a segment is a list of logins."""
    rows = [(segment, value) for segment, values in segments.items() for value in values]
    return pd.DataFrame(
        {
            "segment_": [None if s == "blank" else "" if s == "empty" else s for s, _ in rows],
            LOGINS.name: [v for _, v in rows],
            HOURS.name: [np.nan] * len(rows),
            PLAN.name: ["pro"] * len(rows),
        }
    )


def of(peers, feature, *segments):
    medians, own = peers.of(feature, np.array(segments, dtype=object))
    return medians.tolist(), own.tolist()


def test_a_segment_of_twenty_has_its_own_median_and_one_of_nineteen_has_not():
    frame = frame_of(pro=range(FEWEST), basic=[100.0] * (FEWEST - 1))
    peers = peers_of(frame, SPECS)
    overall = float(np.median([*range(20), *[100.0] * 19]))
    assert of(peers, LOGINS.name, "pro", "basic", "new") == (
        [9.5, overall, overall],
        [True, False, False],
    )


def test_missing_and_infinite_values_do_not_count_towards_twenty():
    values = [5.0] * 19 + [np.nan, np.inf]
    peers = peers_of(frame_of(pro=values), SPECS)
    assert peers.by_segment == {}
    assert peers.overall == {LOGINS.name: 5.0}


def test_accounts_without_a_segment_have_all_accounts_as_peers():
    peers = peers_of(frame_of(pro=[1.0] * 20, blank=[9.0] * 30, empty=[9.0] * 30), SPECS)
    assert set(peers.by_segment) == {"pro"}
    assert of(peers, LOGINS.name, None, "", np.nan, "pro") == (
        [9.0, 9.0, 9.0, 1.0],
        [False, False, False, True],
    )


def test_a_feature_that_nobody_has_or_that_is_a_category_has_no_median():
    peers = peers_of(frame_of(pro=[1.0] * 20), SPECS)
    for name in (HOURS.name, PLAN.name, "unheard_of"):
        medians, own = peers.of(name, np.array(["pro"], dtype=object))
        assert np.isnan(medians[0])
        assert not own[0]


def test_without_a_segment_column_there_is_only_the_overall():
    peers = peers_of(frame_of(pro=[1.0] * 20).drop(columns="segment_"), SPECS)
    assert peers == Peers({}, {LOGINS.name: 1.0})


def test_json_and_back_is_the_same():
    peers = peers_of(frame_of(pro=[1.0] * 20, basic=[2.5] * 20), SPECS)
    again = Peers.from_json(json.loads(json.dumps(peers.to_json(), allow_nan=False)))
    assert again == peers
    assert of(again, LOGINS.name, "basic", "pro") == ([2.5, 1.0], [True, True])


def test_no_rows_have_no_peers():
    assert peers_of(frame_of(pro=[]), SPECS) == Peers({}, {})
    medians, own = Peers({}, {}).of("x", np.array([], dtype=object))
    assert medians.shape == own.shape == (0,)
