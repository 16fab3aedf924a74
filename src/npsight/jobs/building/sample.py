"""The small company of `docs/features.md`: its tables, and what the engine makes of them.

Everything goes the way a user's files go: written down, read and checked by `npsight.tables`,
computed by `FeatureBuilder`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from npsight.config.load import load_project
from npsight.config.specs import FeatureSpec
from npsight.jobs.building.frames import FeatureBuilder
from npsight.tables.engine import connect
from npsight.tables.prepare import prepare
from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import known_before

AS_OF = datetime(2025, 6, 1)
READ_ON = datetime(2025, 7, 1)
"""When the files are read: after everything in them was known."""
ACCOUNT = "acme"
OWN_NAME = "own_features.py"

OWN_FILE = '''\
def weekend_share(facts):
    """Share of the logins that fell on a Saturday or Sunday."""
    weekend = facts.occurred_at.day_of_week.index() >= 5
    return facts.logins.sum(where=weekend).fill_null(0) / facts.logins.sum()
'''

TABLES = """\
timezone: UTC
tables:
  accounts:
    path: accounts.csv
    key: account
    valid_from: from
    known_at: known_at
    attributes: {plan: category, seats: number}
    segments: [plan]
    renewal_at: renewal
  activity:
    usage:
      path: usage.csv
      account: account
      time: time
      known_at: known_at
      id: id
      measures: [logins, errors]
    tickets:
      path: tickets.csv
      account: account
      time: opened
      ended_at: resolved
      ended_known_at: resolved_known_at
      categories: [severity]
    meetings:
      path: meetings.csv
      account: account
      time: time
      known_at: booked
      scheduled: true
  subscriptions:
    path: subscriptions.csv
    account: account
    started_at: start
    ended_at: end
    ended_known_at: end_known_at
"""


@dataclass(frozen=True)
class SampleTable:
    """A table of the page: its columns, and its rows as text; a blank is missing.

    `when` and `known` are the columns of its two times (the same where it has only one). `notes`
    say of some rows, by position, what is special about them.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    when: str
    known: str
    notes: dict[int, str]

    def csv(self) -> str:
        """The table as the file that is read."""
        lines = [self.columns, *self.rows]
        return "".join(",".join(line) + "\n" for line in lines)

    def times(self, row: tuple[str, ...]) -> tuple[datetime, datetime]:
        """When the row happened, and when it was known."""
        cells = dict(zip(self.columns, row, strict=True))
        return datetime.fromisoformat(cells[self.when]), datetime.fromisoformat(cells[self.known])


def _table(name: str, when: str, known: str, text: str) -> SampleTable:
    """From lines of cells; the first names the columns, ` # ` begins a note."""
    rows, notes = [], {}
    head, *lines = text.strip().splitlines()
    for position, line in enumerate(lines):
        cells, _, note = line.partition("#")
        rows.append(tuple(cell.strip() for cell in cells.split("|")))
        if note:
            notes[position] = note.strip()
    columns = tuple(column.strip() for column in head.split("|"))
    return SampleTable(name, columns, tuple(rows), when, known, notes)


