"""Groups of accounts: their boundaries, their figures, and what a verdict makes of intervals."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from npsight.jobs.evaluations.drivers import _stability, evenly
from npsight.jobs.evaluations.found import Verdict
from npsight.jobs.evaluations.groups import (
    OutcomeRows,
    by_past_answers,
    by_silence,
    by_value,
    groups,
    wilson,
)
from npsight.jobs.evaluations.nps import nps_row
from npsight.jobs.evaluations.verdict import judge, verdict
from npsight.jobs.training.context import Context
from npsight.models.bootstrap import Interval
from npsight.models.contest import Difference, Standing

DAY = datetime(2024, 3, 1)


def context(counts, ages) -> pd.DataFrame:
    last = [pd.NaT if age is None else DAY - age for age in ages]
    frame = pd.DataFrame({"past_answers": np.array(counts, float), "last_answer_at": last})
    frame["as_of"] = pd.Series([DAY] * len(frame)).astype("datetime64[us]")
    frame["last_answer_at"] = frame["last_answer_at"].astype("datetime64[us]")
    return frame


def test_past_answers_fall_into_four_groups_that_hold_everybody():
    found = dict(by_past_answers(context([0, 1, 2, 4, 5, 40, np.nan], [None] * 7)))
    assert {name: np.flatnonzero(where).tolist() for name, where in found.items()} == {
        "0": [0, 6], "1": [1], "2–4": [2, 3], "5 or more": [4, 5],
    }  # fmt: skip


def test_silence_is_counted_in_half_open_windows():
    tick = timedelta(microseconds=1)
    ages = [None, timedelta(days=180), timedelta(days=180) + tick, tick]
    never, long_ago, lately = (where for _, where in by_silence(context([0] * 4, ages), 180))
    assert never.tolist() == [True, False, False, False]
    assert long_ago.tolist() == [False, False, True, False]
    assert lately.tolist() == [False, True, False, True]


def test_rare_values_are_taken_together():
    names = [f"v{i:02d}" for i in range(15)]
    column = pd.Series(np.repeat(names, range(20, 5, -1)))
    found = list(by_value(column, np.ones(len(column))))
    assert [name for name, _ in found] == [*names[:12], "other (3 values)"]
    assert sum(where.sum() for _, where in found) == len(column)


def test_wilson_by_its_formula():
    low, high = wilson(0.2, 50)
    for bound in (low, high):
        z = abs(bound - 0.2) / np.sqrt(bound * (1 - bound) / 50)
        assert z == pytest.approx(1.959964, abs=1e-5)
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == pytest.approx(1.0)


def test_figures_of_a_group_are_those_of_its_rows():
    rng = np.random.default_rng(1)
    count = 200
    frame = context(rng.integers(0, 8, count), [None] * count)
    frame["plan"] = rng.choice(["a", "b"], count)
    share = (rng.random(count) < 0.3).astype(float)
    rows = OutcomeRows(
        context=frame,
        account=np.array([f"x{i % 70}" for i in range(count)], dtype=object),
        predicted=rng.uniform(0.1, 0.5, count),
        share=share,
        weight=np.ones(count),
        nps_predicted=rng.normal(10, 20, count),
        nps_observed=rng.normal(10, 60, count),
        answers=rng.integers(1, 4, count).astype(float),
    )
    found = list(groups(rows, Context(frame, ("plan",), False), 180))
    (one,) = [g for g in found if (g.grouping, g.group) == ("plan", "a")]
    where = (frame["plan"] == "a").to_numpy()
    assert one.rows == where.sum()
    assert one.accounts == len(set(rows.account[where]))
    assert one.observed == pytest.approx(share[where].mean())
    assert one.gap == pytest.approx((share - rows.predicted)[where].mean())
    assert one.interval.low < one.gap < one.interval.high
    assert one.brier == pytest.approx(((rows.predicted - share)[where] ** 2).mean())
    error = np.average((rows.nps_predicted - rows.nps_observed)[where], weights=rows.answers[where])
    assert one.nps_error == pytest.approx(error)
    assert one.answers == rows.answers[where].sum()
    assert {g.grouping for g in found} == {"answers known before", "last known answer", "plan"}


def test_nps_errors_by_a_plain_loop():
    frame = pd.DataFrame(
        {
            "answers": [1, 2, 1, 4], "promoters": [1, 0, 0, 2], "detractors": [0, 2, 0, 1],
            "segment_": ["a", "a", "b", "b"],
        }
    )  # fmt: skip
    risk, promoter = np.array([0.1, 0.6, 0.3, 0.2]), np.array([0.8, 0.2, 0.5, 0.5])
    detractor = SimpleNamespace(
        label="d", test=SimpleNamespace(frame=frame), predicted={"chosen": risk}
    )
    part = SimpleNamespace(probability=lambda _: promoter)
    other = SimpleNamespace(fitted=SimpleNamespace(chosen=part), predicted={})
    row = nps_row(detractor, other, "chosen")
    nps = [100 * ((1 - r) * p - r) for r, p in zip(risk, promoter, strict=True)]
    seen = [100.0, -100.0, 0.0, 25.0]
    weight = [1, 2, 1, 4]
    pairs = list(zip(nps, seen, weight, strict=True))
    company = abs(sum(w * (n - s) for n, s, w in pairs) / 8)
    halves = [sum(w * (n - s) for n, s, w in pairs[i : i + 2]) for i in (0, 2)]
    segment = ((halves[0] / 3) ** 2 * 3 / 8 + (halves[1] / 5) ** 2 * 5 / 8) ** 0.5
    account = (sum((n - s) ** 2 for n, s, _ in pairs) / 4) ** 0.5
    assert row.company_error == pytest.approx(company)
    assert row.segment_error == pytest.approx(segment)
    assert row.account_error == pytest.approx(account)
    assert (row.answers, row.accounts, row.segments) == (8, 4, 2)


def standing(contender, loss, against=None):
    figures = {"log_loss": loss, "precision": 0.5}
    return Standing(
        "2024-03-01", contender, 100, 60, 30.0, 0.3, figures, 0.02, 0.0, 0.0, 0.2, 0.0,
        {"precision": Interval(0.4, 0.6)} if contender == "chosen" else {}, against or {},
    )  # fmt: skip


def judged(**gains: tuple[float, float]) -> Verdict:
    """The verdict where the gain over each baseline has this interval."""
    names = {"level": "level of the day", "base": "base rate", "prior": "prior", "rule": "rule"}
    against = {
        names[k]: {"log_loss": Difference(-(low + high) / 2, Interval(-high, -low))}
        for k, (low, high) in gains.items()
    }
    chosen = standing("chosen", 0.5, against)
    others = [standing(name, 0.55) for name in against]
    return verdict("detractor", "Detractor risk", [chosen, *others], [], "last_score")


GOOD, NONE, BAD = (0.01, 0.1), (-0.02, 0.1), (-0.1, -0.02)


@pytest.mark.parametrize(
    ("gains", "worth"),
    [
        ({"base": GOOD, "prior": GOOD}, "worth using"),
        ({"level": GOOD, "base": GOOD, "prior": NONE, "rule": BAD}, "worth using"),
        ({"level": NONE, "base": GOOD, "prior": GOOD}, "not shown to be worth using"),
        ({"base": NONE, "prior": GOOD}, "not shown to be worth using"),
        ({"base": GOOD, "prior": BAD}, "not shown to be worth using"),
        ({"base": BAD, "prior": BAD}, "not shown to be worth using"),
    ],
)
def test_worth_using_is_what_beats_the_same_risk_for_everybody(gains, worth):
    found = judged(**gains)
    assert found.worth == worth
    assert found.headline.startswith(f"Detractor risk: {worth}. It is ")


def test_a_verdict_names_each_baseline_with_its_figures():
    found = judged(base=GOOD, prior=NONE, rule=BAD)
    assert found.headline == (
        "Detractor risk: worth using. It is better than the base rate for everybody; no "
        "different, beyond chance, from the history prior alone; worse than the one-feature rule."
    )
    told = "Against the one-feature rule (last_score): 0.5000 instead of 0.5500 nats a row"
    assert any(sentence.startswith(told) for sentence in found.sentences)
    assert found.against[0].saved == pytest.approx(0.05 / 0.55)
    assert found.against[0].interval == Interval(*GOOD)


def test_untested_is_said():
    found = verdict("churn", "Churn risk", [], [], None)
    assert found.worth == "untested"
    assert found.headline == "Churn risk: untested."


def test_an_interval_is_judged_by_its_side_of_zero():
    assert judge(None) == "not judged"
    assert judge(Interval(0.0, 1.0)) == "no difference"
    assert judge(Interval(1e-9, 1.0)) == "better"
    assert judge(Interval(-1.0, -1e-9)) == "worse"


def test_stability_is_a_rank_correlation():
    from scipy.stats import spearmanr

    sizes = [[0.5, 0.4, 0.1], [0.3, 0.5, 0.2], [0.2, 0.1, 0.3], [0.1, 0.0, 0.4]]
    columns = np.transpose(sizes)
    expected = [spearmanr(a, b).statistic for a, b in pairwise(columns)]
    assert list(_stability(sizes)) == pytest.approx(expected)
    assert list(_stability([[0.5, 0.4]])) == []


def test_rows_are_taken_evenly():
    frame = pd.DataFrame({"x": range(5000)})
    some = evenly(frame)["x"]
    assert len(some) == 1000
    assert (some.iloc[0], some.iloc[-1]) == (0, 4999)
    assert evenly(frame.head(10)).equals(frame.head(10))
