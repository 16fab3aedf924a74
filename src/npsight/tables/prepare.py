"""The user's tables -> canonical facts: every table read, checked and reported at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from npsight.config.schema import Source
from npsight.config.specs import ProjectSpec
from npsight.errors import DataError, Problem
from npsight.tables import contracts
from npsight.tables.assemble import CheckedRows, assembled, named_tables
from npsight.tables.checked import Further, check_table
from npsight.tables.chosen import chosen, frequent
from npsight.tables.columns import check_columns, check_parts, mapped_columns
from npsight.tables.comments import with_comment_measures
from npsight.tables.contract import Contract
from npsight.tables.digest import digest_of
from npsight.tables.engine import fresh_name, one_row
from npsight.tables.further import Addition, further_rows
from npsight.tables.namedperiods import over_of, without_running
from npsight.tables.posted import RESPONSES, Posted, of_table
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
    posted: Posted | None = None,
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
    posted
        Facts that came over HTTP: further rows of their tables (see `npsight.tables.posted`).

    Raises
    ------
    DataError
        With the problems of all tables: missing files or columns, wrong types, times without a
        zone, empty tables, too many bad rows.
    """
    instant = as_utc(now)
    run = _Run(
        project, connection, quarantine_dir, instant, progress or _silent, posted or Posted()
    )
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
    posted: Posted = field(default_factory=Posted)
    problems: list[Problem] = field(default_factory=list)
    reports: list[TableReport] = field(default_factory=list)
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Reader(self.backend, self.project.tables)

    def prepare(self) -> Prepared:
        accounts = self._accounts()
        known = accounts.select("account").distinct() if accounts is not None else None
        merges = self._merges(known)
        if known is not None and merges is not None:
            known = known.union(merges.select("account"), distinct=True)
        activities = self._activities(known)
        answers = self._responses(known)
        subscriptions = self._subscriptions(known)
        churn = self._churn(known)
        if self.problems:
            raise self._error()
        if answers:
            self.progress("measuring comments")
            answers = [self._measured(table) for table in answers]
        rows = CheckedRows(accounts, activities, answers, subscriptions, churn, merges)
        facts = assembled(self.project.tables, rows, self.now, self._kept, self.project.left_after)
        self.progress("digest of the facts")
        return Prepared(
            facts, tuple(self.reports), digest_of(named_tables(facts)), rows, self.posted.through
        )

    def _error(self) -> DataError:
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        return DataError(f"{count} {noun} in the tables of {self.project.file}", self.problems)

    # --- One table --------------------------------------------------------------------------

    def _rows(
        self, key: str, source: Source, build: Build, add: Addition | None = None
    ) -> ir.Table | None:
        """Read and check one table; its problems are kept, so that the others are seen too."""
        self.progress(f"reading {key}")
        where = place_of(source)
        try:
            raw = self.reader.read(source, key)
            mapped = mapped_columns(source, self.project)
            check_columns(mapped, raw.columns, where, key)
            check_parts(mapped, raw.lacking, where, key)
            raw = chosen(source, raw, where, key)
            zone = source.timezone or self.project.timezone
            over = over_of(source, raw)
            if over is not None:
                raw = without_running(raw, over, zone, self.now, where, key)
            rows = self.reader.facts_of(source, raw)
            lower = self.project.tables.account_case == "lower"
            sheet = Sheet(rows, source, zone, self.now, key, where, lower)
            contract = build(sheet)
            share = self.project.quarantine.max_share
            further = self._further(key, add)
            checked = check_table(
                sheet, raw, contract, share, self.quarantine_dir, self.backend, further
            )
        except UnusableTableError as error:
            self.problems += error.problems
            return None
        finally:
            self.reader.done_with(source)
        self.reports.append(checked.report)
        return checked.rows

    def _further(self, key: str, add: Addition | None) -> Further | None:
        """What came over HTTP for a table, as its contract reads it."""
        facts = self.posted.facts.get(add.source) if add else None
        if add is None or facts is None or facts.num_rows == 0:
            return None
        lower = self.project.tables.account_case == "lower"
        return further_rows(
            self.backend, facts, add.table, add.build, add.condition, key, self.now, lower
        )

    def _kept(self, stem: str, expression: ir.Table) -> ir.Table:
        name = fresh_name(stem)
        self.backend.create_table(name, expression)
        return self.backend.table(name)

    # --- Kinds of tables --------------------------------------------------------------------

    def _accounts(self) -> ir.Table | None:
        table = self.project.tables.accounts
        if table is None:
            return None
        snapshot = self.project.churn if self.project.is_snapshot else None
        key = "tables.accounts"
        outcomes: list[str] = []

        def build(sheet: Sheet) -> Contract:
            if snapshot is not None and snapshot.column:
                outcomes.append(frequent(sheet.text(snapshot.column)))
            return contracts.accounts_contract(sheet, table, snapshot)

        rows = self._rows(key, table, build)
        if rows is None or snapshot is None:
            return rows
        if not one_row(rows.aggregate(any=rows.outcome_.any()))["any"]:
            self.problems.append(
                Problem(
                    f"column `{snapshot.column}` holds none of {snapshot.positive}",
                    "write the values under `targets.churn.positive` as they stand in the column; "
                    f"it holds: {''.join(outcomes)}",
                    place_of(table),
                    key,
                )
            )
        return rows

    def _activities(self, known: ir.Table | None) -> dict[str, ir.Table]:
        found = {}
        for name, table in self.project.tables.activity.items():
            build = partial(contracts.activity_contract, known=known)
            add = Addition(name, table, build)
            rows = self._rows(f"tables.activity.{name}", table, partial(build, table=table), add)
            if rows is not None:
                found[name] = rows
        return found

    def _responses(self, known: ir.Table | None) -> list[ir.Table]:
        tables = self.project.tables.responses
        found: list[ir.Table] = []
        for index, table in enumerate(tables):
            key = "tables.responses" if len(tables) == 1 else f"tables.responses[{index}]"
            build = partial(contracts.response_contract, known=known)
            add = Addition(RESPONSES, table, build, of_table(tables, index))
            rows = self._rows(key, table, partial(build, table=table), add)
            if rows is not None:
                found.append(rows)
        return found

    def _measured(self, answers: ir.Table) -> ir.Table:
        return self._kept("answers", with_comment_measures(answers, self.project, self.backend))

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
