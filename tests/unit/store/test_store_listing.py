"""Accounts of a run page by page: every row once, in order, by an index, on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from postgres_server import postgres_server

from npsight.store import ScoreChange, ScoreRow, ScoreRun, Store, open_store, record_changes
from npsight.store.listing import (
    Filters,
    Order,
    Place,
    account_of_segment,
    accounts_after,
    first_as_of,
    last_change,
    page,
    page_query,
    place_of,
    run_at,
    run_by_id,
    segments_of,
    some_account,
)

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ORDERS = [
    Order("rank"),
    Order("detractor_risk", descending=True),
    Order("churn_risk", descending=True),
    Order("predicted_nps"),
    Order("revenue", descending=True),
    Order("renewal_at"),
    Order("account"),
]
ALL = Filters()
RUN = ScoreRun("r1", "p", DAY, DAY, 1, "d")


def made(number: int) -> ScoreRow:
    """Many ties, and rows without a value in each column."""
    return ScoreRow(
        f"a{number:03d} é",
        DAY,
        owner=("Ada", "Bo", None)[number % 3],
        segment=("pro", "basic", None)[number % 4 % 3],
        band_now=("passive", "silent")[number % 2],
        risk_level=("high", "low")[number % 5 == 0],
        rank=None if number % 3 == 0 else 1000 - number,
        detractor_risk=None if number % 7 == 0 else (number % 10) / 10,
        churn_risk=None if number % 5 == 0 else (number % 4) / 7,
        predicted_nps=None if number % 6 == 0 else float(number % 9) * 10 - 40,
        revenue=None if number % 2 else float(number % 8),
        renewal_at=None if number % 11 == 0 else DAY + timedelta(days=number % 13, microseconds=7),
        drivers=[{"driver": "d"}],
    )


ROWS = [made(number) for number in range(100)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    if request.param == "sqlite":
        opened = open_store(tmp_path_factory.mktemp("listing") / "npsight.db")
        yield fill(opened)
        opened.close()
        return
    with postgres_server("listing") as url:
        opened = open_store(url.replace("postgresql://", "postgresql+psycopg://"))
        yield fill(opened)
        opened.close()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("plans") / "npsight.db")
    yield fill(opened)
    opened.close()


def fill(store: Store) -> Store:
    inputs = [(row.account, {}, {}) for row in ROWS]
    store.write_run(RUN, ROWS, inputs)
    other = ScoreRun("other", "elsewhere", DAY, DAY, 1, "d")
    store.write_run(other, ROWS[:5], [])
    late = ScoreRun("r2", "p", DAY + timedelta(days=7), DAY, 2, "e")
    store.write_run(late, ROWS[:3], [])
    return store


def all_pages(store: Store, order: Order, filters: Filters, limit: int) -> list[ScoreRow]:
    found: list[ScoreRow] = []
    after: Place | None = None
    for _ in range(200):
        rows = page(store, "r1", order, filters, limit, after)
        found += rows
        if len(rows) < limit:
            return found
        after = place_of(rows[-1], order)
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.column)
@pytest.mark.parametrize("limit", [1, 7, 100, 101])
def test_every_account_comes_once_in_order(store: Store, order: Order, limit: int) -> None:
    found = all_pages(store, order, ALL, limit)
    assert sorted(row.account for row in found) == [row.account for row in ROWS]
    values = [getattr(row, order.column) for row in found]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=order.descending)
    assert values[: len(known)] == known, "rows without a value come last"
    for value, group in itertools.groupby(found, key=lambda row: getattr(row, order.column)):
        tied = [row.account for row in group]
        assert tied == sorted(tied, reverse=order.descending), value


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        (Filters(owner="Ada"), lambda r: r.owner == "Ada"),
        (Filters(segment="pro"), lambda r: r.segment == "pro"),
        (Filters(band_now="silent"), lambda r: r.band_now == "silent"),
        (Filters(risk_level="high"), lambda r: r.risk_level == "high"),
        (Filters(listed=True), lambda r: r.rank is not None),
        (Filters(listed=False), lambda r: r.rank is None),
        (Filters(least=("detractor_risk", 0.5)), lambda r: (r.detractor_risk or 0) >= 0.5),
        (Filters(owner="'; DROP TABLE scores; --"), lambda r: False),
        (
            Filters(owner="Bo", segment="basic", listed=True, least=("churn_risk", 0.1)),
            lambda r: r.owner == "Bo" and r.segment == "basic" and r.rank is not None
            and (r.churn_risk or 0) >= 0.1,
        ),
    ],
    ids=lambda value: "" if callable(value) else "filter",
)  # fmt: skip
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.column)
def test_filters_hold_on_every_page(store: Store, order: Order, filters: Filters, fits) -> None:
    found = all_pages(store, order, filters, 4)
    assert {row.account for row in found} == {row.account for row in ROWS if fits(row)}
    assert len(found) == len({row.account for row in found})


def test_a_listed_row_is_the_stored_one_without_drivers(store: Store) -> None:
    row = page(store, "r1", Order("account"), ALL, 1, None)[0]
    assert row.drivers == []
    assert row == store.score("r1", row.account).__class__(**{**vars(ROWS[0]), "drivers": []})


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("filters", [ALL, Filters(owner="Ada"), Filters(segment="pro")])
@pytest.mark.parametrize("order", ORDERS[:-1], ids=lambda order: order.column)
def test_no_page_scans_or_sorts_a_run(
    sqlite: Store, order: Order, filters: Filters, after: bool, blank: bool
) -> None:
    """SQLite's own plan: an index finds the place, and without a filter nothing is sorted."""
    with sqlite.reading() as connection:
        value = None if blank else getattr(ROWS[2], order.column)
        place = Place(value, ROWS[2].account) if after else None
        query = page_query("r1", order, filters, 10, place, blank)
        text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    assert not [step for step in plan if step.startswith("SCAN")], plan
    assert "run_id=?" in plan[0], plan
    if filters == ALL:
        assert not [step for step in plan if "TEMP B-TREE" in step], plan
        if after and not blank:
            assert ">(?,?)" in plan[0] or "<(?,?)" in plan[0] or "account>?" in plan[0], plan


