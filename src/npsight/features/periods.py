"""Answers by period, as the surveys reported them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import in_window, known_before

if TYPE_CHECKING:
    import ibis.expr.types as ir


def period_ends(data_start: datetime, as_of: datetime, period_days: int) -> list[datetime]:
    """The ends of the whole periods before as_of, rising: the last is as_of itself.

    A period is `[end − period_days, end)`; one that began before the data did is left out.
    """
    period = timedelta(days=period_days)
    count = max((as_of - data_start) // period, 0)
    return [as_of - period * back for back in reversed(range(count))]


def answers_by_period_expr(
    facts: Facts, ends: Sequence[datetime], as_of: datetime, period_days: int
) -> ir.Table:
    """Answers of each account in each period `[end − period_days, end)`, as known before as_of:
    `occurred_at < end` and `known_at < as_of`, in the version that held at as_of.

    Returns
    -------
    Table: `account`, `as_of` (the period's end), `answers`, `detractors`, `promoters` (int64);
    accounts without an answer have no row.
    """
    days = ibis.memtable({"as_of": list(ends)}, schema=ibis.schema({"as_of": INSTANT}))
    responses = facts.sources["responses"]
    now = ibis.literal(as_of, type=INSTANT)
    known = responses.filter(known_before(now, responses))
    inside = in_window(days.as_of, known.occurred_at, period_days)
    joined = days.join(known, inside).select(known.account, days.as_of, known.band)
    return joined.group_by("account", "as_of").agg(
        answers=joined.count().cast(dt.int64),
        detractors=joined.count(where=joined.band == "detractor").cast(dt.int64),
        promoters=joined.count(where=joined.band == "promoter").cast(dt.int64),
    )
