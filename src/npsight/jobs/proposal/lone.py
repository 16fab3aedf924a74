"""A single file such as `usage_2025-06.csv`: whether the period in its name dates its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.config.schema import PERIOD, PERIOD_OVER
from npsight.jobs.notes.words import ACCOUNT_WORDS, words
from npsight.jobs.proposal import guess, vocabulary
from npsight.tables.namedperiods import parts_of

if TYPE_CHECKING:
    from npsight.tables.profile import TableProfile


def with_lone_settled(tables: Sequence[TableProfile]) -> list[TableProfile]:
    """The tables, those dated by the name of a single file called without its period.

    A single list of accounts, and a snapshot, do not begin when the month of their name is over:
    that is only when they were exported, and they stay without a time.
    """
    return [_settled(table, len(tables)) if _is_lone(table) else table for table in tables]


def _is_lone(table: TableProfile) -> bool:
    named = PERIOD in (table.source.path or "")
    return named and len(parts_of(table.source, table.name)) == 1


def _settled(table: TableProfile, tables: int) -> TableProfile:
    if _is_list(table, tables):
        return _undated(table)
    before, _, behind = Path(str(table.source.path)).name.partition(PERIOD)
    name = f"{before} {behind.split('.')[0]}".strip("-_. ()")
    return replace(table, name=name or table.name)


def _is_list(table: TableProfile, tables: int) -> bool:
    of_table = {word.removesuffix("s") for word in words(table.name)}
    left = guess.pick([c for c in table.columns if c.distinct == 2], vocabulary.CHURN_WORDS)
    if tables == 1 and left is not None:
        return True
    owned = guess.pick(table.columns, vocabulary.OWNER_WORDS, time=False)
    return bool(of_table & ACCOUNT_WORDS) or owned is not None


def _undated(table: TableProfile) -> TableProfile:
    (part,) = parts_of(table.source, table.name)
    columns = tuple(c for c in table.columns if c.name != PERIOD_OVER)
    source = table.source.model_copy(update={"path": part.place.path})
    return replace(table, source=source, columns=columns)
