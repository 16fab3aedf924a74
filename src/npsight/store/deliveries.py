"""Taking messages out of the outbox: leased to one deliverer, then settled by it.

A deliverer that dies leaves its lease behind; when that ends, the message is taken again. So
nothing is lost, and nothing is sent twice but what was received and not yet settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select, update

from npsight.errors import NotFoundError
from npsight.store.outbox import DEAD, DELIVERED, PENDING, outbox
from npsight.store.webhooks import WebhookEndpoint, webhook_endpoints

if TYPE_CHECKING:
    from npsight.store.store import Store

_ENDPOINT = [f"endpoint_{column.name}" for column in webhook_endpoints.c]


@dataclass(frozen=True)
class Delivery:
    """One message to one endpoint, as it was taken; `attempts` counts the one to come."""

    seq: int
    message_id: str
    event: str
    attempts: int
    created_at: datetime
    endpoint: WebhookEndpoint
    account: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True)
class DeadMessage:
    """A message that is no longer tried; `outcome` says why the last attempt failed."""

    message_id: str
    endpoint: str
    event: str
    attempts: int
    outcome: str | None
    created_at: datetime
    account: str = field(repr=False)


def take(
    store: Store, project: str, owner: str, limit: int, lease: timedelta, now: datetime
) -> list[Delivery]:
    """Lease up to `limit` due messages to `owner`, oldest first.

    A message waits while an older one to the same endpoint about the same account is undelivered,
    while its endpoint is paused or disabled, and while another deliverer's lease lasts.
    """
    older = outbox.alias("older")
    waits = exists(
        select(older.c.seq).where(
            older.c.endpoint_id == outbox.c.endpoint_id,
            older.c.account == outbox.c.account,
            older.c.status == PENDING,
            older.c.seq < outbox.c.seq,
        )
    )
    endpoint = webhook_endpoints
    query = (
        select(outbox.c.seq)
        .join(endpoint, endpoint.c.id == outbox.c.endpoint_id)
        .where(
            outbox.c.project == project,
            outbox.c.status == PENDING,
            outbox.c.next_at <= now,
            or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= now),
            endpoint.c.disabled_at.is_(None),
            or_(endpoint.c.paused_until.is_(None), endpoint.c.paused_until <= now),
            ~waits,
        )
        .order_by(outbox.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True, of=outbox)
    )
    with store.writing() as connection:
        taken = [seq for (seq,) in connection.execute(query)]
        if not taken:
            return []
        connection.execute(
            update(outbox)
            .where(outbox.c.seq.in_(taken))
            .values(lease_owner=owner, lease_until=now + lease, attempts=outbox.c.attempts + 1)
        )
        return _deliveries(connection, taken)


def _deliveries(connection: Connection, taken: Sequence[int]) -> list[Delivery]:
    labelled = [column.label(f"endpoint_{column.name}") for column in webhook_endpoints.c]
    columns = [outbox.c[name] for name in _OWN]
    found = connection.execute(
        select(*columns, *labelled)
        .join(webhook_endpoints, webhook_endpoints.c.id == outbox.c.endpoint_id)
        .where(outbox.c.seq.in_(taken))
        .order_by(outbox.c.seq)
    )
    return [_delivery(row._mapping) for row in found]


_OWN = ("seq", "message_id", "event", "attempts", "created_at", "account", "body")


def _delivery(row: Any) -> Delivery:
    endpoint = {name.removeprefix("endpoint_"): row[name] for name in _ENDPOINT}
    endpoint["events"] = tuple(endpoint["events"])
    return Delivery(**{name: row[name] for name in _OWN}, endpoint=WebhookEndpoint(**endpoint))


def settle_delivered(store: Store, delivery: Delivery, owner: str, now: datetime) -> bool:
    """Note that the receiver has it; False where the lease had gone to another deliverer."""
    with store.writing() as connection:
        done = _settle(connection, delivery, owner, DELIVERED, "delivered", now)
        if done and delivery.endpoint.failures:
            _pause(connection, delivery.endpoint.id, 0, None)
        return done


def settle_failed(
    store: Store,
    delivery: Delivery,
    owner: str,
    outcome: str,
    retry_at: datetime | None,
    pause_until: datetime | None,
    now: datetime,
) -> bool:
    """Note a failed attempt and when to try again; without `retry_at` the message is dead.

    `pause_until` spares the endpoint other messages until then.
    """
    with store.writing() as connection:
        if retry_at is None:
            done = _settle(connection, delivery, owner, DEAD, outcome, now)
        else:
            values = {"next_at": retry_at, "outcome": outcome}
            done = _update(connection, delivery, owner, values)
        if done and pause_until is not None:
            _pause(connection, delivery.endpoint.id, delivery.endpoint.failures + 1, pause_until)
        return done


def settle_gone(store: Store, delivery: Delivery, owner: str, now: datetime) -> bool:
    """Note that the receiver wants no more (410): the message is dead, its endpoint disabled."""
    with store.writing() as connection:
        done = _settle(connection, delivery, owner, DEAD, "http_410", now)
        if done:
            mine = webhook_endpoints.c.id == delivery.endpoint.id
            values = {"disabled_at": now, "disabled_why": "the receiver answered 410 Gone"}
            connection.execute(update(webhook_endpoints).where(mine).values(**values))
        return done


def release(store: Store, delivery: Delivery, owner: str) -> bool:
    """Give a message back that was taken and not sent; the attempt does not count."""
    with store.writing() as connection:
        return _update(connection, delivery, owner, {"attempts": outbox.c.attempts - 1})


def counts(store: Store, project: str) -> dict[str, dict[str, int]]:
    """Messages by endpoint id, then by `pending`, `delivered` and `dead`."""
    query = (
        select(outbox.c.endpoint_id, outbox.c.status, func.count())
        .where(outbox.c.project == project)
        .group_by(outbox.c.endpoint_id, outbox.c.status)
    )
    found: dict[str, dict[str, int]] = {}
    with store.reading() as connection:
        for endpoint, status, count in connection.execute(query):
            found.setdefault(endpoint, {})[status] = count
    return found


def next_due(store: Store, project: str) -> datetime | None:
    """When the next waiting message may be sent; None where none waits."""
    query = (
        select(func.min(outbox.c.next_at))
        .join(webhook_endpoints, webhook_endpoints.c.id == outbox.c.endpoint_id)
        .where(
            outbox.c.project == project,
            outbox.c.status == PENDING,
            webhook_endpoints.c.disabled_at.is_(None),
        )
    )
    with store.reading() as connection:
        at: datetime | None = connection.execute(query).scalar()
        return at


def dead_messages(store: Store, project: str, limit: int = 100) -> list[DeadMessage]:
    """Messages that are no longer tried, newest first."""
    query = (
        select(
            outbox.c.message_id,
            webhook_endpoints.c.name.label("endpoint"),
            outbox.c.event,
            outbox.c.attempts,
            outbox.c.outcome,
            outbox.c.created_at,
            outbox.c.account,
        )
        .join(webhook_endpoints, webhook_endpoints.c.id == outbox.c.endpoint_id)
        .where(outbox.c.project == project, outbox.c.status == DEAD)
        .order_by(outbox.c.seq.desc())
        .limit(limit)
    )
    with store.reading() as connection:
        return [DeadMessage(**row._mapping) for row in connection.execute(query)]


def revive(store: Store, project: str, now: datetime, message_id: str | None = None) -> int:
    """Try dead messages again (all, unless one is named), from their first attempt on.

    Raises
    ------
    NotFoundError
        The named message is not dead, or not there.
    """
    mine: list[ColumnElement[bool]] = [outbox.c.project == project, outbox.c.status == DEAD]
    if message_id is not None:
        mine.append(outbox.c.message_id == message_id)
    values = {"status": PENDING, "attempts": 0, "next_at": now, "settled_at": None}
    with store.writing() as connection:
        done = connection.execute(update(outbox).where(*mine).values(**values)).rowcount
    if message_id is not None and not done:
        raise NotFoundError(
            "there is no dead message with that id\n  → see them with `npsight webhooks dead`"
        )
    return done


def forget_delivered(store: Store, project: str, before: datetime) -> int:
    """Delete messages that were delivered before an instant; returns how many."""
    with store.writing() as connection:
        return connection.execute(
            delete(outbox).where(
                outbox.c.project == project,
                outbox.c.status == DELIVERED,
                outbox.c.settled_at < before,
            )
        ).rowcount


def _settle(
    connection: Connection,
    delivery: Delivery,
    owner: str,
    status: str,
    outcome: str,
    now: datetime,
) -> bool:
    values = {"status": status, "outcome": outcome, "settled_at": now}
    return _update(connection, delivery, owner, values)


def _update(connection: Connection, delivery: Delivery, owner: str, values: dict[str, Any]) -> bool:
    """Change a message whose lease is still the owner's, and end the lease."""
    done = connection.execute(
        update(outbox)
        .where(
            outbox.c.seq == delivery.seq,
            outbox.c.lease_owner == owner,
            outbox.c.status == PENDING,
        )
        .values(lease_owner=None, lease_until=None, **values)
    )
    return done.rowcount == 1


def _pause(connection: Connection, endpoint_id: str, failures: int, until: datetime | None) -> None:
    connection.execute(
        update(webhook_endpoints)
        .where(webhook_endpoints.c.id == endpoint_id)
        .values(failures=failures, paused_until=until)
    )
