"""A table that was not loaded for long: its features stay those of its last day, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from api_client import TestClient
from written_company import END, WrittenCompany, score_company, write_company

from npsight.jobs.building.held import held, held_days, late_now, late_then, not_late, with_held
from npsight.jobs.building.servingfacts import find_serving_facts
from npsight.service.app import build_app
from npsight.service.state import Live, load_state
from npsight.service.writing import close
from npsight.store import create_key
from npsight.temporal.loads import Held

DAY = timedelta(days=1)
WEEK = "usage__ratio_reports_per_active_users__7d"
LOADED = END - 20 * DAY
"""Rows of usage that became known from here on are not in the files."""


def text(at: datetime) -> str:
    return f"{at.isoformat()}Z"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> WrittenCompany:
    company = write_company(tmp_path_factory.mktemp("held") / "company", accounts=30, days=250)
    file = company.data / "usage.parquet"
    rows = pd.read_parquet(file)
    rows[rows["known_at"] < pd.Timestamp(LOADED, tz="UTC")].to_parquet(file, index=False)
    score_company(company, END)
    return company


@pytest.fixture
def live(company: WrittenCompany) -> Iterator[Live]:
    live = Live(load_state(company.config))
    yield live
    close(live)
    live.state.store.close()


def of_the_files(company: WrittenCompany, day: datetime) -> dict[str, dict[str, Any]]:
    with company.builder() as builder:
        frame = builder.features(builder.spine([day]))
    return {row["account"]: row for row in frame.to_dict("records")}


def assert_same(found: dict[str, Any], expected: dict[str, Any], names: list[str]) -> None:
    for name in names:
        value = expected[name]
        if value is None or (isinstance(value, float) and np.isnan(value)):
            assert found[name] is None, name
        elif isinstance(value, str):
            assert found[name] == value, name
        else:
            assert found[name] == pytest.approx(value, rel=0, abs=1e-9), name


def names_of(company: WrittenCompany, *, usage: bool) -> list[str]:
    return [s.name for s in company.project.features if (s.source == "usage") == usage]


def test_a_run_takes_usage_of_its_last_day_and_all_else_of_its_own(company, live) -> None:
    held_at = find_serving_facts(company.project).held_at
    assert set(held_at) == {"usage"}
    day = held_at["usage"]
    assert LOADED <= day <= LOADED + 2 * DAY
    store = live.state.store
    run = store.latest_run(live.state.project)
    kept = store.inputs(run.id, [row.account for row in store.scores(run.id)])
    then, now = of_the_files(company, day), of_the_files(company, END)
    assert len(kept) == len(now) > 20
    moved = 0
    for account, inputs in kept.items():
        assert_same(inputs.features, then.get(account, now[account]), names_of(company, usage=True))
        assert_same(inputs.features, now[account], names_of(company, usage=False))
        moved += inputs.features[WEEK] is not None and np.isnan(now[account][WEEK])
    assert moved > 20


def test_an_account_that_is_scored_again_keeps_it_until_its_own_usage_comes(
    company, live, tmp_path
) -> None:
    store = live.state.store
    run = store.latest_run(live.state.project)
    day = find_serving_facts(company.project).held_at["usage"]
    then = of_the_files(company, day)
    first, second = sorted(then)[:2]
    key, _ = create_key(store, live.state.project, "crm", ["write"])
    headers = {"Authorization": f"Bearer {key}"}
    at = text(END - DAY)
    numbers = dict.fromkeys(
        ("active_users", "adoption", "logins", "reports", "api_calls", "integrations", "errors"), 3
    )
    with TestClient(build_app(live), headers=headers, raise_server_exceptions=False) as client:
        answer = {"id": "a1", "account": first, "score": 1, "occurred_at": at, "known_at": at}
        fact = {"id": "u1", "account": second, "occurred_at": at, "known_at": at,
                "values": [{"name": n, "number": v} for n, v in numbers.items()]}  # fmt: skip
        for path, body in (
            ("/v1/responses", {"responses": [answer]}),
            ("/v1/facts", {"table": "usage", "facts": [fact]}),
        ):
            answered = client.post(path, json=body)
            assert answered.status_code == 200, answered.text
            assert answered.json()["results"][0]["status"] == "rescored"
    kept = store.inputs(run.id, [first, second])
    assert_same(kept[first].features, then[first], names_of(company, usage=True))
    assert kept[second].features[WEEK] == 1.0
    # The next run reads the fact, which makes no day of its own beside thousands of rows a day.
    score_company(company, END)
    assert find_serving_facts(company.project).held_at == {"usage": day}


def test_without_holding_every_account_is_read_as_of_the_day(company, tmp_path) -> None:
    copy = company.copy(tmp_path / "read")
    score_company(copy, END, hold=False)
    assert find_serving_facts(copy.project).held_at == {}


def test_accounts_that_began_since_keep_what_is_known_of_them() -> None:
    now = pd.DataFrame({"account": ["a", "b", "c"], "x": [0.0, 0.0, np.nan], "y": [1.0, 2.0, 3.0],
                        "z": ["p", None, "q"]})  # fmt: skip
    then = pd.DataFrame({"account": ["c", "a", "gone"], "x": [5.0, 4.0, 9.0], "y": [7.0, 8.0, 9.0],
                         "z": [None, "old", "r"]})  # fmt: skip
    now["z"], then["z"] = now["z"].astype(object), then["z"].astype(object)
    found = held(now, then, ["x", "z"])
    assert found["x"].tolist() == [4.0, 0.0, 5.0]
    assert found["z"].where(found["z"].notna(), None).tolist() == ["old", None, None]
    assert found["y"].tolist() == [1.0, 2.0, 3.0]
    assert now["x"].tolist()[:2] == [0.0, 0.0]
    assert held(now, then.iloc[:0], ["x"]) is now


def test_what_is_said_of_it(company) -> None:
    newest = LOADED.date()
    late = Held("usage", newest, 1, LOADED + DAY)
    (problem,) = late_now([late], company.project.features, END)
    count = len(names_of(company, usage=True))
    assert f"no row of `usage` became known after {newest}, 20 days before" in str(problem)
    assert f"never took longer than a day. Its {count} features are taken as of" in str(problem)
    assert "tables.activity.usage" in str(problem)
    assert "--no-hold" in str(problem)


def test_a_table_between_two_loads_is_no_cause_to_warn(company) -> None:
    between = Held("usage", LOADED.date(), 31, LOADED + DAY, late=False)
    late = Held("usage", LOADED.date(), 9, LOADED + DAY)
    assert list(late_now([between], company.project.features, END)) == []
    assert list(late_then({END: [between]}, 9)) == []
    assert not_late([between, late]) == [between]


@pytest.fixture(scope="module")
def monthly(tmp_path_factory: pytest.TempPathFactory) -> WrittenCompany:
    """Usage comes as the sums of each month, once it is over."""
    company = write_company(tmp_path_factory.mktemp("held") / "monthly", accounts=30, days=330)
    file = company.data / "usage.parquet"
    rows = pd.read_parquet(file)
    month = rows["day"].dt.tz_localize(None).dt.to_period("M")
    rows = rows[month < END.strftime("%Y-%m")].assign(month=month)
    sums = rows.groupby(["account_id", "month"]).sum(numeric_only=True).reset_index()
    over = sums.pop("month").dt.end_time.dt.floor("D").dt.tz_localize("UTC")
    sums["day"], sums["known_at"] = over, over + DAY
    sums[rows.columns.drop("month")].to_parquet(file, index=False)
    score_company(company, END)
    return company


def test_months_look_alike_on_every_day_until_the_next(monthly) -> None:
    first = END.replace(day=1, month=END.month - 2)
    days = [first + k * DAY for k in (2, 11, 27)]
    names = names_of(monthly, usage=True)
    with monthly.builder() as builder:
        plain = builder.features_at(days)
        tables = held_days(builder, days)
        frame = with_held(builder, plain, tables)
    assert {t.held_at for held in tables.values() for t in held} <= {days[0], first + DAY}
    assert not any(t.late for held in tables.values() for t in held)
    same = [part.set_index("account")[names] for _, part in frame.groupby("as_of")]
    shared = same[0].index.intersection(same[-1].index)
    assert len(shared) > 20
    for part in same[1:]:
        pd.testing.assert_frame_equal(part.loc[shared], same[0].loc[shared])
    moved = [part.set_index("account")[names] for _, part in plain.groupby("as_of")]
    assert not moved[0].loc[shared].equals(moved[-1].loc[shared])


def test_training_days_on_which_a_table_was_late_are_held_too(company) -> None:
    days = [END - k * 15 * DAY for k in (3, 2, 1, 0)]
    with company.builder() as builder:
        plain = builder.features_at(days)
        late = held_days(builder, days)
        frame = with_held(builder, plain, late)
        assert with_held(builder, plain, {}) is plain
        nobody = plain.iloc[:0]
        assert with_held(builder, nobody, late) is nobody
        held_at = late[END][0].held_at
        then = builder.features_at([held_at]).set_index("account")
    assert set(late) == {END - 15 * DAY, END}
    names = names_of(company, usage=True)
    assert frame[["account", "as_of"]].equals(plain[["account", "as_of"]])
    pd.testing.assert_frame_equal(frame.drop(columns=names), plain.drop(columns=names))
    for day in days:
        mine, own = (f[f["as_of"] == day].set_index("account") for f in (frame, plain))
        shared = mine.index.intersection(then.index)
        expected = then if day in late else own
        pd.testing.assert_frame_equal(mine.loc[shared, names], expected.loc[shared, names])
    (problem,) = late_then(late, len(days))
    assert "on 2 of 4 training days, 2026-06-15 to 2026-06-30, `usage` was late" in str(problem)
    assert "load the rows that are missing and train again" in str(problem)
