"""Facts that came over HTTP: kept once for each id, in the order in which they came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    or_,
    select,
    text,
)

from npsight.store.rows import JsonObject
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import Number, UtcInstant, to_json

ADVISORY_LOCK = 7_061_787_403
"""PostgreSQL's name of the lock under which facts are numbered: their order is that in which
they are seen, so that whoever read up to a number has missed none below it."""
RESPONSES = "responses"
IDS = 500
BATCH = 20_000

posted_facts = Table(
    "posted_facts",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("project", String, nullable=False),
    Column("source", String, nullable=False),
    Column("fact_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("account", String, nullable=False),
    Column("occurred_at", UtcInstant, nullable=False),
    Column("ended_at", UtcInstant),
    Column("known_at", UtcInstant, nullable=False),
    Column("content", JSON, nullable=False),
    Column("received_at", UtcInstant, nullable=False),
    Column("digest", String, nullable=False),
    UniqueConstraint("project", "source", "fact_id", "version", name="uq_posted_facts_version"),
    Index("ix_posted_facts_account", "project", "account"),
    Index("ix_posted_facts_known_at", "project", "known_at"),
)


@dataclass(frozen=True)
class PostedFact:
    """One fact as it was sent.

    Attributes
    ----------
    source
        `responses`, or the name of an activity table.
    id
        The sender's id, unique in the source.
    known_at
        When it could first be read; None for the instant of its reception.
    content
        Values by name, numbers as exact decimal text; None for a missing one.
    versioned
        Whether another content under the same id is a correction, or a contradiction.
    """

    source: str
    id: str
    account: str
    occurred_at: datetime
    ended_at: datetime | None
    known_at: datetime | None
    content: JsonObject
    versioned: bool


@dataclass(frozen=True)
class KeptFact:
    """A fact in the store; `version` counts from 1 within its id."""

    seq: int
    source: str
    fact_id: str
    version: int
    account: str
    occurred_at: datetime
    ended_at: datetime | None
    known_at: datetime
    content: JsonObject
    digest: str


@dataclass(frozen=True)
class Keeping:
    """What became of a fact.

    `differs` names the fields in which it contradicts what was kept before; `accounts` are those
    whose features it may change: its own, and the one that it was corrected away from.
    """

    outcome: Literal["stored", "unchanged", "conflict"]
    differs: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


def keep_posted(
    store: Store, project: str, facts: Sequence[PostedFact], received_at: datetime
) -> list[Keeping]:
    """Keep facts of one source, all in one transaction: each new one once.

    A fact whose content was kept under its id before is `unchanged`. Other content is a
    correction, known later than what it corrects, where the fact is versioned; else `conflict`.
    """
    if not facts:
        return []
    found: list[Keeping] = []
    with store.writing() as connection:
        _serialise(connection)
        known = _versions(connection, project, facts[0].source, {fact.id for fact in facts})
        rows = []
        for fact in facts:
            before = known.setdefault(fact.id, [])
            keeping, version = _judged(fact, before, received_at)
            found.append(keeping)
            if version is not None:
                before.append(version)
                rows.append(_row(project, version, received_at))
        if rows:
            connection.execute(insert(posted_facts), rows)
    return found


def newest_posted(store: Store, project: str) -> int:
    """Number of the newest fact; 0 without any. All below it can be read."""
    query = select(func.max(posted_facts.c.seq)).where(posted_facts.c.project == project)
    with store.reading() as connection:
        return int(connection.execute(query).scalar() or 0)


def posted(
    store: Store, project: str, after: int, through: int, concerning: Sequence[str] | None = None
) -> Iterator[KeptFact]:
    """Facts numbered `after < seq <= through`, in that order.

    Parameters
    ----------
    concerning
        All answers, and of other sources the facts of these accounts with every version of them,
        on whichever account; all facts of all sources where it is None.
    """
    wanted = posted_facts.c.project == project
    if concerning is not None:
        mine = posted_facts.c.account.in_(concerning)
        ids = select(posted_facts.c.fact_id).where(wanted, mine)
        of_mine = or_(mine, posted_facts.c.fact_id.in_(ids))
        wanted = wanted & or_(posted_facts.c.source == RESPONSES, of_mine)
    last = after
    while batch := _batch(store, wanted, last, through):
        yield from batch
        last = batch[-1].seq


def _batch(store: Store, wanted: ColumnElement[bool], after: int, through: int) -> list[KeptFact]:
    query = (
        select(*_COLUMNS)
        .where(wanted, posted_facts.c.seq > after, posted_facts.c.seq <= through)
        .order_by(posted_facts.c.seq)
        .limit(BATCH)
    )
    with store.reading() as connection:
        return [KeptFact(**row._mapping) for row in connection.execute(query)]


_COLUMNS = [posted_facts.c[name] for name in KeptFact.__dataclass_fields__]


def _serialise(connection: Connection) -> None:
    """SQLite's writers wait for each other anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))


