"""From when each account exists, its versions through time, and the bounds of the data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import ibis.expr.types as ir

from npsight.config.schema import Accounts
from npsight.tables.contracts import ALWAYS
from npsight.tables.engine import one_row
from npsight.temporal.instants import INSTANT


def versions_of(checked: ir.Table, table: Accounts) -> ir.Table:
    """The good rows of the accounts table: the newest version known by a day counts on it.

    A version ends at its `valid_to` only. One that is followed is left open where `valid_to` is
    blank, because the next one ends it from when it is known itself. Where the next one begins
    by a day after `valid_to`, that end is known when the next one is, for then it was written.
    """
    versions = checked.drop("created_at_") if "created_at_" in checked.columns else checked
    if not (table.valid_from and table.valid_to):
        return versions
    begun = versions.group_by("account", "occurred_at").aggregate(known_at=versions.known_at.min())
    in_order = ibis.window(group_by=begun.account, order_by=begun.occurred_at)
    following = begun.select(
        "account",
        "occurred_at",
        next_at=begun.occurred_at.lead().over(in_order),
        next_known_at=begun.known_at.lead().over(in_order),
    )
    joined = versions.left_join(following, ["account", "occurred_at"])
    at_once = joined.next_at <= joined.ended_at + ibis.interval(days=1)
    closed = ibis.greatest(joined.ended_known_at, joined.next_known_at)
    return joined.select(
        *(versions[column] for column in versions.columns if column != "ended_known_at"),
        ended_known_at=ibis.ifelse(at_once.fill_null(False), closed, joined.ended_known_at),
    )


def accounts_of(checked: ir.Table | None, table: Accounts | None, facts: ir.Table) -> ir.Table:
    """`account`, `began_at` and `created_at`, one row an account.

    It began at `created_at` where that is mapped and filled, else at its first `valid_from`, else
    when its first fact was known; without any of these, 1900-01-01. It cannot have begun before
    its first row was known, where the table says when that was. The row known first decides, so
    that no later one changes the past.

    `created_at`, from which its age counts, may lie before that: it is what the row known first
    says, else `began_at`.
    """
    first_known = facts.group_by("account").aggregate(
        first_known=ibis.greatest(facts.occurred_at, facts.known_at).min()
    )
    if checked is None or table is None:
        at = first_known.first_known
        return first_known.select("account", began_at=at, created_at=at)
    no_time = ibis.null(INSTANT)
    seen = ibis.greatest(checked.occurred_at, checked.known_at)
    own = checked.group_by("account").aggregate(
        created=_first_created(checked) if table.created_at else no_time,
        said_first=_said_first(checked) if table.created_at else no_time,
        valid=seen.min() if table.valid_from else no_time,
        known=checked.known_at.min() if table.known_at else no_time,
    )
    joined = own.left_join(first_known, own.account == first_known.account)
    began_at = ibis.coalesce(
        joined.created, joined.valid, joined.first_known, ibis.literal(ALWAYS, type=INSTANT)
    )
    known = ibis.coalesce(joined.known, began_at)
    began_at = ibis.greatest(began_at, known)
    created_at = ibis.least(ibis.coalesce(joined.said_first, began_at), began_at)
    return joined.select(account=own.account, began_at=began_at, created_at=created_at)


def _first_created(checked: ir.Table) -> ir.TimestampScalar:
    """`created_at_` of the row known first among those that have one."""
    order = ibis.struct({"known": checked.known_at, "created": checked.created_at_})
    return checked.created_at_.argmin(order, where=checked.created_at_.notnull())


def _said_first(checked: ir.Table) -> ir.TimestampScalar:
    """`created_at_` of the row known first, be it filled or not: known as long as the account."""
    order = ibis.struct({"known": checked.known_at, "created": checked.created_at_})
    said = ibis.struct({"at": checked.created_at_})
    return said.argmin(order)["at"]


def instants_of(tables: Mapping[str, ir.Table], scheduled: frozenset[str]) -> ir.Table | None:
    """`account`, `occurred_at`, `known_at` of all facts together; None without any table.

    A fact booked ahead counts as if it had happened when it was booked.
    """
    slim = []
    for name, table in tables.items():
        occurred = table.occurred_at
        if name in scheduled:
            occurred = ibis.least(occurred, table.known_at)
        slim.append(table.select("account", occurred_at=occurred, known_at=table.known_at))
    if not slim:
        return None
    return ibis.union(*slim) if len(slim) > 1 else slim[0]


def bounds_of(recorded: ir.Table, facts: ir.Table, now: datetime) -> tuple[datetime, datetime]:
    """The first `occurred_at` of `recorded` and the last `known_at` of `facts`, at most now.

    `recorded` leaves out contracts where there is anything else: they reach years further back
    than what has been recorded of their accounts, and nothing can be learned from those years.
    A declared delay may put `known_at` ahead of now; what is not known yet says nothing of how
    far the data have been seen.
    """
    seen = one_row(facts.aggregate(first=facts.occurred_at.min(), last=facts.known_at.max()))
    begun = one_row(recorded.aggregate(first=recorded.occurred_at.min()))
    first: datetime = begun["first"] or seen["first"] or now
    last: datetime = seen["last"] or now
    return first, min(last, now)
