"""Features put together in arrays: at every edge of several as_ofs, and to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from handmade import (
    AS_OF,
    DAY,
    SEGMENT,
    TICK,
    World,
    builder_of,
    fact,
    facts_of,
    rows_of,
    spine_of,
    world_of,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from worlds import draw, every_feature

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.schema.settings import Engine
from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import FORMULAS
from npsight.features.arrays import Numbers
from npsight.features.asked import Asked, adds_up, in_arrays
from npsight.features.cells import UNIT, as_float, squares_as_float, whole_numbers
from npsight.features.compile import compile_features
from npsight.features.inorder import FORMULAS as IN_ORDER
from npsight.features.panes import grid_of
from npsight.jobs.building import addingup, frames
from npsight.tables.engine import run

WEEKS = [AS_OF, AS_OF + 7 * DAY, AS_OF + 14 * DAY]
WEEK = FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=7)
EVER = FeatureSpec(source="usage", aggregation="sum", measure="logins")
TREND = FeatureSpec(source="usage", aggregation="trend", measure="logins", window_days=7)
LAST = FeatureSpec(source="usage", aggregation="last", measure="logins", window_days=7)
NO = None


@pytest.fixture(params=["facts", "facts-in-parts", "panes"])
def way(request, monkeypatch):
    """What the sums are made of."""
    part_bytes = {"facts": 10**9, "facts-in-parts": 200, "panes": 1}[request.param]
    monkeypatch.setattr(addingup, "PART_OF_MEMORY", Engine().memory_bytes // part_bytes)
    if request.param == "facts-in-parts":
        monkeypatch.setattr(addingup, "MOST_PARTS", 1_000)
        monkeypatch.setattr(addingup, "BATCH_ROWS", 1)  # the first row is in order of time
    return request.param


def built(
    engine: Any, world: World, specs: Sequence[FeatureSpec], as_ofs: Sequence[datetime] = WEEKS
) -> pd.DataFrame:
    """The builder's rows of all accounts, by account and as_of."""
    keys = [(row["account"], day) for row in world.accounts for day in as_ofs]
    frame = builder_of(engine, world, specs).features(spine_of(engine, keys))
    return frame.set_index(["account", "as_of"])


def by_week(engine: Any, spec: FeatureSpec, row: dict[str, Any], **rest: Any) -> list[float | None]:
    """The feature of a world with this one fact, at each of `WEEKS`."""
    world = replace(world_of(usage=[row]), **rest)
    values = built(engine, world, [spec])[spec.name]
    return [None if np.isnan(value) else value for value in values]


@pytest.mark.parametrize(
    ("at", "known", "spec", "expected"),
    [
        (WEEKS[0] - TICK, WEEKS[0] - TICK, WEEK, [1, NO, NO]),
        (WEEKS[0] - TICK, WEEKS[0], WEEK, [NO, NO, NO]),
        (WEEKS[0], WEEKS[0], WEEK, [NO, 1, NO]),
        (WEEKS[0], WEEKS[1] - TICK, WEEK, [NO, 1, NO]),
        (WEEKS[0], WEEKS[1], WEEK, [NO, NO, NO]),
        (WEEKS[1] - TICK, WEEKS[1] - TICK, WEEK, [NO, 1, NO]),
        (WEEKS[1], WEEKS[1], WEEK, [NO, NO, 1]),
        (WEEKS[2], WEEKS[2], WEEK, [NO, NO, NO]),
        (WEEKS[0] - TICK, WEEKS[0] - TICK, EVER, [1, 1, 1]),
        (WEEKS[0] - TICK, WEEKS[0], EVER, [NO, 1, 1]),
        (WEEKS[0] - TICK, WEEKS[1], EVER, [NO, NO, 1]),
        (WEEKS[0] - TICK, WEEKS[2], EVER, [NO, NO, NO]),
        (WEEKS[0] - TICK, WEEKS[0] - TICK, TREND, [1, -1, NO]),
        (WEEKS[0] - TICK, WEEKS[0], TREND, [NO, -1, NO]),
        (WEEKS[0] - TICK, WEEKS[1], TREND, [NO, NO, NO]),
        (WEEKS[0], WEEKS[2] - TICK, TREND, [NO, NO, -1]),
    ],
)
def test_a_fact_counts_in_its_windows_from_when_it_was_known(
    engine, way, at, known, spec, expected
):
    assert by_week(engine, spec, fact(at, known, logins=1)) == expected


