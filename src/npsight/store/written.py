"""What was written into which CRM, account by account: a killed write-back goes on from here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, String, Table, delete, insert, select

from npsight.store.tables import metadata
from npsight.store.values import UtcInstant

if TYPE_CHECKING:
    from npsight.store.store import Store

CHUNK = 500

written_back = Table(
    "written_back",
    metadata,
    Column("project", String, primary_key=True),
    Column("system", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("written_at", UtcInstant, nullable=False),
)


def written_digests(store: Store, project: str, system: str) -> dict[str, str]:
    """Account to the digest of what the CRM has of it."""
    table = written_back
    query = select(table.c.account, table.c.digest).where(
        table.c.project == project, table.c.system == system
    )
    with store.reading() as connection:
        return {row.account: row.digest for row in connection.execute(query)}


def mark_written(
    store: Store, project: str, system: str, digests: Mapping[str, str], now: datetime | None = None
) -> None:
    """Note what the CRM confirmed, all of it or nothing."""
    at = now or datetime.now(UTC)
    accounts = list(digests)
    rows = [
        {"project": project, "system": system, "account": a, "digest": d, "written_at": at}
        for a, d in digests.items()
    ]
    table = written_back
    with store.writing() as connection:
        for start in range(0, len(rows), CHUNK):
            some = accounts[start : start + CHUNK]
            mine = (table.c.project == project) & (table.c.system == system)
            connection.execute(delete(table).where(mine, table.c.account.in_(some)))
            connection.execute(insert(table), rows[start : start + CHUNK])


def forget_written(store: Store, project: str, system: str) -> None:
    """Forget what a CRM has, so that everything is written again."""
    table = written_back
    with store.writing() as connection:
        connection.execute(
            delete(table).where(table.c.project == project, table.c.system == system)
        )
