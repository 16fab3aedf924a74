"""Who did what and when: rows are added in the transaction that does it, and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, Column, Connection, Index, String, Table, insert, select

from npsight.store.rows import JsonObject
from npsight.store.store import Store
from npsight.store.tables import metadata
from npsight.store.values import Number, UtcInstant, clean

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("project", String, nullable=False),
    Column("at", UtcInstant, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", JSON, nullable=False),
    Index("ix_audit_log_project_seq", "project", "seq"),
    Index("ix_audit_log_project_subject", "project", "subject", "seq"),
)


@dataclass(frozen=True)
class AuditEntry:
    """One thing that was done.

    `actor` is a user's login, or what did it by itself (`npsight score`, `api key NAME`);
    `subject` what it was done to, such as `account A-1001` or `user ada`. `detail` may hold
    values before and after, never a secret.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: JsonObject


def note(
    connection: Connection,
    project: str,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: JsonObject | None = None,
) -> None:
    """Add an entry, in the transaction of what it tells of."""
    connection.execute(
        insert(audit_log).values(
            project=project,
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            detail=clean(detail or {}),
        )
    )


def entries(
    store: Store,
    project: str,
    *,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """Entries with `seq < before`, newest first."""
    table = audit_log
    columns = [table.c[name] for name in AuditEntry.__dataclass_fields__]
    query = select(*columns).where(table.c.project == project)
    if subject is not None:
        query = query.where(table.c.subject == subject)
    if before is not None:
        query = query.where(table.c.seq < before)
    with store.reading() as connection:
        rows = connection.execute(query.order_by(table.c.seq.desc()).limit(limit)).all()
    return [AuditEntry(**row._mapping) for row in rows]
