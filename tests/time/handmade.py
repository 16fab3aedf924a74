"""Facts written by hand: plain rows, and the same rows as tables of an in-memory DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from npsight.audit import oracle
from npsight.config.schema import Worklist
from npsight.config.schema.settings import Engine
from npsight.features.compile import compile_features
from npsight.jobs.building.frames import FeatureBuilder
from npsight.tables.engine import connect
from npsight.temporal.facts import Facts

Row = dict[str, Any]
INSTANT, MEASURE, TEXT = pa.timestamp("us"), pa.decimal128(18, 6), pa.string()
TIMES = {"account": TEXT, "occurred_at": INSTANT, "known_at": INSTANT}
END = {"ended_at": INSTANT, "ended_known_at": INSTANT}
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "accounts": {"account": TEXT, "began_at": INSTANT},
    "versions": {
        **TIMES,
        **END,
        "plan": TEXT,
        "seats": MEASURE,
        "owner_": TEXT,
        "renewal_at_": INSTANT,
    },
    "usage": {**TIMES, "logins": MEASURE, "errors": MEASURE, "kind": TEXT, "channel": TEXT},
    "tickets": {**TIMES, **END, "hours": MEASURE, "weight": MEASURE, "severity": TEXT},
    "responses": {
        **TIMES,
        "score": MEASURE,
        "raw_score": MEASURE,
        "band": TEXT,
        "touchpoint": TEXT,
        "respondent": TEXT,
    },
    "subscriptions": {**TIMES, **END, "amount": MEASURE},
    "churn": TIMES,
    "merges": {"account": TEXT, "into": TEXT, "known_at": INSTANT},
    "meetings": TIMES,
}
VERSIONED = {"corrected_at": INSTANT, "owned_from": INSTANT, "moved_at": INSTANT}
"""Columns that a table has where facts are corrected or accounts merge."""
SOURCES = ("usage", "tickets", "responses", "subscriptions")

AS_OF = datetime(2024, 3, 1)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
LONG_AGO = datetime(2020, 1, 1)
SEGMENT = "plan"


@dataclass
class World(oracle.World):
    """The oracle's world, whose tables can be read and changed one by one."""

    versioned: bool = False

    def tables(self) -> Iterator[tuple[str, list[Row]]]:
        """Every table by its name in `COLUMNS`."""
        yield "accounts", self.accounts
        if self.versions is not None:
            yield "versions", self.versions
        yield from self.sources.items()
        if self.churn is not None:
            yield "churn", self.churn
        if self.merges is not None:
            yield "merges", self.merges

    def changed(self, change: Callable[[str, list[Row]], list[Row]]) -> World:
        """The world with every table's rows put through `change(name, rows)`."""
        rows = {name: change(name, table) for name, table in self.tables()}
        return replace(
            self,
            accounts=rows["accounts"],
            versions=rows.get("versions"),
            sources={name: rows[name] for name in self.sources},
            churn=rows.get("churn"),
            merges=rows.get("merges"),
        )


def fact(
    at: datetime,
    known: datetime | None = None,
    *,
    account: str = "a",
    until: datetime | None = None,
    until_known: datetime | None = None,
    **values: Any,
) -> Row:
    """One row. It is known when it happens, and its end when it ends, unless told otherwise."""
    row = {"account": account, "occurred_at": at, "known_at": known or at, **values}
    if until is not None:
        row |= {"ended_at": until, "ended_known_at": until_known or until}
    return row


def answer(
    at: datetime, score: int, known: datetime | None = None, *, account: str = "a", **values: Any
) -> Row:
    """One answer on the scale 0–10."""
    band = "detractor" if score <= 6 else "passive" if score <= 8 else "promoter"
    return fact(at, known, account=account, score=score, raw_score=score, band=band, **values)


def world_of(
    accounts: Sequence[str] = ("a",),
    versions: list[Row] | None = None,
    churn: list[Row] | None = None,
    **sources: list[Row],
) -> World:
    """A world whose accounts began long ago."""
    begun = [{"account": name, "began_at": LONG_AGO} for name in accounts]
    return World(begun, versions, sources, churn)


@contextmanager
def handmade_engine(threads: int = 2) -> Iterator[Any]:
    """The engine of the jobs, with their session settings."""
    project: Any = SimpleNamespace(engine=SimpleNamespace(memory="1GB", threads=threads))
    with connect(project) as backend:
        yield backend


