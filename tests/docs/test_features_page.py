"""The page of features is the one that is checked in, and its values are what its tables say.

The values are worked out here from the tables printed on the page, without the engine: once by
hand, once by the plain loops of the audit.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from statistics import linear_regression, stdev

import pytest

from npsight.audit.oracle import Row, World, feature, placed
from npsight.config.aggregations import AGGREGATIONS
from npsight.jobs.building import catalogue
from npsight.jobs.building.sample import ACCOUNT, AS_OF, SAMPLE, Computed, SampleTable, computed

KNOWN_END = "ended_known_at"
PAGE = Path(__file__).parents[2] / "docs" / "features.md"


@pytest.fixture(scope="module")
def results() -> Computed:
    return computed(catalogue.lines())


@pytest.fixture(scope="module")
def page(results: Computed) -> str:
    return catalogue.page(results)


def test_the_checked_in_page_is_the_generated_one(page: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == page, "run `make docs`"


# What was known of acme on 1 June 2025, read off the page: fact 4 as corrected, fact 7 as it was
# before its correction, neither fact 8 (known too late) nor fact 10 (not before the day).
LOGINS = {
    datetime(2025, 4, 10, 9): 30,
    datetime(2025, 5, 6, 9): 20,
    datetime(2025, 5, 10, 10): 12,
    datetime(2025, 5, 14, 10): 10,
    datetime(2025, 5, 22, 9): 8,
    datetime(2025, 5, 22, 16): 5,
    datetime(2025, 5, 28, 15): 4,
    datetime(2025, 5, 31, 11): 6,
}
IN_30_DAYS = [20, 12, 10, 8, 5, 4, 6]
HOUR = Fraction(1, 24)
EXPECTED = {
    "tickets__count__7d": 2,  # 26 and 30 May
    "tickets__count__30d": 4,  # all but 20 April
    "usage__sum_logins": 30 + 20 + 12 + 10 + 8 + 5 + 4 + 6,
    "usage__mean_logins__30d": Fraction(65, 7),
    "usage__std_logins__30d": stdev(IN_30_DAYS),
    "usage__min_logins__30d": 4,
    "usage__max_logins__30d": 20,
    "usage__first_logins": 30,
    "usage__last_logins": 6,
    "usage__ratio_errors_per_logins__30d": Fraction(2 + 0 + 1 + 1 + 0 + 1 + 0, 65),
    "tickets__share__severity_high": Fraction(2, 5),
    "tickets__distinct_severity": 3,
    "usage__distinct_days__30d": 6,  # 22 May has two facts
    "usage__days_since_first": 21 + 30 + 15 * HOUR,  # from 10 April 09:00
    "usage__days_since_last": 13 * HOUR,  # from 31 May 11:00
    "usage__longest_gap__30d": 8 - HOUR,  # from 14 May 10:00 to 22 May 09:00
    "usage__mean_gap__30d": (25 + 2 * HOUR) / 6,  # 6 May 09:00 to 31 May 11:00
    "usage__trend_logins__14d": Fraction(23 - 42, 23 + 42),  # from 18 May, from 4 May
    "usage__mean_trend_logins__14d": (
        (Fraction(23, 4) - Fraction(42, 3)) / (Fraction(23, 4) + Fraction(42, 3))
    ),
    "usage__slope_logins__30d": linear_regression(
        [date(2025, 5, day).toordinal() for day in (6, 10, 14, 22, 22, 28, 31)], IN_30_DAYS
    ).slope,
    # 10 in 7 days; before them 85 from 10 April 09:00 to 25 May 00:00
    "usage__vs_usual_logins__7d": (
        (Fraction(10, 7) - 85 / (44 + 15 * HOUR)) / (Fraction(10, 7) + 85 / (44 + 15 * HOUR))
    ),
    "tickets__open": 2,  # that of 20 May, and that of 26 May, whose end was not known
    "tickets__oldest_open": 12,
    "tickets__mean_duration__30d": (10 + 12 + 6 + Fraction(1, 2)) / 4,
    "tickets__max_duration__30d": 12,
    "subscriptions__days_until_end": 30,  # 1 July; the end on 10 June was not known
    "meetings__days_until_next": 3 + 12 * HOUR,  # 4 June 12:00
    "usage__own_weekend_share__30d": Fraction(12 + 6, 65),
    "accounts__value_seats": 40,
    "accounts__age": (date(2025, 6, 1) - date(2024, 7, 1)).days,
    "accounts__days_until_renewal": 30 + 31 + 14,  # 15 August
    "usage__sum_logins__7d": 4 + 6,
    "usage__sum_logins__90d": 95,
    "tickets__count__severity_high__30d": 2,
    "tickets__count__severity_low__30d": 1,
    "tickets__open__severity_high__30d": 1,
    "tickets__open__severity_low__30d": 1,
    "tickets__count__severity_urgent": 0,
    "tickets__days_since_last__severity_urgent": None,
    # of 15, 30, 40, 40 and 80 seats: two below, and half of the two alike
    "accounts__value_seats__vs_segment": Fraction(2 + 1, 5),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_is_what_the_tables_say(results: Computed, page: str, name: str) -> None:
    value = results.values[name].iloc[0]
    expected = EXPECTED[name]
    shown = re.search(rf"^\| `{name}` \| (.*?) \|", page, re.MULTILINE)
    assert shown is not None
    if expected is None:
        assert value != value
        assert shown[1] == "missing"
    else:
        assert value == pytest.approx(float(expected), rel=1e-12)
        assert float(shown[1]) == pytest.approx(float(expected), abs=5.1e-5)


def test_every_feature_of_the_page_was_worked_out(results: Computed) -> None:
    assert {spec.name for spec in results.specs} == set(EXPECTED)


def test_the_facts_in_this_file_are_those_that_the_page_says_were_known(results: Computed) -> None:
    usage = next(table for table in SAMPLE if table.name == "usage")
    known = [
        (datetime.fromisoformat(row[2]), int(row[4]))
        for row, seen in zip(usage.rows, results.seen["usage"], strict=True)
        if seen
    ]
    assert known == list(LOGINS.items())
    assert [value for at, value in known if (AS_OF - at).days < 30] == IN_30_DAYS


@pytest.mark.parametrize("aggregation", AGGREGATIONS.values(), ids=AGGREGATIONS)
def test_every_aggregation_has_an_entry_with_its_meaning_and_a_telling_example(
    results: Computed, page: str, aggregation
) -> None:
    entry = page.partition(f"\n### `{aggregation.name}`\n")[2].partition("\n### ")[0]
    words = " ".join(entry.split())
    assert aggregation.meaning[1:] in words
    assert ("Needs: " in entry) == bool(aggregation.needs or aggregation.measure == "yes")
    assert f"- {catalogue.line_of(aggregation)}" in entry
    specs = catalogue.specs_of(catalogue.line_of(aggregation), results)
    assert specs
    for spec in specs:
        assert spec.aggregation == aggregation.name
        assert EXPECTED[spec.name], "a value that is missing, or 0, tells nothing"
        assert f"| `{spec.name}` | {catalogue.value_of(spec, results)} | " in entry


def test_every_row_of_the_tables_is_on_the_page_with_whether_it_was_known(
    results: Computed, page: str
) -> None:
    for table in SAMPLE:
        block = page.partition(f"`{table.name}.csv`")[2].partition("\n`")[0]
        for row, seen in zip(table.rows, results.seen[table.name], strict=True):
            assert f"| {' | '.join(row)} | {'yes' if seen else 'no'} |" in block


# --- The same by the audit's plain loops ---------------------------------------------------------

TIMES = {
    "usage": {"time": "occurred_at", "known_at": "known_at"},
    "tickets": {"opened": "occurred_at", "resolved": "ended_at", "resolved_known_at": KNOWN_END},
    "meetings": {"time": "occurred_at", "booked": "known_at"},
    "subscriptions": {"start": "occurred_at", "end": "ended_at", "end_known_at": KNOWN_END},
    "accounts": {"from": "occurred_at", "known_at": "known_at", "renewal": "renewal_at_"},
}
NUMBERS = {"logins", "errors", "seats"}


def rows_of(table: SampleTable) -> list[Row]:
    """The printed rows in the words of the oracle; a later version of a fact corrects it."""
    found: list[Row] = []
    for cells in table.rows:
        row: Row = {"ended_at": None}
        for column, cell in zip(table.columns, cells, strict=True):
            if column in TIMES[table.name]:
                instant = datetime.fromisoformat(cell) if cell else None
                row[TIMES[table.name][column]] = instant
            else:
                row[column] = float(cell) if column in NUMBERS else cell or None
        row.setdefault("known_at", row["occurred_at"])
        for earlier in found:
            if row.get("id") is not None and earlier["id"] == row["id"]:
                earlier["corrected_at"] = row["known_at"]
        found.append(row)
    return found


def weekend_share(rows: list[Row], as_of: datetime) -> float:
    weekend = sum(row["logins"] for row in rows if row["occurred_at"].isoweekday() >= 6)
    return weekend / sum(row["logins"] for row in rows)


@pytest.fixture(scope="module")
def world() -> World:
    tables = {table.name: rows_of(table) for table in SAMPLE}
    versions = tables.pop("accounts")
    began: dict[str, datetime] = {}
    for version in versions:
        began.setdefault(version["account"], version["occurred_at"])
    accounts = [{"account": name, "began_at": at} for name, at in began.items()]
    return World(accounts, versions, tables, scheduled=frozenset({"meetings"}))


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_is_what_a_plain_loop_makes_of_it(results, world, name: str) -> None:
    spec = next(spec for spec in results.specs if spec.name == name)
    own = {"own_features.py:weekend_share": weekend_share}
    value = feature(spec, world, ACCOUNT, AS_OF, own)
    if spec.against:
        peers = [version for version in world.versions or [] if version["plan"] == "pro"]
        members = sorted({version["account"] for version in peers})
        value = placed(value, [feature(spec, world, m, AS_OF, own) for m in members])
    found = results.values[name].iloc[0]
    assert found == pytest.approx(value, rel=1e-9) if value is not None else found != found
