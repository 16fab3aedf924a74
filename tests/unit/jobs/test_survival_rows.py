"""Losses by horizon from dated facts: every boundary, censoring, and which model foresees a row."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from handmade import AS_OF, DAY, LONG_AGO, TICK, builder_of, fact, world_of

from npsight.config.schema import ChurnTarget, Training
from npsight.config.specs import OutcomeWindow
from npsight.errors import ConfigError
from npsight.jobs.training.survival import (
    _risk_out_of_time,
    can_have_curve,
    curve_for,
    losses_by_horizon,
    with_churn_curve,
)
from npsight.models.survival import ChurnCurve

GAP = 14
START = AS_OF + GAP * DAY
EVENTS = {"churn_table": "churn", "subscription_end": "subscriptions"}
CURVE = ChurnCurve(
    60, (30, 60, 90), (0.5, 1.0, 1.3), 0.5, 1.0, (9,) * 3, (1,) * 3, (0.1,) * 3, (0.1,) * 3
)


def project_of(event="churn_table", origins=1, period=90):
    target = ChurnTarget(event=event, gap_days=GAP, horizon_days=60)
    return SimpleNamespace(
        features=(),
        segment=None,
        churn=target,
        detractor=None,
        training=Training(origins=origins, period_days=period),
        file=SimpleNamespace(name="p.yaml"),
    )


def losses(engine, event, rows, data_end=AS_OF + 200 * DAY, days=(AS_OF,), **more):
    world = world_of(("a",), **{EVENTS[event]: rows}, **more)
    world.data_end = data_end
    builder = builder_of(engine, world)
    builder.project = project_of(event)
    frame = pd.DataFrame({"account": "a", "as_of": list(days)})
    frame["as_of"] = frame["as_of"].astype("datetime64[us]")
    return losses_by_horizon(builder, frame)


def left(event, at):
    """The facts of an account that leaves at that instant."""
    if event == "churn_table":
        return [fact(at)]
    return [fact(LONG_AGO, until=at)]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    ("at", "lost_in"),
    [
        (START, 0),
        (START + 30 * DAY - TICK, 0),
        (START + 30 * DAY, 1),
        (START + 60 * DAY - TICK, 1),
        (START + 60 * DAY, 2),
        (START + 180 * DAY - TICK, 5),
        (START + 180 * DAY, -1),
    ],
    ids=["start", "1us-before-30", "30", "1us-before-60", "60", "last", "after"],
)
def test_a_loss_belongs_to_one_half_open_interval(engine, event, at, lost_in):
    (row,) = losses(engine, event, left(event, at)).to_dict("records")
    assert (row["lost_in"], row["observed"]) == (lost_in, 6)


@pytest.mark.parametrize("event", EVENTS)
def test_who_was_gone_before_the_window_is_not_at_risk(engine, event):
    assert len(losses(engine, event, left(event, START - TICK))) == 0


@pytest.mark.parametrize(
    ("data_end", "observed"),
    [
        (START + 90 * DAY, 3),
        (START + 90 * DAY - TICK, 2),
        (START + 120 * DAY - TICK, 3),
        (START + 60 * DAY, 2),
    ],
    ids=["90-ended", "1us-early", "120-not-ended", "60-ended"],
)
def test_an_interval_counts_once_it_has_ended(engine, data_end, observed):
    (row,) = losses(engine, "churn_table", [], data_end).to_dict("records")
    assert (row["lost_in"], row["observed"]) == (-1, observed)


def test_a_loss_after_the_seen_intervals_is_not_used(engine):
    """Lost on day 75 of 80: the interval [60, 90) has not ended, so nothing is known of it."""
    found = losses(engine, "churn_table", left("churn_table", START + 75 * DAY), START + 80 * DAY)
    (row,) = found.to_dict("records")
    assert (row["lost_in"], row["observed"]) == (-1, 2)
    assert found.attrs["horizons"] == [30, 60]


def test_only_days_that_the_backtest_can_foresee(engine):
    days = [AS_OF - 400 * DAY, AS_OF - 180 * DAY, AS_OF]
    found = losses(engine, "churn_table", [], days=days)
    assert list(found["as_of"]) == days[1:]
    assert found.attrs["horizons"][-1] == 360


@pytest.mark.parametrize(
    ("event", "can"),
    [("subscription_end", True), ("churn_table", True), ("no_activity", False),
     ("snapshot", False)],
)  # fmt: skip
def test_only_events_with_a_day_have_a_curve(event, can):
    assert can_have_curve(SimpleNamespace(churn=SimpleNamespace(event=event))) == can
    assert not can_have_curve(SimpleNamespace(churn=None))


# --- Out-of-time risk --------------------------------------------------------------------------


def origin(label, risk):
    chosen = SimpleNamespace(probability=lambda frame: np.full(len(frame), risk))
    return SimpleNamespace(label=label, fitted=SimpleNamespace(chosen=chosen))


def part_of(*origins):
    examples = SimpleNamespace(
        share=np.array([0.0, 1.0]), weight=np.array([3.0, 1.0]), window=OutcomeWindow(GAP, 60)
    )
    return SimpleNamespace(origins=origins, examples=examples)


def rows_on(*days, accounts=1):
    frame = pd.DataFrame(
        [(f"a{i}", pd.Timestamp(day)) for day in days for i in range(accounts)],
        columns=["account", "as_of"],
    )
    return frame.astype({"as_of": "datetime64[us]"})


def test_a_row_is_foreseen_by_the_newest_model_that_is_not_later():
    frame = rows_on("2024-01-30", "2024-01-31", "2024-03-31", "2024-04-30", "2024-08-01")
    found = _risk_out_of_time(part_of(origin("2024-01-31", 0.1), origin("2024-04-30", 0.2)), frame)
    risk = {f"{row.as_of:%m-%d}": row.risk for row in found.itertuples()}
    assert risk == {"01-31": 0.1, "03-31": 0.1, "04-30": 0.2, "08-01": 0.2}


def test_without_a_backtest_everyone_gets_the_base_rate():
    found = _risk_out_of_time(part_of(), rows_on("2024-01-30", "2024-01-31"))
    assert list(found["risk"]) == [0.25, 0.25]


def test_the_fitted_model_gets_the_curve():
    from npsight.jobs.training.fit import Fitted
    from npsight.models.model import Model

    frame = rows_on("2024-01-30", "2024-01-31", accounts=80)
    table = frame.assign(lost_in=np.int64(-1), observed=np.int64(3))
    table.loc[::8, "lost_in"] = 1
    table.attrs["horizons"] = [30, 60, 90]
    model = Model("p", None, None, None, None, (), (), None, {}, "2024-01-01")
    fitted = Fitted(model, {"churn": part_of(origin("2024-01-31", 0.1))}, ())
    curve = with_churn_curve(fitted, frame, table).model.churn_curve
    assert curve.at_risk == (80, 80, 70), "only rows from the first origin on"
    assert curve.lost == (0, 10, 0)
    assert with_churn_curve(fitted, frame, None) is fitted
    assert with_churn_curve(replace(fitted, parts={}), frame, table).model.churn_curve is None


# --- What is refused ------------------------------------------------------------------------------


def model_of(curve=CURVE, churn=True):
    return SimpleNamespace(churn=object() if churn else None, churn_curve=curve)


def test_a_horizon_within_reach_is_given():
    assert curve_for(model_of(), project_of(), 90) is CURVE


@pytest.mark.parametrize(
    ("model", "event", "days", "words"),
    [
        (model_of(), "churn_table", 91, r"up to 90 days ahead, not 91\n.*ask for 1 to 90 days"),
        (model_of(None), "churn_table", 30, "has no churn curve"),
        (model_of(None), "no_activity", 30, "`no_activity` is defined by its own horizon"),
        (model_of(None), "snapshot", 30, "`snapshot` is defined by its own horizon"),
        (model_of(None, churn=False), "churn_table", 30, "foresees no churn"),
    ],
)
def test_what_cannot_be_told_is_refused(model, event, days, words):
    with pytest.raises(ConfigError, match=words):
        curve_for(model, project_of(event), days)
