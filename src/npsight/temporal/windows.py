"""The half-open windows: the only place where an instant is compared with as_of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from npsight.config.specs import OutcomeWindow

if TYPE_CHECKING:
    import ibis.expr.types as ir


def seen_before(
    as_of: ir.TimestampValue, occurred_at: ir.TimestampValue, known_at: ir.TimestampValue
) -> ir.BooleanValue:
    """Whether a fact had happened and was known: `occurred_at < as_of` and `known_at < as_of`."""
    return (occurred_at < as_of) & (known_at < as_of)


def in_window(
    as_of: ir.TimestampValue, occurred_at: ir.TimestampValue, days: int, back: int = 0
) -> ir.BooleanValue:
    """Whether an instant lies in `[as_of − (back + days), as_of − back)`, in days."""
    start = as_of - ibis.interval(days=back + days)
    end = as_of - ibis.interval(days=back)
    return (occurred_at >= start) & (occurred_at < end)


def open_as_of(
    as_of: ir.TimestampValue, ended_at: ir.TimestampValue, ended_known_at: ir.TimestampValue
) -> ir.BooleanValue:
    """Whether something begun was, as far as known, not over: its end is null, or lies at or
    after as_of, or became known at or after as_of.
    """
    over = ended_at.notnull() & ended_known_at.notnull() & (ended_at < as_of)
    return ~(over & (ended_known_at < as_of)).fill_null(False)


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
