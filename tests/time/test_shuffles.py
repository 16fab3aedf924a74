"""Rows in any order and any number of times: the same features, to the last bit.

Small companies on disk with every kind of table, with and without ids, in several time zones,
with corrections, withdrawals, merged accounts and bookings. They share their files, so that one
run of the engine reads many: in each round every file is shuffled, and of each company some or
all rows are written again.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from npsight.config.load import load_project
from npsight.config.specs import ProjectSpec
from npsight.jobs.building.frames import FeatureBuilder
from npsight.tables.digest import visible_digests
from npsight.tables.engine import connect, name_literal, run
from npsight.tables.prepare import Prepared, prepare

COMPANIES = 100
ROUNDS = 2
SHUFFLES = 200
NOW = datetime(2024, 6, 1)
AS_OFS = [datetime(2024, 3, 31), datetime(2024, 5, 1)]

PROJECT = """\
project: shuffled
timezone: Europe/Berlin
quarantine: {max_share: 1.0}
engine: {threads: 2}
targets: {detractor: {}, churn: {}}
tables:
  accounts:
    {path: accounts.csv, key: id, valid_from: from, valid_to: to, known_at: seen, created_at: made,
     attributes: {plan: category, seats: number}, segments: [plan]}
  responses:
    - {path: web.csv, id: id, account: who, time: at, known_at: seen, score: score, comment: said,
       invited_at: sent, touchpoint_name: web, retracted: void}
    - {path: call.csv, account: who, time: at, score: score, touchpoint_name: call,
       timezone: America/New_York}
  activity:
    usage: {path: usage.csv, account: who, time: day, measures: [logins, cost], categories: [kind],
            delay_hours: 24, timezone: Asia/Tokyo}
    tickets: {path: tickets.csv, id: id, account: who, time: at, known_at: seen, ended_at: done,
              ended_known_at: done_seen, measures: [hours], retracted: void}
    resolutions: {path: tickets.csv, id: id, account: who, time: done, known_at: done_seen}
    meetings: {path: meetings.csv, account: who, time: at, known_at: booked, scheduled: true}
  subscriptions: {path: subs.csv, account: who, started_at: from, ended_at: to, ended_known_at: told}
  merges: {path: merges.csv, account: old, into: new, time: at, known_at: seen}
features:
  - {source: usage, measure: cost, aggregate: [sum, mean, last], windows: 30}
  - {source: usage, measure: cost, per: logins, aggregate: ratio}
  - {source: usage, aggregate: count, where: {kind: web}, windows: 90}
  - {source: tickets, aggregate: [count, open], windows: 90}
  - {source: tickets, measure: hours, aggregate: mean}
  - {source: resolutions, aggregate: days_since_last}
  - {source: meetings, aggregate: count}
  - {source: subscriptions, aggregate: open}
  - {source: accounts, aggregate: value, measure: plan}
  - {source: accounts, aggregate: value, measure: seats}
  - {source: accounts, aggregate: age}
"""


@dataclass
class Written:
    """The files of a company, each a header and lines."""

    header: dict[str, str]
    lines: dict[str, list[str]]


Files = list[Written]
"""Those of all companies."""


def company(seed: int) -> Written:
    """Drawn from few accounts and few instants, so that rows often collide."""
    draw = random.Random(seed)
    names = [f"{seed}-c{n}" for n in range(8)]

    def at(spread: int = 150) -> str:
        when = datetime(2024, 1, 1) + timedelta(hours=6 * draw.randrange(4 * spread))
        return when.isoformat()

    def later(start: str, days: int = 20) -> str:
        after = datetime.fromisoformat(start) + timedelta(hours=12 * draw.randrange(2 * days))
        return min(after, NOW - timedelta(days=1)).isoformat()

    def maybe(value: str, share: float = 0.5) -> str:
        return value if draw.random() < share else ""

    def pick(*options: str) -> str:
        return draw.choice(options)

    files = Written({}, {})

    def write(name: str, header: str, rows: Iterator[list[str]]) -> None:
        files.header[name] = header
        files.lines[name] = [",".join(row) for row in rows]

    def accounts() -> Iterator[list[str]]:
        for name in names:
            start = at(60)
            for _ in range(draw.randrange(1, 4)):
                end = later(start, 60)
                yield [
                    name,
                    start,
                    maybe(end),
                    later(start),
                    at(20),
                    pick("x", "y", ""),
                    pick("1", "2.5", ""),
                ]
                start = pick(start, end)

    def web() -> Iterator[list[str]]:
        for n in range(30):
            sent = at()
            for _ in range(draw.randrange(1, 4)):
                answered = maybe(later(sent), 0.7)
                score = str(draw.randrange(11)) if answered else ""
                said = maybe(pick("great help", "slow and bad"))
                yield [
                    maybe(f"{seed}-{n}", 0.9), pick(*names), sent, answered, later(answered or sent), score,
                    said, maybe("yes", 0.1),
                ]  # fmt: skip

    def usage() -> Iterator[list[str]]:
        for _ in range(100):
            yield [
                pick(*names),
                at()[:10],
                pick("1", "2", ""),
                pick("0.1", "0.2", "3.333333"),
                pick("web", "app", ""),
            ]

    def tickets() -> Iterator[list[str]]:
        for n in range(30):
            for _ in range(draw.randrange(1, 4)):
                opened = at()
                done = maybe(later(opened))
                yield [
                    maybe(f"{seed}-{n}", 0.9), pick(*names), opened, later(opened), done,
                    maybe(later(done)) if done else "", pick("1", "0.7", ""), maybe("true", 0.1),
                ]  # fmt: skip

    def subscriptions() -> Iterator[list[str]]:
        for name in names:
            start = at(30)
            yield [
                name,
                start,
                pick("", "2024-12-31T00:00:00Z", later(start, 90)),
                maybe(later(start)),
            ]

    def merges() -> Iterator[list[str]]:
        circle = draw.sample(names, 4)
        for old, new in zip(circle, [*circle[1:], circle[0]], strict=True):
            when = at()
            yield [old, new, when, maybe(later(when))]
        yield [*draw.sample(names, 2), at(), ""]

    write("accounts.csv", "id,from,to,seen,made,plan,seats", accounts())
    write("web.csv", "id,who,sent,at,seen,score,said,void", web())
    write(
        "call.csv",
        "who,at,score",
        ([pick(*names), at(), str(draw.randrange(11))] for _ in range(20)),
    )
    write("usage.csv", "who,day,logins,cost,kind", usage())
    write("tickets.csv", "id,who,at,seen,done,done_seen,hours,void", tickets())
    write("meetings.csv", "who,at,booked", ([pick(*names), f"{at()}Z", at()] for _ in range(20)))
    write("subs.csv", "who,from,to,told", subscriptions())
    write("merges.csv", "old,new,at,seen", merges())
    return files


def shuffled(files: Files, draw: random.Random) -> Files:
    """The same rows, and of each company's some, or all, several times."""
    return [
        Written(f.header, {n: repeated(rows, draw) for n, rows in f.lines.items()}) for f in files
    ]


