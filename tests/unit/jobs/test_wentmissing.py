"""A table that is not up to date is told before anybody works with the scores."""

from __future__ import annotations

from datetime import datetime

import pytest

from npsight.config.specs import FeatureSpec
from npsight.jobs.scoring.wentmissing import missing_by_source, went_missing
from npsight.models.reference import Moved

AS_OF = datetime(2026, 11, 23)
SPECS = [
    FeatureSpec(source=source, aggregation="mean", measure="x", window_days=days, driver="d")
    for source, days in (("usage", 7), ("usage", 30), ("tickets", 90))
]
WEEK, MONTH, TICKETS = (spec.name for spec in SPECS)


def moved(feature: str, then: float, now: float) -> Moved:
    return Moved(feature, feature, 0.0, None, then, now, 0.0)


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [(0.1, 0.5, True), (0.11, 0.5, False), (0.1, 0.49, False), (0.0, 1.0, True), (0.9, 1.0, False)],
)
def test_it_is_told_from_half_of_the_accounts_on(then, now, told):
    gone = missing_by_source([moved(WEEK, then, now)], SPECS)
    assert list(gone) == (["usage"] if told else [])
    assert len(list(went_missing(gone, {}, AS_OF))) == told


def test_one_warning_for_each_source_names_features_and_the_newest_row():
    found = [moved(MONTH, 0.02, 0.7), moved(WEEK, 0.01, 1.0), moved(TICKETS, 0.0, 0.2)]
    newest = {"usage": datetime(2026, 11, 16, 22), "tickets": None}
    (problem,) = went_missing(missing_by_source(found, SPECS), newest, AS_OF)
    assert problem.key == "usage"
    assert WEEK in problem.what
    assert MONTH in problem.what
    assert "are missing for 70% of the accounts, and were for 2%" in problem.what
    assert "newest row is of 2026-11-16, as_of 2026-11-23" in problem.what
    assert "`usage`" in problem.remedy
    assert "--as-of" in problem.remedy
