"""Which of the tables is what: answers, contracts, losses, a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npsight.jobs.proposal import guess, vocabulary
from npsight.jobs.proposal.keys import Hop

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

Keys = Mapping[str, str]
Told = tuple["TableProfile", "ColumnProfile"]
"""A table, and the column that tells who left, or when."""


@dataclass(frozen=True)
class Kinds:
    """The tables by what they hold; all others are activity, or left out.

    `snapshot` is a single table without any time, `accounts` the list of accounts. `left` tells of
    losses where there are no contracts: a table of its own, or a column of the list of accounts.
    """

    snapshot: Told | None
    responses: tuple[TableProfile, ...]
    subscriptions: TableProfile | None
    left: Told | None
    accounts: TableProfile | None

    @property
    def taken(self) -> frozenset[str]:
        """Names of the tables that are no activity."""
        tables = [*self.responses, self.subscriptions, self.accounts]
        tables += [told[0] for told in (self.snapshot, self.left) if told is not None]
        return frozenset(table.name for table in tables if table is not None)


def kinds_of(
    tables: Sequence[TableProfile], looked_up: Keys, hops: Mapping[str, Sequence[Hop]]
) -> Kinds:
    """What each table is, by its columns; those without a row or an account are none of these."""
    keys = {**looked_up, **_own_keys(hops)}
    keyed = [t for t in tables if t.name in keys and t.rows]
    snapshot = guess.guess_snapshot(keyed, keys)
    if snapshot is not None:
        return Kinds(snapshot, (), None, None, snapshot[0])
    responses = _responses(keyed)
    taken = {t.name for t in responses}
    subscriptions = next((t for t in keyed if t.name not in taken and _is_contract(t)), None)
    taken |= {subscriptions.name} if subscriptions else set()
    left = None if subscriptions else _losses([t for t in keyed if t.name not in taken], keys)
    taken |= {left[0].name} if left else set()
    accounts = guess.guess_accounts(tables, keys, taken)
    if accounts is not None and left is None:
        column = guess.pick(accounts.columns, vocabulary.LEFT_WORDS, time=True)
        left = (accounts, column) if column else None
    return Kinds(None, tuple(responses), subscriptions, left, accounts)


def _own_keys(hops: Mapping[str, Sequence[Hop]]) -> dict[str, str]:
    """Columns of tables that name accounts in another way, each by one value of its own."""
    return {
        name: way[0].by
        for name, way in hops.items()
        if all(hop.match == "value" and _is_once(hop) for hop in way)
    }


def _is_once(hop: Hop) -> bool:
    taken = hop.table.column(hop.take)
    return taken is not None and taken.distinct == taken.filled


def _responses(tables: Sequence[TableProfile]) -> list[TableProfile]:
    scored = [t for t in tables if guess.guess_score(t) and guess.guess_times(t).occurred]
    return [t for t in scored if guess.is_survey(t)] or scored[:1]


def _is_contract(table: TableProfile) -> bool:
    """Whether it tells when something began and ended, and no score."""
    start = guess.guess_start(table)
    return bool(start and guess.guess_end(table) and guess.guess_score(table) is None)


def _losses(tables: Sequence[TableProfile], keys: Keys) -> Told | None:
    found = ((table, guess.guess_loss(table, keys[table.name])) for table in tables)
    return next(((table, left) for table, left in found if left is not None), None)