@pytest.mark.parametrize(
    ("corrected", "spec", "expected"),
    [
        (WEEKS[0] - TICK, EVER, [NO, NO, NO]),
        (WEEKS[0], EVER, [1, NO, NO]),
        (WEEKS[1] - TICK, EVER, [1, NO, NO]),
        (WEEKS[1], EVER, [1, 1, NO]),
        (WEEKS[2], EVER, [1, 1, 1]),
        (WEEKS[0], TREND, [1, NO, NO]),
        (WEEKS[1], TREND, [1, -1, NO]),
    ],
)
def test_a_fact_counts_until_its_correction_was_known(engine, way, corrected, spec, expected):
    row = fact(WEEKS[0] - TICK, logins=1, corrected_at=corrected)
    assert by_week(engine, spec, row, versioned=True) == expected


SEEN_WHERE_ANYTHING_IS = ("min", "max", "first", "last", "mean", "days_since_last", "longest_gap")


@pytest.mark.parametrize("aggregation", [*SEEN_WHERE_ANYTHING_IS, "days_since_first"])
@pytest.mark.parametrize(
    ("at", "known", "corrected", "days", "expected"),
    [
        (WEEKS[0] - TICK, WEEKS[0] - TICK, None, 7, [1, 0, 0]),
        (WEEKS[0] - 7 * DAY, WEEKS[0] - TICK, None, 7, [1, 0, 0]),
        (WEEKS[0] - 7 * DAY - TICK, WEEKS[0] - TICK, None, 7, [0, 0, 0]),
        (WEEKS[0] - TICK, WEEKS[0], None, 7, [0, 0, 0]),
        (WEEKS[0], WEEKS[0], None, 7, [0, 1, 0]),
        (WEEKS[0], WEEKS[1] - TICK, None, 7, [0, 1, 0]),
        (WEEKS[0], WEEKS[1], None, 7, [0, 0, 0]),
        (WEEKS[0], WEEKS[1], None, 8, [0, 0, 0]),
        (WEEKS[0], WEEKS[1], None, 15, [0, 0, 1]),
        (WEEKS[0] - TICK, WEEKS[0] - TICK, None, None, [1, 1, 1]),
        (WEEKS[0] - TICK, WEEKS[0], None, None, [0, 1, 1]),
        (WEEKS[0] - TICK, WEEKS[1], None, None, [0, 0, 1]),
        (WEEKS[0] - TICK, WEEKS[2], None, None, [0, 0, 0]),
        (WEEKS[0] - TICK, WEEKS[0] - TICK, WEEKS[0] - TICK, None, [0, 0, 0]),
        (WEEKS[0] - TICK, WEEKS[0] - TICK, WEEKS[0], None, [1, 0, 0]),
        (WEEKS[0] - TICK, WEEKS[0] - TICK, WEEKS[1] - TICK, None, [1, 0, 0]),
        (WEEKS[0] - TICK, WEEKS[0] - TICK, WEEKS[1], None, [1, 1, 0]),
        (WEEKS[0] - TICK, WEEKS[0], WEEKS[1], None, [0, 1, 0]),
    ],
)
def test_what_cannot_be_taken_back_is_seen_at_the_same_edges(
    engine, aggregation, at, known, corrected, days, expected
):
    measure = AGGREGATIONS[aggregation].measure
    spec = FeatureSpec(
        source="usage",
        aggregation=aggregation,
        measure=None if measure == "no" else "logins",
        window_days=days,
    )
    row = fact(at, known, logins=1, corrected_at=corrected)
    values = by_week(engine, spec, row, versioned=True)
    assert [value is not None for value in values] == [bool(seen) for seen in expected]


def test_a_late_fact_takes_the_place_of_the_last_one_only_from_when_it_was_known(engine, way):
    on_time = fact(AS_OF - 2 * DAY, logins=5)
    late = fact(AS_OF - DAY, WEEKS[1] - TICK, logins=3)
    specs = [
        FeatureSpec(source="usage", aggregation=kind, measure="logins")
        for kind in ("last", "first", "min", "max")
    ]
    found = built(engine, world_of(usage=[on_time, late]), specs)
    values = found.loc["a", [spec.name for spec in specs]].to_numpy().tolist()
    assert values == [[5, 5, 5, 5], [3, 5, 3, 5], [3, 5, 3, 5]]


