"""Features that stopped arriving, and those that have shifted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.early import Losses
from npsight.audit.population import population, stability_index
from npsight.config.specs import FeatureSpec

MEAN = FeatureSpec(source="usage", aggregation="mean", measure="m")
COUNT = FeatureSpec(source="tickets", aggregation="count", missing="zero")
PLAN = FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category")
AGE = FeatureSpec(source="accounts", aggregation="age")
DAYS = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])


def rows(spec, *days):
    """A frame with these values on rising days."""
    frames = [pd.DataFrame({"as_of": DAYS[i], spec.name: v}) for i, v in enumerate(days)]
    return pd.concat(frames, ignore_index=True)


def test_a_feature_that_always_arrived_and_is_gone_fails(rng):
    train = rows(MEAN, rng.random(200), rng.random(200))
    check = population(train, rows(MEAN, np.full(150, np.nan)), [MEAN])
    (found,) = check.findings
    assert (found.level, found.name, found.figure) == ("leak", MEAN.name, 1.0)
    assert "stopped arriving" in found.what


def test_one_that_comes_and_goes_is_worth_a_look(rng):
    train = rows(MEAN, rng.random(200), np.full(200, np.nan), rng.random(200))
    check = population(train, rows(MEAN, np.full(150, np.nan)), [MEAN])
    assert [f.level for f in check.findings] == ["look"]


def test_one_row_that_still_has_it_is_no_stop(rng):
    now = np.full(150, np.nan)
    now[0] = 0.5
    check = population(rows(MEAN, rng.random(200)), rows(MEAN, now), [MEAN])
    assert all("stopped" not in f.what for f in check.findings)


def test_a_count_stops_at_zero(rng):
    train = rows(COUNT, rng.integers(1, 9, 200).astype(float))
    check = population(train, rows(COUNT, np.zeros(150)), [COUNT])
    assert check.findings[0].level == "leak"


def test_a_count_that_is_mostly_zero_may_be_all_zero(rng):
    train = rows(COUNT, (rng.random(200) < 0.02).astype(float))
    assert population(train, rows(COUNT, np.zeros(150)), [COUNT]).verdict == "clean"


def test_a_shift_is_worth_a_look_and_none_is_none(rng):
    train = rows(MEAN, rng.normal(0, 1, 2_000))
    check = population(train, rows(MEAN, rng.normal(1, 1, 2_000)), [MEAN])
    (found,) = check.findings
    assert (found.level, found.threshold) == ("look", 0.25)
    assert population(train, rows(MEAN, rng.normal(0, 1, 2_000)), [MEAN]).verdict == "clean"


def test_few_rows_scatter_and_are_given_more_room(rng):
    for _ in range(20):
        train, now = rows(MEAN, rng.normal(0, 1, 100)), rows(MEAN, rng.normal(0, 1, 100))
        assert population(train, now, [MEAN]).verdict == "clean"


def test_age_is_spared(rng):
    train, now = rows(AGE, rng.random(500) * 100), rows(AGE, rng.random(500) * 100 + 90)
    assert population(train, now, [AGE]).verdict == "clean"
    assert population(train.rename(columns={AGE.name: MEAN.name}),
                      now.rename(columns={AGE.name: MEAN.name}), [MEAN]).verdict == "look"  # fmt: skip


def test_categories_shift_by_their_names():
    before = rows(PLAN, ["gold"] * 500 + ["free"] * 500)
    after = rows(PLAN, ["gold"] * 100 + ["new"] * 900)
    assert population(before, after, [PLAN]).findings[0].level == "look"
    assert population(before, before, [PLAN]).verdict == "clean"


def test_the_index_of_known_shares():
    before = pd.Series(["a"] * 50 + ["b"] * 50)
    now = pd.Series(["a"] * 80 + ["b"] * 20)
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert stability_index(before, now, category=True) == pytest.approx(expected)
    assert stability_index(before, before, category=True) == 0


def test_missing_is_a_group_of_its_own():
    before = pd.Series([1.0] * 50 + [np.nan] * 50)
    now = pd.Series([1.0] * 100)
    assert stability_index(before, now, category=False) > 2


def test_tiny_data_are_not_judged(rng):
    check = population(rows(MEAN, rng.random(99)), rows(MEAN, rng.random(500)), [MEAN])
    assert check.verdict == "not judged"
    assert "fewer than 100" in check.not_judged


# --- Rare counts that only the past knows ---------------------------------------------------------

ACCOUNTS = 400
MONTHS = pd.date_range("2023-01-01", periods=14, freq="30D")
SCORED = pd.Timestamp("2024-06-01")


def reviews(share: float, rng, months=MONTHS) -> pd.DataFrame:
    """On each day a review at some accounts, dated back: the first ones, which were lost later."""
    frames = [
        pd.DataFrame(
            {
                "account": [f"a{k}" for k in range(ACCOUNTS)],
                "as_of": day,
                COUNT.name: (rng.permutation(ACCOUNTS) < share * ACCOUNTS).astype(float),
            }
        )
        for day in months
    ]
    return pd.concat(frames, ignore_index=True)


def unseen(count: int = ACCOUNTS, has: int = 0) -> pd.DataFrame:
    """The day of scoring, on which the last `has` accounts have a review."""
    names = [f"a{k}" for k in range(count)]
    has_it = np.arange(count) >= count - has
    return pd.DataFrame({"account": names, "as_of": SCORED, COUNT.name: has_it.astype(float)})


def lost(share: float) -> Losses:
    """Of the first accounts it is known, a day after the scoring."""
    at = SCORED + pd.Timedelta(days=1)
    known_at = [at if k < share * ACCOUNTS else pd.NaT for k in range(ACCOUNTS)]
    series = pd.Series(known_at, index=[f"a{k}" for k in range(ACCOUNTS)], dtype="datetime64[us]")
    return Losses(series, SCORED, 90, 30)


def test_rows_that_only_the_lost_had_and_the_newest_day_lacks_are_hindsight(rng):
    (found,) = population(reviews(0.03, rng), unseen(), [COUNT], lost(1.0)).findings
    assert (found.level, found.name) == ("leak", COUNT.name)
    assert found.figure == pytest.approx(12)
    assert "were lost later" in found.what
    assert "dated back" in found.what


def test_of_those_who_stay_too_it_is_worth_a_look(rng):
    train = reviews(0.03, rng)
    for losses in (lost(0.5), None):
        (found,) = population(train, unseen(), [COUNT], losses).findings
        assert found.level == "look"
        assert "12 should be" in found.what


def test_those_who_have_given_notice_may_have_it_on_the_newest_day(rng):
    """Their reviews are written by then; they say nothing of those whose loss is not known."""
    names = [f"a{k}" for k in range(ACCOUNTS)]
    known_at = pd.Series(SCORED + pd.Timedelta(days=1), index=names, dtype="datetime64[us]")
    known_at.iloc[-20:] = SCORED
    losses = Losses(known_at, SCORED, 90, 30)
    train = reviews(0.03, rng)
    assert population(train, unseen(has=20), [COUNT], losses).verdict == "leak"
    assert population(train, unseen(has=21), [COUNT], losses).verdict == "clean"


def test_one_account_that_has_it_yet_to_leave_is_an_honest_sign(rng):
    assert population(reviews(0.03, rng), unseen(has=1), [COUNT], lost(1.0)).verdict == "clean"


@pytest.mark.parametrize(("scored", "found"), [(266, 0), (267, 1)], ids=["7.98", "8.01"])
def test_eight_rows_are_expected_at_least(rng, scored, found):
    check = population(reviews(0.03, rng), unseen(scored), [COUNT], lost(1.0))
    assert len(check.findings) == found


def test_a_day_of_the_last_year_without_any_says_that_it_comes_and_goes(rng):
    train = reviews(0.03, rng)
    train.loc[train["as_of"] == MONTHS[-3], COUNT.name] = 0.0
    assert population(train, unseen(), [COUNT], lost(1.0)).verdict == "clean"
    longer_ago = reviews(0.03, rng)
    longer_ago.loc[longer_ago["as_of"] == MONTHS[0], COUNT.name] = 0.0
    assert population(longer_ago, unseen(), [COUNT], lost(1.0)).verdict == "leak"


@pytest.mark.parametrize(("days", "verdict"), [(5, "clean"), (6, "leak")])
def test_six_days_are_asked_for(rng, days, verdict):
    train = reviews(0.03, rng, MONTHS[-days:])
    assert population(train, unseen(), [COUNT], lost(1.0)).verdict == verdict


BOOKED_END = FeatureSpec(source="tickets", aggregation="days_until_end")


def booked(rng, days: int = 12, share: float = 0.03, accounts: int = 400) -> pd.DataFrame:
    """On each of these days some accounts have something booked ahead."""
    instants = pd.date_range(end="2024-12-01", periods=days, freq="30D")
    known = rng.random((days, accounts)) < share
    known[:, 0] = True
    return pd.DataFrame(
        {
            "account": [f"a{i:03d}" for i in range(accounts)] * days,
            "as_of": np.repeat(instants, accounts),
            BOOKED_END.name: np.where(known, 5.0, np.nan).ravel(),
        }
    )


@pytest.mark.parametrize(("booked_now", "verdict"), [(0, "leak"), (1, "clean")])
def test_what_was_booked_on_each_past_day_and_never_today_is_hindsight(rng, booked_now, verdict):
    train = booked(rng)
    now = train[train["as_of"] == train["as_of"].max()].assign(**{BOOKED_END.name: np.nan})
    now.iloc[:booked_now, -1] = 3.0
    check = population(train, now, [BOOKED_END])
    assert check.verdict == verdict
    if verdict == "leak":
        assert "was known for 3." in check.findings[0].what
        assert "is for none of 400 on the day of scoring, where 1" in check.findings[0].what


def test_few_bookings_may_be_none_by_chance(rng):
    train = booked(rng, share=0.004)
    now = train[train["as_of"] == train["as_of"].max()].assign(**{BOOKED_END.name: np.nan})
    assert population(train, now, [BOOKED_END]).verdict == "clean"
