"""An account taken out of the store, with all that tells of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update

from npsight.errors import StateError
from npsight.store import auditlog
from npsight.store.alertmessages import alert_messages
from npsight.store.alerts import alert_events, alert_sends
from npsight.store.answers import answers
from npsight.store.database import driver_connection
from npsight.store.jobs import score_job_chunks, score_jobs
from npsight.store.runpages import run_pages
from npsight.store.searchwords import account_names
from npsight.store.store import Store
from npsight.store.tables import metadata, score_runs, scores

FEW = 100
"""Remembered answers that are held in memory at once."""
ERASED = "account (erased)"
"""What the audit log calls an account that was erased."""


def erase_account(
    store: Store, project: str, account: str, at: datetime, actor: str
) -> dict[str, int]:
    """Delete every row of an account, in one transaction; rows deleted or emptied, by table.

    Where it stands beside others (messages to owners, jobs, examples on pages) the message or job
    goes whole, and the example alone. The audit log keeps who did what and when, without saying to
    which account, and notes the erasure itself, where anything was there to erase.
    """
    with store.writing() as connection:
        erasing = _Erasing(connection, project, account)
        found = {name: count for name, count in erasing.tables() if count}
        if found:
            told = {"rows": sum(found.values())}
            auditlog.note(connection, project, at, actor, "account erased", ERASED, told)
    return found


def overwrite_deleted(store: Store) -> bool:
    """Have SQLite write its file anew, for deleted rows still lie in it; whether it did.

    It cannot while another process holds the file. PostgreSQL overwrites them by itself in time.
    """
    if not store.is_local:
        return True
    try:
        with driver_connection(store.engine) as connection:
            cursor = connection.cursor()
            cursor.execute("VACUUM")
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.close()
    except StateError:
        return False
    return not busy


class _Erasing:
    """One erasure, within its transaction."""

    def __init__(self, connection: Connection, project: str, account: str) -> None:
        self._connection = connection
        self._project = project
        self._account = account
        self._runs = select(score_runs.c.id).where(score_runs.c.project == project)
        self._names = self._known_names()

    def tables(self) -> Iterator[tuple[str, int]]:
        """Each table with the number of its rows that were deleted or emptied."""
        yield "score_jobs", self._jobs()
        yield "answers", self._remembered()
        yield "alert_messages", self._messages()
        yield "alert_sends", self._sends()
        yield "run_pages", self._pages()
        yield "audit_log", self._log()
        for table in reversed(metadata.sorted_tables):
            if "account" in table.c:
                yield table.name, self._of_account(table)

    def _of_account(self, table: Table) -> int:
        if "project" in table.c:
            mine = table.c.project == self._project
        else:
            mine = table.c.run_id.in_(self._runs)
        return self._run(delete(table).where(mine, table.c.account == self._account))

    def _known_names(self) -> list[str]:
        """The names under which the account was shown."""
        listed = select(account_names.c.name).where(
            account_names.c.project == self._project, account_names.c.account == self._account
        )
        scored = select(scores.c.name).where(
            scores.c.run_id.in_(self._runs), scores.c.account == self._account
        )
        found = self._connection.execute(listed.union(scored)).scalars()
        return [name for name in found if name and name.strip()]

    def _jobs(self) -> int:
        """Jobs that were asked for it, with their results: they would be gone in a day anyway."""
        mine = select(score_jobs.c.id).where(score_jobs.c.project == self._project)
        chunks = select(score_job_chunks.c.job_id, score_job_chunks.c.accounts).where(
            score_job_chunks.c.job_id.in_(mine)
        )
        asked = {job for job, some in self._connection.execute(chunks) if self._account in some}
        for job in asked:
            self._run(delete(score_job_chunks).where(score_job_chunks.c.job_id == job))
            self._run(delete(score_jobs).where(score_jobs.c.id == job))
        return len(asked)

    def _remembered(self) -> int:
        """Remembered answers to repeated writes that name it."""
        key = json.dumps(self._account)[1:-1]
        written = {f'"{text}"'.encode() for text in (self._account, key)}
        mine = answers.c.project == self._project
        named = list(answers.primary_key)
        query = select(*named, answers.c.body).where(mine, answers.c.body.is_not(None))
        found = self._connection.execute(query.execution_options(yield_per=FEW))
        telling = [row[:-1] for row in found if any(text in row.body for text in written)]
        return sum(
            self._run(delete(answers).where(*(c == v for c, v in zip(named, keys, strict=True))))
            for keys in telling
        )

    def _messages(self) -> int:
        """Messages to owners, sent or waiting, whose text has its key or name."""
        called = "|".join(re.escape(text) for text in (self._account, *self._names))
        named = re.compile(rf"(?<!\w)(?:{called})(?!\w)")
        query = select(alert_messages.c.id, alert_messages.c.title, alert_messages.c.body)
        rows = self._connection.execute(query.where(alert_messages.c.project == self._project))
        telling = [row.id for row in rows.all() if named.search(f"{row.title}\n{row.body}")]
        return sum(
            self._run(delete(alert_messages).where(alert_messages.c.id == identity))
            for identity in telling
        )

    def _sends(self) -> int:
        """Which of its events went by which channel."""
        mine = select(alert_events.c.key).where(
            alert_events.c.project == self._project, alert_events.c.account == self._account
        )
        sent = delete(alert_sends).where(alert_sends.c.project == self._project)
        return self._run(sent.where(alert_sends.c.key.in_(mine)))

    def _pages(self) -> int:
        """Examples on the pages beside a run."""
        count = 0
        query = select(run_pages).where(run_pages.c.run_id.in_(self._runs))
        for row in self._connection.execute(query).all():
            content, taken = without(row.content, self._account)
            if taken:
                one = [column == getattr(row, column.name) for column in run_pages.primary_key]
                self._run(update(run_pages).where(*one).values(content=content))
                count += taken
        return count

    def _log(self) -> int:
        """Entries of the audit log: their subject and detail."""
        log, count = auditlog.audit_log, 0
        named = {self._account, *self._names}
        query = select(log.c.seq, log.c.subject, log.c.detail)
        for row in self._connection.execute(query.where(log.c.project == self._project)).all():
            if row.subject == f"account {self._account}":
                blank = {"subject": ERASED, "detail": {}}
            elif named & set(texts(row.detail)):
                blank = {"detail": {}}
            else:
                continue
            count += self._run(update(log).where(log.c.seq == row.seq).values(**blank))
        return count

    def _run(self, statement: Any) -> int:
        return int(self._connection.execute(statement).rowcount)


def without(content: Any, account: str) -> tuple[Any, int]:
    """JSON without the objects of lists whose `account` it is, and without what it is a key of;
    and how many these were.
    """
    if isinstance(content, list):
        kept = [x for x in content if not (isinstance(x, dict) and x.get("account") == account)]
        parts = [without(item, account) for item in kept]
        taken = len(content) - len(kept) + sum(count for _, count in parts)
        return [part for part, _ in parts], taken
    if isinstance(content, dict):
        parts_of = {key: without(item, account) for key, item in content.items() if key != account}
        taken = (account in content) + sum(count for _, count in parts_of.values())
        return {key: part for key, (part, _) in parts_of.items()}, taken
    return content, 0


def texts(content: Any) -> Iterator[str]:
    """Every text in JSON, keys of objects too."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for item in content:
            yield from texts(item)
    elif isinstance(content, dict):
        yield from content
        for item in content.values():
            yield from texts(item)
