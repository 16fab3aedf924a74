"""Calls whose effect is known: nothing but the call differs between the two worlds."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.simulate.calls import CallSettings, redrawn, simulate_calls

SMALL = CallSettings(accounts=400, owners=4, weeks=20, hold_out=0.3)


@pytest.fixture(scope="module")
def study():
    return simulate_calls(SMALL)


def test_the_same_settings_give_the_same_company(study):
    again = simulate_calls(SMALL)
    for name in study.__dataclass_fields__:
        assert np.array_equal(getattr(study, name), getattr(again, name), equal_nan=True)


def test_arms_are_those_of_the_worklists_own_coin(study):
    assert np.array_equal(redrawn(study, SMALL), study.called)
    assert 0.2 < 1 - study.called.mean() < 0.4


def test_a_call_never_does_harm_and_its_truth_is_that_of_the_called(study):
    change = study.with_call - study.without
    assert (change <= 1e-12).all()
    told = study.answered & study.complier
    assert study.true_call_effect() == pytest.approx(change[told].mean())
    assert study.true_call_effect() < study.true_intention_effect() < 0


def test_calls_that_change_nothing_have_no_effect():
    nothing = simulate_calls(CallSettings(accounts=200, owners=2, weeks=10, lift=0.0))
    assert nothing.true_call_effect() == nothing.true_intention_effect() == 0.0
    assert np.array_equal(nothing.with_call, nothing.without)


def test_hardly_anybody_who_is_held_out_is_called(study):
    assert study.contacted[~study.called].mean() < 0.1
    assert 0.4 < study.contacted[study.called].mean() < 0.8
    expected = np.where(study.called, study.contacted_if_called, study.contacted_if_held_out)
    assert np.array_equal(study.contacted, expected)


def test_people_call_those_that_would_have_been_better_anyway(study):
    called = study.contacted_if_called
    assert study.without[called].mean() < study.without[~called].mean() - 0.02
