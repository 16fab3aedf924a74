"""Accounts that any process scored again, noticed at once and for next to nothing.

SQLite counts the commits of other connections: asking for that number takes microseconds and reads
no table. Only where it has moved is the list of changes looked at. A database on another machine
has no such number that costs no round trip: there changes are found by `watched`, a few seconds
later.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from npsight.store.store import Store

_CHANGES = "SELECT seq, account FROM score_changes WHERE seq > ? AND project = ? ORDER BY seq"


class Noticed:
    """What one process has noticed of a project's changes; used by one thread at a time."""

    def __init__(self, store: Store, project: str) -> None:
        self._file = store.engine.url.database if store.is_local else None
        self._project = project
        self._connection: sqlite3.Connection | None = None
        self._commits = -1
        self._seq: int | None = None

    def accounts(self) -> list[str]:
        """Accounts that changed since one asked last; none where the store does not answer.

        The first time there are none, for nothing was known before.
        """
        if self._file in (None, "", ":memory:"):
            return []
        try:
            return self._noticed(self._opened())
        except sqlite3.Error:
            # Whoever needs the store meets the same fault, and tells it.
            self.close()
            return []

    def close(self) -> None:
        """Let go of the connection; what was noticed stays noticed."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._commits = None, -1

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            address = f"{Path(str(self._file)).absolute().as_uri()}?mode=ro"
            # Requests of one process are answered by one thread, which tests start anew.
            self._connection = sqlite3.connect(
                address, timeout=0, isolation_level=None, check_same_thread=False, uri=True
            )
        return self._connection

    def _noticed(self, connection: sqlite3.Connection) -> list[str]:
        (commits,) = connection.execute("PRAGMA data_version").fetchone()
        if commits == self._commits:
            return []
        if self._seq is None:
            (newest,) = connection.execute("SELECT max(seq) FROM score_changes").fetchone()
            self._seq, self._commits = newest or 0, commits
            return []
        # Writers of SQLite take turns, so that no lower number is seen later than a higher one.
        found = connection.execute(_CHANGES, (self._seq, self._project)).fetchall()
        self._commits = commits
        if found:
            self._seq = found[-1][0]
        return [account for _, account in found]
