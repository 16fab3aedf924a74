"""A store with rows in every table that there is, so that no new one is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    insert,
)

from npsight.store import Store
from npsight.store.tables import metadata

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WITHOUT_ACCOUNTS = {
    "alert_looks", "api_keys", "saved_views", "score_runs", "sessions",
    "sign_in_failures", "used_states", "users", "webhook_endpoints", "worklist_facets",
}  # fmt: skip
"""Tables that tell nothing of a single account."""
OF_ACCOUNTS = {table.name for table in metadata.sorted_tables} - WITHOUT_ACCOUNTS
NUMBER = count(1)


def fill(
    store: Store, project: str, account: str, name: str, tables: set[str]
) -> dict[str, dict[str, Any]]:
    """A row in each of the tables, which comes back; its texts and JSON tell of the account."""
    rows = {}
    with store.writing() as connection:
        for table in metadata.sorted_tables:
            if table.name in tables:
                row = {c.name: value(table, c, project, account, name) for c in table.c}
                connection.execute(insert(table), row)
                rows[table.name] = row
    return rows


def value(table: Table, column: Column[Any], project: str, account: str, name: str) -> Any:
    special = {
        ("audit_log", "subject"): f"account {account}",
        ("audit_log", "detail"): {"note": name},
        ("audit_log", "actor"): "ada",
        ("audit_log", "action"): "account snoozed",
        ("run_pages", "name"): f"themes{sum(map(ord, account))}",
        ("score_job_chunks", "accounts"): [account, "another"],
        ("score_job_chunks", "results"): [{"account": account}],
        ("run_pages", "content"): {
            "examples": [{"account": account, "text": f"{name} is not happy"}, {"account": "b"}]
        },
        ("answers", "body"): f'{{"account": "{account}", "name": "{name}"}}'.encode(),
        ("alert_events", "key"): f"level {account} 2026-03-01",
        ("alert_sends", "key"): f"level {account} 2026-03-01",
        ("alert_messages", "body"): f"- {name} ({account}): now high risk",
    }
    if (table.name, column.name) in special:
        return special[table.name, column.name]
    if column.name == "project":
        return project
    if column.name in ("account", "name") and account:
        return {"account": account, "name": name}[column.name]
    if column.foreign_keys:
        (parent,) = column.foreign_keys
        alone = parent.column.table.name in WITHOUT_ACCOUNTS
        return identity(project, "" if alone else account)
    if column.primary_key and column.name == "id":
        return identity(project, account)
    kind = column.type
    if isinstance(kind, JSON):
        return {"account": account, "called": name}
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, LargeBinary):
        return f"{project} {account}".encode()
    if isinstance(kind, Float):
        return 0.5
    if isinstance(kind, Integer):
        return next(NUMBER)
    if isinstance(kind, String | Text):
        return f"{name} {next(NUMBER)}" if account else f"{column.name} {next(NUMBER)}"
    return NOW.date() if isinstance(kind, Date) else NOW


def identity(project: str, account: str) -> str:
    """Of the one row of its table; with an account, not telling which."""
    return f"{project}{sum(map(ord, account))}"
