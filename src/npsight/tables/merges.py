"""Accounts merged into others: whose rows are whose, and from when.

A row stays with the account it was recorded for until the merge was known (`moved_at`); from
then on (`owned_from`) a copy of it belongs to the account that goes on, and so along a chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from npsight.tables.raw import ROW
from npsight.temporal.instants import INSTANT

TWO_AT_ONCE = "account is merged into two accounts, both known at the same time"
ENDED_BEFORE = "account was merged away before: an account ends once"
CIRCLE = "merge closes a circle: the account that goes on was merged into this one"


class Ending(NamedTuple):
    """An account that ended: into which other, and when that was known."""

    into: str
    known_at: datetime


@dataclass(frozen=True)
class Holding:
    """Rows recorded for `origin` belong to `owner` as of a day in `(owned_from, moved_at]`.

    `owned_from` is null for the account they were recorded for, `moved_at` for the last one.
    """

    origin: str
    owner: str
    owned_from: datetime | None
    moved_at: datetime | None


def contradictions(rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """The merges that cannot all be true, by row, with the reason.

    An account ends with the merge known first. Of two known at the same time that name different
    accounts neither is believed. A circle is broken at the merge known last. The order of the
    rows plays no part.
    """
    found: dict[int, str] = {}
    heads = _Heads()
    ended: set[str] = set()
    rivals = _rivals(rows)
    for row in _by_knowledge(rows):
        account, into = row["account"], row["into"]
        if account in ended:
            found[row[ROW]] = ENDED_BEFORE
        elif (account, row["known_at"]) in rivals:
            found[row[ROW]] = TWO_AT_ONCE
        elif heads.of(into) == account:
            found[row[ROW]] = CIRCLE
        else:
            ended.add(account)
            heads.join(account, into)
    return found


def _by_knowledge(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    names = ("known_at", "occurred_at", "account", "into", ROW)
    return sorted(rows, key=lambda row: tuple(row[name] for name in names))


def _rivals(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, datetime]]:
    """(account, known at) of merges that name several others at once."""
    named: dict[tuple[str, datetime], set[str]] = {}
    for row in rows:
        named.setdefault((row["account"], row["known_at"]), set()).add(row["into"])
    return {key for key, others in named.items() if len(others) > 1}


class _Heads:
    """The account at the end of each chain so far; paths are shortened as they are walked."""

    def __init__(self) -> None:
        self._next: dict[str, str] = {}

    def of(self, account: str) -> str:
        walked = []
        while account in self._next:
            walked.append(account)
            account = self._next[account]
        self._next |= dict.fromkeys(walked, account)
        return account

    def join(self, account: str, into: str) -> None:
        self._next[account] = into


def holdings_of(merges: Iterable[Mapping[str, Any]]) -> Iterator[Holding]:
    """Who holds the rows of each account that ended, one after another.

    A merge into an account that was known to have ended passes straight through it: nobody holds
    rows for no time at all.
    """
    endings = {row["account"]: Ending(row["into"], row["known_at"]) for row in merges}
    for origin in endings:
        owner, owned_from = origin, None
        while owner in endings:
            ending = endings[owner]
            if owned_from is None or ending.known_at > owned_from:
                yield Holding(origin, owner, owned_from, ending.known_at)
                owned_from = ending.known_at
            owner = ending.into
        yield Holding(origin, owner, owned_from, None)


def holdings_table(merges: Iterable[Mapping[str, Any]]) -> pa.Table:
    """`holdings_of` as a table."""
    found = list(holdings_of(merges))
    instant = pa.timestamp("us")
    return pa.table(
        {
            "origin": pa.array([h.origin for h in found], pa.string()),
            "owner": pa.array([h.owner for h in found], pa.string()),
            "owned_from": pa.array([h.owned_from for h in found], instant),
            "moved_at": pa.array([h.moved_at for h in found], instant),
        }
    )


def passed_on(facts: ir.Table, holdings: ir.Table) -> ir.Table:
    """The facts of every account, and copies of them for those that took accounts over.

    Returns
    -------
    The columns of `facts`, `owned_from` and `moved_at`: a row belongs to its account as of a day
    unless `moved_at < as_of`; a copy is known from `owned_from` at the earliest. Copies of what
    was corrected by then are left out.
    """
    joined = facts.left_join(holdings, facts.account == holdings.origin)
    known_at = ibis.greatest(facts.known_at, ibis.coalesce(holdings.owned_from, facts.known_at))
    own = {c: facts[c] for c in facts.columns if c not in ("account", "known_at")}
    passed = joined.select(
        account=ibis.coalesce(holdings.owner, facts.account),
        known_at=known_at,
        owned_from=holdings.owned_from.cast(INSTANT),
        moved_at=holdings.moved_at.cast(INSTANT),
        **own,
    )
    if "corrected_at" not in passed.columns:
        return passed
    gone = (passed.corrected_at <= passed.owned_from).fill_null(False)
    return passed.filter(~gone)
