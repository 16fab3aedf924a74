"""Labels of a spine: what happened in `[as_of + gap, as_of + gap + horizon)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.config.schema import ChurnTarget
from npsight.config.specs import OutcomeWindow
from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import in_outcome, outcome_end, outcome_start, owned_as_of

if TYPE_CHECKING:
    import ibis.expr.types as ir


def complete(facts: Facts, spine: ir.Table, window: OutcomeWindow) -> ir.Table:
    """The spine rows whose outcome can be known: `as_of + gap + horizon <= data_end`, and the
    account is not merged into another before that end.

    The others are censored. They are left out, never counted as "no".
    """
    end = ibis.literal(facts.data_end, type=INSTANT)
    ended = spine.filter(outcome_end(spine.as_of, window) <= end)
    if facts.merges is None:
        return ended
    merges = facts.merges
    before_end = merges.known_at < outcome_end(ended.as_of, window)
    merged = ended.join(merges, [ended.account == merges.account, before_end])
    gone = merged.select(ended.account, ended.as_of).distinct()
    return ended.anti_join(gone, ["account", "as_of"])


def answers_expr(
    facts: Facts, spine: ir.Table, window: OutcomeWindow, touchpoints: Sequence[str] = ()
) -> ir.Table:
    """Answers of each account in its outcome window; accounts without one have no row.

    Outcomes are read with hindsight: of a corrected answer, the final version counts, for the
    account that it belonged to as of the day. Where `touchpoints` are named, only answers at one
    of them count; an answer whose touchpoint is missing is at none.

    Returns
    -------
    Table: `account`, `as_of`, `answers`, `detractors`, `promoters` (int64, counts) and
    `label_known_at` (the latest known_at among those answers).
    """
    joined = answer_rows_expr(facts, spine, window, touchpoints)
    return joined.group_by("account", "as_of").agg(
        answers=joined.count().cast(dt.int64),
        detractors=joined.count(where=joined.band == "detractor").cast(dt.int64),
        promoters=joined.count(where=joined.band == "promoter").cast(dt.int64),
        label_known_at=joined.known_at.max(),
    )


def answer_rows_expr(
    facts: Facts,
    spine: ir.Table,
    window: OutcomeWindow,
    touchpoints: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> ir.Table:
    """The answers that `answers_expr` counts, one row each.

    Returns
    -------
    Table: `account`, `as_of`, `band`, `known_at` and these `columns` of the responses.
    """
    asked = facts.sources["responses"]
    if touchpoints:
        asked = asked.filter(asked.touchpoint.isin(list(touchpoints)))
    return spine.join(
        asked,
        [
            spine.account == asked.account,
            in_outcome(spine.as_of, asked.occurred_at, window),
            owned_as_of(spine.as_of, asked),
        ],
    ).select(spine.account, spine.as_of, *(asked[c] for c in ("band", "known_at", *columns)))


def churn_expr(
    facts: Facts, spine: ir.Table, target: ChurnTarget, window: OutcomeWindow
) -> ir.Table:
    """Whether each account at risk is lost in its outcome window.

    An account that is gone before the window starts was never at risk in it: it has no row. Call
    with the spine of `complete`; a censored window would read as "stayed".

    Returns
    -------
    Table: `account`, `as_of`, `churned` (int64, 0 or 1), `label_known_at` (when the loss was
    known, or null).
    """
    if target.event == "subscription_end":
        return _subscription_end(facts.sources["subscriptions"], spine, window)
    if target.event == "churn_table" and facts.churn is not None:
        return _churn_event(facts.churn, spine, window)
    if target.event == "no_activity" and target.activity is not None:
        return _no_activity(facts.sources[target.activity], spine, window)
    raise ValueError(f"`{target.event}` has no dated outcome")


def _subscription_end(subscriptions: ir.Table, spine: ir.Table, window: OutcomeWindow) -> ir.Table:
    """Lost: something runs where the window `[start, end)` starts, and nothing where it ends.

    An end exactly at `start` lies in the window and is a loss; one exactly at `end` does not.
    """
    keyed = spine.mutate(
        start_=outcome_start(spine.as_of, window), end_=outcome_end(spine.as_of, window)
    )
    own = [keyed.account == subscriptions.account, owned_as_of(keyed.as_of, subscriptions)]
    joined = keyed.join(subscriptions, own).select(
        keyed, subscriptions.occurred_at, subscriptions.ended_at, subscriptions.ended_known_at
    )
    ended_before_start = (joined.ended_at < joined.start_).fill_null(False)
    ended_before_end = (joined.ended_at < joined.end_).fill_null(False)
    counted = joined.group_by("account", "as_of").agg(
        at_start=((joined.occurred_at <= joined.start_) & ~ended_before_start).sum(),
        at_end=((joined.occurred_at < joined.end_) & ~ended_before_end).sum(),
        end_known_at=joined.ended_known_at.max(where=ended_before_end),
    )
    at_risk = counted.filter(counted.at_start > 0)
    lost = at_risk.at_end == 0
    return at_risk.select(
        "account",
        "as_of",
        churned=lost.cast(dt.int64),
        label_known_at=lost.ifelse(at_risk.end_known_at, ibis.null(INSTANT)),
    )


def _churn_event(events: ir.Table, spine: ir.Table, window: OutcomeWindow) -> ir.Table:
    joined = spine.left_join(events, spine.account == events.account).select(
        spine.account, spine.as_of, events.occurred_at, events.known_at
    )
    inside = in_outcome(joined.as_of, joined.occurred_at, window).fill_null(False)
    before = (joined.occurred_at < outcome_start(joined.as_of, window)).fill_null(False)
    counted = joined.group_by("account", "as_of").agg(
        inside=inside.sum(), before=before.sum(), label_known_at=joined.known_at.min(where=inside)
    )
    at_risk = counted.filter(counted.before == 0)
    return at_risk.select(
        "account",
        "as_of",
        churned=(at_risk.inside > 0).cast(dt.int64),
        label_known_at="label_known_at",
    )


def _no_activity(activity: ir.Table, spine: ir.Table, window: OutcomeWindow) -> ir.Table:
    """Lost: no fact in the window. The silence is known when the window ends."""
    joined = spine.left_join(
        activity,
        [
            spine.account == activity.account,
            in_outcome(spine.as_of, activity.occurred_at, window),
            owned_as_of(spine.as_of, activity),
        ],
    ).select(spine.account, spine.as_of, activity.occurred_at)
    counted = joined.group_by("account", "as_of").agg(facts=joined.occurred_at.count())
    return counted.select(
        "account",
        "as_of",
        churned=(counted.facts == 0).cast(dt.int64),
        label_known_at=outcome_end(counted.as_of, window),
    )
