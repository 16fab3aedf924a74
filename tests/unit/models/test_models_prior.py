"""The history prior: its limits, its order of fallback, and what it learns."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from npsight.features.history import BANDS, HALF_LIVES_DAYS, history_column, history_columns
from npsight.models.logits import log_loss_rows, logit, probability
from npsight.models.prior import (
    ACCOUNT_STRENGTHS,
    AXES,
    NEEDED,
    SEGMENT_STRENGTHS,
    HistoryPrior,
    RatePrior,
    fit_history_prior,
    prior_from_json,
)


def frame(rows: list[dict[str, float]]) -> pd.DataFrame:
    """Rows of decayed counts; what is not named is 0."""
    return pd.DataFrame([dict.fromkeys(history_columns(), 0.0) | row for row in rows])


def counts(level: str, detractor: float, promoter: float, half_life: int = 240) -> dict[str, float]:
    return {
        history_column(level, "detractor", half_life): detractor,
        history_column(level, "promoter", half_life): promoter,
    }


def prior(account: float = 4.0, segment: float = 20.0) -> HistoryPrior:
    return HistoryPrior(("detractor",), BANDS, 0.3, 240, 240, account, segment)


def share(of: HistoryPrior, row: dict[str, float]) -> float:
    return float(probability(of.log_odds(frame([row])))[0])


def test_without_any_answer_it_is_the_base_rate():
    assert share(prior(), {}) == pytest.approx(0.3)


def test_without_own_answers_it_is_the_segment_and_without_those_the_market():
    market = counts("market", 10, 10)
    level = (10 + 2 * 0.3) / (20 + 2)
    assert share(prior(), market) == pytest.approx(level)
    segment = (8 + 20 * level) / (10 + 20)
    assert share(prior(), market | counts("segment", 8, 2)) == pytest.approx(segment)
    own = (1 + 4 * segment) / (2 + 4)
    assert share(prior(), market | counts("segment", 8, 2) | counts("own", 1, 1)) == pytest.approx(
        own
    )


def test_strength_shrinks_from_own_share_to_segment():
    row = counts("market", 500, 500) | counts("segment", 500, 500) | counts("own", 3, 1)
    weak, strong = share(prior(1e-9), row), share(prior(1e9), row)
    assert weak == pytest.approx(0.75, abs=1e-6)
    assert strong == pytest.approx(0.5, abs=1e-3)
    between = [share(prior(k), row) for k in ACCOUNT_STRENGTHS]
    assert between == sorted(between, reverse=True)
    assert strong < between[-1] < between[0] < weak


def test_more_answers_move_it_further():
    rows = [counts("market", 50, 50) | counts("own", n, 0) for n in (0, 1, 2, 8, 64)]
    found = [share(prior(), row) for row in rows]
    assert found == sorted(found)
    assert found[-1] > 0.9


def test_among_leaves_other_bands_out():
    promoter = HistoryPrior(("promoter",), ("passive", "promoter"), 0.5, 240, 240, 4.0, 20.0)
    few = counts("market", 0, 10)
    many = counts("market", 1000, 10)
    assert share(promoter, few) == share(promoter, many)


def test_only_its_own_half_life_is_read():
    other = counts("own", 50, 0, half_life=60)
    assert share(prior(), other) == share(prior(), {})


def test_the_level_of_the_day_knows_nothing_of_the_account():
    rows = frame(
        [
            counts("market", 30, 70, half_life=60) | counts("own", own, 0) | counts("segment", 9, 1)
            for own in (0, 9)
        ]
    )
    made = HistoryPrior(("detractor",), BANDS, 0.3, 240, 60, 4.0, 20.0)
    np.testing.assert_allclose(probability(made.of_the_day(rows)), (30 + 2 * 0.3) / (100 + 2))


def drifting(days: int = 30, accounts: int = 60, seed: int = 3):
    """The market's level changes from day to day, and every account keeps its distance to it."""
    rng = np.random.default_rng(seed)
    level = np.repeat(np.tile([0.1, 0.7], days // 2), accounts)
    rows = {c: np.zeros(days * accounts) for c in history_columns()}
    for h in HALF_LIVES_DAYS:
        for band, part in (("detractor", level), ("promoter", 1 - level)):
            memory = 0.4 if band == "detractor" else 0.6
            for name in ("market", "segment"):
                rows[history_column(name, band, h)] = 1e4 * (part if h == 60 else memory + 0 * part)
    share = (rng.random(days * accounts) < level).astype(float)
    return pd.DataFrame(rows), share, np.ones(len(share))


def test_the_level_has_a_half_life_of_its_own():
    found = fit_history_prior(*drifting(), ("detractor",), BANDS)
    assert found.level_half_life_days == 60
    assert found.half_life_days == max(HALF_LIVES_DAYS)


def test_the_descent_finds_what_the_whole_grid_finds():
    rows, share, weight = simulated(240, accounts=400)
    made = fit_history_prior(rows, share, weight, ("detractor",), BANDS)

    def loss(candidate: HistoryPrior) -> float:
        return float(log_loss_rows(share, probability(candidate.log_odds(rows))).mean())

    grid = (
        HistoryPrior(("detractor",), BANDS, made.base, *values)
        for values in product(*(v for axis, v in AXES.items() if axis not in NEEDED))
    )
    assert loss(made) == pytest.approx(min(map(loss, grid)), abs=1e-9)


def test_many_rows_are_judged_by_a_part_of_them(monkeypatch):
    rows, share, weight = simulated(240)
    monkeypatch.setattr("npsight.models.prior.MOST_ROWS", 400)
    found = fit_history_prior(rows, share, weight, ("detractor",), BANDS)
    assert found.half_life_days == 240
    assert found.base == pytest.approx(float(share.mean()))


def test_log_odds_are_finite_for_one_sided_histories():
    extreme = frame([counts(v, 1e6, 0) for v in ("own", "segment", "market")])
    sure = HistoryPrior(("detractor",), BANDS, 1.0, 240, 240, 1e-9, 1e-9)
    assert np.isfinite(sure.log_odds(extreme)).all()


def simulated(half_life: int, answers: int = 12, accounts: int = 1500, seed: int = 5):
    """Accounts whose next answer repeats one of their past answers, drawn by decayed weight."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(0, 900, (accounts, answers))
    event = rng.random((accounts, answers)) < 0.4
    weight = 0.5 ** (age / half_life)
    chance = (weight * event).sum(axis=1) / weight.sum(axis=1)
    rows = {c: np.zeros(accounts) for c in history_columns()}
    for h in HALF_LIVES_DAYS:
        decayed = 0.5 ** (age / h)
        rows[history_column("own", "detractor", h)] = (decayed * event).sum(axis=1)
        rows[history_column("own", "promoter", h)] = (decayed * ~event).sum(axis=1)
        for level in ("segment", "market"):
            rows[history_column(level, "detractor", h)] = np.full(accounts, 400.0)
            rows[history_column(level, "promoter", h)] = np.full(accounts, 600.0)
    share = np.clip(chance, 0, 1)
    return pd.DataFrame(rows), share, np.ones(accounts)


@pytest.mark.parametrize("half_life", [60, 240, 960])
def test_the_half_life_is_learned(half_life):
    found = fit_history_prior(*simulated(half_life), ("detractor",), BANDS)
    assert found.half_life_days == half_life
    assert found.account_strength == min(ACCOUNT_STRENGTHS)


def test_history_that_says_nothing_is_shrunk_away():
    rows, _, weight = simulated(240)
    rng = np.random.default_rng(1)
    noise = (rng.random(len(rows)) < 0.4).astype(float)
    found = fit_history_prior(rows, noise, weight, ("detractor",), BANDS)
    assert found.account_strength >= 32
    assert found.base == pytest.approx(noise.mean())


def test_ties_go_to_the_stronger_shrink():
    rows = frame([{}, {}])
    found = fit_history_prior(rows, np.array([0.0, 1.0]), np.ones(2), ("detractor",), BANDS)
    assert found.account_strength == max(ACCOUNT_STRENGTHS)
    assert found.segment_strength == max(SEGMENT_STRENGTHS)


# --- Voices and other touchpoints -------------------------------------------------------------


def answered(seed=0, accounts=1500):
    """Four people of each account, how often each answered, and what a fifth one answers.

    The first answers up to eleven times, always the same, which tells no more than once.
    """
    rng = np.random.default_rng(seed)
    chance = rng.beta(2, 4, accounts)
    people = rng.random((accounts, 4)) < chance[:, None]
    times = np.ones((accounts, 4))
    times[:, 0] = rng.integers(1, 12, accounts)
    share = (rng.random(accounts) < chance).astype(float)
    return people, times, share


def counted(people, times, levels):
    """Columns of these levels: level -> how often each person counts."""
    rows = {c: np.zeros(len(people)) for c in history_columns()}
    for h in HALF_LIVES_DAYS:
        for level in ("segment", "market"):
            rows[history_column(level, "detractor", h)] = np.full(len(people), 330.0)
            rows[history_column(level, "promoter", h)] = np.full(len(people), 670.0)
        for level, often in levels.items():
            rows |= {c: np.zeros(len(people)) for c in history_columns([level]) if c not in rows}
            rows[history_column(level, "detractor", h)] = (often * people).sum(axis=1)
            rows[history_column(level, "promoter", h)] = (often * ~people).sum(axis=1)
    return pd.DataFrame(rows)


def test_the_counts_are_mixed_as_said():
    row = counts("market", 10, 10) | counts("own", 4, 2) | counts("each", 1, 3)
    row |= dict.fromkeys(history_columns(["each", "other", "each_other"]), 0.0) | row
    row |= counts("other", 8, 0) | counts("each_other", 2, 0)
    mixed = HistoryPrior(("detractor",), BANDS, 0.3, 240, 240, 4.0, 20.0, voices=0.5, others=0.25)
    own = counts("own", 0.5 * (4 + 2) + 0.5 * (1 + 0.5), 0.5 * 2 + 0.5 * 3)
    assert share(mixed, row) == pytest.approx(share(prior(), counts("market", 10, 10) | own))
    assert mixed.levels == ("own", "segment", "market", "each", "other", "each_other")


def test_only_what_is_used_is_read():
    assert prior().levels == ("own", "segment", "market")
    bare = frame([counts("own", 1, 1)])
    assert np.isfinite(prior().log_odds(bare)).all()
    half = HistoryPrior(("detractor",), BANDS, 0.3, 240, 240, 4.0, 20.0, voices=0.5)
    with pytest.raises(KeyError, match="each__detractor__hl240"):
        half.log_odds(bare)


def test_one_vote_each_is_learned_where_one_person_answers_for_all():
    people, times, outcome = answered()
    rows = counted(people, times, {"own": times, "each": np.ones_like(times)})
    found = fit_history_prior(rows, outcome, np.ones(len(rows)), ("detractor",), BANDS)
    assert found.voices == 1.0


def test_pooled_counts_are_kept_where_votes_tell_no_more():
    people, times, outcome = answered()
    same = counted(people, times, {"own": times, "each": times})
    assert fit_history_prior(same, outcome, np.ones(len(same)), ("detractor",), BANDS).voices == 0.0
    without = counted(people, times, {"own": times})
    found = fit_history_prior(without, outcome, np.ones(len(without)), ("detractor",), BANDS)
    assert (found.voices, found.others) == (0.0, 0.0)


@pytest.mark.parametrize(("tells", "expected"), [(True, {0.5, 1.0}), (False, {0.0})])
def test_the_weight_of_other_touchpoints_is_learned(tells, expected):
    people, _, outcome = answered(seed=1)
    said = people if tells else np.random.default_rng(2).random(people.shape) < 0.33
    half = np.array([1.0, 1.0, 0.0, 0.0])
    rows = counted(people, None, {"own": half})
    rows = pd.concat(
        [rows, counted(said, None, {"other": 1 - half})[history_columns(["other"])]], axis=1
    )
    found = fit_history_prior(rows, outcome, np.ones(len(rows)), ("detractor",), BANDS)
    assert found.others in expected


MIXED = HistoryPrior(("detractor",), BANDS, 0.3, 240, 240, 4.0, 20.0, voices=0.5, others=0.25)


@pytest.mark.parametrize("made", [prior(), MIXED, RatePrior(0.2)])
def test_json_and_back(made):
    import json

    assert prior_from_json(json.loads(json.dumps(made.to_json()))) == made


def test_rate_prior_is_the_same_for_all():
    found = RatePrior(0.2).log_odds(frame([{}, {}]))
    np.testing.assert_allclose(found, logit(0.2))
