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

    A row of a source counts as of a day when `occurred_at < as_of`, `known_at < as_of`, and
    neither of these two, where it has them, lies before as_of:

    - `corrected_at` (nullable), where rows of one id are versions of one fact: when the next
      version was known, or the fact was withdrawn. Null in the final version.
    - `moved_at` (nullable), in every source of a project with merges: when it was known that the
      row's account was merged into another one. The other one has a copy of the row, whose
      `owned_from` is that instant and whose `known_at` is not earlier; `owned_from` is null in
      the row as it was recorded.

    Attributes
    ----------
    accounts
        One row an account: `account`, `began_at`, the instant from which it exists and is known,
        and, where it may have begun before it was known, `created_at`, from which its age counts.
    versions
        Attributes through time, or None: `account`, `occurred_at` (valid from), `known_at`,
        `ended_at` (valid to; null while true), `ended_known_at`, the declared attributes
        (`decimal(18, 6)` or string) and, where mapped, `name_`, `owner_`, `revenue_`,
        `renewal_at_`. For a snapshot also `outcome_` (boolean).
    sources
        Feature source to its facts: each activity table; `responses` (also `response_id`,
        `respondent`, `role`, `seniority`, `score` on 0–10, `raw_score`, `band`, `touchpoint`,
        `comment`, `comment_length`, `sentiment`, `theme_*`); `invitations` and `subscriptions`.
        Tables of things that last also have `ended_at` and `ended_known_at` (null while open).
    churn
        The churn events, or None.
    data_end
        The latest instant at which any fact became known: outcomes after it are unseen.
    data_start
        The earliest instant at which any fact happened, or was booked.
    merges
        `account`, `into`, `known_at`: from then on the account is gone, or None. An account ends
        once, and there are no circles.
    scheduled
        Names of sources whose `occurred_at` may lie after `known_at`, booked ahead.
    left_after
        A source and days: an account without a fact of it for so long has left, or None.
    """

    accounts: ir.Table
    versions: ir.Table | None
    sources: Mapping[str, ir.Table]
    churn: ir.Table | None
    data_start: datetime
    data_end: datetime
    merges: ir.Table | None = None
    scheduled: frozenset[str] = frozenset()
    left_after: tuple[str, int] | None = None
