"""The contributions benchmark compares like with like, and can fail."""

from __future__ import annotations

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from rich.console import Console

from benchmarks.contributions.__main__ import arguments, table_of, verdicts
from benchmarks.contributions.measure import Measured, Way, compared, ways
from benchmarks.contributions.models import SHAPES, accounts, boosted


@pytest.fixture(scope="module")
def found():
    shape = replace(SHAPES["demo"], trees=4)
    booster = lightgbm.Booster(model_str=boosted(shape).text)
    return compared(booster, accounts(500, shape.features, 3), ways(booster, 500, 200), repeats=2)


def test_every_way_explains_the_same(found):
    assert [measured.way.rows for measured in found] == [200, 200, 500, 500, 500]
    assert max(measured.difference for measured in found) < 1e-12
    assert max(measured.gap for measured in found) < 1e-12
    assert all(len(measured.seconds) == 2 for measured in found)


def test_the_table_has_a_line_a_way(found):
    console = Console(width=118, record=True)
    console.print(table_of("small", found))
    text = console.export_text()
    assert all(measured.way.name in text for measured in found)


def made(seconds, difference=0.0, gap=0.0):
    return Measured(Way("way", 100, lambda m: (m, 0.0)), (seconds,), 0, difference, gap)


@pytest.mark.parametrize(
    ("ours", "met"),
    [
        (made(1.0), [True, True, True, True]),
        (made(1.5), [False, False, True, True]),
        (made(1.0, difference=2e-4), [True, True, False, True]),
        (made(1.0, gap=2e-9), [True, True, True, False]),
        (made(1.0, difference=np.nan, gap=np.nan), [True, True, False, False]),
    ],
)
def test_goals_are_missed_where_they_are(ours, met):
    reached = verdicts("demo", [made(5.0), made(5.0), ours, ours, ours])
    assert [verdict.met for verdict in reached] == met


def test_the_whole_benchmark_is_asked_for_by_default():
    given = arguments([])
    assert (given.rows, given.only) == (100_000, ["demo", "large"])


def test_accounts_have_gaps_categories_and_the_asked_size():
    matrix = accounts(1000, 72, seed=1)
    assert matrix.shape == (1000, 72)
    assert 0.05 < np.isnan(matrix).mean() < 0.12
    assert set(np.unique(matrix[:, 0][~np.isnan(matrix[:, 0])])) == set(range(9))
