"""Facts that came over HTTP, out of the store and to the tables they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC
from itertools import islice
from typing import Any

import pyarrow as pa

from npsight.config.specs import ProjectSpec
from npsight.store import KeptFact, Store, newest_posted, open_project_store, posted, store_file
from npsight.store.values import to_json
from npsight.tables.posted import SCHEMA, Posted

BATCH = 20_000


def posted_facts(project: ProjectSpec) -> Posted:
    """Every fact that a project was sent; none where it has no store yet."""
    if project.database is None and not store_file(project.state_dir).exists():
        return Posted()
    with closing(open_project_store(project)) as store:
        return posted_of(store, project.name, 0, newest_posted(store, project.name))


def posted_of(
    store: Store, project: str, after: int, through: int, concerning: Sequence[str] | None = None
) -> Posted:
    """Facts numbered `after < seq <= through`, by source; see `npsight.store.posted.posted`."""
    parts: dict[str, list[pa.Table]] = {}
    facts = posted(store, project, after, through, concerning)
    while batch := list(islice(facts, BATCH)):
        for source in dict.fromkeys(fact.source for fact in batch):
            own = [fact for fact in batch if fact.source == source]
            parts.setdefault(source, []).append(_table(own))
    return Posted({source: pa.concat_tables(some) for source, some in parts.items()}, through)


def _table(facts: Iterable[KeptFact]) -> pa.Table:
    return pa.Table.from_pylist([_row(fact) for fact in facts], schema=SCHEMA)


def _row(fact: KeptFact) -> dict[str, Any]:
    return {
        "seq": fact.seq,
        "id": fact.fact_id,
        "account": fact.account,
        "occurred_at": fact.occurred_at.astimezone(UTC),
        "ended_at": None if fact.ended_at is None else fact.ended_at.astimezone(UTC),
        "known_at": fact.known_at.astimezone(UTC),
        "content": to_json(fact.content),
    }
