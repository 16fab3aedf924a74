"""What a run itself gave accounts that were scored again since.

A row that is scored again is put in place of the run's own, at a later instant. The run's own is
kept beside it, one for each account however often that is written to, so that a question about an
earlier instant is never answered with later facts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, Column, Connection, Table, insert, null, select, update

from npsight.store.rows import ScoreRow, StoredInput
from npsight.store.tables import inputs, metadata, run_id_column, score_columns, scores

IDS = 500
_ROW = tuple(field.name for field in dataclasses.fields(ScoreRow))

originals = Table(
    "originals",
    metadata,
    run_id_column(),
    *score_columns(),
    Column("features", JSON),
    Column("past", JSON),
)


@dataclass(frozen=True)
class Original:
    """A run's own row of an account; `inputs` is None once the run's inputs are no longer kept."""

    row: ScoreRow
    inputs: StoredInput | None


def keep_originals(connection: Connection, run_id: str, accounts: Sequence[str]) -> None:
    """Keep the rows as they are now, in the transaction that replaces them; the first one stays."""
    names = ["run_id", *_ROW]
    held = select(originals.c.account).where(originals.c.run_id == run_id)
    same = (inputs.c.run_id == scores.c.run_id) & (inputs.c.account == scores.c.account)
    for some in _parts(accounts):
        query = (
            select(*(scores.c[name] for name in names), inputs.c.features, inputs.c.past)
            .outerjoin(inputs, same)
            .where(
                scores.c.run_id == run_id,
                scores.c.account.in_(some),
                scores.c.account.not_in(held.where(originals.c.account.in_(some))),
            )
        )
        connection.execute(insert(originals).from_select([*names, "features", "past"], query))


def forget_original_inputs(connection: Connection, run_ids: Sequence[str]) -> None:
    """Let go of what the rows of these runs were scored from; the rows stay as long as the runs."""
    mine = originals.c.run_id.in_(run_ids) & originals.c.features.is_not(None)
    connection.execute(update(originals).where(mine).values(features=null(), past=null()))


def scored_after(
    connection: Connection, run_id: str, accounts: Sequence[str], as_of: datetime
) -> set[str]:
    """Those of the accounts whose present row in the run is of a later instant."""
    found: set[str] = set()
    for some in _parts(accounts):
        mine = (scores.c.run_id == run_id) & scores.c.account.in_(some)
        query = select(scores.c.account).where(mine, scores.c.as_of > as_of)
        found.update(connection.execute(query).scalars())
    return found


def originals_of(
    connection: Connection, run_id: str, accounts: Sequence[str], as_of: datetime
) -> dict[str, Original]:
    """The run's own rows by account, where one at or before `as_of` is kept."""
    found: dict[str, Original] = {}
    for some in _parts(accounts):
        mine = (originals.c.run_id == run_id) & originals.c.account.in_(some)
        for row in connection.execute(select(originals).where(mine, originals.c.as_of <= as_of)):
            given = None
            if row.features is not None:
                given = StoredInput(row.account, row.features, row.past or {})
            found[row.account] = Original(ScoreRow(*(getattr(row, name) for name in _ROW)), given)
    return found


def _parts(accounts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (accounts[start : start + IDS] for start in range(0, len(accounts), IDS))
