"""Comments by period: how many name a theme, what they scored, and the newest of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import in_window, known_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

TEXT_LENGTH = 400


def themes_by_period_expr(
    facts: Facts, ends: Sequence[datetime], as_of: datetime, period_days: int, themes: Sequence[str]
) -> ir.Table:
    """Answers with a comment, by what it names, of each account in each period `[end −
    period_days, end)`, as known before as_of: `occurred_at < end` and `known_at < as_of`, in the
    version that held at as_of.

    Returns
    -------
    Table: `account`, `as_of` (the period's end), and `answers`, `detractors`, `promoters` (int64)
    of all with a comment and, as `answers_0` and so on, of those that name the first theme, the
    second, … and last of those that name none. A comment may name several. Accounts without a
    comment have no row.
    """
    days = ibis.memtable({"as_of": list(ends)}, schema=ibis.schema({"as_of": INSTANT}))
    told = _commented(facts, as_of)
    joined = days.join(told, in_window(days.as_of, told.occurred_at, period_days))
    names = [_names(joined, theme) for theme in themes]
    some = [ibis.literal(True), *names, ~ibis.or_(ibis.literal(False), *names)]
    rows = joined.select(
        joined.account,
        days.as_of,
        joined.band,
        **{f"names_{place}": named for place, named in enumerate(some)},
    )
    counted = {}
    for place in range(len(some)):
        named = rows[f"names_{place}"]
        suffix = "" if place == 0 else f"_{place - 1}"
        counted[f"answers{suffix}"] = named.sum().cast(dt.int64)
        for band in ("detractor", "promoter"):
            both = named & (rows.band == band)
            counted[f"{band}s{suffix}"] = both.sum().cast(dt.int64)
    return rows.group_by("account", "as_of").agg(**counted)


def newest_comments_expr(
    facts: Facts, as_of: datetime, period_days: int, theme: str, most: int
) -> ir.Table | None:
    """The newest comments of `[as_of − period_days, as_of)` that name a theme, as known before
    as_of: `account`, `occurred_at`, `band`, `comment`, cut to 400 characters, at most `most` rows.

    None where the engine was not given any free text.
    """
    told = _commented(facts, as_of)
    if "comment" not in told.columns:
        return None
    now = ibis.literal(as_of, type=INSTANT)
    inside = told.filter(in_window(now, told.occurred_at, period_days), _names(told, theme))
    cut = inside.select(
        "account", "occurred_at", "band", comment=inside.comment.substr(0, TEXT_LENGTH)
    )
    order = [cut.occurred_at.desc(), "account", "comment"]
    return cut.order_by(order).limit(most)


def _commented(facts: Facts, as_of: datetime) -> ir.Table:
    responses = facts.sources["responses"]
    now = ibis.literal(as_of, type=INSTANT)
    known = known_before(now, responses)
    return responses.filter(known, responses.comment_length.notnull())


def _names(answers: ir.Table, theme: str) -> ir.BooleanValue:
    return (answers[f"theme_{theme}"] == 1).fill_null(False)
