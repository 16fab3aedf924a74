"""Panes: every instant lies in one, and in just the windows that hold it."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from handmade import AS_OF, DAY, TICK
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.temporal.panes import Grid, Span, edges_passed

EDGES = (AS_OF - 30 * DAY, AS_OF - 7 * DAY, AS_OF)


def passed(engine, instants, edges):
    table = pa.table({"at": pa.array(instants, pa.timestamp("us"))})
    rows = ibis.memtable(table)
    return engine.to_pyarrow(rows.select(n=edges_passed(rows.at, edges)))["n"].to_pylist()


@pytest.mark.parametrize(
    ("instant", "number"),
    [
        (EDGES[0] - TICK, 0),
        (EDGES[0], 1),
        (EDGES[1] - TICK, 1),
        (EDGES[1], 2),
        (EDGES[2] - TICK, 2),
        (EDGES[2], 3),
        (EDGES[2] + DAY, 3),
    ],
)
def test_a_pane_holds_its_first_edge_and_not_its_last(engine, instant, number):
    assert passed(engine, [instant], EDGES) == [number]


def test_without_edges_there_is_one_pane_and_a_missing_instant_lies_behind_all(engine):
    assert passed(engine, [AS_OF], ()) == [0]
    assert passed(engine, [None, AS_OF], EDGES) == [3, 3]


@pytest.mark.parametrize("many", [1, 2, 3, 7, 64, 100])
def test_as_many_edges_as_plain_counting_finds(engine, many):
    edges = [AS_OF + k * k * DAY for k in range(many)]
    around = [edge + k * TICK for edge in edges for k in (-1, 0, 1)]
    expected = [sum(edge <= instant for edge in edges) for instant in around]
    assert passed(engine, around, edges) == expected


def test_a_grid_has_every_edge_of_every_window_once(engine):
    grid = Grid.of([AS_OF, AS_OF - 7 * DAY, AS_OF], [Span(7), Span(30), Span(None, 7), Span(7, 7)])
    offsets = {0, 7, 14, 30, 21, 37}
    assert list(grid.edges) == sorted(AS_OF - t * DAY for t in offsets)
    assert grid.as_ofs == (AS_OF - 7 * DAY, AS_OF)


instants = st.integers(-60 * 24, 10 * 24).map(lambda hours: AS_OF + timedelta(hours=hours))


@settings(max_examples=300)
@given(
    instants,
    st.lists(instants, min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0, 0, 7])), max_size=4),
)
def test_a_window_is_the_panes_between_its_edges(instant: datetime, as_ofs, windows):
    """With the numbers that `edges_passed` gives, found here by plain counting."""
    spans = [Span(days, back) for days, back in windows]
    grid = Grid.of(as_ofs, spans)
    pane = sum(edge <= instant for edge in grid.edges)
    for as_of in as_ofs:
        for span in spans:
            start = as_of - timedelta(days=span.reach or 0)
            end = as_of - timedelta(days=span.back)
            inside = grid.number(start) < pane <= grid.number(end)
            assert inside is (start <= instant < end)
