"""The user's tables -> canonical facts: every table read, checked and reported at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from npsight.config.schema import Accounts, Source
from npsight.config.specs import ProjectSpec
from npsight.errors import DataError, Problem
from npsight.tables import contracts
from npsight.tables.accounts import accounts_of, bounds_of, instants_of, versions_of
from npsight.tables.checked import CheckedTable, check_table
from npsight.tables.columns import check_columns, mapped_columns
from npsight.tables.comments import with_comment_measures
from npsight.tables.contracts import Contract
from npsight.tables.digest import digest_of
from npsight.tables.engine import fresh_name, one_row
from npsight.tables.raw import UnusableTableError
from npsight.tables.reading import Reader, place_of
from npsight.tables.report import Prepared, TableReport
from npsight.tables.sheet import Sheet
from npsight.temporal.facts import Facts

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
        if self.problems:
            raise self._error()
        if answers is not None:
            sources["responses"] = self._kept("responses", self._answered(answers))
            if any(table.invited_at for table in self.project.tables.responses):
                sources["invitations"] = _invitations(answers)
        if subscriptions is not None:
            sources["subscriptions"] = subscriptions
        facts = self._facts(accounts, sources, churn)
        self.progress("digest of the facts")
        return Prepared(facts, tuple(self.reports), digest_of(_named_tables(facts)))

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
            sheet = Sheet(raw.table, source, zone, self.now, key, where)
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
        return {name: rows for name, rows in found.items() if rows is not None}

    def _rows(self, key: str, source: Source, build: Build) -> ir.Table | None:
        checked = self._checked(key, source, build)
        return checked.table if checked else None

    def _responses(self, known: ir.Table | None) -> ir.Table | None:
        tables = self.project.tables.responses
        found: list[ir.Table] = []
        for index, table in enumerate(tables):
            key = "tables.responses" if len(tables) == 1 else f"tables.responses[{index}]"
            build = partial(contracts.response_contract, table=table, known=known)
            rows = self._rows(key, table, build)
            if rows is not None:
                found.append(rows)
        if not found:
            return None
        return ibis.union(*found) if len(found) > 1 else found[0]

    def _answered(self, answers: ir.Table) -> ir.Table:
        given = answers.filter(answers.raw_score.notnull())
        self.progress("measuring comments")
        own = given.drop("invited_at", "invitation_known_at")
        return with_comment_measures(own, self.project, self.backend)

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

    # --- All tables together ----------------------------------------------------------------

    def _facts(
        self,
        checked: CheckedTable | None,
        sources: Mapping[str, ir.Table],
        churn: ir.Table | None,
    ) -> Facts:
        table: Accounts | None = self.project.tables.accounts
        dated = dict(sources) if churn is None else {**sources, "churn": churn}
        instants = instants_of(dated.values())
        if instants is None:
            instants = _no_facts()
        recorded = instants_of(t for name, t in dated.items() if name != "subscriptions")
        rows = checked.table if checked else None
        accounts = self._kept("accounts", accounts_of(rows, table, instants))
        versions = None
        if rows is not None and table is not None:
            versions = self._kept("versions", versions_of(rows, table))
        first, last = bounds_of(recorded if recorded is not None else instants, instants, self.now)
        return Facts(accounts, versions, dict(sources), churn, data_start=first, data_end=last)


def _no_facts() -> ir.Table:
    import pyarrow as pa

    instant = pa.timestamp("us")
    schema = {"account": pa.string(), "occurred_at": instant, "known_at": instant}
    return ibis.memtable(pa.schema(schema).empty_table())


def _invitations(answers: ir.Table) -> ir.Table:
    """Every invitation sent; it ends with its answer, and that is known when the answer is."""
    sent = answers.filter(answers.invited_at.notnull())
    return sent.select(
        account=sent.account,
        occurred_at=sent.invited_at,
        known_at=sent.invitation_known_at,
        ended_at=sent.occurred_at,
        ended_known_at=sent.known_at,
        touchpoint=sent.touchpoint,
    )


def _named_tables(facts: Facts) -> dict[str, ir.Table]:
    named = {f"sources.{name}": table for name, table in facts.sources.items()}
    named["accounts"] = facts.accounts
    if facts.versions is not None:
        named["versions"] = facts.versions
    if facts.churn is not None:
        named["churn"] = facts.churn
    return named
