"""The user's tables -> canonical facts: every table read, checked and reported at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from npsight.config.schema import Source
from npsight.config.specs import ProjectSpec
from npsight.errors import DataError, Problem
from npsight.tables import contracts
from npsight.tables.assemble import ReadTables, facts_of, named_tables
from npsight.tables.checked import CheckedTable, check_table
from npsight.tables.columns import check_columns, mapped_columns
from npsight.tables.comments import with_comment_measures
from npsight.tables.contract import STATED, Contract
from npsight.tables.digest import digest_of
from npsight.tables.engine import INSTANT, fresh_name, one_row
from npsight.tables.invitations import invitations_of
from npsight.tables.raw import UnusableTableError
from npsight.tables.reading import Reader, place_of
from npsight.tables.report import Prepared, TableReport
from npsight.tables.sheet import Sheet

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

__all__ = ["Prepared", "as_utc", "prepare"]

Progress = Callable[[str], None]
Build = Callable[[Sheet], Contract]


def prepare(
    project: ProjectSpec,
    connection: Backend,
    quarantine_dir: Path | None,
    progress: Progress | None = None,
    *,
    now: datetime | None = None,
) -> Prepared:
    """Read, check and map every table of a project.

    Parameters
    ----------
    project
        The checked project file.
    connection
        A DuckDB from `connect`; the facts live in it and end with it.
    quarantine_dir
        Where bad rows are kept, one Parquet file a table; None keeps none.
    progress
        Called with a line for each step.
    now
        The instant after which facts lie in the future (UTC; naive means UTC). The clock's,
        unless given.

    Raises
    ------
    DataError
        With the problems of all tables: missing files or columns, wrong types, times without a
        zone, empty tables, too many bad rows.
    """
    instant = as_utc(now)
    run = _Run(project, connection, quarantine_dir, instant, progress or _silent)
    try:
        return run.prepare()
    finally:
        run.reader.close()


def as_utc(now: datetime | None) -> datetime:
    """The instant as UTC without a zone; the clock's where there is none."""
    if now is None:
        return datetime.now(UTC).replace(tzinfo=None)
    return now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None)


def _silent(_: str) -> None:
    return None


