"""Times: zones, both days on which clocks change, leap days, formats."""

from __future__ import annotations

from datetime import datetime

import ibis
import pyarrow as pa
import pytest

from npsight.errors import DataError
from npsight.tables import months
from npsight.tables.report import NO_DAY_ABOVE_12

from .conftest import Workbench, reasons, rows


def instant(bench: Workbench, written: str, extra: str = "") -> datetime:
    prepared = bench.usage(f"account,day\na,{written}\n", extra)
    return rows(prepared.facts.sources["usage"], "occurred_at")[0][0]


BERLIN = "timezone: Europe/Berlin"
ENGLISH = {datetime(2025, n, 1).strftime(p).lower() for n in range(1, 13) for p in ("%B", "%b")}
ANY = "timezone: UTC\nquarantine: {max_share: 1.0}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10)),
        ("2024-05-01T10:00Z", datetime(2024, 5, 1, 10)),
        ("2024-05-01 10:00:00 UTC", datetime(2024, 5, 1, 10)),
        ("2024-05-01T10:00:00+02:00", datetime(2024, 5, 1, 8)),
        ("2024-05-01T10:00:00-0530", datetime(2024, 5, 1, 15, 30)),
        ("2024-05-01T10:00:00.25+02", datetime(2024, 5, 1, 8, 0, 0, 250_000)),
        ("  2024-05-01T10:00:00Z  ", datetime(2024, 5, 1, 10)),
    ],
)
def test_an_offset_in_the_text_is_converted_to_utc(bench, written, expected):
    assert instant(bench, written) == expected


def test_an_offset_in_the_text_wins_over_the_named_zone(bench):
    assert instant(bench, "2024-05-01T10:00:00+05:00", BERLIN) == datetime(2024, 5, 1, 5)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-01-15 12:00", datetime(2024, 1, 15, 11)),
        ("2024-07-15 12:00:00", datetime(2024, 7, 15, 10)),
        ("2024-07-15", datetime(2024, 7, 14, 22)),
        ("2024-03-31 01:59:59", datetime(2024, 3, 31, 0, 59, 59)),
        # No clock showed 02:30: it moves forward by the hour that was skipped.
        ("2024-03-31 02:30", datetime(2024, 3, 31, 1, 30)),
        ("2024-03-31 03:00", datetime(2024, 3, 31, 1)),
        # Clocks showed 02:30 twice: the second time is taken.
        ("2024-10-27 02:30", datetime(2024, 10, 27, 1, 30)),
        ("2024-10-27 01:59", datetime(2024, 10, 26, 23, 59)),
        ("2024-10-27 03:00", datetime(2024, 10, 27, 2)),
        ("2024-02-29 12:00", datetime(2024, 2, 29, 11)),
    ],
)
def test_a_time_without_a_zone_is_a_clock_time_in_the_named_zone(bench, written, expected):
    assert instant(bench, written, BERLIN) == expected


@pytest.mark.parametrize(
    "written", ["soon", "2023-02-29", "31/02/2024", "epoch", "infinity", "20240501", "2024-13-01"]
)
def test_what_is_no_time_is_quarantined(bench, written):
    prepared = bench.usage(f"account,day\na,{written}\na,2024-05-01\n", BERLIN)
    assert reasons(prepared) == {"time in column day is not a time": 1}
    assert prepared.reports[0].faults[0].example == written


def test_a_pattern_reads_other_forms(bench):
    extra = BERLIN + "\ntime_format: '%d.%m.%Y %H:%M'"
    assert instant(bench, "29.02.2024 12:00", extra) == datetime(2024, 2, 29, 11)


def test_a_pattern_with_an_offset_needs_no_zone(bench):
    extra = "time_format: '%Y%m%d %H%M %z'"
    assert instant(bench, "20240501 1000 +0200", extra) == datetime(2024, 5, 1, 8)


def test_a_column_without_any_zone_is_one_problem(bench):
    with pytest.raises(DataError, match=r"times in column `day` have no time zone") as caught:
        bench.usage("account,day\na,2024-05-01 10:00\nb,2024-05-02 11:00\n")
    (problem,) = caught.value.problems
    assert "2024-05-01 10:00" in problem.what
    assert "timezone:" in problem.remedy
    assert problem.where.endswith("usage.csv")
    assert problem.key == "tables.activity.usage.time"


def test_single_times_without_a_zone_are_quarantined(bench):
    prepared = bench.usage("account,day\na,2024-05-01 10:00\na,2024-05-02T00:00:00Z\n")
    assert reasons(prepared) == {"time in column day has no time zone": 1}


def test_the_projects_zone_is_the_default(bench):
    head = "timezone: America/New_York"
    prepared = bench.usage("account,day\na,2024-01-01 00:00\n", head=head)
    assert rows(prepared.facts.sources["usage"], "occurred_at") == [(datetime(2024, 1, 1, 5),)]


def test_the_future_and_the_distant_past_are_quarantined(bench):
    csv = "account,day\na,2026-01-01T00:00:00Z\na,2026-01-01T00:00:01Z\na,1970-01-01T00:00:00Z\n"
    prepared = bench.usage(csv)
    assert prepared.reports[0].good == 1  # the instant `now` itself is not ahead
    assert reasons(prepared) == {
        "time in column day lies in the future": 1,
        "time in column day lies before `earliest` (1980-01-01)": 1,
    }


