"""Days that commands show are those of the project's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from command_line import npsight

from npsight.cli.common import day, minute, zone_of
from npsight.cli.explain import _earlier, _last_answer
from npsight.store import HistoryPoint

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("at", "zone", "shown"),
    [
        ("2026-01-31 22:59", BERLIN, "2026-01-31 23:59"),
        ("2026-01-31 23:00", BERLIN, "2026-02-01 00:00"),
        ("2026-06-30 22:00", BERLIN, "2026-07-01 00:00"),
        ("2026-03-29 00:59", BERLIN, "2026-03-29 01:59"),
        ("2026-03-29 01:00", BERLIN, "2026-03-29 03:00"),  # the clock is put forward
        ("2026-10-25 00:59", BERLIN, "2026-10-25 02:59"),
        ("2026-10-25 01:00", BERLIN, "2026-10-25 02:00"),  # and back
        ("2026-03-01 04:59", NEW_YORK, "2026-02-28 23:59"),
        ("2026-03-01 05:00", NEW_YORK, "2026-03-01 00:00"),
    ],
)
def test_an_instant_is_shown_by_the_clock_of_the_zone(at, zone, shown):
    naive = datetime.fromisoformat(at)
    for instant in (naive, naive.replace(tzinfo=UTC), naive.replace(tzinfo=UTC).astimezone(zone)):
        assert minute(instant, zone) == shown
        assert day(instant, zone) == shown[:10]


def test_the_zone_is_the_projects_else_utc():
    assert zone_of(SimpleNamespace(timezone="Europe/Berlin")) == BERLIN
    assert zone_of(SimpleNamespace(timezone=None)) == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("zone", "days"),
    [("Europe/Berlin", ("2025-05-01", "2026-02-02")), ("UTC", ("2025-04-30", "2026-02-02"))],
)
def test_check_shows_the_first_and_the_last_day_as_the_table_writes_them(
    tmp_path: Path, zone, days
):
    (tmp_path / "surveys.csv").write_text(
        "account,at,score\na,2025-05-01T00:00:00+02:00,9\nb,2026-02-02T12:00:00+01:00,3\n"
    )
    config = tmp_path / "p.yaml"
    config.write_text(
        f"project: p\ntimezone: {zone}\ntables:\n  responses:\n    path: surveys.csv\n"
        "    account: account\n    time: at\n    score: score\ntargets: {detractor: {}}\n"
    )
    told = npsight("check", "-c", config).succeeded().out
    line = next(line for line in told.splitlines() if "responses" in line)
    assert tuple(cell.strip() for cell in line.split("│")[-3:-1]) == days


def test_explain_shows_the_day_of_the_last_answer():
    at = datetime(2026, 1, 31, 23, tzinfo=UTC)
    row = SimpleNamespace(last_score=3.0, band_now="detractor", last_answer_at=at)
    assert _last_answer(row, BERLIN) == "3 (detractor) on 2026-02-01"
    assert _last_answer(row, ZoneInfo("UTC")) == "3 (detractor) on 2026-01-31"


def test_risks_before_are_those_of_earlier_days_one_for_each():
    def point(run, number):
        return HistoryPoint(run, datetime(2026, 3, number), 1, 0.1 * number, None, None, None, None)

    assert _earlier([]) == []
    assert _earlier([point("c", 9), point("b", 9), point("a", 9)]) == []
    history = [point("d", 9), point("c", 9), point("b", 5), point("a", 5), point("z", 2)]
    assert _earlier(history) == [point("b", 5), point("z", 2)]