def _versions(
    connection: Connection, project: str, source: str, ids: set[str]
) -> dict[str, list[KeptFact]]:
    """What was kept of each id, oldest version first."""
    found: dict[str, list[KeptFact]] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), IDS):
        query = (
            select(*_COLUMNS)
            .where(
                posted_facts.c.project == project,
                posted_facts.c.source == source,
                posted_facts.c.fact_id.in_(ordered[start : start + IDS]),
            )
            .order_by(posted_facts.c.version)
        )
        for row in connection.execute(query):
            kept = KeptFact(**row._mapping)
            found.setdefault(kept.fact_id, []).append(kept)
    return found


def _judged(
    fact: PostedFact, before: Sequence[KeptFact], received_at: datetime
) -> tuple[Keeping, KeptFact | None]:
    """What becomes of a fact beside the versions of its id, and the version to keep, if any."""
    digest = _digest(fact)
    if any(version.digest == digest for version in before):
        return Keeping("unchanged"), None
    known_at = fact.known_at or received_at
    accounts: tuple[str, ...] = (fact.account,)
    if before:
        newest = before[-1]
        if not fact.versioned:
            return Keeping("conflict", _differences(fact, newest)), None
        if fact.known_at is None:
            known_at = max(known_at, newest.known_at + timedelta(microseconds=1))
        elif known_at <= newest.known_at:
            return Keeping("conflict", ("known_at",)), None
        accounts = tuple(dict.fromkeys((fact.account, *(v.account for v in before))))
    kept = KeptFact(
        0,
        fact.source,
        fact.id,
        len(before) + 1,
        fact.account,
        fact.occurred_at,
        fact.ended_at,
        known_at,
        fact.content,
        digest,
    )
    return Keeping("stored", (), accounts), kept


def _differences(fact: PostedFact, kept: KeptFact) -> tuple[str, ...]:
    """Names of what differs, never the values."""
    fields = ("account", "occurred_at", "ended_at")
    differ = [name for name in fields if getattr(fact, name) != getattr(kept, name)]
    if fact.known_at is not None and fact.known_at != kept.known_at:
        differ.append("known_at")
    names = sorted(fact.content.keys() | kept.content.keys())
    differ += [name for name in names if fact.content.get(name) != kept.content.get(name)]
    # The times may have been read by another rule then: the digest saw more than is left.
    return tuple(differ) or ("known_at",)


def _digest(fact: PostedFact) -> str:
    """SHA-256 of all that was sent; `known_at` only where it was given."""
    times = (fact.occurred_at, fact.ended_at, fact.known_at)
    told = [None if at is None else at.astimezone(UTC).isoformat() for at in times]
    given = {name: value for name, value in sorted(fact.content.items()) if value is not None}
    return hashlib.sha256(to_json([fact.account, *told, given]).encode()).hexdigest()


def _row(project: str, version: KeptFact, received_at: datetime) -> dict[str, Any]:
    row = {name: getattr(version, name) for name in KeptFact.__dataclass_fields__}
    del row["seq"]
    return {**row, "project": project, "received_at": received_at}