def test_of_facts_at_one_instant_the_last_known_is_the_last_then_the_largest(engine, way):
    at = AS_OF - DAY
    rows = [
        fact(at, at + 2 * TICK, logins=2),
        fact(at, at + 2 * TICK, logins=4),
        fact(at, at + TICK, logins=9),
        fact(at, WEEKS[1] - TICK, logins=1),
    ]
    last, first = (
        FeatureSpec(source="usage", aggregation=kind, measure="logins")
        for kind in ("last", "first")
    )
    for order in (rows, rows[::-1]):
        found = built(engine, world_of(usage=order), [last, first])
        assert found.loc["a", last.name].tolist() == [4, 1, 1]
        assert found.loc["a", first.name].tolist() == [9, 9, 9]


def test_a_fact_known_and_gone_between_two_days_counts_on_none(engine, way):
    row = fact(WEEKS[0] - TICK, WEEKS[0], logins=1, corrected_at=WEEKS[1] - TICK)
    assert by_week(engine, EVER, row, versioned=True) == [NO, NO, NO]


def test_accounts_that_stand_on_some_days_only_keep_their_own_numbers(engine, way):
    rows = [fact(AS_OF - DAY, logins=n, account=name) for n, name in enumerate("abcd", 1)]
    keys = [("b", WEEKS[0]), ("d", WEEKS[0]), ("a", WEEKS[2]), ("d", WEEKS[2])]
    world = world_of("abcd", usage=rows)
    frame = builder_of(engine, world, [EVER]).features(spine_of(engine, keys))
    assert frame[["account", "as_of", EVER.name]].to_numpy().tolist() == [
        ["b", pd.Timestamp(WEEKS[0]), 2.0],
        ["d", pd.Timestamp(WEEKS[0]), 4.0],
        ["a", pd.Timestamp(WEEKS[2]), 1.0],
        ["d", pd.Timestamp(WEEKS[2]), 4.0],
    ]


def test_features_that_share_panes_are_all_there_and_leave_no_table(engine, way):
    rows = [fact(AS_OF - k * DAY, logins=k) for k in (1, 2)]
    frame = built(engine, world_of(usage=rows), [WEEK, LAST])
    assert frame.loc[("a", AS_OF), [WEEK.name, LAST.name]].tolist() == [3.0, 1.0]
    columns = "SELECT column_name FROM duckdb_columns() WHERE table_name LIKE 'ibis_npsight%'"
    assert not {"pane_", "number_"} & {name for (name,) in run(engine, columns)}


def in_this_process(sources: Any) -> list[FeatureSpec]:
    """Every feature of these sources that is put together in arrays."""
    return [
        spec
        for spec in every_feature()
        if spec.source in sources
        and not spec.against
        and (spec.aggregation in IN_ORDER or in_arrays(sources[spec.source], spec))
    ]


@pytest.mark.parametrize("seed", range(2))
def test_random_worlds_give_what_the_rows_give_to_the_last_bit(engine, way, seed):
    drawn = draw(100 + seed)
    facts = facts_of(engine, drawn.world)
    specs = in_this_process(facts.sources)
    assert {spec.aggregation for spec in specs} == {*FORMULAS, *IN_ORDER}
    frame = built(engine, drawn.world, specs, drawn.as_ofs)
    keys = [(row["account"], day) for row in drawn.world.accounts for day in drawn.as_ofs]
    for table in compile_features(facts, spine_of(engine, keys), specs, None, {}, SEGMENT):
        for key, row in rows_of(engine, table).items():
            for name, value in row.items():
                found = frame.loc[key, name]
                assert (np.isnan(found) and value is None) or found == value, (key, name)


def plain_spec(name: str, measure: str, per: str) -> FeatureSpec:
    """The aggregation of a measure, over 30 days."""
    return FeatureSpec(
        source="usage",
        aggregation=name,
        measure=None if AGGREGATIONS[name].measure == "no" else measure,
        per=per if name == "ratio" else None,
        window_days=30,
    )


