"""Words of accounts' names and keys, to be found by their beginnings.

They are a project's, not a run's: a run writes only what is new or was renamed. An account that no
longer is in the newest run keeps its words; whoever searches meets it no more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import islice

from sqlalchemy import Column, Connection, Index, String, Table, delete, insert, select

from npsight.store.tables import metadata, scores

BYTES = String().with_variant(String(collation="C"), "postgresql")
"""Compared byte by byte on every database, so that the beginning of a word is a range."""
LONGEST = 40
MOST = 16
IDS = 500
_WORD = re.compile(r"\w+")

account_words = Table(
    "account_words",
    metadata,
    Column("project", String, primary_key=True),
    Column("word", BYTES, primary_key=True),
    Column("account", String, primary_key=True),
    Index("ix_account_words_account", "project", "account", "word"),
)

account_names = Table(
    "account_names",
    metadata,
    Column("project", String, primary_key=True),
    Column("account", String, primary_key=True),
    Column("name", String),
)


def words_of(*texts: str | None) -> list[str]:
    """The different words of texts in their order, at most `MOST`: letters and digits alone,
    without case or accents, each cut to `LONGEST` characters.
    """
    found: dict[str, None] = {}
    for text in texts:
        plain = unicodedata.normalize("NFKD", (text or "")[:2000].casefold())
        bare = "".join(c for c in plain if not unicodedata.combining(c) and c != "\0")
        found.update((word[:LONGEST], None) for word in _WORD.findall(bare.replace("_", " ")))
    return list(islice(found, MOST))


def keep_words(connection: Connection, project: str, names: Mapping[str, str | None]) -> int:
    """Keep the words of accounts, given with their names; returns how many were new or renamed."""
    accounts, count = list(names), 0
    for start in range(0, len(accounts), IDS):
        some = accounts[start : start + IDS]
        known = _known(connection, project, some)
        changed = [a for a in some if a not in known or known[a] != names[a]]
        _forget(connection, project, [a for a in changed if a in known])
        _add(connection, project, {account: names[account] for account in changed})
        count += len(changed)
    return count


def word_range(beginning: str) -> tuple[str, str]:
    """The half-open range `[from, to)` of words that begin so."""
    return beginning, beginning + chr(0x10FFFF)


def accounts_called(
    connection: Connection, project: str, run_id: str, text: str, limit: int
) -> list[tuple[str, str | None]]:
    """Key and name of the run's accounts that have, for each word of the text, one that begins so;
    by key, at most `limit`.
    """
    words = words_of(text)
    if not words:
        return []
    query = select(scores.c.account, scores.c.name).where(scores.c.run_id == run_id)
    for word in words:
        first, end = word_range(word)
        query = query.where(
            scores.c.account.in_(
                select(account_words.c.account).where(
                    account_words.c.project == project,
                    account_words.c.word >= first,
                    account_words.c.word < end,
                )
            )
        )
    found = connection.execute(query.order_by(scores.c.account).limit(limit))
    return [(row.account, row.name) for row in found]


def _known(connection: Connection, project: str, accounts: Sequence[str]) -> dict[str, str | None]:
    table = account_names
    mine = (table.c.project == project) & table.c.account.in_(accounts)
    rows = connection.execute(select(table.c.account, table.c.name).where(mine))
    return {row.account: row.name for row in rows}


def _forget(connection: Connection, project: str, accounts: Sequence[str]) -> None:
    if accounts:
        for table in (account_words, account_names):
            mine = (table.c.project == project) & table.c.account.in_(accounts)
            connection.execute(delete(table).where(mine))


def _add(connection: Connection, project: str, names: Mapping[str, str | None]) -> None:
    if not names:
        return
    kept = [{"project": project, "account": a, "name": name} for a, name in names.items()]
    connection.execute(insert(account_names), kept)
    words = [
        {"project": project, "word": word, "account": account}
        for account, name in names.items()
        for word in words_of(account, name)
    ]
    if words:
        connection.execute(insert(account_words), words)
