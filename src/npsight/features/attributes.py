"""Attributes of an account as of the day, through validity intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import days_between
from npsight.temporal.facts import Facts
from npsight.temporal.windows import open_as_of, seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

DISPLAY = ("name_", "owner_", "revenue_", "renewal_at_")


def versions_as_of(facts: Facts, spine: ir.Table, ended_too: bool = False) -> ir.Table:
    """For each spine row the attribute version in force, or nulls.

    That is the version with the latest `occurred_at < as_of` that was `known_at < as_of`; once
    its `ended_at < as_of`, known so before as_of, nothing is in force. A change stamped exactly
    as_of is not yet seen. With `ended_too`, an account keeps its last version when it ends: so
    those that have left still belong somewhere.

    Returns
    -------
    Table: `account`, `as_of`, then every column of `facts.versions` except its times.
    """
    versions = facts.versions
    if versions is None:
        return spine
    columns = [c for c in versions.columns if c not in ("account", *_TIMES)]
    joined = spine.join(
        versions,
        [
            spine.account == versions.account,
            seen_before(spine.as_of, versions),
        ],
    ).select(
        spine.account,
        spine.as_of,
        *(versions[c] for c in (*_TIMES, *columns)),
    )
    newest = ibis.row_number().over(
        group_by=["account", "as_of"],
        order_by=[joined.occurred_at.desc(), joined.known_at.desc()],
    )
    ranked = joined.mutate(rank_=newest)
    in_force = open_as_of(ranked.as_of, ranked.ended_at, ranked.ended_known_at) | ended_too
    current = ranked.filter((ranked.rank_ == 0) & in_force).select("account", "as_of", *columns)
    return spine.left_join(current, ["account", "as_of"]).select(
        spine.account, spine.as_of, *(current[c] for c in columns)
    )


_TIMES = ("occurred_at", "known_at", "ended_at", "ended_known_at")


def standing_expr(facts: Facts, spine: ir.Table, segment: str | None) -> ir.Table:
    """`account`, `as_of`, `segment` (string, "" where none is in force) and `age_days` (float64,
    since the account began) of each spine row.
    """
    current = versions_as_of(facts, spine)
    value = ibis.literal("", type=dt.string) if segment is None else current[segment].fill_null("")
    placed = current.select("account", "as_of", segment=value)
    began = _began(facts)
    return placed.left_join(began, placed.account == began.account).select(
        placed, age_days=days_between(placed.as_of, began.since_)
    )


def _began(facts: Facts) -> ir.Table:
    """`account` and `since_`, from which its age counts."""
    accounts = facts.accounts
    since = "created_at" if "created_at" in accounts.columns else "began_at"
    return accounts.select("account", since_=accounts[since])


def attribute_features(facts: Facts, spine: ir.Table, specs: Sequence[FeatureSpec]) -> ir.Table:
    """`account`, `as_of` and one column for each feature of source `accounts`."""
    attributes = versions_as_of(facts, spine)
    began = _began(facts)
    joined = attributes.left_join(began, attributes.account == began.account).select(
        attributes, began.since_
    )
    columns = {spec.name: _attribute(joined, spec) for spec in specs}
    return joined.select("account", "as_of", **columns)


def _attribute(joined: ir.Table, spec: FeatureSpec) -> ir.Value:
    if spec.aggregation == "age":
        return days_between(joined.as_of, joined.since_)
    if spec.aggregation == "days_until_renewal":
        return days_between(joined.renewal_at_, joined.as_of)
    value = joined[spec.measure]
    return value if spec.dtype == "category" else value.cast(dt.float64)
