"""The canonical tables that features and targets read, whatever the user's tables look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Facts:
    """A user's data in npsight's words. Every instant is a UTC `timestamp(6)` without a zone.

    Every table in `sources`, and `churn`, has `account` (string), `occurred_at`, `known_at`
    (never null); measures are `decimal(18, 6)`, so that sums are exact in any order; categories
    are strings; both may be null (missing).

    Attributes
    ----------
    accounts
        One row an account: `account`, `began_at`, the instant from which it exists and is known.
    versions
        Attributes through time, or None: `account`, `occurred_at` (valid from), `known_at`,
        `ended_at` (valid to; null while true), `ended_known_at`, the declared attributes
        (`decimal(18, 6)` or string) and, where mapped, `name_`, `owner_`, `revenue_`,
        `renewal_at_`. For a snapshot also `outcome_` (boolean).
    sources
        Feature source to its facts: each activity table; `responses` (also `response_id`,
        `respondent`, `score` on 0–10, `raw_score`, `band`, `touchpoint`, `comment`,
        `comment_length`, `sentiment`, `theme_*`); `invitations` and `subscriptions`. Tables of
        things that last also have `ended_at` and `ended_known_at` (null while open). Tables whose
        facts can be corrected have `corrected_at`: from when a later version of the fact is known
        (null for the last). Where accounts merge, every table has `owned_from` (null for the
        account that a fact was recorded for, else from when it is known to belong to this one)
        and `moved_at` (from when it is known to belong to another).
    churn
        The churn events, or None.
    merges
        Accounts that ended in another: `account`, `into`, `known_at`; None without any.
    scheduled
        The sources whose facts may be known before they happen.
    data_end
        The latest instant at which any fact became known: outcomes after it are unseen.
    data_start
        The earliest instant at which any fact happened.
    """

    accounts: ir.Table
    versions: ir.Table | None
    sources: Mapping[str, ir.Table]
    churn: ir.Table | None
    data_start: datetime
    data_end: datetime
    merges: ir.Table | None = None
    scheduled: frozenset[str] = frozenset()
