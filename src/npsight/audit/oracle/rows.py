"""Rows as dictionaries, and what of them can be seen before a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]
DAY = timedelta(days=1)


@dataclass
class World:
    """What happened, as lists of rows; None where a project has no such table.

    The columns are those of `npsight.temporal.facts.Facts`. `scheduled` names the sources whose
    facts may lie ahead of the day they were known. `left_after` names a source, and the days
    without a fact of it after which an account has left.
    """

    accounts: list[Row]
    versions: list[Row] | None = None
    sources: dict[str, list[Row]] = field(default_factory=dict)
    churn: list[Row] | None = None
    data_end: datetime = datetime(2030, 1, 1)
    merges: list[Row] | None = None
    scheduled: frozenset[str] = frozenset()
    left_after: tuple[str, int] | None = None


def is_known(row: Row, as_of: datetime) -> bool:
    """It was known, not yet known to be wrong, and the account had not been merged away."""
    if row["known_at"] >= as_of:
        return False
    return not (_was(row, "corrected_at", as_of) or _was(row, "moved_at", as_of))


def is_seen(row: Row, as_of: datetime) -> bool:
    """It had happened, and that was known: `occurred_at < as_of` and `known_at < as_of`."""
    return bool(row["occurred_at"] < as_of) and is_known(row, as_of)


def is_owned(row: Row, as_of: datetime) -> bool:
    """For outcomes: the final version of a fact, of the account that owned it before as_of."""
    if row.get("corrected_at") is not None or _was(row, "moved_at", as_of):
        return False
    return row.get("owned_from") is None or _was(row, "owned_from", as_of)


def _was(row: Row, column: str, as_of: datetime) -> bool:
    return row.get(column) is not None and row[column] < as_of


def seen_rows(rows: Iterable[Row], account: str, as_of: datetime) -> list[Row]:
    """The account's rows that had happened and were known."""
    return [row for row in rows if row["account"] == account and is_seen(row, as_of)]


def between(rows: Iterable[Row], start: datetime, end: datetime) -> list[Row]:
    """Rows in `[start, end)`."""
    return [row for row in rows if start <= row["occurred_at"] < end]


def is_open(row: Row, as_of: datetime) -> bool:
    """No end, or it was yet to come, or nobody knew of it.

    Rows without a column `ended_known_at` say of an end that it is known once it has passed.
    """
    if row.get("ended_at") is None:
        return True
    if row["ended_at"] >= as_of:
        return True
    return bool("ended_known_at" in row and row["ended_known_at"] >= as_of)


def days(later: datetime, earlier: datetime) -> float:
    """Days between two instants, fractions included."""
    return (later - earlier) / DAY


def when(row: Row) -> tuple[datetime, datetime]:
    """Order in time: by when it happened, then by when it was known."""
    return row["occurred_at"], row["known_at"]


def version_in_force(world: World, account: str, as_of: datetime) -> Row | None:
    """The newest attribute version seen, unless it was known to be over."""
    newest = None
    for row in seen_rows(world.versions or [], account, as_of):
        if newest is None or when(row) > when(newest):
            newest = row
    return newest if newest is not None and is_open(newest, as_of) else None
