"""The choice between learners: against ideal folds, where the best blend is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.models.examples import Examples
from npsight.models.logits import probability
from npsight.models.selection import BLENDS, RIDGES, Fold, select

STAGES = [10, 20]


def fold(
    linear_truth: float, tree_truth: float, accounts: int = 400, seed: int = 0, rows: int = 1
) -> Fold:
    """Outcomes drawn from log-odds `linear_truth`·l + `tree_truth`·t; the last ridge and the last
    stage say l and t, the others noise of their size.
    """
    rng = np.random.default_rng(seed)
    count = accounts * rows
    line, tree = rng.normal(0, 1.2, count), rng.normal(0, 1.2, count)
    share = (rng.random(count) < probability(linear_truth * line + tree_truth * tree)).astype(float)
    frame = pd.DataFrame(
        {
            "account": np.tile([f"A{i}" for i in range(accounts)], rows),
            "as_of": np.full(count, np.datetime64("2025-01-01", "us")),
        }
    )
    examples = Examples(
        frame,
        share,
        np.ones(count),
        np.full(count, np.datetime64("NaT", "us")),
        OutcomeWindow(0, 1),
    )
    noise = [rng.normal(0, 1.2, count) for _ in range(len(RIDGES) - 1)]
    return Fold(examples, np.zeros(count), [*noise, line], [rng.normal(0, 1.2, count), tree])


@pytest.mark.parametrize(("linear", "trees"), [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.25, 0.75)])
def test_the_blend_that_made_the_outcomes_is_found(linear, trees):
    made = select([fold(linear, trees, accounts=6000)], STAGES)
    assert made.recipe.linear_blend == pytest.approx(linear, abs=0.1)
    assert made.recipe.tree_blend == pytest.approx(trees, abs=0.1)
    assert made.gain > 10 * made.gain_error


def test_each_learners_own_best_setting_is_taken():
    made = select([fold(0.5, 0.5)], STAGES)
    assert (made.recipe.ridge, made.recipe.trees) == (RIDGES[-1], STAGES[-1])


def test_with_little_to_go_by_it_stays_near_the_middle():
    """Few accounts cannot tell one learner from the other, however the dice fell."""
    blends = np.array(
        [
            (made.linear_blend, made.tree_blend)
            for seed in range(8)
            if (made := select([fold(1.0, 0.0, accounts=40, seed=seed)], STAGES).recipe)
        ]
    )
    used = blends[blends.sum(axis=1) > 0]
    assert len(used)
    assert used.max() < 1.0


def test_rows_of_one_account_make_it_no_surer():
    once = select([fold(1.0, 0.0, accounts=40)], STAGES).recipe
    base = fold(1.0, 0.0, accounts=40)
    many = base.rows.frame.index.repeat(50)
    rows = Examples(
        base.rows.frame.iloc[many].reset_index(drop=True),
        base.rows.share[many],
        base.rows.weight[many],
        base.rows.known_at[many],
        base.rows.window,
    )
    repeated = Fold(
        rows, base.prior[many], [v[many] for v in base.linear], [v[many] for v in base.trees]
    )
    assert select([repeated], STAGES).recipe == once


def test_noise_leaves_the_prior():
    made = select([fold(0.0, 0.0)], STAGES)
    assert (made.recipe.linear_blend, made.recipe.tree_blend) == (0.0, 0.0)
    assert "prior stands" in made.reason


def test_the_newest_fold_weighs_most():
    by_line, by_tree = fold(1.0, 0.0, seed=1), fold(0.0, 1.0, seed=2)
    newest_line = select([by_line, by_tree], STAGES).recipe
    newest_tree = select([by_tree, by_line], STAGES).recipe
    assert newest_line.linear_blend > newest_tree.linear_blend
    assert newest_tree.tree_blend > newest_line.tree_blend


def test_without_folds_the_prior_stands():
    made = select([], STAGES)
    assert made.folds == 0
    assert "too little history" in made.reason


def test_blends_never_stretch_the_learners_far():
    assert all(0.5 <= a + b <= 1.25 for a, b in BLENDS)
    assert replace(select([fold(1.0, 1.0)], STAGES), folds=0).recipe.linear_blend <= 1.0
