"""Effects of touchpoint, role and seniority, on answers whose chances are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.models.mix import mix_effects


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def answers(seed=0, accounts=400, each=5, effect=0.7, spread=0.0, own=False, alike=False):
    """Answers at two touchpoints; `support` has `effect` more log-odds. `spread` is what the
    answers of an account share beyond its prediction; with `own`, who is at risk is asked there; with `alike`, an account always answers at one of the two.
    """
    rng = np.random.default_rng(seed)
    risk = np.repeat(rng.normal(-1.0, 1.0, accounts), each)
    shared = np.repeat(rng.normal(0, spread, accounts), each)
    count = accounts * each
    support = rng.random(count) < (sigmoid(3 * (risk + 1)) if own else 0.4)
    if alike:
        support = np.repeat(support[::each], each)
    chance = sigmoid(risk + shared + effect * support)
    return pd.DataFrame(
        {
            "account": np.repeat([f"a{i}" for i in range(accounts)], each),
            "as_of": "2025-01-01",
            "band": np.where(rng.random(count) < chance, "detractor", "promoter"),
            "predicted": sigmoid(risk),
            "touchpoint": np.where(support, "support", "relationship"),
        }
    )


def of(frame, value="support"):
    return next(e for e in mix_effects(frame) if e.value == value)


def test_the_effect_of_a_touchpoint_is_found_within_its_interval():
    frame = answers(accounts=4000)
    found = of(frame)
    rows = frame[frame["touchpoint"] == "support"]["predicted"]
    log_odds = np.log(rows / (1 - rows))
    truth = 100 * (sigmoid(log_odds + 0.7) - sigmoid(log_odds)).mean()
    assert found.low < truth < found.high
    assert found.points == pytest.approx(truth, abs=2.0)
    assert of(frame, "relationship").points < 0
    assert found.answers == len(rows)


def test_accounts_that_are_at_risk_anyway_are_not_counted_against_it():
    frame = answers(accounts=3000, effect=0.0, own=True)
    share = (frame["band"] == "detractor").groupby(frame["touchpoint"]).mean()
    assert share["support"] - share["relationship"] > 0.2
    found = of(frame)
    assert found.low < 0 < found.high
    assert abs(found.points) < 2.5


def test_intervals_cover_as_often_as_they_say():
    inside = [
        (found := of(answers(seed, 150, effect=0.0, spread=1.5, alike=True))).low < 0 < found.high
        for seed in range(200)
    ]
    assert 0.89 <= np.mean(inside) <= 0.99


def test_answers_of_one_account_are_one_draw():
    """Every answer written four times, under one account, says no more."""
    frame = answers(accounts=200)
    again = pd.concat([frame] * 4)
    once, four = of(frame), of(again)
    assert four.high - four.low == pytest.approx(once.high - once.low, rel=0.02)
    assert four.points == pytest.approx(once.points, rel=0.02)


def test_what_is_rare_missing_or_alone_is_left_out():
    frame = answers(accounts=100)
    rare = frame.assign(role="user")
    rare.loc[rare.index[:29], "role"] = "buyer"
    assert {e.kind for e in mix_effects(rare)} == {"touchpoint"}
    rare.loc[rare.index[:60], "role"] = "buyer"
    rare.loc[rare.index[400:], "role"] = None
    assert {(e.value, e.answers) for e in mix_effects(rare) if e.kind == "role"} == {
        ("buyer", 60), ("user", 340)
    }  # fmt: skip
    assert mix_effects(frame.assign(touchpoint="one")) == ()
    assert mix_effects(frame.drop(columns="touchpoint")) == ()


def test_it_is_said_in_words():
    said = of(answers()).sentence
    assert said.startswith("Answers of touchpoint support are detractors' ")
    assert "points more often (+" in said
