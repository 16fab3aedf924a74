"""From when each account exists, its versions through time, and the bounds of the data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import ibis
import ibis.expr.types as ir

from npsight.config.schema import Accounts
from npsight.tables.contracts import ALWAYS
from npsight.tables.engine import INSTANT, one_row


def versions_of(checked: ir.Table, table: Accounts) -> ir.Table:
    """The good rows of the accounts table, so that exactly one is valid on any day.

    A version ends at its `valid_to` or at the next version's `valid_from`, whichever is earlier:
    exports often leave `valid_to` blank or let versions overlap.
    """
    versions = checked.drop("created_at_") if "created_at_" in checked.columns else checked
    if not table.valid_from:
        return versions
    in_order = ibis.window(group_by=versions.account, order_by=versions.occurred_at)
    following = versions.occurred_at.lead().over(in_order)
    ended = ibis.least(versions.ended_at, following)
    return versions.mutate(ended_at=ended, ended_known_at=ended)


def accounts_of(checked: ir.Table | None, table: Accounts | None, facts: ir.Table) -> ir.Table:
    """`account` and `began_at`, one row an account.

    It began at `created_at` where that is mapped and filled, else at its first `valid_from`, else
    when its first fact was known; without any of these, 1900-01-01.
    """
    first_known = facts.group_by("account").aggregate(
        first_known=ibis.greatest(facts.occurred_at, facts.known_at).min()
    )
    if checked is None or table is None:
        return first_known.select("account", began_at=first_known.first_known)
    no_time = ibis.null(INSTANT)
    own = checked.group_by("account").aggregate(
        created=checked.created_at_.min() if table.created_at else no_time,
        valid=checked.occurred_at.min() if table.valid_from else no_time,
    )
    joined = own.left_join(first_known, own.account == first_known.account)
    return joined.select(
        account=own.account,
        began_at=ibis.coalesce(
            joined.created, joined.valid, joined.first_known, ibis.literal(ALWAYS, type=INSTANT)
        ),
    )


def instants_of(tables: Iterable[ir.Table]) -> ir.Table | None:
    """`account`, `occurred_at`, `known_at` of all facts together; None without any table."""
    slim = [table.select("account", "occurred_at", "known_at") for table in tables]
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
