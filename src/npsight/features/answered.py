"""How many answers were known of an account, and when the newest was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt

from npsight.temporal.facts import Facts
from npsight.temporal.windows import seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir


def answered_expr(facts: Facts, spine: ir.Table) -> ir.Table:
    """`account`, `as_of`, `past_answers` (int64, 0 for none) and `last_answer_at` (null for none).

    Only answers with `occurred_at < as_of` and `known_at < as_of` count.
    """
    responses = facts.sources["responses"]
    seen = spine.join(
        responses, [spine.account == responses.account, seen_before(spine.as_of, responses)]
    ).select(spine.account, spine.as_of, responses.occurred_at)
    counted = seen.group_by("account", "as_of").agg(
        past_answers=seen.count(), last_answer_at=seen.occurred_at.max()
    )
    # A view: both sides come from the same spine, and Ibis must not take one for the other.
    found = counted.view()
    return spine.left_join(found, ["account", "as_of"]).select(
        spine.account,
        spine.as_of,
        past_answers=found.past_answers.fill_null(0).cast(dt.int64),
        last_answer_at=found.last_answer_at,
    )
