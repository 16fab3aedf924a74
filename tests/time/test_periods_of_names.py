"""Rows that the names of their files date: when they count, against a walk through the calendar.

The oracle knows no months or weeks: it walks from day to day until the name of the day's period
changes, and that midnight, on the clocks of the zone, is when the rows happened and were known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_files import TICK, ZONES
from plain_reading import HOUR, utc_of

from npsight.config.load import load_project
from npsight.jobs.building.frames import FeatureBuilder
from npsight.tables.engine import connect
from npsight.tables.prepare import prepare

NOW = datetime(2025, 6, 1)
DAY = timedelta(days=1)
WINDOW = 30
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
Write = Callable[[date], str]


def quarter(day: date) -> int:
    return (day.month + 2) // 3


WRITTEN: dict[str, tuple[Write, ...]] = {
    "day": (lambda d: d.isoformat(), lambda d: d.strftime("%Y%m%d")),
    "week": (lambda d: d.strftime("%G-W%V"), lambda d: d.strftime("KW %V %G")),
    "month": (
        lambda d: d.strftime("%Y-%m"),
        lambda d: d.strftime("%b %Y"),
        lambda d: f"{GERMAN.split()[d.month - 1]}_{d.year}",
        lambda d: f"{d.year} {FRENCH.split()[d.month - 1]}",
    ),
    "quarter": (lambda d: f"Q{quarter(d)} {d.year}", lambda d: f"{d.year}-Q{quarter(d)}"),
    "half": (lambda d: f"H{1 if d.month <= 6 else 2} {d.year}",),
    "year": (lambda d: str(d.year),),
}
"""Kind of period -> ways to write the one that a day lies in; the first tells one from the next."""


@dataclass(frozen=True)
class Named:
    """A file with one row, of an account of its own."""

    account: str
    name: str
    over: datetime


def over_at(day: date, write: Write, zone: str) -> datetime:
    """UTC instant at which the period that holds the day is over."""
    written = write(day)
    while write(day) == written:
        day += DAY
    return utc_of(datetime.combine(day, time.min), zone)


def drawn(seed: int, zone: str) -> list[Named]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(60):
        kinds = WRITTEN[list(WRITTEN)[int(rng.integers(len(WRITTEN)))]]
        day = date(2023, 1, 1) + int(rng.integers(1000)) * DAY
        text = kinds[int(rng.integers(len(kinds)))](day)
        over = over_at(day, kinds[0], zone)
        found.append(Named(f"a{number}", f"export {number}x_{text}.csv", over))
    return found


def counted(folder: Path, zone: str, files: list[Named], delay: int, as_ofs: list[datetime]):
    """(account, as_of) -> the number of rows within the window."""
    for file in files:
        (folder / file.name).write_text(f"account,n\n{file.account},1\n", encoding="utf-8")
    (folder / "accounts.csv").write_text("id\n" + "".join(f"{f.account}\n" for f in files))
    project = folder / "project.yaml"
    project.write_text(
        f"""\
project: named
timezone: {zone}
tables:
  accounts: {{path: accounts.csv, key: id}}
  activity:
    usage:
      path: 'export *_{{period}}.csv'
      account: account
      time: period_over
      delay_hours: {delay}
targets: {{churn: {{event: no_activity, activity: usage}}}}
features:
  - {{source: usage, aggregate: count, windows: {WINDOW}}}
"""
    )
    spec = load_project(project, {})
    with connect(spec) as backend:
        facts = prepare(spec, backend, None, now=NOW).facts
        builder = FeatureBuilder(backend, facts, spec)
        keys = [(file.account, as_of) for file in files for as_of in as_ofs]
        given = builder.given_spine(pd.DataFrame(keys, columns=["account", "as_of"]))
        found = builder.features(given).to_dict("records")
    name = f"usage__count__{WINDOW}d"
    return {(row["account"], row["as_of"].to_pydatetime()): int(row[name]) for row in found}


@pytest.mark.parametrize(
    ("name", "over"),
    [
        ("2024-02", datetime(2024, 2, 29, 23)),
        ("2025-W01", datetime(2025, 1, 5, 23)),
        ("2024-10-27", datetime(2024, 10, 27, 23)),
        ("Q1 2024", datetime(2024, 3, 31, 22)),
        ("2024", datetime(2024, 12, 31, 23)),
    ],
)
def test_each_edge_of_the_window_of_a_period(tmp_path, name, over):
    """Berlin: the instant itself does not see what is over then, a tick later does."""
    file = Named("a", f"export x_{name}.csv", over)
    window = timedelta(days=WINDOW)
    wanted = {
        over - TICK: 0,
        over: 0,
        over + TICK: 1,
        over + window: 1,
        over + window + TICK: 0,
    }
    found = counted(tmp_path, "Europe/Berlin", [file], 0, list(wanted))
    assert {as_of: found["a", as_of] for as_of in wanted} == wanted


def test_a_delay_is_counted_from_the_end_of_the_period(tmp_path):
    over = datetime(2024, 1, 31, 23)
    wanted = {over + TICK: 0, over + 6 * HOUR: 0, over + 6 * HOUR + TICK: 1}
    file = Named("a", "export x_Jan 2024.csv", over)
    found = counted(tmp_path, "Europe/Berlin", [file], 6, list(wanted))
    assert {as_of: found["a", as_of] for as_of in wanted} == wanted


@pytest.mark.parametrize("seed", range(len(ZONES)))
def test_random_names_against_a_walk_through_the_calendar(tmp_path, seed, record_property):
    zone = ZONES[seed].name
    files = drawn(seed, zone)
    delay = (0, 24)[seed % 2]
    rng = np.random.default_rng(seed)
    edges = [
        files[int(i)].over + e * delay * HOUR for i in rng.integers(60, size=8) for e in (0, 1)
    ]
    as_ofs = sorted({edge + k * TICK for edge in edges for k in (-1, 0, 1)} | {NOW, NOW + TICK})
    found = counted(tmp_path, zone, files, delay, as_ofs)
    for file in files:
        known = file.over + delay * HOUR
        for as_of in as_ofs:
            within = as_of - timedelta(days=WINDOW) <= file.over < as_of and known < as_of
            assert found[file.account, as_of] == (within and file.over <= NOW), (file, as_of)
    assert sum(found.values()) > 20
    record_property("histories", len(files))
