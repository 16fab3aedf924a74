"""How fresh each table is as of a day, on which days it grew, and whether its rows still arrive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import in_window, known_before, seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

RECENT_DAYS = 30


def freshness_expr(facts: Facts, as_of: datetime) -> ir.Table | None:
    """One row a table: `source`, `rows` (int64) seen at as_of, `newest_at` and `newest_known_at`
    of these (null for none), and how many happened in `[as_of − 30, as_of)` (`recent`) and in
    `[as_of − 60, as_of − 30)` (`before`), in days.

    `before` counts what was known by as_of − 30 days, so that both are as complete as each other.
    Attributes of accounts are the source `accounts`. None without any table.
    """
    tables = dict(facts.sources)
    if facts.versions is not None:
        tables = {"accounts": facts.versions, **tables}
    counted = [_counted(name, table, as_of) for name, table in tables.items()]
    if not counted:
        return None
    return counted[0] if len(counted) == 1 else ibis.union(*counted)


def _counted(name: str, table: ir.Table, as_of: datetime) -> ir.Table:
    now, then = (
        ibis.literal(day, type=INSTANT) for day in (as_of, as_of - timedelta(days=RECENT_DAYS))
    )
    seen = seen_before(now, table)
    recent = seen & in_window(now, table.occurred_at, RECENT_DAYS)
    before = known_before(then, table) & in_window(then, table.occurred_at, RECENT_DAYS)
    return table.agg(
        rows=seen.sum().fill_null(0).cast(dt.int64),
        newest_at=table.occurred_at.max(where=seen),
        newest_known_at=table.known_at.max(where=seen),
        recent=recent.sum().fill_null(0).cast(dt.int64),
        before=before.sum().fill_null(0).cast(dt.int64),
    ).mutate(source=ibis.literal(name))


def growth_expr(source: ir.Table, as_of: datetime) -> ir.Table:
    """`day` (UTC) and how many `rows` (int64) became known on it, of those with
    `occurred_at < as_of` and `known_at < as_of`. Days without any are left out.

    Every version of a fact counts when it became known, so that a later correction changes nothing
    of what is said of earlier days.
    """
    until = ibis.literal(as_of, type=INSTANT)
    known = source.filter((source.occurred_at < until) & (source.known_at < until))
    return known.group_by(day=known.known_at.date()).agg(rows=known.count())
