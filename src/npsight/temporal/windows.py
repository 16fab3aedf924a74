"""The half-open windows: the only place where an instant is compared with as_of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import OutcomeWindow

if TYPE_CHECKING:
    import ibis.expr.types as ir


def seen_before(as_of: ir.TimestampValue, facts: ir.Table) -> ir.BooleanValue:
    """Whether a fact counts at as_of: `occurred_at < as_of`, and `known_before`."""
    return (facts.occurred_at < as_of) & known_before(as_of, facts)


def known_before(as_of: ir.TimestampValue, facts: ir.Table) -> ir.BooleanValue:
    """Whether a fact was known, `known_at < as_of`, in the version and place that holds at as_of.

    A version no longer counts once its correction, or its account's merge, was known: where
    `corrected_at < as_of` or `moved_at < as_of`. It may lie ahead: see `seen_before`.
    """
    known = facts.known_at < as_of
    for column in ("corrected_at", "moved_at"):
        if column in facts.columns:
            known = known & ~(facts[column] < as_of).fill_null(False)
    return known


def owned_as_of(as_of: ir.TimestampValue, facts: ir.Table) -> ir.BooleanValue:
    """Whether a row is the final version of a fact, on the account that had it as of the day.

    For outcomes, which are read with hindsight: `corrected_at` is null; where accounts merge, the
    row stands for the account that, as far as was known before as_of, its account was part of:
    `owned_from` null or `owned_from < as_of`, and not `moved_at < as_of`.
    """
    owned = facts.account.notnull()
    if "corrected_at" in facts.columns:
        owned = owned & facts.corrected_at.isnull()
    if "moved_at" in facts.columns:
        owned = owned & (facts.owned_from.isnull() | (facts.owned_from < as_of))
        owned = owned & ~(facts.moved_at < as_of).fill_null(False)
    return owned


def in_window(
    as_of: ir.TimestampValue, occurred_at: ir.TimestampValue, days: int, back: int = 0
) -> ir.BooleanValue:
    """Whether an instant lies in `[as_of − (back + days), as_of − back)`, in days."""
    start = as_of - ibis.interval(days=back + days)
    end = as_of - ibis.interval(days=back)
    return (occurred_at >= start) & (occurred_at < end)


def parts_back(
    as_of: ir.TimestampValue, occurred_at: ir.TimestampValue, days: int
) -> ir.IntegerValue:
    """In which part of so many days an earlier instant lies, counted back from as_of.

    k where the instant lies in `[as_of − (k + 1)·days, as_of − k·days)`; only for instants before
    as_of.
    """
    part = days * 86_400_000_000
    passed = as_of.delta(occurred_at, unit="microsecond").cast(dt.int64)
    return ((passed - 1) // part).cast(dt.int64)


def before_window(
    as_of: ir.TimestampValue, occurred_at: ir.TimestampValue, days: int
) -> ir.BooleanValue:
    """Whether an instant lies before the window of so many days: `occurred_at < as_of − days`."""
    return occurred_at < as_of - ibis.interval(days=days)


def open_as_of(
    as_of: ir.TimestampValue, ended_at: ir.TimestampValue, ended_known_at: ir.TimestampValue
) -> ir.BooleanValue:
    """Whether something begun was, as far as known, not over: its end is null, or lies at or
    after as_of, or became known at or after as_of.
    """
    over = ended_at.notnull() & ended_known_at.notnull() & (ended_at < as_of)
    return ~(over & (ended_known_at < as_of)).fill_null(False)


def open_back(
    as_of: ir.TimestampValue,
    occurred_at: ir.TimestampValue,
    ended_at: ir.TimestampValue,
    ended_known_at: ir.TimestampValue,
    days: int,
) -> ir.BooleanValue:
    """Whether something was open so many days before as_of, as far as known at as_of.

    With `then = as_of − days`: begun, `occurred_at < then`, and not over, which is `ended_at <
    then` and `ended_known_at < as_of`. With 0 days it is `open_as_of`.
    """
    then = as_of - ibis.interval(days=days)
    over = ended_at.notnull() & ended_known_at.notnull() & (ended_at < then)
    return (occurred_at < then) & ~(over & (ended_known_at < as_of)).fill_null(False)


def lies_ahead(as_of: ir.TimestampValue, instant: ir.TimestampValue) -> ir.BooleanValue:
    """Whether an instant is yet to come: `as_of <= instant`."""
    return instant >= as_of


def end_lies_ahead(
    as_of: ir.TimestampValue, ended_at: ir.TimestampValue, ended_known_at: ir.TimestampValue
) -> ir.BooleanValue:
    """Whether an end is yet to come and known: `as_of <= ended_at`, `ended_known_at < as_of`."""
    return (lies_ahead(as_of, ended_at) & (ended_known_at < as_of)).fill_null(False)


def outcome_start(as_of: ir.TimestampValue, window: OutcomeWindow) -> ir.TimestampValue:
    """First instant of the outcome window `[as_of + gap, as_of + gap + horizon)`."""
    return as_of + ibis.interval(days=window.gap_days)


def outcome_end(as_of: ir.TimestampValue, window: OutcomeWindow) -> ir.TimestampValue:
    """First instant after the outcome window."""
    return as_of + ibis.interval(days=window.gap_days + window.horizon_days)


def in_outcome(
    as_of: ir.TimestampValue, occurred_at: ir.TimestampValue, window: OutcomeWindow
) -> ir.BooleanValue:
    """Whether an instant lies in `[as_of + gap, as_of + gap + horizon)`."""
    return (occurred_at >= outcome_start(as_of, window)) & (
        occurred_at < outcome_end(as_of, window)
    )
