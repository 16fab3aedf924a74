"""Where events are sent. What is secret of a webhook is derived elsewhere and never kept here."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from npsight.errors import ConfigError, NotFoundError, Problem
from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

if TYPE_CHECKING:
    from npsight.store.store import Store

EVENTS = {
    "risk_band_changed": "an account's risk level changed",
    "risk_band_worsened": "… to a higher one",
    "risk_band_improved": "… to a lower one",
}
TEST_EVENT = "webhook_test"
MAX_NAME_LENGTH = 80

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("name", String, nullable=False),
    Column("url", String, nullable=False),
    Column("events", JSON, nullable=False),
    Column("master_check", String, nullable=False),
    Column("secret_version", Integer, nullable=False),
    Column("previous_until", UtcInstant),
    Column("created_at", UtcInstant, nullable=False),
    Column("disabled_at", UtcInstant),
    Column("disabled_why", String),
    Column("failures", Integer, nullable=False),
    Column("paused_until", UtcInstant),
    Index("ix_webhook_endpoints_project_name", "project", "name", unique=True),
)


@dataclass(frozen=True)
class WebhookEndpoint:
    """One receiver of events.

    Attributes
    ----------
    url
        As it was given; `${NAME}` within it is taken from the environment when it is called.
    master_check
        Tells whether the secret at hand is the one that this webhook's own was derived from.
    secret_version
        Counts up with each rotation.
    previous_until
        Until then messages are signed with the secret before, too; None for no overlap.
    failures
        How often in a row it could not be reached.
    paused_until
        Until then nothing is sent to it, for it failed lately.
    """

    id: str
    project: str
    name: str
    url: str = field(repr=False)
    events: tuple[str, ...]
    master_check: str
    secret_version: int
    created_at: datetime
    previous_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_why: str | None = None
    failures: int = 0
    paused_until: datetime | None = None

    def secret_versions(self, now: datetime) -> tuple[int, ...]:
        """Versions whose secrets sign a message now, the newest first."""
        if self.previous_until is not None and now < self.previous_until:
            return self.secret_version, self.secret_version - 1
        return (self.secret_version,)


def new_endpoint(
    project: str, name: str, url: str, events: Sequence[str], now: datetime | None = None
) -> WebhookEndpoint:
    """An endpoint that is not stored yet, with an id of its own.

    Raises
    ------
    ConfigError
        The name or an event cannot be used.
    """
    problems = []
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        remedy = f"give 1 to {MAX_NAME_LENGTH} printable characters, such as salesforce"
        problems.append(Problem("the name cannot be used", remedy, key="--name"))
    unknown = sorted(set(events) - EVENTS.keys())
    if unknown or not events:
        what = f"there is no event {', '.join(unknown)}" if unknown else "no event was named"
        problems.append(Problem(what, f"events are {', '.join(EVENTS)}", key="--event"))
    if problems:
        raise ConfigError("the webhook was not added", problems)
    chosen = tuple(event for event in EVENTS if event in events)
    identity = f"ep_{uuid.uuid4().hex}"
    return WebhookEndpoint(identity, project, name, url, chosen, "", 1, now or datetime.now(UTC))


def add_endpoint(store: Store, endpoint: WebhookEndpoint) -> None:
    """Keep a new endpoint.

    Raises
    ------
    ConfigError
        The project has one of that name.
    """
    with store.writing() as connection:
        if any(e.name == endpoint.name for e in _rows(connection, endpoint.project)):
            what = f"there is a webhook called {endpoint.name} already"
            remedy = "choose another name, or remove that one first"
            raise ConfigError("the webhook was not added", [Problem(what, remedy, key="--name")])
        values = vars(endpoint) | {"events": list(endpoint.events)}
        connection.execute(insert(webhook_endpoints), [values])


def endpoints_of(store: Store, project: str) -> list[WebhookEndpoint]:
    """Every endpoint of a project, oldest first, disabled ones too."""
    with store.reading() as connection:
        return _rows(connection, project)


def endpoint_named(store: Store, project: str, name: str) -> WebhookEndpoint:
    """Raises NotFoundError where the project has no webhook of that name."""
    with store.reading() as connection:
        return _named(connection, project, name)


def remove_endpoint(store: Store, project: str, name: str) -> None:
    """Forget an endpoint, and with it all messages to it; raises NotFoundError."""
    with store.writing() as connection:
        found = _named(connection, project, name)
        connection.execute(delete(webhook_endpoints).where(webhook_endpoints.c.id == found.id))


def rotate_endpoint(
    store: Store, project: str, name: str, overlap: timedelta, now: datetime | None = None
) -> WebhookEndpoint:
    """Count the secret's version up; the one before signs too, until the overlap ends.

    A rotation within the overlap of another is refused: a third secret would be in use.

    Raises
    ------
    NotFoundError
        There is no such webhook.
    ConfigError
        The last rotation's overlap has not ended.
    """
    at = now or datetime.now(UTC)
    with store.writing() as connection:
        found = _named(connection, project, name)
        if len(found.secret_versions(at)) > 1:
            what = f"the last rotation overlaps until {found.previous_until:%Y-%m-%d %H:%M}Z"
            raise ConfigError("nothing was rotated", [Problem(what, "wait until then")])
        rotated = replace(
            found, secret_version=found.secret_version + 1, previous_until=at + overlap
        )
        connection.execute(
            update(webhook_endpoints)
            .where(webhook_endpoints.c.id == found.id)
            .values(secret_version=rotated.secret_version, previous_until=rotated.previous_until)
        )
    return rotated


def enable_endpoint(store: Store, project: str, name: str) -> WebhookEndpoint:
    """Send to an endpoint again that had been disabled; raises NotFoundError."""
    values = {"disabled_at": None, "disabled_why": None, "failures": 0, "paused_until": None}
    with store.writing() as connection:
        found = _named(connection, project, name)
        mine = webhook_endpoints.c.id == found.id
        connection.execute(update(webhook_endpoints).where(mine).values(**values))
        return _named(connection, project, name)


def listening(connection: Connection, project: str) -> list[WebhookEndpoint]:
    """Endpoints that new events are for."""
    return [e for e in _rows(connection, project) if e.disabled_at is None]


def _named(connection: Connection, project: str, name: str) -> WebhookEndpoint:
    for endpoint in _rows(connection, project):
        if endpoint.name == name:
            return endpoint
    raise NotFoundError(
        f"project {project} has no webhook of that name\n  → see them with `npsight webhooks list`"
    )


def _rows(connection: Connection, project: str) -> list[WebhookEndpoint]:
    table = webhook_endpoints
    query = select(table).where(table.c.project == project).order_by(table.c.created_at, table.c.id)
    found = connection.execute(query)
    return [WebhookEndpoint(**{**row._mapping, "events": tuple(row.events)}) for row in found]