SAMPLE = (
    _table(
        "usage",
        "time",
        "known_at",
        """
        id | account | time             | known_at         | logins | errors
        1  | acme    | 2025-04-10 09:00 | 2025-04-10 09:00 | 30     | 1
        2  | acme    | 2025-05-06 09:00 | 2025-05-06 09:00 | 20     | 2
        3  | acme    | 2025-05-10 10:00 | 2025-05-10 10:00 | 12     | 0  # a Saturday
        4  | acme    | 2025-05-14 10:00 | 2025-05-14 10:00 | 16     | 1  # corrected on 16 May
        4  | acme    | 2025-05-14 10:00 | 2025-05-16 08:00 | 10     | 1  # the correction
        5  | acme    | 2025-05-22 09:00 | 2025-05-22 09:00 | 8      | 1
        6  | acme    | 2025-05-22 16:00 | 2025-05-22 16:00 | 5      | 0
        7  | acme    | 2025-05-28 15:00 | 2025-05-28 15:00 | 4      | 1  # not corrected yet
        7  | acme    | 2025-05-28 15:00 | 2025-06-03 08:00 | 14     | 1  # corrected after the day
        8  | acme    | 2025-05-30 12:00 | 2025-06-01 06:00 | 9      | 0  # known too late
        9  | acme    | 2025-05-31 11:00 | 2025-05-31 23:00 | 6      | 0  # a Saturday
        10 | acme    | 2025-06-01 00:00 | 2025-06-01 00:00 | 7      | 0  # not before the day
        """,
    ),
    _table(
        "tickets",
        "opened",
        "opened",
        """
        account | opened           | resolved         | resolved_known_at | severity
        acme    | 2025-04-20 09:00 | 2025-04-22 09:00 | 2025-04-22 09:00  | low
        acme    | 2025-05-05 12:00 | 2025-05-15 12:00 | 2025-05-15 12:00  | high
        acme    | 2025-05-20 00:00 |                  |                   | high  # not resolved
        acme    | 2025-05-26 00:00 | 2025-05-29 00:00 | 2025-06-02 09:00  | low  # known too late
        acme    | 2025-05-30 06:00 | 2025-05-30 18:00 | 2025-05-30 18:00  | mid
        """,
    ),
    _table(
        "meetings",
        "time",
        "booked",
        """
        account | time             | booked
        acme    | 2025-05-12 14:00 | 2025-05-02 10:00
        acme    | 2025-06-02 09:00 | 2025-06-01 08:00  # booked after the day
        acme    | 2025-06-04 12:00 | 2025-05-20 10:00  # lies ahead, and was known to
        acme    | 2025-07-10 12:00 | 2025-05-20 10:05  # lies ahead, and was known to
        """,
    ),
    _table(
        "subscriptions",
        "start",
        "start",
        """
        account | start            | end              | end_known_at
        acme    | 2024-07-01 00:00 | 2025-07-01 00:00 | 2025-05-20 10:00  # cancelled ahead
        acme    | 2024-10-01 00:00 | 2025-06-10 00:00 | 2025-06-02 10:00  # its end: known too late
        acme    | 2025-01-15 00:00 |                  |
        """,
    ),
    _table(
        "accounts",
        "from",
        "known_at",
        """
        account | from             | known_at         | plan  | seats | renewal
        acme    | 2024-07-01 00:00 | 2024-07-01 00:00 | pro   | 25    | 2025-07-01 00:00
        acme    | 2025-05-10 00:00 | 2025-05-10 09:00 | pro   | 40    | 2025-08-15 00:00 # in force
        acme    | 2025-05-28 00:00 | 2025-06-02 09:00 | pro   | 60    | 2025-08-15 00:00 # too late
        bolt    | 2024-09-01 00:00 | 2024-09-01 00:00 | pro   | 15    |
        crux    | 2024-11-01 00:00 | 2024-11-01 00:00 | pro   | 30    |
        dune    | 2024-02-01 00:00 | 2024-02-01 00:00 | pro   | 80    |
        fern    | 2025-01-01 00:00 | 2025-01-01 00:00 | pro   | 40    |
        gild    | 2025-02-01 00:00 | 2025-02-01 00:00 | basic | 5     |
        """,
    ),
)  # fmt: skip

Seen = dict[str, list[bool]]


@dataclass(frozen=True)
class Computed:
    """What the engine made of the sample on the day.

    Attributes
    ----------
    specs, values
        The features declared, and one row with a column for each, of the account.
    seen
        Table -> for each of its rows, whether it was known before the day, in the version that
        held then; whether it had happened by then is another matter.
    """

    specs: tuple[FeatureSpec, ...]
    values: pd.DataFrame
    seen: Seen


def computed(lines: Sequence[str], own_file: str = OWN_FILE) -> Computed:
    """Every feature that these lines of a project file declare, over the sample.

    `own_file` is what stands in `own_features.py`, beside the project file.

    Raises
    ------
    ConfigError
        A line is at fault.
    """
    with tempfile.TemporaryDirectory(prefix="npsight-") as folder:
        project = load_project(_written(Path(folder), lines, own_file), {})
        with connect(project) as backend:
            prepared = prepare(project, backend, None, now=READ_ON)
            builder = FeatureBuilder(backend, prepared.facts, project)
            keys = pd.DataFrame({"account": [ACCOUNT], "as_of": [AS_OF]})
            values = builder.features(builder.given_spine(keys))
            seen = {t.name: _seen(backend, prepared.facts, t) for t in SAMPLE}
    return Computed(project.features, values, seen)


def _written(folder: Path, lines: Sequence[str], own_file: str) -> Path:
    for table in SAMPLE:
        (folder / f"{table.name}.csv").write_text(table.csv(), encoding="utf-8")
    (folder / OWN_NAME).write_text(own_file, encoding="utf-8")
    file = folder / "sample.yaml"
    features = "".join(f"  - {line}\n" for line in lines)
    targets = "targets: {churn: {event: subscription_end}}\n"
    text = f"project: sample\n{TABLES}{targets}features:\n{features}"
    file.write_text(text, encoding="utf-8")
    return file


def _seen(backend: Any, facts: Facts, table: SampleTable) -> list[bool]:
    """For each row of the table, whether it was known as of the day."""
    source = facts.versions if table.name == "accounts" else facts.sources[table.name]
    assert source is not None
    known = source.filter(known_before(ibis.literal(AS_OF, type=INSTANT), source))
    rows = backend.to_pyarrow(known.select("occurred_at", "known_at")).to_pylist()
    found = {(row["occurred_at"], row["known_at"]) for row in rows}
    return [table.times(row) in found for row in table.rows]