def table_of(engine: Any, name: str, rows: list[Row], versioned: bool = False) -> Any:
    """Rows as a table of the engine, with the types that `Facts` promises."""
    columns = COLUMNS[name] | (VERSIONED if versioned else {})
    data = {
        column: pa.array([_exact(row.get(column), kind) for row in rows], type=kind)
        for column, kind in columns.items()
    }
    unique = ibis.util.gen_name(name)
    engine.create_table(unique, pa.table(data, schema=pa.schema(columns)), temp=True)
    return engine.table(unique)


def _exact(value: Any, kind: pa.DataType) -> Any:
    return Decimal(str(value)) if kind == MEASURE and value is not None else value


def facts_of(engine: Any, world: World) -> Facts:
    """The world as `Facts`."""
    made = {
        name: table_of(engine, name, rows, world.versioned and name in world.sources)
        for name, rows in world.tables()
    }
    return Facts(
        made["accounts"],
        made.get("versions"),
        {name: made[name] for name in world.sources},
        made.get("churn"),
        data_start=LONG_AGO,
        data_end=world.data_end,
        merges=made.get("merges"),
        scheduled=frozenset({"meetings"} & set(world.sources)),
        left_after=world.left_after,
    )


def spine_of(engine: Any, keys: Sequence[tuple[str, datetime]]) -> Any:
    """A spine of these (account, as_of)."""
    accounts = pa.array([account for account, _ in keys], TEXT)
    table = pa.table({"account": accounts, "as_of": pa.array([day for _, day in keys], INSTANT)})
    unique = ibis.util.gen_name("spine")
    engine.create_table(unique, table, temp=True)
    return engine.table(unique)


def builder_of(
    engine: Any,
    world: World,
    specs: Any = (),
    segment: str | None = None,
    touchpoints: tuple[str, ...] = (),
) -> Any:
    """A `FeatureBuilder` of a project that has just these features, and knows who answered."""
    project: Any = SimpleNamespace(
        worklist=Worklist(),
        features=tuple(specs),
        segment=segment,
        respondents=True,
        touchpoints=touchpoints,
        tables=SimpleNamespace(accounts=None),
        timezone=None,
        engine=Engine(),
    )
    return FeatureBuilder(engine, facts_of(engine, world), project, own=OWN)


def rows_of(engine: Any, table: Any) -> dict[tuple[str, datetime], Row]:
    """The rows of a table by account and as_of; fails when two share a key."""
    rows = engine.to_pyarrow(table).to_pylist()
    keyed = {(row.pop("account"), row.pop("as_of")): row for row in rows}
    assert len(keyed) == len(rows), "an (account, as_of) has more than one row"
    return keyed


def twice(facts: Any) -> Any:
    """An own expression, to be told from a count."""
    return facts.count() * 2


OWN = {"own.py:twice": twice}


def features_of(
    engine: Any, world: World, specs: Sequence[Any], as_of: datetime = AS_OF, account: str = "a"
) -> Row:
    """Feature name to value, for one account and day; the other accounts stand in the spine too."""
    spine = spine_of(engine, [(row["account"], as_of) for row in world.accounts])
    facts = facts_of(engine, world)
    values = _built(engine, world, specs, spine, account, as_of)
    # By panes where they can be used, put together here and by a join, and from the rows: these
    # must never differ.
    for as_ofs in ([as_of], None):
        found: Row = {}
        for table in compile_features(facts, spine, specs, as_ofs, OWN, SEGMENT):
            keyed = rows_of(engine, table)
            assert len(keyed) == len(world.accounts), "not exactly the spine's rows"
            found |= keyed[account, as_of]
        assert found == values, "panes and rows differ"
    return values


def _built(
    engine: Any, world: World, specs: Sequence[Any], spine: Any, account: str, as_of: datetime
) -> Row:
    """What the builder gives to those who train and score, missing values as None."""
    segment = SEGMENT if any(spec.against for spec in specs) else None
    built = builder_of(engine, world, specs, segment).features(spine)
    row = built[(built["account"] == account) & (built["as_of"] == as_of)].to_dict("records")[0]
    return {spec.name: None if pd.isna(row[spec.name]) else row[spec.name] for spec in specs}
