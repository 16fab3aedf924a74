"""What a few accounts were scored from, by primary key: the store's part of a request's path.

The statement is made by SQLAlchemy once for each number of accounts and then run on the driver's
own connection: its cursor costs a tenth of the whole way through the engine. JSON is not read by
the driver, for who asks can read it faster, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Text, bindparam, cast, select

from npsight.store import tables
from npsight.store.database import driver_connection
from npsight.store.store import Store

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class FoundInput:
    """One account's stored inputs as JSON texts, and what of its score is displayed.

    `past` is None where it was not asked for; `band_now` and `as_of`, its score's instant, where
    the run has no score of it.
    """

    account: str
    features: str
    past: str | None
    band_now: str | None
    as_of: datetime | None


def look_up(
    store: Store, run_id: str, accounts: Sequence[str], with_past: bool, patient: bool = True
) -> list[FoundInput]:
    """The accounts that the run has inputs of, in no order.

    Raises StateError as the store does; where it is not to be `patient`, also where a SQLite file
    is locked just now.
    """
    engine = store.engine
    found: list[FoundInput] = []
    with driver_connection(engine, patient) as connection:
        cursor = connection.cursor()
        for start in range(0, len(accounts), AT_ONCE):
            some = accounts[start : start + AT_ONCE]
            statement, order = _statement(engine.dialect, len(some), with_past)
            values = {"run": run_id, **{f"accounts_{i}": a for i, a in enumerate(some, 1)}}
            cursor.execute(statement, [values[name] for name in order] if order else values)
            found += [
                FoundInput(account, features, past, band, _instant(at))
                for account, features, past, band, at in cursor.fetchall()
            ]
        cursor.close()
    return found


def accounts_after(store: Store, run_id: str, account: str, limit: int) -> list[str]:
    """Accounts that a run has inputs of, in the database's order, from behind `account` on."""
    key = tables.inputs.c.account
    query = select(key).where(tables.inputs.c.run_id == run_id, key > account)
    with store.reading() as connection:
        return list(connection.execute(query.order_by(key).limit(limit)).scalars())


def _instant(text: str | None) -> datetime | None:
    """As `UtcInstant` reads it, which the driver knows nothing of."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


@lru_cache(maxsize=128)
def _statement(dialect: Dialect, count: int, with_past: bool) -> tuple[str, tuple[str, ...]]:
    """The statement for so many accounts, and its parameters' order where they go by position."""
    inputs, scores = tables.inputs, tables.scores
    past: Any = cast(inputs.c.past, Text) if with_past else cast(None, Text)
    query = (
        select(
            inputs.c.account,
            cast(inputs.c.features, Text),
            past,
            scores.c.band_now,
            cast(scores.c.as_of, Text),
        )
        .outerjoin(
            scores,
            (scores.c.run_id == inputs.c.run_id) & (scores.c.account == inputs.c.account),
        )
        .where(inputs.c.run_id == bindparam("run"))
        .where(inputs.c.account.in_(bindparam("accounts", expanding=True)))
        .params(run="", accounts=[""] * count)
    )
    compiled = query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled), tuple(getattr(compiled, "positiontup", None) or ())