def test_what_adds_up_is_what_needs_counts_and_exact_sums_only(engine):
    columns = {"account": "string", "occurred_at": "timestamp", "known_at": "timestamp"}
    columns |= {"kind": "string", "x": "decimal(18,6)", "y": "decimal(18,6)", "rough": "float64"}
    table = ibis.table(columns, name="usage")

    exact = {name for name in AGGREGATIONS if adds_up(table, plain_spec(name, "x", "y"))}
    assert exact == {"count", "sum", "mean", "ratio", "share", "trend", "mean_trend"}
    rough = {name for name in exact if adds_up(table, plain_spec(name, "rough", "y"))}
    assert rough == {"count"}


def test_arrays_hold_every_formula_of_exact_numbers(engine):
    columns = {"account": "string", "occurred_at": "timestamp", "known_at": "timestamp"}
    columns |= {"kind": "string", "x": "decimal(18,6)", "whole": "int64", "rough": "float64"}
    table = ibis.table(columns, name="usage")

    def held(measure: str) -> set[str]:
        return {
            name for name in AGGREGATIONS if in_arrays(table, plain_spec(name, measure, measure))
        }

    assert held("x") == set(FORMULAS)
    assert set(FORMULAS) - held("whole") == {"std", "slope"}
    without_measure = {"count", "days_since_first", "days_since_last", "mean_gap"}
    assert held("rough") == without_measure


def test_arrays_are_what_builds_every_formula_and_order(engine, monkeypatch):
    built_by: set[str] = set()
    for name in ("facts_added_up", "facts_in_order"):
        honest = getattr(frames, name)

        def watched(*given: Any, honest: Any = honest) -> Any:
            found = honest(*given)
            built_by.update(found.columns)
            return found

        monkeypatch.setattr(frames, name, watched)
    drawn = draw(7)
    facts = facts_of(engine, drawn.world)
    specs = in_this_process(facts.sources)
    built(engine, drawn.world, specs, drawn.as_ofs)
    assert {spec.name for spec in specs} <= built_by


@settings(max_examples=60)
@given(st.lists(st.integers(-(10**12), 10**12) | st.integers(-(10**7), 10**7), max_size=30))
@example([94_906_265])
@example([94_906_266])
@example([9_007_199 * 10, 1])
def test_sums_of_squares_become_the_floats_that_the_engine_makes(engine, units):
    above, below = np.divmod(np.array(units, dtype=np.int64), UNIT)
    parts = (above * above, 2 * above * below, below * below)
    found = squares_as_float(*(np.array([part.sum()]) for part in parts))[0]
    exact = Decimal(sum(unit * unit for unit in units)).scaleb(-12)
    table = ibis.memtable(pa.table({"x": pa.array([exact], pa.decimal128(38, 12))}))
    assert found == engine.to_pyarrow(table.select(y=table.x.cast("float64")))["y"][0].as_py()


@pytest.mark.parametrize("apart", [False, True], ids=["one-pane", "many-panes"])
def test_sums_beyond_64_bits_are_left_to_the_engine(engine, way, apart):
    largest = Decimal("999999999999.999999")
    days = [AS_OF - TICK - (7 * k * DAY if apart else timedelta(0)) for k in range(20)]
    rows = [fact(day, logins=largest) for day in days]
    as_ofs = sorted({day + TICK for day in days} | {AS_OF, AS_OF + DAY})
    frame = built(engine, world_of(usage=rows), [EVER], as_ofs)
    assert frame.loc[("a", AS_OF), EVER.name] == float(20 * largest)
    assert frame.loc[("a", AS_OF + DAY), EVER.name] == float(20 * largest)


def test_arrays_that_exceed_the_projects_memory_are_not_made(engine, monkeypatch):
    made: list[int] = []
    honest = addingup.Sums
    monkeypatch.setattr(addingup, "Sums", lambda *given: made.append(1) or honest(*given))
    world = world_of(usage=[fact(AS_OF - DAY, logins=1)])
    spine = spine_of(engine, [("a", day) for day in WEEKS])
    builder = builder_of(engine, world, [WEEK])
    for memory, expected in (("4GB", [1]), ("0.0001MB", [])):
        made.clear()
        builder.project.engine = Engine(memory=memory)
        found = builder.features(spine)[WEEK.name].tolist()
        assert [value for value in found if not np.isnan(value)] == [1.0]
        assert made == expected