def test_runs_are_found_by_day_and_id(store: Store) -> None:
    def found(as_of: datetime) -> str | None:
        run = run_at(store, "p", as_of)
        return run.id if run else None

    assert found(DAY - timedelta(microseconds=1)) is None
    assert found(DAY) == "r1"
    assert found(DAY + timedelta(days=6)) == "r1"
    assert found(DAY + timedelta(days=7)) == "r2"
    assert first_as_of(store, "p") == DAY
    assert first_as_of(store, "nobody") is None
    assert run_by_id(store, "p", "r1") == store.runs("p")[1]
    assert run_by_id(store, "p", "other") is None, "a run of another project"


def test_segments_and_their_accounts(store: Store) -> None:
    assert segments_of(store, "r1") == ["basic", "pro"]
    run = store.runs("p")[1]
    for segment in ("pro", "basic", None):
        account = account_of_segment(store, run, segment)
        assert account is not None
        assert store.score("r1", account).segment == segment
    assert account_of_segment(store, run, "none such") is None
    assert some_account(store, run) in {row.account for row in ROWS}
    first = accounts_after(store, "r1", "", 3)
    assert first == [row.account for row in ROWS[:3]]
    assert accounts_after(store, "r1", first[-1], 200) == [row.account for row in ROWS[3:]]


def test_the_last_change_is_the_newest(store: Store) -> None:
    assert last_change(store, "p", "a001 é") is None
    for risk in (0.1, 0.2):
        with store.writing() as connection:
            change = ScoreChange("a001 é", {}, {"detractor_risk": risk})
            record_changes(connection, "p", "r1", "fact", [change], DAY)
    found = last_change(store, "p", "a001 é")
    assert found is not None
    assert (found.cause, found.before, found.after) == ("fact", {}, {"detractor_risk": 0.2})
    assert found.changed_at == DAY
    assert last_change(store, "elsewhere", "a001 é") is None


def test_a_page_costs_the_same_at_the_end(tmp_path: Path) -> None:
    """Counted in steps of SQLite's machine, not in seconds."""
    store = open_store(tmp_path / "npsight.db")
    rows = [ScoreRow(f"a{n:05d}", DAY, rank=n + 1) for n in range(5000)]
    store.write_run(RUN, rows, [])
    with store.reading() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None

        def steps(after: Place | None) -> int:
            counted = 0

            def count() -> int:
                nonlocal counted
                counted += 1
                return 0

            raw.set_progress_handler(count, 1)
            query = page_query("r1", Order("rank"), ALL, 10, after, blank=False)
            assert len(connection.execute(query).all()) == 10
            raw.set_progress_handler(None, 0)
            return counted

        first, last = steps(None), steps(Place(4900, "a04899"))
    store.close()
    assert last < 2 * first
