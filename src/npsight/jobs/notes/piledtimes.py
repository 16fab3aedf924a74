"""Tables of which most rows bear one time: that of an export, of a migration, of a last change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import ibis

from npsight.config.specs import ProjectSpec
from npsight.errors import Problem
from npsight.tables.namedperiods import is_named
from npsight.temporal.facts import Facts

if TYPE_CHECKING:
    import ibis.expr.types as ir

LEAST_ROWS = 100
SPREAD = timedelta(days=90)


def piled_times(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A problem for each table of answers or activity with more than half of its rows at one time.

    Asked of when they happened, and of when they became known, where what became known at once
    had happened over 90 days at least. Tables of fewer than 100 rows are not asked. That all
    answers are of one day is said elsewhere.
    """
    for name, table in facts.sources.items():
        if name != "responses" and name not in project.tables.activity:
            continue
        if name in project.tables.activity and is_named(project.tables.activity[name]):
            continue  # all rows of a file bear the end of its period
        key = f"tables.{name}" if name == "responses" else f"tables.activity.{name}"
        rows = int(table.count().to_pyarrow().as_py())
        if rows < LEAST_ROWS:
            continue
        at = _most(table, "occurred_at")
        if 2 * at["rows"] > rows and not (name == "responses" and at["rows"] == rows):
            yield _happened(key, at, rows)
        known = _most(table, "known_at")
        if 2 * known["rows"] > rows and known["last"] - known["first"] >= SPREAD:
            yield _known(key, known, rows)


def _most(table: ir.Table, column: str) -> dict[str, Any]:
    """The instant that most rows have, how many, and from when to when these happened."""
    happened = table.occurred_at
    counted = table.group_by(at=table[column]).agg(
        rows=table.count(), first=happened.min(), last=happened.max()
    )
    ordered = counted.order_by(ibis.desc(counted["rows"]), counted["at"]).limit(1)
    found: dict[str, Any] = ordered.to_pyarrow().to_pylist()[0]
    return found


def _happened(key: str, most: dict[str, Any], rows: int) -> Problem:
    return Problem(
        f"{most['rows']:,} of {rows:,} rows bear one and the same time, {_said(most['at'])}",
        "map the column that says when it happened, not when it was exported, loaded or changed "
        "last: on days before that time, features see none of these rows",
        key=key,
    )


def _known(key: str, most: dict[str, Any], rows: int) -> Problem:
    return Problem(
        f"{most['rows']:,} of {rows:,} rows became known at one and the same time, "
        f"{_said(most['at'])}, though they happened from {most['first']:%Y-%m-%d} to "
        f"{most['last']:%Y-%m-%d}",
        "if they could be read before (a system was moved, a table was loaded anew), map the day "
        "of their first entry, or leave out `known_at` and give `delay_hours`: on days before "
        "that time, features see none of these rows",
        key=key,
    )


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
