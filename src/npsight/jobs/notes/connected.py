"""Tables that do not go together: accounts of no other table, keys in another case, an end long
before the others', a beginning long after the first day that is learned from.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from npsight.errors import Problem

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from npsight.temporal.facts import Facts

_ENOUGH_ACCOUNTS = 10
_BEHIND_DAYS = 14
_BEHIND_TIMES = 10
_LATE_DAYS = 30
_OF_NO_FILE = ("invitations",)
_OWN_KEYS = ("responses", "subscriptions")


def unconnected(facts: Facts) -> Iterator[Problem]:
    """A warning for each table that shares no account with any other, of two and more."""
    import ibis

    tables = {name: t for name, t in facts.sources.items() if name not in _OF_NO_FILE}
    keyed = {_key(name): table for name, table in tables.items()}
    if facts.churn is not None:
        keyed["tables.churn"] = facts.churn
    if len(keyed) < 2:
        return
    named = [
        table.select("account", source=ibis.literal(key)).distinct() for key, table in keyed.items()
    ]
    accounts = ibis.union(*named)
    sources = accounts.group_by("account").aggregate(sources=accounts.source.nunique())
    counted = (
        accounts.join(sources, "account")
        .group_by("source")
        .aggregate(accounts=ibis._.count(), shared=(ibis._.sources > 1).sum())
        .order_by("source")
    )
    for row in _rows(counted):
        if row["accounts"] >= _ENOUGH_ACCOUNTS and not row["shared"]:
            yield Problem(
                f"none of its {row['accounts']:,} accounts occurs in another table",
                "map the column with the key that the other tables use, or add one where the "
                "table is exported",
                key=row["source"],
            )


def of_other_case(facts: Facts) -> Iterator[Problem]:
    """A warning where keys of accounts differ in upper and lower case only."""
    keys = facts.accounts.account
    (seen,) = _rows(facts.accounts.aggregate(accounts=keys.nunique(), fewer=keys.lower().nunique()))
    if seen["fewer"] < seen["accounts"]:
        yield Problem(
            f"{seen['accounts']:,} accounts would be {seen['fewer']:,} if case were ignored: keys "
            "such as `ACME` and `Acme` count as different customers, each with a part of the "
            "history",
            "if case tells nothing apart, as in names that people typed, say `account_case: lower` "
            "under `tables`",
            key="tables",
        )


def stale(facts: Facts) -> Iterator[Problem]:
    """A warning for each table that ends long before the newest fact, beside how often it had one.

    An account then seems silent, though nobody knows.
    """
    for name, table in facts.sources.items():
        if name in _OF_NO_FILE or name == "subscriptions" or name in facts.scheduled:
            continue
        (seen,) = _rows(
            table.aggregate(
                first=table.known_at.min(),
                last=table.known_at.max(),
                days=table.known_at.date().nunique(),
            )
        )
        if not seen["days"]:
            continue
        behind = (facts.data_end - seen["last"]).days
        between = (seen["last"] - seen["first"]).days / seen["days"]
        if behind > max(_BEHIND_DAYS, _BEHIND_TIMES * between):
            yield Problem(
                f"its newest row was known {behind:,} days before the newest fact of all "
                f"({facts.data_end:%Y-%m-%d}): every account will seem silent in it",
                "load the newer rows of this table before you score",
                key=_key(name),
            )


def begun_late(facts: Facts, first: datetime) -> Iterator[Problem]:
    """A warning for each table that begins long after `first`, the first day that is learned from.

    On the days before, an account seems silent in it, though nobody knows.
    """
    for name, table in facts.sources.items():
        if name in (*_OF_NO_FILE, *_OWN_KEYS) or name in facts.scheduled:
            continue
        (seen,) = _rows(
            table.aggregate(
                first=table.known_at.min(),
                last=table.known_at.max(),
                days=table.known_at.date().nunique(),
            )
        )
        if not seen["days"]:
            continue
        late = (seen["first"] - first).days
        between = (seen["last"] - seen["first"]).days / seen["days"]
        if late > max(_LATE_DAYS, _BEHIND_TIMES * between):
            yield Problem(
                f"its oldest row was known {late:,} days after the first training day "
                f"({first:%Y-%m-%d}): on the days between, every account seems silent in it",
                f"say `first_as_of: {seen['first']:%Y-%m-%d}`, or a later day, under `training`; "
                "or load the older rows of this table",
                key=_key(name),
            )


def _key(name: str) -> str:
    return f"tables.{name}" if name in _OWN_KEYS else f"tables.activity.{name}"


def _rows(table: ir.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return found
