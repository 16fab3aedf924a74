"""The features of a few accounts with facts that just came, as statements made once.

Putting facts together and computing features are Ibis expressions; to make and compile them takes
seconds, to run them milliseconds. A plan makes them once, by the same functions as a run of all
accounts, over tables that hold whatever a request needs, and keeps the compiled statements.
What was read and put together for the request before stays, as far as it would be the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import ibis.expr.operations as ops
import pandas as pd
import pyarrow as pa

from npsight.config.schema import Activity, Responses
from npsight.config.specs import ProjectSpec
from npsight.jobs.building.fetched import beside_each_other, displayed, segments_among
from npsight.jobs.building.frames import KEYS, FeatureBuilder
from npsight.jobs.building.servingfacts import ServingFacts
from npsight.tables import contracts
from npsight.tables.assemble import CheckedRows, assembled
from npsight.tables.checked import rows_with_faults
from npsight.tables.comments import measured, scored_comments, sentiment_table
from npsight.tables.contract import FACT_ID, Contract
from npsight.tables.engine import connect, fresh_name, name_literal, run, text_literal
from npsight.tables.further import read_by_contract
from npsight.tables.posted import RESPONSES, SCHEMA, Posted, add_rows, of_table, raw_columns
from npsight.tables.raw import FAULTS
from npsight.tables.versions import correct, corrections_of
from npsight.temporal.spine import spine_on

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

SPINE = "rescore_spine"
ROW_GROUP = 122_880
"""Rows that DuckDB gives to a thread at a time."""
NO_END = datetime(8999, 12, 31)
"""What may lie ahead was judged when the fact came: no instant is compared with the clock here."""


@dataclass(frozen=True)
class PlannedFeatures:
    """Rows of the spine that exist on their day, aligned: features, and what is displayed."""

    features: pd.DataFrame
    display: pd.DataFrame


@dataclass(frozen=True)
class _Query:
    """A compiled expression and the types of its columns."""

    sql: str
    schema: pa.Schema


@dataclass(frozen=True)
class _Step:
    """The statement that makes a table of others, and the names of those that it reads."""

    name: str
    statement: str
    reads: frozenset[str]


@dataclass(frozen=True)
class _Adding:
    """How posted facts of one table come among its checked rows.

    They are put into `incoming`; `reading` checks them; the `comments` of an answer are then
    scored; `adding` measures them and adds them to the rows.
    """

    incoming: str
    reading: tuple[str, ...]
    comments: str | None
    adding: tuple[str, ...]


class Plan:
    """Compiled statements over one set of serving facts, and the DuckDB they run in.

    Not safe to share between threads.
    """

    def __init__(self, project: ProjectSpec, facts: ServingFacts) -> None:
        self.project = project
        self.facts = facts
        self._open = ExitStack()
        self._backend: Backend = self._open.enter_context(connect(project))
        try:
            self._make()
        except BaseException:
            self._open.close()
            raise

    def close(self) -> None:
        """Let go of the DuckDB."""
        self._open.close()

    def together_with(self, accounts: Sequence[str]) -> list[str]:
        """The accounts, and those that were merged with any of them."""
        found = dict.fromkeys(accounts)
        for account in accounts:
            found.update(dict.fromkeys(self._merged.get(account, ())))
        return list(found)

    @property
    def reads_everyone(self) -> bool:
        """Whether a feature of one account is made of the facts of all."""
        return any(spec.against for spec in self.project.features)

    def knows(self, accounts: Sequence[str]) -> set[str]:
        """Those of the accounts that are in the project's table of accounts, all without one."""
        if self.project.tables.accounts is None:
            return set(accounts)
        asked = pa.table({"account": pa.array(list(accounts), pa.string())})
        table = name_literal(self._names["accounts"])
        rows = self._with(asked, f"SELECT account FROM {{}} SEMI JOIN {table} USING (account)")
        return {account for (account,) in rows}

    def features(self, spine: pd.DataFrame, posted: Posted) -> PlannedFeatures:
        """Features of given (account, as_of) rows, with facts that came after the serving facts.

        Exactly `FeatureBuilder.features` and `display` of the project's tables with these facts
        among them, for those rows of the spine that exist on their day.
        """
        changed = self._fill(spine, posted)
        for step in self._steps:
            if step.reads & changed:
                run(self._backend, step.statement)
                changed.add(step.name)
        alive = self._fetch(self._alive)[KEYS]
        frames = [self._alive_only(self._fetch(query), alive) for query in self._features]
        shown = [self._alive_only(self._fetch(query), alive) for query in self._display]
        features = beside_each_other(frames) if frames else alive
        if not self.project.tables.responses:
            segment = self.project.segment
            features["segment_"] = "" if segment is None else segments_among(shown[0], segment)
        return PlannedFeatures(features, displayed(self.project, *shown))

    # --- Making ------------------------------------------------------------------------------

    def _make(self) -> None:
        self._names = {name: fresh_name("checked") for name in self.facts.files}
        self._steps: list[_Step] = []
        self._adding: dict[str, _Adding] = {}
        self._with_ids: set[str] = set()
        self._filled: dict[str, object] = {}
        self._own_rows = {n: fresh_name("own") for n in self._names if n.startswith("responses.")}
        for name, table in self._own_rows.items():
            # Answers of everybody are read after each new one: from memory.
            run(self._backend, f"CREATE TABLE {table} AS SELECT * FROM {self._file(name)}")
        self._concerned = {name: fresh_name("concerned") for name in self._own_rows}
        for name, table in self._names.items():
            # What cannot be posted is read once.
            rows = "" if self._is_static(name) else " LIMIT 0"
            run(self._backend, f"CREATE TABLE {table} AS {self._stored(name)}{rows}")
        for name, table in self._concerned.items():
            run(self._backend, f"CREATE TABLE {table} AS FROM {self._names[name]}")
        run(self._backend, f"CREATE TABLE {SPINE} (account VARCHAR, as_of TIMESTAMP)")
        # Of tables that one thread reads, more would only wait for each other.
        counts = [run(self._backend, f"SELECT count(*) FROM {t}") for t in self._own_rows.values()]
        if not self.reads_everyone and all(found[0][0] <= ROW_GROUP for found in counts):
            run(self._backend, "SET threads = 1")
        self._merged = self._components()
        self._sentiments = fresh_name("sentiments")
        sentiment_table(self._sentiments, self._backend)
        checked = self._checked()
        self._plan_additions(checked)
        project = self.project
        facts = assembled(project.tables, checked, NO_END, self._keep, project.left_after)
        builder = FeatureBuilder(self._backend, facts, self.project)
        spine = self._backend.table(SPINE)
        days = spine.select("as_of").distinct()
        self._alive = self._query(spine.semi_join(spine_on(facts, days), KEYS))
        self._features = [self._query(table) for table in builder.feature_tables(spine)]
        self._display = [self._query(table) for table in builder.display_tables(spine)]

    @staticmethod
    def _is_static(name: str) -> bool:
        return not name.startswith(("activity.", "responses."))

    def _stored(self, name: str) -> str:
        return f"SELECT * FROM {self._own_rows.get(name) or self._file(name)}"

    def _file(self, name: str) -> str:
        return f"read_parquet({text_literal(str(self.facts.files[name]))})"

    def _checked(self) -> CheckedRows:
        def table(name: str) -> ir.Table | None:
            found = self._names.get(name)
            return None if found is None else self._backend.table(found)

        tables = self.project.tables
        return CheckedRows(
            table("accounts"),
            {
                name: self._backend.table(self._names[f"activity.{name}"])
                for name in tables.activity
            },
            [
                self._backend.table(self._names[f"responses.{place}"])
                for place in range(len(tables.responses))
            ],
            table("subscriptions"),
            table("churn"),
            table("merges"),
            [self._backend.table(name) for name in self._concerned.values()],
        )

    def _own(self, name: str) -> ir.Table:
        return self._backend.table(self._names[name])

    def _plan_additions(self, checked: CheckedRows) -> None:
        known = None
        if checked.accounts is not None:
            known = checked.accounts.select("account").distinct()
        tables = self.project.tables
        for name, activity in tables.activity.items():
            build = partial(contracts.activity_contract, known=known)
            self._plan_addition(f"activity.{name}", activity, build, "true")
        for place, answers in enumerate(tables.responses):
            build = partial(contracts.response_contract, known=known)
            condition = of_table(tables.responses, place)
            self._plan_addition(f"responses.{place}", answers, build, condition)

    def _plan_addition(
        self,
        name: str,
        table: Activity | Responses,
        build: Callable[..., Contract],
        condition: str,
    ) -> None:
        own, incoming, added = self._names[name], fresh_name("posted"), fresh_name("added")
        self._backend.create_table(incoming, SCHEMA.empty_table())
        raw = fresh_name("raw")
        values = f"{raw_columns(table, incoming)} WHERE {condition}"
        reading = [f"CREATE OR REPLACE TABLE {raw} AS {values}"]
        run(self._backend, reading[0])
        lower = self.project.tables.account_case == "lower"
        further = read_by_contract(self._backend.table(raw), table, build, name, NO_END, lower)
        read = fresh_name("read")
        reading.append(self._made(read, rows_with_faults(further.sheet, further.contract)))
        reading.append(f"DELETE FROM {read} WHERE {FAULTS} IS NOT NULL")
        rows, comments = self._backend.table(read), None
        if isinstance(table, Responses):
            english = self.project.comments.scores_sentiment
            scores = self._backend.table(self._sentiments) if english else None
            rows = measured(rows, self.project, scores)
            comments = f"SELECT DISTINCT comment FROM {read} WHERE comment IS NOT NULL"
        columns = self._backend.table(own).columns
        versioned = "corrected_at" in columns
        adding = [self._made(added, rows), *add_rows(own, added, table, versioned, columns)]
        if versioned:
            marks = fresh_name("corrected")
            adding.append(self._made(marks, corrections_of(self._backend.table(own))))
            adding.append(correct(own, marks))
        if FACT_ID in columns:
            self._with_ids.add(name)
        self._adding[name] = _Adding(incoming, tuple(reading), comments, tuple(adding))

    def _keep(self, stem: str, expression: ir.Table) -> ir.Table:
        name = fresh_name(stem)
        if expression.op().find(ops.InMemoryTable):
            # Made of what was read once, such as who was merged into whom.
            self._backend.create_table(name, expression)
        else:
            read = frozenset(found.name for found in expression.op().find(ops.DatabaseTable))
            self._steps.append(_Step(name, self._made(name, expression), read))
        return self._backend.table(name)

    def _made(self, name: str, expression: ir.Table) -> str:
        """The statement that makes a table anew, carried out once so that it has its types."""
        statement = f"CREATE OR REPLACE TABLE {name} AS {self._backend.compile(expression)}"
        run(self._backend, statement)
        return statement

    def _query(self, table: ir.Table) -> _Query:
        ordered = table.order_by(["as_of", "account"])
        return _Query(str(self._backend.compile(ordered)), table.schema().to_pyarrow())

    def _components(self) -> Mapping[str, Sequence[str]]:
        """Each merged account to all that it is connected with by merges."""
        if "merges" not in self._names:
            return {}
        pairs = run(self._backend, f'SELECT account, "into" FROM {self._names["merges"]}')
        groups: dict[str, list[str]] = {}
        for account, into in pairs:
            joined = list(
                dict.fromkeys([*groups.get(account, [account]), *groups.get(into, [into])])
            )
            groups.update(dict.fromkeys(joined, joined))
        return groups

    # --- Running -----------------------------------------------------------------------------

    def _fill(self, spine: pd.DataFrame, posted: Posted) -> set[str]:
        """Stored rows, then posted ones; of the accounts alone where no other can matter.

        Returns the tables that hold other rows than for the request before: answers of everybody
        are the same until another is posted.
        """
        accounts = self.together_with(list(dict.fromkeys(spine["account"])))
        changed = set()
        for name, table in self._names.items():
            if self._is_static(name):
                continue
            facts = posted.facts.get(self._source(name))
            where = self._of(name, accounts, facts)
            # A number is one fact for ever.
            wanted = where, None if facts is None else facts.column("seq").to_pylist()
            if self._filled.get(name) == wanted:
                continue
            run(self._backend, f"CREATE OR REPLACE TABLE {table} AS {self._stored(name)}{where}")
            if facts is not None:
                self._add(self._adding[name], facts)
            self._filled[name] = wanted
            changed.add(table)
        for name, table in self._concerned.items():
            run(self._backend, self._concerning(name, table, accounts))
            changed.add(table)
        keys = pa.Table.from_pandas(spine[KEYS], preserve_index=False)
        run(self._backend, f"DELETE FROM {SPINE}")
        self._with(keys, f"INSERT INTO {SPINE} SELECT account, as_of FROM {{}}")
        return changed

    def _concerning(self, name: str, table: str, accounts: Sequence[str]) -> str:
        """The statement that puts the answers of the accounts into a table, and no others."""
        every = self._names[name]
        if self.reads_everyone:
            return f"CREATE OR REPLACE TABLE {table} AS FROM {every}"
        mine = f"account IN ({_texts(accounts)})"
        # Versions of one answer may lie on several accounts.
        same = f"response_id IN (SELECT response_id FROM {every} WHERE {mine})"
        return f"CREATE OR REPLACE TABLE {table} AS FROM {every} WHERE {mine} OR {same}"

    @staticmethod
    def _source(name: str) -> str:
        """Under which name facts of a table are posted."""
        kind, _, own = name.partition(".")
        return RESPONSES if kind == "responses" else own

    def _add(self, adding: _Adding, facts: pa.Table) -> None:
        run(self._backend, f"DELETE FROM {adding.incoming}")
        self._with(facts, f"INSERT INTO {adding.incoming} SELECT * FROM {{}}")
        for statement in adding.reading:
            run(self._backend, statement)
        if adding.comments and self.project.comments.scores_sentiment:
            self._score_comments(adding.comments)
        for statement in adding.adding:
            run(self._backend, statement)

    def _of(self, name: str, accounts: Sequence[str], facts: pa.Table | None) -> str:
        """The condition that picks the rows which can matter to the accounts."""
        if name.startswith("responses.") or self.reads_everyone:
            return ""
        mine = f"account IN ({_texts(accounts)})"
        if name not in self._with_ids:
            return f" WHERE {mine}"
        # Versions of one fact may lie on several accounts.
        same = f"{FACT_ID} IN (SELECT {FACT_ID} FROM ({self._stored(name)}) WHERE {mine})"
        ids = [] if facts is None else facts.column("id").to_pylist()
        came = f" OR {FACT_ID} IN ({_texts(ids)})" if ids else ""
        return f" WHERE {mine} OR {same}{came}"

    def _score_comments(self, query: str) -> None:
        run(self._backend, f"DELETE FROM {self._sentiments}")
        batches = self._backend.con.sql(query).to_arrow_table().to_batches()
        for scored in scored_comments(batches):
            self._with(scored, f"INSERT INTO {self._sentiments} SELECT * FROM {{}}")

    def _with(self, rows: pa.Table, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement over Arrow rows, which stand where its braces are."""
        name = fresh_name("rows")
        self._backend.con.register(name, rows)
        try:
            return run(self._backend, statement.format(name))
        finally:
            self._backend.con.unregister(name)

    def _fetch(self, query: _Query) -> pd.DataFrame:
        found = self._backend.con.sql(query.sql).to_arrow_table()
        frame = found.cast(query.schema).to_pandas()
        frame["as_of"] = frame["as_of"].astype("datetime64[us]")
        return frame

    @staticmethod
    def _alive_only(frame: pd.DataFrame, alive: pd.DataFrame) -> pd.DataFrame:
        if len(frame) == len(alive):
            return frame
        kept = pd.MultiIndex.from_frame(frame[KEYS]).isin(pd.MultiIndex.from_frame(alive))
        return frame[kept].reset_index(drop=True)


def _texts(values: Sequence[str]) -> str:
    return ", ".join(text_literal(value) for value in dict.fromkeys(values))
