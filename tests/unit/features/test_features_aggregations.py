"""What each aggregation makes of several facts, of missing ones, and of its neighbours'."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from handmade import (
    AS_OF,
    DAY,
    TICK,
    answer,
    fact,
    facts_of,
    features_of,
    rows_of,
    spine_of,
    world_of,
)

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.specs import FeatureSpec
from npsight.features.compile import compile_features


def usage(aggregation: str, measure: str | None = None, **rest) -> FeatureSpec:
    return FeatureSpec(source="usage", aggregation=aggregation, measure=measure, **rest)


def value(engine, world, spec: FeatureSpec):
    return features_of(engine, world, [spec])[spec.name]


LOGINS = (3, None, -1, 0.1, 0.2)
WORLD = world_of(
    ("a", "b"),
    usage=[
        *(fact(AS_OF - k * DAY, logins=n, errors=2) for k, n in enumerate(LOGINS, start=1)),
        fact(AS_OF - DAY, account="b", logins=100, errors=100),
    ],
)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (usage("count"), 5.0),
        (usage("sum", "logins"), 2.3),
        (usage("mean", "logins"), 2.3 / 4),
        (usage("ratio", "logins", per="errors"), 0.23),
        (usage("min", "logins"), -1.0),
        (usage("max", "logins"), 3.0),
        (usage("last", "logins"), 3.0),
        (usage("days_since_last"), 1.0),
        (usage("distinct_days"), 5.0),
        (usage("trend", "logins", window_days=2), (3 - (-0.9)) / (3 + 0.9)),
        (usage("trend", window_days=2), 0.0),
        (usage("trend", window_days=3), (3 - 2) / 5),
        (usage("mean_trend", "logins", window_days=2), (3 - (-0.9 / 2)) / (3 + 0.9 / 2)),
    ],
    ids=lambda value: value.name if isinstance(value, FeatureSpec) else None,
)
def test_the_value_of_an_aggregation(engine, spec, expected):
    assert value(engine, WORLD, spec) == pytest.approx(expected, abs=1e-12)


def test_sums_are_exact(engine):
    world = world_of(usage=[fact(AS_OF - DAY, logins=n) for n in (0.1, 0.2, -0.3)])
    assert value(engine, world, usage("sum", "logins")) == 0.0


def test_every_fact_counts_however_many_are_alike(engine):
    world = world_of(usage=[fact(AS_OF - DAY, logins=1)] * 3)
    assert value(engine, world, usage("sum", "logins")) == 3.0
    assert value(engine, world, usage("count")) == 3.0
    assert value(engine, world, usage("distinct_days")) == 1.0


def test_days_are_utc_days(engine):
    midnight = AS_OF - 2 * DAY
    world = world_of(usage=[fact(midnight - TICK), fact(midnight), fact(midnight + DAY - TICK)])
    assert value(engine, world, usage("distinct_days")) == 2.0


@pytest.mark.parametrize(
    "ago", [TICK, timedelta(seconds=0.4), timedelta(hours=36), timedelta(days=366, microseconds=1)]
)
def test_days_since_the_last_fact_are_exact_to_the_microsecond(engine, ago):
    world = world_of(usage=[fact(AS_OF - ago), fact(AS_OF - ago - DAY)])
    assert value(engine, world, usage("days_since_last")) == ago / DAY


# --- Ties of `last` ---------------------------------------------------------------------------

AT = AS_OF - 3 * DAY
TIES = {
    "the-latest-wins": ([fact(AT, logins=1), fact(AT - TICK, logins=9)], 1.0),
    "then-the-one-known-last": (
        [fact(AT, AT + DAY, logins=1), fact(AT, AT, logins=9)],
        1.0,
    ),
    "then-the-largest": ([fact(AT, logins=1), fact(AT, logins=9), fact(AT, logins=4)], 9.0),
    "known-last-of-those-seen": (
        [fact(AT, AS_OF, logins=1), fact(AT, AT + DAY, logins=4), fact(AT, AT, logins=9)],
        4.0,
    ),
    "the-latest-that-has-one": ([fact(AT), fact(AT - DAY, logins=2), fact(AT)], 2.0),
    "known-late-is-not-later": ([fact(AT, logins=1), fact(AT - DAY, AT + DAY, logins=9)], 1.0),
}


@pytest.mark.parametrize(("facts", "expected"), TIES.values(), ids=TIES.keys())
def test_ties_of_last(engine, facts, expected):
    for order in (facts, facts[::-1]):
        assert value(engine, world_of(usage=order), usage("last", "logins")) == expected


# --- Categories -------------------------------------------------------------------------------


def test_where_is_a_conjunction_and_a_missing_category_has_no_value(engine):
    rows = [("web", "x"), ("web", "y"), ("app", "x"), (None, "x"), ("web", None)]
    world = world_of(usage=[fact(AS_OF - DAY, kind=k, channel=c) for k, c in rows])
    web, both = (("kind", "web"),), (("channel", "x"), ("kind", "web"))
    assert value(engine, world, usage("count", where=web)) == 3.0
    assert value(engine, world, usage("count", where=both)) == 1.0
    assert value(engine, world, usage("count", where=(("kind", "Web"),))) is None


# --- Missing ----------------------------------------------------------------------------------


def one_of_each(missing: str, window: int | None) -> list[FeatureSpec]:
    return [
        FeatureSpec(
            source="tickets" if "end" in a.needs else "usage",
            aggregation=name,
            measure="logins" if a.measure == "yes" else None,
            per="errors" if "per" in a.needs else None,
            category="kind" if "category" in a.needs else None,
            where=(("kind", "web"),) if "where" in a.needs else (),
            expression="own.py:twice" if "expression" in a.needs else "",
            window_days=(10 if "window" in a.needs else window) if a.windowed else None,
            missing=missing,
        )
        for name, a in AGGREGATIONS.items()
        if a.on == "facts"
    ]


OUTSIDE = AS_OF - 50 * DAY
NO_FACTS = {
    "no-facts": world_of(("a", "b"), usage=[fact(AS_OF - DAY, account="b")], tickets=[]),
    "outside-the-window": world_of(
        usage=[fact(OUTSIDE, logins=1, errors=1)], tickets=[fact(OUTSIDE)]
    ),
}


@pytest.mark.parametrize("world", NO_FACTS.values(), ids=NO_FACTS.keys())
@pytest.mark.parametrize(("missing", "expected"), [("zero", 0.0), ("unknown", None)])
def test_what_no_fact_means_is_declared(engine, world, missing, expected):
    # The long window beside them reaches the facts outside theirs, which must not show.
    far = [
        FeatureSpec(source=source, aggregation="days_since_last", window_days=90)
        for source in ("usage", "tickets")
    ]
    # The usual is what lies before the window, and so is no matter of the window alone.
    inside = [s for s in one_of_each(missing, 30) if s.aggregation != "vs_usual"]
    found = features_of(engine, world, [*inside, *far])
    for spec in far:
        del found[spec.name]
    assert found == dict.fromkeys(found, expected)
    assert len(found) == len(inside)


@pytest.mark.parametrize(("missing", "expected"), [("zero", 0.0), ("unknown", None)])
def test_a_measure_that_is_never_filled_is_as_no_fact(engine, missing, expected):
    world = world_of(usage=[fact(AS_OF - DAY), fact(AS_OF - 11 * DAY)], tickets=[])
    found = features_of(engine, world, one_of_each(missing, None))
    for name in ("sum", "mean", "min", "max", "last"):
        assert found[f"usage__{name}_logins"] == expected
    assert found["usage__ratio_logins_per_errors"] == expected


@pytest.mark.parametrize("window", [1, 7, 30, 730])
def test_the_usual_of_a_microsecond_is_a_day_of_it(engine, window):
    """Floats lose a microsecond beside a whole day: days of the window are taken off before."""
    first = fact(AS_OF - window * DAY - TICK, logins="0.000001")
    now = fact(AS_OF - DAY, logins=86400 * window)
    usual = 0.000001 * 86_400_000_000
    spec = usage("vs_usual", "logins", window_days=window)
    found = value(engine, world_of(usage=[first, now]), spec)
    assert found == (86400 - usual) / (86400 + usual) == 0.0
    less = world_of(usage=[first, now | {"logins": 43200 * window}])
    assert value(engine, less, spec) == pytest.approx(-1 / 3, rel=1e-15)


def test_zero_by_default_for_counts_and_sums_only():
    zero = {name for name, a in AGGREGATIONS.items() if a.missing == "zero"}
    assert zero == {"count", "sum", "distinct", "distinct_days", "open"}


def test_all_tickets_closed_is_zero_open_not_unknown(engine):
    spec = FeatureSpec(source="tickets", aggregation="open", missing="unknown")
    closed = fact(AS_OF - 2 * DAY, until=AS_OF - DAY)
    assert value(engine, world_of(tickets=[closed]), spec) == 0.0


def test_a_ratio_to_zero_is_missing(engine):
    rows = [fact(AS_OF - DAY, logins=1, errors=2), fact(AS_OF - DAY, logins=1, errors=-2)]
    assert value(engine, world_of(usage=rows), usage("ratio", "logins", per="errors")) is None


def test_a_trend_of_nothing_but_zeros_is_missing(engine):
    rows = [fact(AS_OF - DAY, logins=0), fact(AS_OF - 3 * DAY, logins=0)]
    assert value(engine, world_of(usage=rows), usage("trend", "logins", window_days=2)) is None


@pytest.mark.parametrize("size", [1, 1_000, 10**6, 999_999_999_999])
def test_spread_and_slope_of_measures_as_large_as_they_may_be(engine, size):
    rows = [fact(AS_OF - k * DAY, logins=size * (1 if k % 2 else -1)) for k in (1, 2)]
    specs = [usage("std", "logins"), usage("slope", "logins"), usage("mean", "logins")]
    found = features_of(engine, world_of(usage=rows), specs)
    assert found[specs[0].name] == pytest.approx(size * 2**0.5, rel=1e-12)
    assert found[specs[1].name] == pytest.approx(2.0 * size, rel=1e-9)
    assert found[specs[2].name] == 0.0


def test_the_spread_of_equal_values_is_zero_however_large(engine):
    rows = [fact(AS_OF - k * DAY, logins="123456789.123457") for k in (1, 2, 3)]
    assert value(engine, world_of(usage=rows), usage("std", "logins")) == 0.0


# --- Several sources --------------------------------------------------------------------------


def test_two_sources_do_not_multiply_each_other(engine):
    world = world_of(
        ("a", "b"),
        usage=[fact(AS_OF - k * DAY, logins=2) for k in (1, 2, 3)],
        tickets=[fact(AS_OF - k * DAY, hours=5) for k in (1, 2)],
        responses=[answer(AS_OF - k * DAY, 9) for k in (1, 2, 3, 4)],
    )
    specs = [
        usage("sum", "logins", window_days=30),
        usage("sum", "logins"),
        usage("count"),
        FeatureSpec(source="tickets", aggregation="sum", measure="hours"),
        FeatureSpec(source="tickets", aggregation="open"),
        FeatureSpec(source="responses", aggregation="sum", measure="score", window_days=30),
    ]
    assert list(features_of(engine, world, specs).values()) == [6.0, 6.0, 3.0, 10.0, 2.0, 36.0]


def test_an_account_reads_only_its_own_facts(engine):
    world = world_of(("a", "b"), usage=[fact(AS_OF - DAY, account="b", logins=7)])
    spec = usage("sum", "logins", missing="zero")
    assert features_of(engine, world, [spec], account="a") == {spec.name: 0.0}
    assert features_of(engine, world, [spec], account="b") == {spec.name: 7.0}


def test_each_day_reads_by_its_own_as_of(engine):
    world = world_of(usage=[fact(datetime(2024, 2, 29), datetime(2024, 3, 2), logins=7)])
    spec = usage("sum", "logins", window_days=3)
    days = [datetime(2024, 3, day) for day in (1, 2, 3, 4)]
    found = [features_of(engine, world, [spec], as_of)[spec.name] for as_of in days]
    assert found == [None, None, 7.0, None]


def test_days_of_one_spine_do_not_share_their_values(engine):
    world = world_of(usage=[fact(AS_OF - TICK, logins=7), fact(AS_OF, logins=1)])
    spec = usage("sum", "logins", window_days=3)
    spine = spine_of(engine, [("a", AS_OF), ("a", AS_OF + DAY), ("a", AS_OF - DAY)])
    (table,) = compile_features(facts_of(engine, world), spine, [spec])
    found = {day: row[spec.name] for (_, day), row in rows_of(engine, table).items()}
    assert found == {AS_OF - DAY: None, AS_OF: 7.0, AS_OF + DAY: 8.0}