def repeated(rows: list[str], draw: random.Random) -> list[str]:
    again = draw.choice([0, len(rows) // 4, len(rows)])
    return rows + (rows if again == len(rows) else draw.choices(rows, k=again))


def save(files: Files, folder: Path, draw: random.Random | None = None) -> None:
    """Write every company's rows, one after another, or in an order drawn for each file."""
    for name, header in files[0].header.items():
        rows = [row for company in files for row in company.lines[name]]
        if draw is not None:
            draw.shuffle(rows)
        (folder / name).write_text("\n".join([header, *rows]) + "\n")


@contextmanager
def emptied(backend: Any) -> Iterator[Any]:
    """The engine; what a round makes in it is gone after the round."""
    yield backend
    for (name,) in run(backend, "SELECT table_name FROM duckdb_tables()"):
        run(backend, f"DROP TABLE {name_literal(name)}")


def read(project: ProjectSpec, backend: Any) -> tuple[Prepared, pd.DataFrame, dict[datetime, str]]:
    prepared = prepare(project, backend, None, now=NOW)
    builder = FeatureBuilder(backend, prepared.facts, project)
    frame = builder.features(builder.spine(AS_OFS))
    return prepared, frame, visible_digests(prepared.facts, AS_OFS)


@pytest.fixture
def project(tmp_path: Path) -> ProjectSpec:
    file = tmp_path / "project.yaml"
    file.write_text(textwrap.dedent(PROJECT), encoding="utf-8")
    return load_project(file)


def test_neither_order_nor_repetition_of_rows_shows_in_any_bit(project, record_property):
    folder = project.file.parent
    files = [company(seed) for seed in range(COMPANIES)]
    save(files, folder)
    with connect(project) as backend:
        with emptied(backend):
            first, expected, digests = read(project, backend)
        assert_not_trivial(first, expected)
        for seed in range(ROUNDS):
            draw = random.Random(seed)
            save(shuffled(files, draw), folder, draw)
            with emptied(backend):
                prepared, frame, visible = read(project, backend)
            pd.testing.assert_frame_equal(frame, expected, check_exact=True)
            assert prepared.digest == first.digest, seed
            assert visible == digests, seed
            for before, after in zip(first.reports, prepared.reports, strict=True):
                assert (after.good, after.quarantined) == (before.good, before.quarantined), seed
    assert COMPANIES * ROUNDS >= SHUFFLES
    record_property("histories", COMPANIES * ROUNDS)


def assert_not_trivial(prepared: Prepared, frame: pd.DataFrame) -> None:
    """Everything that rows can do to each other happens, and features differ by account."""
    notes = {what for report in prepared.reports for what, _ in report.notes}
    faults = {fault.reason for report in prepared.reports for fault in report.faults}
    for word in ("corrected", "withdrawing", "identical"):
        assert any(word in note for note in notes), word
    for word in ("conflicting", "circle", "ends once"):
        assert any(word in fault for fault in faults), word
    assert len(frame) >= 5 * COMPANIES
    flat = [c for c in frame.columns if frame[c].nunique(dropna=False) == 1 and "2" not in c]
    assert len(flat) < len(frame.columns) / 3, flat
