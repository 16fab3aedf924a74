"""Columns that say what a source does later."""

from __future__ import annotations

import numpy as np
import pytest

from npsight.audit.future import Ahead, Column, holds_future
from npsight.audit.ranks import partial, partial_ranks

ROWS = 600


@pytest.fixture
def months(rng):
    """Counts of the month before and the month after, with a level of the account in both."""
    level = rng.lognormal(1, 0.5, ROWS)
    return rng.poisson(level).astype(float), rng.poisson(level).astype(float)


def judged(values, before, after, kind="measure", *, sure=True, of="", name="usage.n"):
    ahead = Ahead("the number of tickets in the 30 days after", before, after, sure, of)
    return holds_future([Column(name, kind, np.asarray(values, float), (ahead,))])


def test_a_measure_equal_to_the_future_leaks(months):
    check = judged(months[1], *months)
    (found,) = check.findings
    assert (found.level, found.name, found.figure) == ("leak", "usage.n", 1.0)
    assert "equals the number of tickets in the 30 days after in 100%" in found.what


def test_with_noise_it_agrees(months, rng):
    (found,) = judged(months[1] + rng.normal(0, 0.7, ROWS), *months).findings
    assert found.level == "leak"
    assert 0.8 <= found.figure < 1
    assert "partial correlation" in found.what


def test_the_past_and_the_level_may_be_known(months, rng):
    before, after = months
    assert judged(before, before, after).verdict == "clean"
    assert judged(before + rng.normal(0, 0.5, ROWS), before, after).verdict == "clean"
    assert judged((before + after) / 2 + rng.normal(0, 3, ROWS), before, after).verdict == "clean"


def test_a_slow_level_agrees_with_both_sides_and_is_spared(rng):
    start = np.cumsum(rng.normal(0, 1, ROWS))
    before, after = start + rng.normal(0, 0.02, ROWS), start + rng.normal(0, 0.02, ROWS)
    assert judged(start, before, after).verdict == "clean"


def test_what_may_be_planned_is_worth_a_look_only(months):
    assert judged(months[1], *months, sure=False).findings[0].level == "look"


def test_a_column_may_go_on_as_it_was(months):
    assert judged(months[1], *months, of="usage.n").verdict == "clean"


def test_a_version_is_written_where_things_change(months, rng):
    before, after = months
    assert judged(after + rng.normal(0, 0.5, ROWS), before, after, "version").verdict == "clean"
    assert judged(after, before, after, "version").verdict == "leak"


def test_an_undated_total_leaks_and_a_common_cause_does_not(rng):
    size = rng.lognormal(3, 1, ROWS)
    early, late = rng.poisson(size * 2), rng.poisson(size * 2)
    total = (early + late).astype(float)
    assert judged(total + rng.normal(0, 1, ROWS), early, total, "undated").verdict == "leak"
    assert judged(size, early, total, "undated").verdict == "clean"


def test_equal_by_chance_is_not_equal(rng):
    few = rng.integers(0, 2, ROWS).astype(float)
    assert judged(few, np.zeros(ROWS), few).verdict == "not judged"  # only two values
    same = rng.integers(0, 9, ROWS).astype(float)
    assert judged(same, same, same).verdict == "clean"  # nothing that tells later from before


def test_95_percent_of_fifty_rows_are_asked_for(rng):
    after = rng.integers(1, 9, ROWS).astype(float)
    before = np.where(np.arange(ROWS) < 100, 0.0, after)  # 100 rows can tell
    values = np.where(np.arange(ROWS) < 5, 99.0, after)
    assert judged(values, before, after, "version").findings[0].figure == 0.95
    assert not judged(np.where(np.arange(ROWS) < 6, 99.0, after), before, after, "version").findings


def test_the_worst_is_named_once(months):
    planned = Ahead("a plan", *months, sure=False)
    sure = Ahead("the tickets", *months)
    check = holds_future([Column("usage.n", "measure", months[1], (planned, sure))])
    assert [f.level for f in check.findings] == ["leak"]
    assert "the tickets" in check.findings[0].what


def test_unknown_rows_are_left_out_and_tiny_data_not_judged(months):
    values = months[1].copy()
    values[99:] = np.nan
    check = judged(values, *months)
    assert (check.verdict, check.compared) == ("not judged", 0)
    assert "fewer than 100 values" in check.not_judged
    assert "no feature reads" in holds_future([]).not_judged


def test_partial_correlation_of_known_numbers(rng):
    given, a, b = rng.normal(0, 1, (3, 20_000))
    assert partial(a + given, a + given, given) == pytest.approx(1)
    assert partial(a + given, b + given, given) == pytest.approx(0, abs=0.03)
    assert partial(given, b, given) == 0
    assert partial_ranks(np.exp(3 * a), a, b) == pytest.approx(1)
    # Two readings of one cause, the third being as good: 1 / √2 at most, never reached.
    cause = rng.normal(0, 1, 20_000)
    before, after = (cause + rng.normal(0, 0.01, 20_000) for _ in range(2))
    assert partial(cause, after, before) < 0.72
