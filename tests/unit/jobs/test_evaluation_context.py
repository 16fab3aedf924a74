"""The list a team can call, and how much history a learning curve takes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.jobs.evaluations.learning import _part_of, _some_accounts, _thinned
from npsight.jobs.training.context import Context
from npsight.models.examples import Examples

DAYS = [np.datetime64("2024-01-01", "us") + np.timedelta64(30 * i, "D") for i in range(8)]


def examples(accounts: int = 10) -> Examples:
    names = [f"a{i:03d}" for i in range(accounts)] * len(DAYS)
    frame = pd.DataFrame({"account": names, "as_of": np.repeat(DAYS, accounts)})
    rows = len(frame)
    blank = np.full(rows, np.datetime64("NaT", "us"))
    return Examples(frame, np.zeros(rows), np.ones(rows), blank, OutcomeWindow(14, 90))


def context(rows: Examples, owners, revenue) -> Context:
    frame = rows.frame.copy()
    frame["owner"], frame["revenue"] = owners, revenue
    return Context(frame, (), True)


def project(capacity=2, snapshot=False):
    return SimpleNamespace(
        worklist=SimpleNamespace(capacity=capacity),
        training=SimpleNamespace(seed=7),
        is_snapshot=snapshot,
    )


def test_each_owner_calls_so_many_and_the_ownerless_share_one_list():
    rows = examples()
    owners = (["Ada"] * 4 + ["Bo"] * 4 + [None] * 2) * len(DAYS)
    revenue = np.tile(np.arange(10.0), len(DAYS))
    newest = rows.between(DAYS[-1], DAYS[-1]).where(np.arange(10) % 2 == 0)
    found = context(rows, owners, revenue).call_list(newest, project(capacity=2))
    assert (found.calls, found.accounts, found.part) == (6, 10, 0.6)
    assert found.amount.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_without_owners_there_is_one_list_and_never_more_than_everybody():
    rows = examples()
    found = context(rows, None, np.nan).call_list(rows, project(capacity=12))
    assert (found.calls, found.accounts) == (12, 80)
    newest = rows.between(DAYS[-1], DAYS[-1])
    assert context(rows, None, np.nan).call_list(newest, project(capacity=12)).part == 1.0


def test_context_stands_beside_its_rows_whatever_their_order():
    rows = examples()
    there = context(rows, "Ada", np.arange(80.0))
    order = np.random.default_rng(1).permutation(80)
    turned = replace(rows, frame=rows.frame.iloc[order].reset_index(drop=True))
    assert there.beside(turned)["revenue"].tolist() == order.tolist()


@pytest.mark.parametrize(("part", "days"), [(0.25, 2), (0.5, 4), (0.75, 6), (0.01, 1)])
def test_less_history_is_the_most_recent_part_of_the_days(part, days):
    some = _part_of(project(), examples(), part)
    assert np.unique(some.as_of).tolist() == [d.item() for d in DAYS[-days:]]


def test_of_a_snapshot_it_is_a_part_of_the_accounts_and_parts_are_nested():
    rows = examples(100)
    some = [set(_part_of(project(snapshot=True), rows, p).account) for p in (0.25, 0.5)]
    assert [len(s) for s in some] == [25, 50]
    assert some[0] < some[1]


def test_many_rows_are_thinned_by_whole_accounts(monkeypatch):
    monkeypatch.setattr("npsight.jobs.evaluations.learning.MOST_ROWS", 200)
    rows, part = _thinned(examples(100), seed=7)
    assert (len(rows), part) == (200, 0.25)
    assert len(set(rows.account)) == 25
    few, whole = _thinned(examples(10), seed=7)
    assert (len(few), whole) == (80, 1.0)
    assert len(_some_accounts(examples(10), 0.5, 1)) == 40
