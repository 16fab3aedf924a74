"""Decayed counts of answers: what the history prior reads, for the account, its segment and all.

An answer of age a days counts 0.5^(a / half_life), a = as_of − occurred_at > 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from npsight.features.aggregations import days_between
from npsight.features.attributes import versions_as_of
from npsight.temporal.facts import Facts
from npsight.temporal.windows import seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

HALF_LIVES_DAYS = (60, 120, 240, 480, 960)
BANDS = ("detractor", "passive", "promoter")
LEVELS = ("own", "segment", "market")


def history_column(level: str, band: str, half_life_days: int) -> str:
    """Name of a decayed count, such as `own__detractor__hl240`."""
    return f"{level}__{band}__hl{half_life_days}"


def history_columns() -> list[str]:
    """All decayed counts, in the order of `history_expr`."""
    return [history_column(v, b, h) for v in LEVELS for h in HALF_LIVES_DAYS for b in BANDS]


def history_expr(facts: Facts, spine: ir.Table, segment: str | None) -> ir.Table:
    """`account`, `as_of`, `segment_` (string or null) and every decayed count (float64, ≥ 0).

    Only answers with `occurred_at < as_of` and `known_at < as_of` count. `segment` counts are
    those of all accounts whose segment on the day is the account's own; `market` counts those of
    all accounts. Both include accounts that have left since, because the level of a day must not
    depend on who is scored. Weights are rounded to 12 decimals and summed exactly, so the order
    of rows cannot show.
    """
    responses = facts.sources["responses"]
    days = spine.select("as_of").distinct()
    seen = days.join(responses, seen_before(days.as_of, responses)).select(
        responses.account, days.as_of, responses.occurred_at, responses.band
    )
    own = seen.group_by("account", "as_of").agg(_decayed(seen))
    answered = own.select("account", "as_of")
    own = _with_segment(facts, answered, own, segment)
    rows = _with_segment(facts, spine, spine, segment)
    counts = [c for c in own.columns if c not in ("account", "as_of", "segment_")]
    per_segment = own.group_by("as_of", "segment_").agg([own[c].sum().name(c) for c in counts])
    market = own.group_by("as_of").agg([own[c].sum().name(c) for c in counts])
    joined = rows.left_join(own, ["account", "as_of"]).select(
        rows.account, rows.as_of, rows.segment_, **{f"own__{c}": own[c] for c in counts}
    )
    joined = _beside(joined, per_segment, ["as_of", "segment_"], "segment")
    joined = _beside(joined, market, ["as_of"], "market")
    numbers = {c: joined[c].cast("float64").fill_null(0.0) for c in history_columns()}
    return joined.select("account", "as_of", "segment_", **numbers)


def _beside(rows: ir.Table, level: ir.Table, keys: list[str], name: str) -> ir.Table:
    """`rows` with the counts of a level, looked up by its keys."""
    counts = level.select(
        *keys, **{f"{name}__{c}": level[c] for c in level.columns if c not in keys}
    )
    # A view: both sides come from the same answers, and Ibis must not take one for the other.
    joined = rows.view().left_join(counts.view(), keys)
    return joined.select(*rows.columns, *(c for c in counts.columns if c not in keys))


def _decayed(seen: ir.Table) -> list[ir.Value]:
    age = days_between(seen.as_of, seen.occurred_at)
    counts = []
    for half_life in HALF_LIVES_DAYS:
        weight = (ibis.literal(0.5) ** (age / float(half_life))).round(12).cast("decimal(18, 12)")
        for band in BANDS:
            name = f"{band}__hl{half_life}"
            counts.append(weight.sum(where=seen.band == band).fill_null(0).name(name))
    return counts


def _with_segment(facts: Facts, rows: ir.Table, table: ir.Table, segment: str | None) -> ir.Table:
    if segment is None:
        return table.mutate(segment_=ibis.literal("", type="string"))
    attributes = versions_as_of(facts, rows)
    return table.left_join(attributes, ["account", "as_of"]).select(
        table, segment_=attributes[segment].fill_null("")
    )


def last_answer_expr(facts: Facts, spine: ir.Table) -> ir.Table:
    """The newest answer of each spine row, for display; nulls where there is none.

    Only answers with `occurred_at < as_of` and `known_at < as_of`. Of answers at the same
    instant the one known last counts, then the highest score.

    Returns
    -------
    Table: `account`, `as_of`, `last_score` (float64, on the scale it was asked), `last_band`,
    `last_answer_at`.
    """
    responses = facts.sources["responses"]
    seen = spine.join(
        responses,
        [
            spine.account == responses.account,
            seen_before(spine.as_of, responses),
        ],
    ).select(
        spine.account,
        spine.as_of,
        responses.occurred_at,
        responses.known_at,
        responses.raw_score,
        responses.band,
    )
    newest = ibis.row_number().over(
        group_by=["account", "as_of"],
        order_by=[
            seen.occurred_at.desc(),
            seen.known_at.desc(),
            seen.raw_score.desc(),
            seen.band.desc(),
        ],
    )
    ranked = seen.mutate(rank_=newest)
    last = ranked.filter(ranked.rank_ == 0)
    return spine.left_join(last, ["account", "as_of"]).select(
        spine.account,
        spine.as_of,
        last_score=last.raw_score.cast("float64"),
        last_band=last.band,
        last_answer_at=last.occurred_at,
    )
