"""Every boundary of every aggregation: the one fact in question, or a neighbour, decides."""

from __future__ import annotations

from datetime import datetime

import pytest
from handmade import AS_OF, DAY, TICK, fact, features_of, world_of

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.specs import FeatureSpec

W = 30
APART = (
    "days_until_next",
    "days_until_end",
    "trend",
    "mean_trend",
    "vs_usual",
    "open",
    "oldest_open",
)
"""They look elsewhere than at the window's facts alone, and have tests of their own."""
EVERY = {name for name, a in AGGREGATIONS.items() if a.on == "facts" and name not in APART}
# What a new latest fact changes, and a new earliest one. The longest gap of the window is that
# from its start to the first fact.
NEWER = EVERY - {"first", "days_since_first", "longest_gap", "max_duration"}
OLDER = EVERY - {"last", "days_since_last", "longest_gap"}
GAP = {"longest_gap"}


def spec_of(name: str, window: int | None) -> FeatureSpec:
    needs = AGGREGATIONS[name].needs
    return FeatureSpec(
        source="tickets",
        aggregation=name,
        measure="hours" if AGGREGATIONS[name].measure == "yes" else None,
        per="weight" if name == "ratio" else None,
        category="severity" if name == "distinct" else None,
        where=(("severity", "high"),) if "where" in needs else (),
        expression="own.py:twice" if name == "own" else "",
        window_days=window,
    )


# Two facts that every aggregation sees, and that stay: a week apart, well inside the window.
SURE = [
    fact(datetime(2024, 2, 14, 12), until=datetime(2024, 2, 19), hours=2, weight=1, severity="low"),
    fact(datetime(2024, 2, 21, 12), until=datetime(2024, 2, 26), hours=3, weight=1, severity="mid"),
]


def inside(engine, window: int | None, at: datetime, known: datetime | None = None) -> set[str]:
    """The aggregations whose value is another one because of a fact at `at`.

    It is larger or smaller, longer and of another category than the sure ones.
    """
    end = at + 25 * DAY if at < SURE[0]["occurred_at"] else None
    questioned = fact(at, known, hours=100, weight=7, severity="high", until=end)
    smaller = questioned | {"hours": -100}
    wanted = {name: spec_of(name, window) for name in EVERY}
    read = [
        features_of(engine, world_of(tickets=rows), list(wanted.values()))
        for rows in (SURE, [*SURE, questioned], [*SURE, smaller])
    ]
    names = {name: spec.name for name, spec in wanted.items()}
    return {n for n, column in names.items() if len({found[column] for found in read}) > 1}


@pytest.mark.parametrize(
    ("at", "known", "seen"),
    [
        (AS_OF, None, set()),
        (AS_OF - TICK, None, NEWER),
        (AS_OF - TICK, AS_OF, set()),
        (AS_OF - DAY, AS_OF - TICK, NEWER),
        (AS_OF - DAY, AS_OF + DAY, set()),
        (AS_OF + DAY, AS_OF - DAY, set()),
    ],
    ids=["at-as-of", "1us-before", "known-at", "known-1us-before", "known-later", "scheduled"],
)
@pytest.mark.parametrize("window", [None, W])
def test_the_newest_fact_that_is_seen(engine, window, at, known, seen):
    gap = GAP if seen and window is None else set()
    assert inside(engine, window, at, known) == seen | gap


def test_a_window_starts_exactly_its_days_before_as_of(engine):
    assert inside(engine, W, AS_OF - W * DAY) == OLDER


def test_one_microsecond_earlier_is_outside_the_window(engine):
    assert inside(engine, W, AS_OF - W * DAY - TICK) == set()


def test_without_a_window_all_history_counts(engine):
    assert inside(engine, None, datetime(1980, 1, 1)) == OLDER | GAP


def test_a_longer_window_beside_it_does_not_widen_a_shorter_one(engine):
    world = world_of(usage=[fact(AS_OF - 40 * DAY, logins=5), fact(AS_OF - DAY, logins=2)])
    short, long = (
        FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=days)
        for days in (30, 90)
    )
    assert features_of(engine, world, [short, long]) == {short.name: 2.0, long.name: 7.0}


@pytest.mark.parametrize(
    ("as_of", "days", "first"),
    [
        (datetime(2024, 3, 1), 1, datetime(2024, 2, 29)),
        (datetime(2024, 2, 29), 1, datetime(2024, 2, 28)),
        (datetime(2025, 3, 1), 366, datetime(2024, 2, 29)),
        (datetime(2024, 2, 29), 365, datetime(2023, 3, 1)),
    ],
)
def test_a_leap_day_is_a_day(engine, as_of, days, first):
    spec = FeatureSpec(source="usage", aggregation="count", window_days=days)
    inside_it = features_of(engine, world_of(usage=[fact(first)]), [spec], as_of)
    outside = features_of(engine, world_of(usage=[fact(first - TICK)]), [spec], as_of)
    assert (inside_it[spec.name], outside[spec.name]) == (1.0, None)


