"""A number's place among the accounts of the same segment on the same day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import FeatureSpec
from npsight.features.attributes import versions_as_of
from npsight.temporal.facts import Facts

if TYPE_CHECKING:
    import ibis.expr.types as ir

KEYS = ["account", "as_of"]


def against_segment(
    facts: Facts,
    spine: ir.Table,
    members: ir.Table,
    values: ir.Table,
    specs: Sequence[FeatureSpec],
    segment: str,
) -> ir.Table:
    """`account`, `as_of` and each feature of `specs` as a share from 0 to 1.

    It is the share of the members of the account's segment at as_of that have a lower value,
    equal ones (and the account itself) counting half. Members without a value are left out; an
    account without one has no place. `members` are the accounts that exist on the day: the
    comparison must not depend on who is asked for. `values` holds the numbers of the rows of
    `spine` and of `members`.
    """
    own = versions_as_of(facts, values.select(*KEYS))
    known = values.left_join(own, KEYS).select(values, segment_=own[segment].fill_null(""))
    present = members.select(*KEYS, member_=ibis.literal(1, type=dt.int64))
    rows = known.left_join(present, KEYS).select(known, member_=present.member_.fill_null(0))
    places = rows.select(*KEYS, **{spec.name: _place(rows, spec.name) for spec in specs})
    names = [spec.name for spec in specs]
    return spine.left_join(places, KEYS).select(
        spine.account, spine.as_of, *(places[name] for name in names)
    )


def _place(rows: ir.Table, name: str) -> ir.FloatingValue:
    value = rows[name]
    counts = rows.member_ * value.notnull().cast(dt.int64)
    peers = [rows.as_of, rows.segment_]
    within = ibis.window(group_by=peers)
    up_to = ibis.range_window(group_by=peers, order_by=value, following=0)
    alike = ibis.window(group_by=[*peers, value])
    not_higher = counts.sum().over(up_to)
    equal, everyone = counts.sum().over(alike), counts.sum().over(within)
    place = (not_higher - equal / 2.0) / everyone.nullif(0)
    return value.notnull().ifelse(place, ibis.null(dt.float64))
