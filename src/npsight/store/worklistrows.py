"""Scores and marks -> rows of the worklist, in the transaction that writes the scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from npsight.store.database import count_rows
from npsight.store.marks import (
    Marks,
    account_marks,
    hold_all_marks,
    hold_marks,
    mark,
    shown_marks,
)
from npsight.store.rows import JsonObject, ScoreRow
from npsight.store.searchwords import account_words, keep_words
from npsight.store.values import clean
from npsight.store.worklist import FACETS, WITHIN_CAPACITY, worklist, worklist_facets
from npsight.worklist.bands import band_move, predicted_band

CONTACTED_DAYS = 21
_SAME = (
    "account",
    "name",
    "owner",
    "segment",
    "revenue",
    "renewal_at",
    "band_now",
    "detractor_risk",
    "predicted_nps",
    "churn_risk",
    "risk_level",
    "rank",
    "within_capacity",
)
NOTHING = Marks()


class WorklistWriter:
    """Writes the worklist's rows of one run, chunk by chunk, then what pages offer to choose."""

    def __init__(
        self,
        connection: Connection,
        project: str,
        run_id: str,
        now: datetime,
        contacted_days: int = CONTACTED_DAYS,
    ) -> None:
        self._connection = connection
        self._project = project
        self._run_id = run_id
        self._now = now
        self._contacted_days = contacted_days
        self._marks = _all_marks(connection, project)
        self._values: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
        self._calls = 0

    def add(self, rows: Sequence[ScoreRow]) -> None:
        """Rows of accounts whose scores were written."""
        made = [self._row(row) for row in rows]
        self._connection.execute(insert(worklist), made)
        keep_words(self._connection, self._project, {row.account: row.name for row in rows})
        for facet, values in self._values.items():
            values.update(row[facet] for row in made if row[facet] is not None)
        self._calls += sum(bool(row.within_capacity) for row in rows)

    def finish(self) -> None:
        """Keep the values that there are, and have the database look at what was written."""
        self._catch_up()
        self._values[WITHIN_CAPACITY] = Counter({"yes": self._calls})
        rows = [
            {"run_id": self._run_id, "facet": facet, "value": value, "accounts": count}
            for facet, values in self._values.items()
            for value, count in values.items()
        ]
        if rows:
            self._connection.execute(insert(worklist_facets), rows)
        count_rows(self._connection, worklist, account_words)

    def _catch_up(self) -> None:
        """Show what people did while the rows were written: PostgreSQL does not have them wait."""
        hold_all_marks(self._connection)
        for account, marks in _all_marks(self._connection, self._project).items():
            if marks != self._marks.get(account, NOTHING):
                mark(self._connection, self._project, account, self._now)

    def _row(self, row: ScoreRow) -> JsonObject:
        marks = self._marks.get(row.account, NOTHING)
        return worklist_row(self._run_id, row, marks, self._now, self._contacted_days)


def worklist_row(
    run_id: str, row: ScoreRow, marks: Marks, now: datetime, contacted_days: int
) -> JsonObject:
    """Every column of an account's row."""
    expected = predicted_band(
        nan if row.detractor_risk is None else row.detractor_risk,
        nan if row.promoter_prob is None else row.promoter_prob,
    )
    first, second = main_drivers(row)
    told = _aware(row.last_contact_at)
    until = None if told is None else told + timedelta(days=contacted_days)
    contacts = [at for at in (told, marks.contacted_at) if at is not None]
    return {
        "run_id": run_id,
        **{name: clean(getattr(row, name)) for name in _SAME},
        "expected_band": expected,
        "move": None if row.band_now is None else band_move(row.band_now, expected),  # type: ignore[arg-type]
        "driver": first,
        "second_driver": second,
        "last_contact_at": max(contacts, default=None),
        "contact_until": until,
        **shown_marks(marks, now, until),
    }


def _aware(at: datetime | None) -> datetime | None:
    """An instant without a zone is UTC, as everywhere inside npsight; None for NaT, too."""
    if at is None or at != at:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def main_drivers(row: ScoreRow) -> tuple[str | None, str | None]:
    """Keys of the two drivers that raise the risk most; where fewer do, then the largest others.

    Of the risk to leave where the account has no other.
    """
    points = sorted(
        (
            (float(note["points"]), str(note["driver"]))
            for note in row.drivers or row.churn_drivers
            if note.get("points") is not None and "driver" in note
        ),
        key=lambda item: (item[0] <= 0, -abs(item[0])),
    )
    keys = [key for _, key in points]
    return (keys[0] if keys else None), (keys[1] if len(keys) > 1 else None)


def rewrite_row(
    connection: Connection,
    project: str,
    run_id: str,
    row: ScoreRow,
    now: datetime,
    contacted_days: int = CONTACTED_DAYS,
) -> None:
    """Have an account's row show a new score; its place among the others stays."""
    marks = hold_marks(connection, project, row.account)
    values = worklist_row(run_id, row, marks, now, contacted_days)
    stays = ("run_id", "account", "rank", "within_capacity")
    mine = (worklist.c.run_id == run_id) & (worklist.c.account == row.account)
    changed = {name: value for name, value in values.items() if name not in stays}
    connection.execute(update(worklist).where(mine).values(**changed))
    keep_words(connection, project, {row.account: row.name})
    _offer(connection, run_id, values)


def forget_rows(connection: Connection, runs: Sequence[str]) -> None:
    """Delete the rows of runs whose scores stay."""
    for table in (worklist, worklist_facets):
        connection.execute(delete(table).where(table.c.run_id.in_(runs)))


def _offer(connection: Connection, run_id: str, row: Mapping[str, Any]) -> None:
    """Have pages offer values that no account had when the run was written."""
    table = worklist_facets
    for facet in FACETS:
        if row[facet] is None:
            continue
        key = {"run_id": run_id, "facet": facet, "value": row[facet]}
        mine = [table.c[name] == value for name, value in key.items()]
        if connection.execute(select(table.c.accounts).where(*mine)).first() is None:
            connection.execute(insert(table).values(**key, accounts=1))


def _all_marks(connection: Connection, project: str) -> dict[str, Marks]:
    table = account_marks
    columns = [table.c[name] for name in Marks.__dataclass_fields__]
    query = select(table.c.account, *columns).where(table.c.project == project)
    found = {}
    for row in connection.execute(query):
        values = dict(row._mapping)
        account = values.pop("account")
        found[account] = Marks(**values)
    return found