def test_a_leap_day_counts_among_the_distinct_days(engine):
    spec = FeatureSpec(source="usage", aggregation="distinct_days", window_days=2)
    usage = [fact(datetime(2024, 2, 28)), fact(datetime(2024, 2, 29)), fact(AS_OF - TICK)]
    assert features_of(engine, world_of(usage=usage), [spec])[spec.name] == 2.0


TREND = FeatureSpec(source="usage", aggregation="trend", window_days=W)


@pytest.mark.parametrize(
    ("at", "trend"),
    [
        (AS_OF, None),
        (AS_OF - TICK, 1.0),
        (AS_OF - W * DAY, 1.0),
        (AS_OF - W * DAY - TICK, -1.0),
        (AS_OF - 2 * W * DAY, -1.0),
        (AS_OF - 2 * W * DAY - TICK, None),
    ],
    ids=["at-as-of", "newest", "at-w", "1us-before-w", "at-2w", "1us-before-2w"],
)
@pytest.mark.parametrize("measure", [None, "logins"])
def test_a_trend_sets_the_window_against_the_one_before_it(engine, measure, at, trend):
    spec = FeatureSpec(source="usage", aggregation="trend", window_days=W, measure=measure)
    world = world_of(usage=[fact(at, logins=3)])
    assert features_of(engine, world, [spec])[spec.name] == trend


@pytest.mark.parametrize(
    ("at", "level", "trend"),
    [
        (AS_OF, 9, 0.0),
        (AS_OF - TICK, 9, (6 - 3) / (6 + 3)),
        (AS_OF - W * DAY, 9, (6 - 3) / (6 + 3)),
        (AS_OF - W * DAY - TICK, 9, (3 - 6) / (3 + 6)),
        (AS_OF - 2 * W * DAY, 9, (3 - 6) / (3 + 6)),
        (AS_OF - 2 * W * DAY - TICK, 9, 0.0),
    ],
    ids=["at-as-of", "newest", "at-w", "1us-before-w", "at-2w", "1us-before-2w"],
)
def test_a_trend_of_means_compares_levels_however_many_there_are(engine, at, level, trend):
    spec = FeatureSpec(source="usage", aggregation="mean_trend", window_days=W, measure="logins")
    usage = [fact(AS_OF - DAY, logins=3), fact(AS_OF - (W + 1) * DAY, logins=3)]
    found = features_of(engine, world_of(usage=[*usage, fact(at, logins=level)]), [spec])
    assert found[spec.name] == pytest.approx(trend)
    alone = features_of(engine, world_of(usage=usage[:1]), [spec])
    assert alone[spec.name] is None


def test_a_trend_reads_twice_its_window_also_beside_a_shorter_feature(engine):
    short = FeatureSpec(source="usage", aggregation="count", window_days=W)
    usage = [fact(AS_OF - DAY), fact(AS_OF - 40 * DAY), fact(AS_OF - 50 * DAY)]
    found = features_of(engine, world_of(usage=usage), [TREND, short])
    assert found == {TREND.name: pytest.approx(-1 / 3), short.name: 1.0}


OPEN = FeatureSpec(source="tickets", aggregation="open", window_days=W)


@pytest.mark.parametrize(
    ("until", "until_known", "still"),
    [
        (None, None, 1.0),
        (AS_OF - TICK, AS_OF - TICK, 0.0),
        (AS_OF, AS_OF - TICK, 1.0),
        (AS_OF - TICK, AS_OF, 1.0),
        (AS_OF + DAY, AS_OF - DAY, 1.0),
    ],
    ids=["no-end", "ended", "ends-at-as-of", "end-known-at-as-of", "booked-ahead"],
)
def test_a_ticket_is_open_until_its_end_is_seen(engine, until, until_known, still):
    ticket = fact(AS_OF - DAY, until=until, until_known=until_known)
    assert features_of(engine, world_of(tickets=[ticket]), [OPEN])[OPEN.name] == still


@pytest.mark.parametrize(
    ("at", "still"),
    [(AS_OF, None), (AS_OF - TICK, 1.0), (AS_OF - W * DAY, 1.0), (AS_OF - W * DAY - TICK, None)],
)
def test_an_open_ticket_counts_by_when_it_was_opened(engine, at, still):
    assert features_of(engine, world_of(tickets=[fact(at)]), [OPEN])[OPEN.name] == still
