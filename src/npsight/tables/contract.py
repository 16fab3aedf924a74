"""What a contract is: what a table becomes, and what makes its rows bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

FACT_ID = "_id"
STATED = "_stated"
"""When a row was known as it says itself, before it is lifted to the time of its fact."""
WITHDRAWN = "_withdrawn"

Review = Callable[[Sequence[Mapping[str, Any]]], Mapping[int, str]]
"""All good rows of a small table -> `_row` of those that contradict others, and the reason."""


@dataclass(frozen=True)
class Contract:
    """What a table becomes.

    Attributes
    ----------
    columns
        Canonical column to its expression over the raw table.
    skip
        Rows that are no facts, though they are not bad; None where there are none.
    identity
        Canonical columns of which no two good rows may agree; empty: none.
    identity_reason
        What a second such row is called.
    versioned
        Whether rows of one id are versions of one fact: the columns then hold `_id`, `_stated`,
        `_withdrawn` and `corrected_at` (null, to be filled in), and rows of `skip` end the
        version before them.
    review
        Finds rows that contradict each other in ways that no identity can express.
    may_be_empty
        Whether a table without rows is as good as any.
    """

    columns: Mapping[str, ir.Value]
    skip: ir.BooleanValue | None = None
    identity: tuple[str, ...] = ()
    identity_reason: str = ""
    versioned: bool = False
    review: Review | None = None
    may_be_empty: bool = False
