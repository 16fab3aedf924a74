"""What the page of an account shows beside its score: kept by runs, and what came since.

Kept like `inputs`: for the newest run, and for the one before it, which a request may still be
reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import JSON, Column, Connection, ForeignKey, String, Table, delete, insert, select

from npsight.store.factsread import ALL, facts_read
from npsight.store.posted import RESPONSES, KeptFact, posted_facts
from npsight.store.rows import JsonObject, ScoreRun
from npsight.store.store import KEEP_INPUTS, Store
from npsight.store.tables import metadata, score_runs

CHUNK = 1_000

account_pages = Table(
    "account_pages",
    metadata,
    Column("run_id", String, ForeignKey("score_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("account", String, primary_key=True),
    Column("content", JSON, nullable=False),
)


@dataclass(frozen=True)
class AccountPage:
    """What a run kept of an account.

    Attributes
    ----------
    answers
        Newest first, each with `occurred_at` and `known_at` (ISO 8601), `score` (0–10),
        `raw_score`, `band`, and where there is one `id`, `touchpoint`, `respondent`, `comment`
        and the `length` of the whole comment.
    series
        What the weekly numbers are: `label`, `unit`, `kind`, `source`, `driver`, `driver_label`.
    weeks
        For each series its numbers, the oldest week first; None for a series, or a week, of which
        nothing is known. The newest week ends, exclusively, at the run's as_of.
    """

    answers: list[JsonObject]
    series: list[JsonObject]
    weeks: list[list[float | None] | None]


def keep_account_pages(
    connection: Connection,
    project: str,
    run_id: str,
    about: Mapping[str, Any],
    pages: Iterable[tuple[str, Mapping[str, Any]]],
) -> None:
    """Keep the pages of a run, in its transaction, and forget those of older runs.

    `about` is what is the same for every account.
    """
    rows = [{"run_id": run_id, "account": ALL, "content": dict(about)}]
    connection.execute(insert(account_pages), rows)
    remaining = iter(pages)
    while some := list(islice(remaining, CHUNK)):
        connection.execute(
            insert(account_pages),
            [{"run_id": run_id, "account": account, "content": page} for account, page in some],
        )
    newest = (
        select(score_runs.c.id)
        .where(score_runs.c.project == project)
        .order_by(score_runs.c.as_of.desc(), score_runs.c.created_at.desc(), score_runs.c.id.desc())
    )
    found = list(connection.execute(newest).scalars())
    old = [identity for identity in found[KEEP_INPUTS:] if identity != run_id]
    connection.execute(delete(account_pages).where(account_pages.c.run_id.in_(old)))


def account_page(store: Store, run_id: str, account: str) -> AccountPage:
    """What a run kept of an account; nothing for a run from before pages were kept."""
    table = account_pages
    query = select(table.c.account, table.c.content).where(
        table.c.run_id == run_id, table.c.account.in_([ALL, account])
    )
    with store.reading() as connection:
        found = {row.account: row.content for row in connection.execute(query)}
    about, own = found.get(ALL, {}), found.get(account, {})
    return AccountPage(own.get("answers", []), about.get("series", []), own.get("series", []))


def merged_into(store: Store, run_id: str, accounts: Sequence[str]) -> dict[str, str]:
    """Of accounts that a run has no more, the scored one that each was merged into."""
    table = account_pages
    query = select(table.c.account, table.c.content).where(
        table.c.run_id == run_id, table.c.account.in_(accounts)
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return {row.account: row.content["merged_into"] for row in rows if "merged_into" in row.content}


def posted_since(store: Store, run: ScoreRun, account: str) -> list[KeptFact]:
    """Answers that came over HTTP and that the run did not read: the newest version of each.

    Those that are, or by an earlier version were, the account's: a correction may have moved an
    answer to another account. Not read means numbered after what the run read, or known at or
    after its as_of.
    """
    facts = posted_facts
    mine = (facts.c.project == run.project) & (facts.c.source == RESPONSES)
    ids = select(facts.c.fact_id).where(mine, facts.c.account == account)
    columns = [facts.c[name] for name in KeptFact.__dataclass_fields__]
    query = select(*columns).where(mine, facts.c.fact_id.in_(ids)).order_by(facts.c.version)
    read = select(facts_read.c.seq).where(
        facts_read.c.run_id == run.id, facts_read.c.account == ALL
    )
    newest: dict[str, KeptFact] = {}
    with store.reading() as connection:
        through = connection.execute(read).scalar() or 0
        for row in connection.execute(query):
            newest[row.fact_id] = KeptFact(**row._mapping)
    as_of = run.as_of
    return [fact for fact in newest.values() if fact.seq > through or fact.known_at >= as_of]
