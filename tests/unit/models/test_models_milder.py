"""Risks drawn to their mean: only where they rank, only as far as shown, blind to the tested day."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from npsight.models import milder
from npsight.models.backtest import backtest, origin_days, time_pairs
from npsight.models.calibration import Calibration
from npsight.models.fitting import FitSettings, fit_part
from npsight.models.logits import logit
from npsight.models.milder import STRENGTHS, as_shown, drawn_to_mean, milder_then
from npsight.models.prior import RatePrior
from npsight.models.skill import Skill, skill_of
from npsight.models.splits import TimeSplits
from npsight.models.trees import TreeSettings

BOLD = 4.0
"""How many times too far from their mean the risks of `bold` lie."""


def rate(rows):
    return RatePrior(float(np.average(rows.share, weights=rows.weight)))


@pytest.fixture(scope="module")
def settings(specs):
    return FitSettings(specs, rate, TreeSettings(max_trees=20, threads=1), TimeSplits(90), 10)


@pytest.fixture(scope="module")
def pairs(examples):
    return time_pairs(examples, origin_days(examples, 90, 2, 10))


@pytest.fixture(scope="module")
def pasts(pairs):
    return [past for _, (past, _) in pairs]


@pytest.fixture(scope="module")
def origins(pairs, settings):
    return backtest("churn", pairs, settings, None)


@pytest.fixture(scope="module")
def fitted(examples, settings):
    return fit_part("churn", examples, settings)


def bold(fitted):
    """The same part, its log-odds `BOLD` times too far from the prior."""
    start = fitted.chosen.prior_mean
    loud = Calibration(shift=(1 - BOLD) * start, slope=BOLD)
    return dataclasses.replace(fitted, chosen=dataclasses.replace(fitted.chosen, calibration=loud))


@pytest.fixture(scope="module")
def loud(origins):
    """The backtest of models that rank as before, and whose risks are far too bold."""
    found = []
    for origin in origins:
        louder = bold(origin.fitted)
        predicted = {**origin.predicted, "chosen": louder.chosen.probability(origin.test.frame)}
        found.append(dataclasses.replace(origin, fitted=louder, predicted=predicted))
    return found


def test_what_is_shown_whole_stays_as_it_is(origins, pasts, fitted, examples):
    same, part, skill = as_shown(origins, pasts, fitted, examples, seed=7)
    assert same == origins
    assert part is fitted
    assert skill.shown
    assert skill.strength == 1
    assert "drawn" not in skill.sentence()


def test_risks_that_rank_but_are_too_bold_are_drawn_to_their_mean(loud, pasts, fitted, examples):
    whole = skill_of(loud, seed=7)
    assert not whole.shown
    assert whole.rank_p_value <= 0.01
    drawn, part, skill = as_shown(loud, pasts, bold(fitted), examples, seed=7)
    assert skill.shown
    assert skill.strength in STRENGTHS
    assert skill.kept in STRENGTHS
    assert f"by risks drawn {1 - skill.strength:.0%} of the way to their mean" in skill.sentence()
    assert f"kept drawn {1 - skill.kept:.0%}, which gained most" in skill.sentence()
    assert part.chosen.has_skill
    assert part.chosen.calibration.slope == pytest.approx(BOLD * skill.kept)
    assert "of the way to their mean" in part.selection.reason
    assert skill_of(drawn, seed=7).gain > whole.gain
    for before, after in zip(loud, drawn, strict=True):
        assert after.quality["chosen"].log_loss < before.quality["chosen"].log_loss
        assert after.quality["prior"] == before.quality["prior"]


def judged_as(gains: dict[float, float], shown: float):
    """A judge that knows the strength by the origins it is given, 1 where they were not drawn."""

    def judge(origins, seed):
        strength = origins[0].fitted.chosen.calibration.slope / BOLD
        return Skill(
            strength == shown, 300, 100, 3, 90, 210, gains[strength], p_value=0.02,
            rank_p_value=0.001,
        )  # fmt: skip

    return judge


@pytest.mark.parametrize(
    ("gains", "shown", "kept", "words"),
    [
        ({1.0: 0.05, 0.5: 0.03, 0.25: 0.02}, 0.5, 1.0, "drawn 50% of the way to their mean; "
         "they are kept whole"),
        ({1.0: 0.02, 0.5: 0.03, 0.25: 0.01}, 0.25, 0.5, "drawn 75% of the way to their mean; "
         "they are kept drawn 50%"),
        ({1.0: -0.1, 0.5: -0.02, 0.25: 0.01}, 0.25, 0.25, "they are kept drawn 75%"),
    ],
    ids=["too few, not too bold", "judged mild, kept bolder", "only the mildest gains"],
)  # fmt: skip
def test_kept_is_what_gained_most(
    loud, pasts, fitted, examples, monkeypatch, gains, shown, kept, words
):
    monkeypatch.setattr(milder, "skill_of", judged_as(gains, shown))
    origins, part, skill = as_shown(loud, pasts, bold(fitted), examples, seed=7)
    assert skill.shown
    assert (skill.strength, skill.kept, skill.gain) == (shown, kept, gains[shown])
    assert words in skill.sentence()
    assert part.chosen.calibration.slope == pytest.approx(BOLD * kept)
    for origin in origins:
        assert origin.fitted.chosen.calibration.slope == pytest.approx(BOLD * kept)
        np.testing.assert_array_equal(
            origin.predicted["chosen"], origin.fitted.chosen.probability(origin.test.frame)
        )


def test_what_does_not_even_rank_is_kept_at_the_prior(loud, pasts, fitted, examples, monkeypatch):
    rng = np.random.default_rng(0)
    dealt = [
        dataclasses.replace(
            o, test=dataclasses.replace(o.test, share=rng.permutation(o.test.share))
        )
        for o in loud
    ]
    monkeypatch.setattr(milder, "milder_then", lambda *_: pytest.fail("drawn, though no rank"))
    kept, part, skill = as_shown(dealt, pasts, bold(fitted), examples, seed=7)
    assert not skill.shown
    assert skill.strength == 1
    assert not part.chosen.has_skill
    np.testing.assert_array_equal(kept[-1].predicted["chosen"], kept[-1].predicted["prior"])


@pytest.mark.parametrize("strength", STRENGTHS)
def test_order_and_level_stay_and_distances_shrink(fitted, examples, strength):
    before = bold(fitted).chosen.probability(examples.frame)
    after = drawn_to_mean(bold(fitted), examples, strength).chosen.probability(examples.frame)
    assert np.average(after, weights=examples.weight) == pytest.approx(
        np.average(before, weights=examples.weight), abs=2e-3
    )
    inside = (before > 0.002) & (before < 0.998)
    place = np.argsort(before[inside], kind="stable")
    assert (np.diff(after[inside][place]) >= 0).all()
    assert np.ptp(logit(after[inside])) == pytest.approx(
        strength * np.ptp(logit(before[inside])), rel=1e-6
    )


def test_outcomes_of_the_tested_day_say_nothing_of_what_is_tested(loud, pasts):
    origin = loud[-1]
    turned = dataclasses.replace(origin.test, share=1 - origin.test.share)
    other = dataclasses.replace(origin, test=turned)
    ours, theirs = (milder_then(o, pasts[-1], 0.5) for o in (origin, other))
    np.testing.assert_array_equal(ours.predicted["chosen"], theirs.predicted["chosen"])
    assert ours.fitted.chosen == theirs.fitted.chosen


def test_an_origin_without_rows_is_drawn_too(loud, pasts):
    origin = loud[-1]
    none = origin.test.where(np.zeros(len(origin.test), dtype=bool))
    empty = dataclasses.replace(origin, test=none, quality={})
    drawn = milder_then(empty, pasts[-1], 0.5)
    assert len(drawn.predicted["chosen"]) == 0
    assert drawn.quality == {}