@settings(max_examples=25)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 9))
def test_every_fact_is_in_one_part_only(engine, minutes, parts):
    rows = [fact(AS_OF - timedelta(minutes=n), logins=k) for k, n in enumerate(minutes)]
    source = facts_of(engine, world_of(usage=rows)).sources["usage"]
    edges = [
        AS_OF - timedelta(minutes=31) + k * timedelta(minutes=31) / parts for k in range(parts)
    ]
    found = [
        row["logins"]
        for part in addingup.cut(source, edges[1:])
        for row in engine.to_pyarrow(part).to_pylist()
    ]
    assert sorted(found) == list(range(len(rows)))


ORDERED = [fact(AS_OF - k * DAY, logins=1) for k in range(80, 0, -1)]


@pytest.mark.parametrize(
    ("rows", "spec", "most_bytes", "parts"),
    [
        (ORDERED, WEEK, 10_000, 1),
        (ORDERED, EVER, 500, 3),
        (ORDERED[::-1], EVER, 500, 3),
        (ORDERED, WEEK, 500, None),
        (ORDERED, EVER, 100, None),
        ([ORDERED[0], ORDERED[-1], *ORDERED[1:-1]], EVER, 500, None),
    ],
    ids=["few", "in-order", "backwards", "no-order-in-a-week", "too-many-parts", "mixed"],
)
def test_facts_are_taken_in_parts_where_that_does_not_read_them_again(
    engine, monkeypatch, rows, spec, most_bytes, parts
):
    monkeypatch.setattr(addingup, "BATCH_ROWS", 10)
    source = facts_of(engine, world_of(usage=rows)).sources["usage"]
    asked = Asked.of(source, [spec], grid_of([AS_OF], [spec]))
    assert asked.fact_bytes == 18
    found = addingup.parts_of(engine, asked, source, most_bytes)
    assert (None if found is None else len(found)) == parts


@settings(max_examples=40)
@given(
    st.lists(st.none() | st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=40),
    st.integers(0, 3),
)
def test_whole_numbers_become_the_floats_that_the_engine_makes(engine, units, skipped):
    values = [None if unit is None else Decimal(unit).scaleb(-6) for unit in units]
    column = pa.array([None] * skipped + values, pa.decimal128(38, 6))[skipped:]
    whole, scale = whole_numbers(column)
    found = as_float(whole, scale)
    table = ibis.memtable(pa.table({"row": range(len(values)), "x": column}))
    floats = engine.to_pyarrow(table.select("row", y=table.x.cast("float64")).order_by("row"))
    for mine, theirs in zip(found, floats["y"].to_pylist(), strict=True):
        assert mine == (theirs if theirs is not None else 0.0)


NUMBERS = st.none() | st.sampled_from([0.0, -1.0, 2.5]) | st.floats(-1e9, 1e9)


@settings(max_examples=25)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12))
@example([(1.0, 2.2250738585e-313)])
def test_arrays_answer_formulas_as_columns_do(engine, pairs):
    def asked(a: Any, b: Any) -> dict[str, Any]:
        return {
            "sum": a + b,
            "difference": a - b,
            "quotient": a / b.nullif(0.0),
            "by number": (a - 1.0) / 3.0,
            "size": a.abs(),
            "product": a * b,
            "root": a.abs().sqrt(),
            "least": (a <= b * 2.0).ifelse(0.0, a),
            "filled": a.fill_null(0).cast(dt.float64),
        }

    columns = {
        name: pa.array(values, pa.float64())
        for name, values in zip("ab", zip(*pairs, strict=True), strict=True)
    }
    table = ibis.memtable(pa.table({"row": range(len(pairs)), **columns}))
    expected = engine.to_pyarrow(table.select("row", **asked(table.a, table.b)).order_by("row"))
    arrays = {
        name: Numbers(column.to_numpy(zero_copy_only=False)) for name, column in columns.items()
    }
    for name, found in asked(arrays["a"], arrays["b"]).items():
        theirs = expected[name].to_pylist()
        mine = [None if np.isnan(value) else value for value in found.values]
        assert mine == theirs, name