def test_parquet_times_with_and_without_a_zone(bench):
    import pyarrow as pa
    import pyarrow.parquet as pq

    at = datetime(2024, 7, 15, 12)
    table = pa.table(
        {
            "account": ["a"],
            "day": pa.array([at], pa.timestamp("ns")),
            "known": pa.array([datetime(2024, 7, 15, 13)], pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(table, bench.folder / "usage.parquet")
    text = "activity:\n  usage: {path: usage.parquet, account: account, time: day, known_at: known"
    found = bench.prepare(text + ", timezone: Europe/Berlin}").facts.sources["usage"]
    assert rows(found, "occurred_at", "known_at") == [
        (datetime(2024, 7, 15, 10), datetime(2024, 7, 15, 13))
    ]
    with pytest.raises(DataError, match="have no time zone"):
        bench.prepare(text + "}")


def test_the_first_instant_of_earliest_is_early_enough(bench):
    csv = "account,day\na,2024-05-01T00:00:00Z\na,2024-04-30T23:59:59Z\n"
    prepared = bench.usage(csv, "earliest: 2024-05-01")
    assert reasons(prepared) == {"time in column day lies before `earliest` (2024-05-01)": 1}


@pytest.mark.parametrize(
    ("pattern", "rows", "said"),
    [("%d/%m/%Y", 61, True), ("%d/%m/%Y", 60, False), ("%m/%d/%Y", 61, False)],
)
def test_days_that_look_like_months_are_noted(bench, pattern, rows, said):
    """Firsts of months, months first: read the other way, all of them lie in January."""
    lines = "".join(f"c{n},{1 + n % 12:02}/01/{2015 + n // 12}\n" for n in range(rows))
    report = bench.usage(f"account,day\n{lines}", f'time_format: "{pattern}"', head=ANY).reports[0]
    noted = {what: n for what, n in report.notes if what.startswith(NO_DAY_ABOVE_12)}
    assert noted == ({f"{NO_DAY_ABOVE_12} day, read by `{pattern}`": rows} if said else {})


def test_one_day_above_12_tells_the_order(bench):
    lines = "".join(f"c{n},{1 + n % 12:02}/01/2024\n" for n in range(80)) + "d,13/01/2024\n"
    report = bench.usage(f"account,day\n{lines}", 'time_format: "%d/%m/%Y"', head=ANY).reports[0]
    assert report.notes == ()


@pytest.mark.parametrize(
    ("written", "pattern", "expected"),
    [
        ("12. März 2025", "%d. %B %Y", datetime(2025, 3, 12)),
        ("12. MÄRZ 2025", "%d. %B %Y", datetime(2025, 3, 12)),
        ("3 mars 2025", "%d %B %Y", datetime(2025, 3, 3)),
        ("1er févr. 2025", "%d %B %Y", datetime(2025, 2, 1)),
        ("5 de mayo de 2025", "%d de %B de %Y", datetime(2025, 5, 5)),
        ("Dez 24", "%b %y", datetime(2024, 12, 1)),
        ("3. Mrz. 2025", "%d. %b. %Y", datetime(2025, 3, 3)),
        ("3-abr-25", "%d-%b-%y", datetime(2025, 4, 3)),
        ("Sept. 5 2025", "%b %d %Y", datetime(2025, 9, 5)),
        ("Tuesday 4 March 2025", "%A %d %B %Y", datetime(2025, 3, 4)),
        ("31.12.2024", ["%d. %B %Y", "%d.%m.%Y"], datetime(2024, 12, 31)),
    ],
)
def test_names_of_months_in_four_languages(bench, written, pattern, expected):
    assert instant(bench, written, f"time_format: {pattern!r}\ntimezone: UTC") == expected


def test_a_month_that_may_be_june_or_july_is_said_so(bench):
    found = bench.usage(
        "account,day\na,3 juin 2025\nb,3 jui. 2025\nc,3 juil 2025\nd,3 Juno 2025\n",
        "time_format: '%d %B %Y'",
        head=ANY,
    )
    assert [at for (at,) in rows(found.facts.sources["usage"], "occurred_at")] == [
        datetime(2025, 6, 3),
        datetime(2025, 7, 3),
    ]
    assert reasons(found) == {
        "the month of time in column day is June or July": 1,
        "time in column day is not a time": 1,
    }


@pytest.mark.parametrize("pattern", ["%d %B %Y", "%d %b %Y"])
def test_each_month_is_read_alike_by_the_engine_and_by_init(pattern):
    texts = [f"7 {name}{point} 2025" for name in months.MONTHS for point in ("", ".")]
    table = ibis.memtable(pa.table({"given": texts}))
    query = table.select(read=months.english(table.given, pattern))
    found = ibis.duckdb.connect().to_pyarrow(query).to_pydict()["read"]
    assert found == [months.english_text(text, pattern) for text in texts]
    for name, month in months.MONTHS.items():
        own_length = "%B" in pattern if len(name) > 3 else "%b" in pattern
        if name not in ENGLISH or own_length:
            read = months.english_text(f"7 {name} 2025", pattern)
            assert datetime.strptime(read, pattern) == datetime(2025, month, 7)
