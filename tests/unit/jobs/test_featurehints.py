"""What `npsight check` says of features that cannot work, on tables as exports have them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.jobs.check import check

NOW = datetime(2025, 7, 10)
ACCOUNTS = [f"c{n}" for n in range(30)]
PROJECT = """\
project: test
timezone: UTC
state: state
tables:
  responses: {path: answers.csv, account: account, time: at, score: score}
  activity:
    usage: {path: usage.csv, account: account, time: day, %s, measures: [users], categories: [kind]}
    tickets: {path: tickets.csv, account: account, time: opened, known_at: loaded}
targets: {detractor: {gap_days: 0, horizon_days: 30}}
features:
  - %s
"""
TREND = "{source: usage, aggregate: trend, measure: users, windows: 90}"


def said(
    folder: Path,
    feature: str,
    step_days: float = 30.4,
    known: str = "delay_hours: 24",
    late: int = 3,
) -> str:
    start = datetime(2024, 1, 1)
    days = [start + timedelta(days=step_days * n) for n in range(int(540 / step_days))]
    kinds = ["web", "app"]
    rows = [f"{a},{day:%Y-%m-%d},{day:%Y-%m-%d},{9 + n % 4},{kinds[n % 2]}"
            for a in ACCOUNTS for n, day in enumerate(days)]  # fmt: skip
    (folder / "usage.csv").write_text("account,day,seen,users,kind\n" + "\n".join(rows) + "\n")
    rows = [f"{a},{day:%Y-%m-%d},{day + timedelta(days=late):%Y-%m-%d}"
            for a in ACCOUNTS for day in days[::5] or days]  # fmt: skip
    rows *= 4
    (folder / "tickets.csv").write_text("account,opened,loaded\n" + "\n".join(rows) + "\n")
    rows = [f"{a},{start + timedelta(days=100 * k + n):%Y-%m-%d},{n % 11}"
            for n, a in enumerate(ACCOUNTS) for k in range(5)]  # fmt: skip
    (folder / "answers.csv").write_text("account,at,score\n" + "\n".join(rows) + "\n")
    (folder / "p.yaml").write_text(PROJECT % (known, feature))
    report = check(load_project(folder / "p.yaml"), now=NOW)
    return "\n".join(str(warning) for warning in report.warnings)


def test_sums_of_a_level_noted_once_a_month_are_told_with_the_way_out(tmp_path):
    text = said(tmp_path, TREND)
    assert "usage has a row about every 30 days for each account" in text
    assert (
        "windows of 90 days hold about 3 of them, one more or less by the day: `trend` compares sums"
        in text
    )
    assert "use `mean_trend` instead" in text


@pytest.mark.parametrize(
    ("feature", "step_days"),
    [
        (TREND, 1),
        ("{source: usage, aggregate: [mean, mean_trend], measure: users, windows: 90}", 30.4),
        ("{source: usage, aggregate: trend, windows: 90}", 30.4),
        ("{source: usage, aggregate: trend, measure: users, windows: 400}", 30.4),
    ],
    ids=["daily", "means", "counts", "many in a window"],
)
def test_nothing_is_said_where_sums_are_right(tmp_path, feature, step_days):
    assert "compares sums" not in said(tmp_path, feature, step_days)


def test_a_value_that_no_row_has_is_named_beside_those_there_are(tmp_path):
    text = said(tmp_path, "{source: usage, aggregate: count, by: {kind: [Web, app]}, windows: 90}")
    assert "no row of usage has kind `Web`: its features are the same for every account" in text
    assert "write the value as the table has it: `web`, `app`" in text
    fine = "{source: usage, aggregate: count, by: {kind: [web, app]}, windows: 90}"
    assert "no row of usage" not in said(tmp_path, fine)


def test_a_known_at_that_is_the_facts_own_time_is_told_where_others_come_later(tmp_path):
    count = "{source: usage, aggregate: count, windows: 90}"
    text = said(tmp_path, count, 10, known="known_at: seen")
    assert "`known_at` of usage is the time of the fact in every row" in text
    assert "tables.activity.usage.known_at" in text
    assert "`known_at` of" not in said(tmp_path, count, 10)
    assert "`known_at` of" not in said(tmp_path, count, 10, known="known_at: seen", late=0)
