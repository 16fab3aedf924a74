"""When somebody of ours was last in contact with an account."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from npsight.temporal.facts import Facts
from npsight.temporal.windows import seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir


def last_contact_expr(facts: Facts, spine: ir.Table, sources: Sequence[str]) -> ir.Table:
    """`account`, `as_of` and `last_contact_at` (null for none) of each spine row.

    The newest `occurred_at` among the rows of these sources in the window (−∞, as_of): only those
    with `occurred_at < as_of` and `known_at < as_of` count, in the version and on the account that
    were known before as_of.
    """
    seen = [_seen(spine, facts.sources[name]) for name in sources]
    contacts = reduce(lambda one, other: one.union(other), seen)
    # A view: both sides come from the same spine, and Ibis must not take one for the other.
    newest = (
        contacts.group_by("account", "as_of").agg(last_contact_at=contacts.occurred_at.max()).view()
    )
    return spine.left_join(newest, ["account", "as_of"]).select(
        spine.account, spine.as_of, last_contact_at=newest.last_contact_at
    )


def _seen(spine: ir.Table, contacts: ir.Table) -> ir.Table:
    mine = [spine.account == contacts.account, seen_before(spine.as_of, contacts)]
    return spine.join(contacts, mine).select(spine.account, spine.as_of, contacts.occurred_at)
