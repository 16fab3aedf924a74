"""Which side of a feature is the worse one, and what is a finding there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import FeatureSpec
from npsight.drivers.advice import FEWEST, fits, worse_sides
from npsight.drivers.explain import Explanation
from npsight.models.part import Contributions

NAN = float("nan")
TICKETS = FeatureSpec(source="tickets", aggregation="count", window_days=90)
LOGINS = FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=30)
TREND = FeatureSpec(source="tickets", aggregation="trend", window_days=90)
HOURS = FeatureSpec(source="resolutions", aggregation="mean", measure="hours", window_days=90)
SINCE = FeatureSpec(source="usage", aggregation="days_since_last")
UNTIL = FeatureSpec(source="accounts", aggregation="days_until_renewal")
PLAN = FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category")


@pytest.mark.parametrize(
    ("spec", "side", "value", "before", "usual", "fitting"),
    [
        (TICKETS, +1, 4, 4, 2, True),
        (TICKETS, +1, 2, 2, 2, True),
        (TICKETS, +1, 1, 1, 2, False),
        (TICKETS, +1, 1, 0, 2, True),  # fewer than usual, and more than before
        (TICKETS, +1, 0, 3, 2, False),
        (TICKETS, +1, 0, 0, 0, False),  # none, as usual: nothing to call about
        (TICKETS, +1, 3, NAN, NAN, True),
        (TICKETS, +1, 0, NAN, NAN, False),
        (TREND, +1, 0.1, 0.1, -0.2, True),
        (TREND, +1, 0, 0, 0, False),
        (HOURS, +1, NAN, 40, 29, False),  # nothing was resolved
        (HOURS, +1, NAN, NAN, NAN, False),
        (LOGINS, -1, 0, 0, 120, True),
        (LOGINS, -1, 0, 0, 0, True),
        (LOGINS, -1, 120, 120, 120, True),
        (LOGINS, -1, 121, 121, 120, False),
        (LOGINS, -1, 121, 180, 120, True),  # more than usual, and fewer than before
        (LOGINS, -1, 121, 110, 120, False),
        (LOGINS, -1, NAN, NAN, 120, True),  # none on record
        (SINCE, +1, NAN, NAN, 3, True),  # never
        (SINCE, +1, 1, 1, 3, False),
        (UNTIL, -1, 20, 50, 180, True),
        (UNTIL, -1, NAN, NAN, 180, False),  # none booked
        (TICKETS, 0, 0, 4, 2, True),
        (HOURS, 0, NAN, 40, 29, False),
        (SINCE, 0, NAN, NAN, NAN, False),
    ],
)
def test_a_finding_is_as_bad_as_usual_or_worse_than_before(
    spec, side, value, before, usual, fitting
):
    arrays = (np.array([number], dtype=float) for number in (value, before, usual))
    assert fits(spec, side, *arrays).tolist() == [fitting]


def explained(**added):
    """An explanation whose detractor part adds these log-odds by feature."""
    values = np.column_stack(list(added.values()))
    split = Contributions(0.0, tuple(added), values, values.sum(axis=1))
    return Explanation(None, None, None, {"detractor": split}, None)


def sides(count, tickets, logins, hours=None):
    """Worse sides where the values are 0, 1, 2, … and the log-odds those given."""
    frame = pd.DataFrame(
        {
            TICKETS.name: np.arange(count, dtype=float),
            LOGINS.name: np.arange(count, dtype=float),
            HOURS.name: np.arange(count, dtype=float) if hours is None else hours,
            PLAN.name: ["pro"] * count,
        }
    )
    found = explained(
        **{TICKETS.name: tickets, LOGINS.name: logins, HOURS.name: np.arange(count, dtype=float)}
    )
    return worse_sides(found, frame, (TICKETS, LOGINS, HOURS, PLAN))


def test_the_worse_side_is_learned_from_what_values_add():
    rising = np.arange(40, dtype=float)
    found = sides(40, rising, -rising)
    assert found == {"detractor": {TICKETS.name: 1, LOGINS.name: -1, HOURS.name: 1}}


def test_a_feature_without_a_clear_side_is_left_out():
    there_and_back = np.abs(np.arange(40, dtype=float) - 19.5)
    found = sides(40, there_and_back, np.zeros(40))
    assert found == {"detractor": {HOURS.name: 1}}


def test_twenty_accounts_with_a_value_tell_a_side_and_nineteen_do_not():
    many = np.array([*range(FEWEST), *[NAN] * 20], dtype=float)
    few = np.array([*range(FEWEST - 1), *[NAN] * 21], dtype=float)
    flat = np.zeros(40)
    assert sides(40, flat, flat, many) == {"detractor": {HOURS.name: 1}}
    assert sides(40, flat, flat, few) == {"detractor": {}}