@dataclass
class _Run:
    """One call of `prepare`: what has been read, and what was wrong so far."""

    project: ProjectSpec
    backend: Backend
    quarantine_dir: Path | None
    now: datetime
    progress: Progress
    problems: list[Problem] = field(default_factory=list)
    reports: list[TableReport] = field(default_factory=list)
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Reader(self.backend, self.project.tables)

    def prepare(self) -> Prepared:
        accounts = self._accounts()
        known = accounts.table.select("account").distinct() if accounts else None
        sources = self._activities(known)
        answers = self._responses(known)
        subscriptions = self._subscriptions(known)
        churn = self._churn(known)
        merges = self._merges(known)
        if self.problems:
            raise self._error()
        if answers:
            sources["responses"] = self._kept("responses", self._answered(answers))
            if any(table.invited_at for table in self.project.tables.responses):
                sent = [invitations_of(table) for table in answers]
                sources["invitations"] = self._kept("invitations", _together(sent))
        if subscriptions is not None:
            sources["subscriptions"] = subscriptions
        rows = accounts.table if accounts else None
        read = ReadTables(rows, sources, churn, merges)
        facts = facts_of(self.project.tables, read, self.now, self._kept)
        self.progress("digest of the facts")
        return Prepared(facts, tuple(self.reports), digest_of(named_tables(facts)))

    def _error(self) -> DataError:
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        return DataError(f"{count} {noun} in the tables of {self.project.file}", self.problems)

    # --- One table --------------------------------------------------------------------------

    def _checked(self, key: str, source: Source, build: Build) -> CheckedTable | None:
        """Read and check one table; its problems are kept, so that the others are seen too."""
        self.progress(f"reading {key}")
        where = place_of(source)
        try:
            raw = self.reader.read(source, key)
            check_columns(mapped_columns(source, self.project), raw.columns, where, key)
            zone = source.timezone or self.project.timezone
            rows = self.reader.facts_of(source, raw)
            sheet = Sheet(rows, source, zone, self.now, key, where)
            contract = build(sheet)
            share = self.project.quarantine.max_share
            checked = check_table(sheet, raw, contract, share, self.quarantine_dir, self.backend)
        except UnusableTableError as error:
            self.problems += error.problems
            return None
        finally:
            self.reader.done_with(source)
        self.reports.append(checked.report)
        return checked

    def _kept(self, stem: str, expression: ir.Table) -> ir.Table:
        name = fresh_name(stem)
        self.backend.create_table(name, expression)
        return self.backend.table(name)

    # --- Kinds of tables --------------------------------------------------------------------

    def _accounts(self) -> CheckedTable | None:
        table = self.project.tables.accounts
        if table is None:
            return None
        snapshot = self.project.churn if self.project.is_snapshot else None
        key = "tables.accounts"
        checked = self._checked(
            key, table, lambda sheet: contracts.accounts_contract(sheet, table, snapshot)
        )
        if checked is None or snapshot is None:
            return checked
        if not one_row(checked.table.aggregate(any=checked.table.outcome_.any()))["any"]:
            self.problems.append(
                Problem(
                    f"column `{snapshot.column}` holds none of {snapshot.positive}",
                    "write the values under `targets.churn.positive` as they stand in the column",
                    place_of(table),
                    key,
                )
            )
        return checked

    def _activities(self, known: ir.Table | None) -> dict[str, ir.Table]:
        found = {
            name: self._rows(
                f"tables.activity.{name}",
                table,
                partial(contracts.activity_contract, table=table, known=known),
            )
            for name, table in self.project.tables.activity.items()
        }
        return {name: _without(rows, STATED) for name, rows in found.items() if rows is not None}

    def _rows(self, key: str, source: Source, build: Build) -> ir.Table | None:
        checked = self._checked(key, source, build)
        return checked.table if checked else None

    def _responses(self, known: ir.Table | None) -> list[ir.Table]:
        tables = self.project.tables.responses
        found: list[ir.Table] = []
        for index, table in enumerate(tables):
            key = "tables.responses" if len(tables) == 1 else f"tables.responses[{index}]"
            build = partial(contracts.response_contract, table=table, known=known)
            rows = self._rows(key, table, build)
            if rows is not None:
                found.append(rows)
        return found

    def _answered(self, answers: Sequence[ir.Table]) -> ir.Table:
        self.progress("measuring comments")
        given = [table.filter(table.raw_score.notnull()) for table in answers]
        own = [_without(table, "invited_at", "invitation_known_at", STATED) for table in given]
        return with_comment_measures(_together(own), self.project, self.backend)

    def _subscriptions(self, known: ir.Table | None) -> ir.Table | None:
        table = self.project.tables.subscriptions
        if table is None:
            return None
        build = partial(contracts.subscription_contract, table=table, known=known)
        return self._rows("tables.subscriptions", table, build)

    def _churn(self, known: ir.Table | None) -> ir.Table | None:
        table = self.project.tables.churn
        if table is None:
            return None
        build = partial(contracts.churn_contract, table=table, known=known)
        return self._rows("tables.churn", table, build)

    def _merges(self, known: ir.Table | None) -> ir.Table | None:
        table = self.project.tables.merges
        if table is None:
            return None
        build = partial(contracts.merges_contract, table=table, known=known)
        return self._rows("tables.merges", table, build)


def _together(tables: Sequence[ir.Table]) -> ir.Table:
    """All rows of the tables; where only some are corrected, the others' never are."""
    if any("corrected_at" in table.columns for table in tables):
        null = ibis.null(INSTANT)
        tables = [
            table if "corrected_at" in table.columns else table.mutate(corrected_at=null)
            for table in tables
        ]
    alike = [table.select(tables[0].columns) for table in tables]
    return ibis.union(*alike) if len(alike) > 1 else alike[0]


def _without(table: ir.Table, *columns: str) -> ir.Table:
    return table.drop(*(column for column in columns if column in table.columns))
