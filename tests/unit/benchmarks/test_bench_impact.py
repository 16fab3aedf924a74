"""The table of the impact benchmark, its verdicts, and a few companies from end to end."""

from __future__ import annotations

import pytest

from benchmarks.impact.companies import EFFECT, NOTHING, Found, measure
from benchmarks.impact.page import Line, line, table, verdicts
from npsight.models.impact import Effect


def found(seed: int, truth: float, estimate: float, reach: float) -> Found:
    effect = Effect(estimate, estimate - reach, estimate + reach, 100)
    return Found(seed, "a call", truth, effect)


def of_held(world: str, held: int, alarms: int, what: str = "a call") -> Line:
    """A hundred seeds of which so many intervals hold, or leave out 0."""
    truth = 0.0 if world == NOTHING else -0.1
    missed = held if world == EFFECT else 100 - alarms
    rows = [found(k, truth, truth if k < missed else truth - 0.3, 0.05) for k in range(100)]
    return line(world, what, rows)


def test_a_line_counts_what_its_seeds_say():
    one = line(EFFECT, "a call", [found(1, -0.1, -0.1, 0.05), found(2, -0.1, -0.2, 0.05)])
    assert (one.held, one.seen, one.seeds) == (0.5, 1.0, 2)
    assert (one.truth, one.mean, one.bias, one.width) == pytest.approx((-10, -15, -5, 10))
    assert one.held_interval == pytest.approx((0.0945, 0.9055), abs=1e-3)
    assert "| 50.0 % (9.5 to 90.5) |" in table([one])


def test_an_interval_without_bounds_holds_everything():
    assert Found(1, "a call", -0.1, None).held


@pytest.mark.parametrize(("held", "met"), [(92, False), (93, True), (97, True), (98, False)])
def test_the_interval_must_hold_as_often_as_it_says(held, met):
    assert [m for m, _ in verdicts([of_held(EFFECT, held, 0)], EFFECT, NOTHING)] == [met]


@pytest.mark.parametrize(("alarms", "met"), [(5, True), (9, True), (13, False)])
def test_false_alarms_must_not_be_more_than_chance_explains(alarms, met):
    assert [m for m, _ in verdicts([of_held(NOTHING, 0, alarms)], EFFECT, NOTHING)] == [met]


def test_what_is_observed_is_shown_and_not_judged():
    observed = of_held(EFFECT, 10, 0, "a call, no hold-out")
    assert verdicts([observed], EFFECT, NOTHING) == []


def test_a_company_is_measured_with_a_hold_out_and_without():
    told = {one.what: one for one in measure(EFFECT, 500, seed=3)}
    assert list(told) == ["being on the list", "a call", "a call, no hold-out"]
    assert told["a call"].truth < told["being on the list"].truth < -0.02
    assert all(one.effect is not None for one in told.values())
