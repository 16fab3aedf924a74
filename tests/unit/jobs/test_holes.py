"""Holes in tables of activity: what is one, and what is the table's own rhythm."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.jobs.check import check
from npsight.jobs.notes.holes import Hole, holes_between

FIRST = date(2024, 1, 1)
DAILY = [FIRST + timedelta(days=n) for n in range(365)]
MONTHLY = [date(2024 + n // 12, 1 + n % 12, 1) for n in range(24)]
WORKDAYS = [day for day in DAILY if day.weekday() < 5]


def without(days: list[date], first: date, last: date) -> list[date]:
    return [day for day in days if not first <= day <= last]


@pytest.mark.parametrize(
    "days", [DAILY, WORKDAYS, MONTHLY, DAILY[::7], MONTHLY[::3], DAILY[:40:20], []]
)
def test_a_rhythm_has_no_hole(days):
    assert holes_between(days) == []


def test_chance_makes_no_hole():
    for seed in range(200):
        drawn = random.Random(seed)
        assert holes_between(sorted(drawn.sample(DAILY, 70))) == []


@pytest.mark.parametrize(
    ("days", "usual"), [(DAILY, 1), (WORKDAYS, 3), (DAILY[::7], 7), (DAILY[::2], 2)]
)
def test_a_month_that_is_gone_is_a_hole(days, usual):
    gone = without(days, date(2024, 8, 1), date(2024, 8, 31))
    (hole,) = holes_between(gone)
    assert (hole.last.month, hole.next.month, hole.usual) == (7, 9, usual)


def test_a_table_that_has_just_begun_may_have_long_gaps():
    begun = [FIRST - timedelta(days=n) for n in (140, 120, 95, 80, 60, 45, 30, 20)]
    assert holes_between([date(2023, 5, 1), *sorted(begun), *DAILY]) == []


def test_one_month_of_a_monthly_table_is_a_hole():
    gone = without(MONTHLY, date(2024, 8, 1), date(2024, 8, 31))
    assert holes_between(gone) == [Hole(date(2024, 7, 1), date(2024, 9, 1), 31)]


def test_eleven_days_are_no_hole_and_twelve_are():
    for length, found in ((10, 0), (11, 1)):
        first = date(2024, 8, 1)
        gone = without(DAILY, first, first + timedelta(days=length - 1))
        assert len(holes_between(gone)) == found


def checked(folder: Path, months: list[date], accounts: int) -> str:
    rows = "".join(f"a{n},{day},5\n" for day in months for n in range(accounts))
    (folder / "usage.csv").write_text("account,day,logins\n" + rows)
    (folder / "project.yaml").write_text(
        "project: holes\ntimezone: UTC\nstate: state\ntables:\n  activity:\n    usage: {path: "
        "usage.csv, account: account, time: day, measures: [logins]}\ntargets: {churn: {event: "
        "no_activity, activity: usage}}\n"
    )
    return "\n".join(map(str, check(load_project(folder / "project.yaml")).warnings))


@pytest.mark.parametrize(("accounts", "said"), [(5, True), (4, False)])
def test_check_names_the_span_unless_there_are_few_rows(tmp_path, accounts, said):
    gone = without(MONTHLY, date(2024, 8, 1), date(2024, 8, 31))
    span = "no account has a row between 2024-07-01 and 2024-09-01 (62 days); else the next one"
    found = checked(tmp_path, gone, accounts)
    assert (span in found) == said
    assert ("tables.activity.usage" in found and "a file of that time is missing" in found) == said


@pytest.mark.parametrize(
    ("cell", "other", "said"),
    [("0", "0", "`clicks`, `logins` are 0"), ("", "3", "`logins` is 0"), ("1", "1", "")],
)
def test_check_names_spans_in_which_rows_count_nothing(tmp_path, cell, other, said):
    still = range(30, 34)
    rows = "".join(
        f"a{n},{day},{cell if week in still and n else 5 * (week not in still)},"
        f"{other if week in still else 2}\n"
        for week, day in enumerate(DAILY[::7])
        for n in range(4)
    )
    (tmp_path / "usage.csv").write_text("account,day,logins,clicks\n" + rows)
    (tmp_path / "project.yaml").write_text(
        "project: holes\ntimezone: UTC\nstate: state\ntables:\n  activity:\n    usage: {path: "
        "usage.csv, account: account, time: day, measures: [clicks, logins]}\ntargets: {churn: "
        "{event: no_activity, activity: usage}}\n"
    )
    found = "\n".join(map(str, check(load_project(tmp_path / "project.yaml")).warnings))
    assert ("in every row between 2024-07-22 and 2024-08-26 (35 days)" in found) is bool(said)
    assert said in found
    assert "no account has a row" not in found
