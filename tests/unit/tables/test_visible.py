"""The digest of what is visible on a day: nothing else changes it, and all of that does."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa
import pytest

from npsight.tables.digest import visible_digests
from npsight.temporal.facts import Facts

Row = dict[str, Any]
World = dict[str, list[Row]]

INSTANT, TEXT, MEASURE = pa.timestamp("us"), pa.string(), pa.decimal128(18, 6)
TIMES = {"account": TEXT, "occurred_at": INSTANT, "known_at": INSTANT}
END = {"ended_at": INSTANT, "ended_known_at": INSTANT}
GONE = {"corrected_at": INSTANT, "owned_from": INSTANT, "moved_at": INSTANT}
SCHEMA = {
    "accounts": {"account": TEXT, "began_at": INSTANT},
    "versions": {**TIMES, **END, "plan": TEXT},
    "usage": {**TIMES, **GONE, "n": MEASURE},
    "tickets": {**TIMES, **END, **GONE},
    "meetings": {**TIMES, **END, **GONE},
    "subscriptions": {**TIMES, **END, **GONE},
    "churn": TIMES,
    "merges": {"account": TEXT, "into": TEXT, "known_at": INSTANT},
}
SOURCES = ("usage", "tickets", "meetings", "subscriptions")
TICK = timedelta(microseconds=1)


def day(number: int) -> datetime:
    return datetime(2024, 1, 1) + timedelta(days=number)


DAYS = (day(10), day(20), day(30))
ALL = frozenset(DAYS)
NONE: frozenset[datetime] = frozenset()


def fact(at: int, known: int | None = None, **more: Any) -> Row:
    return {"account": "a", "occurred_at": day(at), "known_at": day(known or at), **more}


BASE: World = {
    "accounts": [{"account": "a", "began_at": day(1)}, {"account": "b", "began_at": day(15)}],
    "versions": [
        fact(1, plan="x"),
        fact(12, 14, plan="y", ended_at=day(18), ended_known_at=day(25)),
    ],
    "usage": [fact(2, n=Decimal(1)), fact(5, 15, n=Decimal(2), corrected_at=day(25))],
    "tickets": [fact(3), fact(4, ended_at=day(16), ended_known_at=day(17))],
    "meetings": [fact(40, 5), fact(8, 9)],
    "subscriptions": [fact(1, ended_at=day(50), ended_known_at=day(15)), fact(2)],
    "churn": [fact(22)],
    "merges": [{"account": "c", "into": "a", "known_at": day(12)}],
}


@pytest.fixture(scope="module")
def engine():
    backend = ibis.duckdb.connect(":memory:", threads=2)
    yield backend
    backend.disconnect()


def digests(engine: Any, world: World, as_ofs: Any = DAYS) -> dict[datetime, str]:
    made = {}
    for name, rows in world.items():
        columns = SCHEMA[name]
        data = {c: pa.array([row.get(c) for row in rows], kind) for c, kind in columns.items()}
        unique = ibis.util.gen_name(name)
        engine.create_table(unique, pa.table(data, schema=pa.schema(columns)), temp=True)
        made[name] = engine.table(unique)
    facts = Facts(
        made["accounts"],
        made.get("versions"),
        {name: made[name] for name in SOURCES if name in made},
        made.get("churn"),
        day(0),
        day(60),
        made.get("merges"),
        scheduled=frozenset(("meetings",)),
    )
    return visible_digests(facts, as_ofs)


@pytest.fixture(scope="module")
def before(engine) -> dict[datetime, str]:
    return digests(engine, BASE)


def put(table: str, row: int, **values: Any) -> Callable[[World], None]:
    return lambda world: world[table][row].update(values)


def add(table: str, row: Row) -> Callable[[World], None]:
    return lambda world: world[table].append(row)


def drop(table: str, row: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        del world[table][row]

    return change


from_second, from_third = ALL - {DAYS[0]}, frozenset(DAYS[2:])
second_only = frozenset(DAYS[1:2])

CASES: dict[str, tuple[Callable[[World], None], frozenset[datetime]]] = {
    "a fact that happens after all days": (add("usage", fact(31)), NONE),
    "a fact at the very instant of the last day": (add("usage", fact(30)), NONE),
    "a fact a tick before it": (
        add("usage", fact(29) | {"occurred_at": day(30) - TICK, "known_at": day(30) - TICK}),
        from_third,
    ),
    "a fact known at the very instant of a day": (add("usage", fact(3, 10)), from_second),
    "a fact known a tick before a day": (
        add("usage", fact(3) | {"known_at": day(10) - TICK}),
        ALL,
    ),
    "a fact known late": (add("usage", fact(3, 25)), from_third),
    "a second equal fact": (add("usage", fact(2, n=Decimal(1))), ALL),
    "another value": (put("usage", 0, n=Decimal(3)), ALL),
    "a missing value": (put("usage", 0, n=None), ALL),
    "another value of what is known later": (put("usage", 1, n=Decimal(3)), second_only),
    "another account": (put("usage", 0, account="b"), ALL),
    "one fact less": (drop("usage", 0), ALL),
    "one less of those known later and then corrected": (drop("usage", 1), second_only),
    "another correction after all days": (put("usage", 1, corrected_at=day(31)), from_third),
    "a correction at the very instant of a day": (put("usage", 0, corrected_at=day(30)), NONE),
    "a correction a tick before it": (
        put("usage", 0, corrected_at=day(30) - TICK),
        from_third,
    ),
    "a correction at another time between two days": (
        put("usage", 1, corrected_at=day(26)),
        NONE,
    ),
    "a fact corrected before it was known": (
        add("usage", fact(2, 9, n=Decimal(9), corrected_at=day(8))),
        NONE,
    ),
    "a move known between two days": (put("usage", 0, moved_at=day(15)), from_second),
    "a copy from then on": (add("usage", fact(2, 15, owned_from=day(15))), from_second),
    "an end after all days": (
        put("tickets", 0, ended_at=day(31), ended_known_at=day(31)),
        NONE,
    ),
    "an end known after all days": (
        put("tickets", 0, ended_at=day(5), ended_known_at=day(30)),
        NONE,
    ),
    "an end that lies ahead and was known before all days": (
        put("tickets", 0, ended_at=day(25), ended_known_at=day(5)),
        ALL,
    ),
    "an end of a version that lies ahead of the first two days": (
        put("versions", 0, ended_at=day(25), ended_known_at=day(5)),
        from_third,
    ),
    "another end, not seen before the second day": (
        put("tickets", 1, ended_at=day(15)),
        from_second,
    ),
    "no end": (put("tickets", 1, ended_at=None, ended_known_at=None), from_second),
    "an end of what was corrected before it": (
        put("tickets", 0, corrected_at=day(12), ended_at=day(14), ended_known_at=day(14)),
        from_second,
    ),
    "a booking known before all days": (add("meetings", fact(90, 3)), ALL),
    "a booking that is moved further ahead": (put("meetings", 0, occurred_at=day(41)), ALL),
    "a booking made between two days": (add("meetings", fact(90, 15)), from_second),
    "a booked end": (put("meetings", 0, ended_at=day(41), ended_known_at=day(15)), from_second),
    "an end of a contract known ahead": (put("subscriptions", 0, ended_at=day(51)), from_second),
    "a contract cancelled after all days": (
        put("subscriptions", 1, ended_at=day(31), ended_known_at=day(30)),
        NONE,
    ),
    "a version known later": (add("versions", fact(2, 25, plan="z")), from_third),
    "another end of a version": (put("versions", 1, ended_at=day(17)), from_third),
    "another plan": (put("versions", 1, plan="z"), from_second),
    "a churn event after all days": (add("churn", fact(35)), NONE),
    "a churn event known between two days": (add("churn", fact(9, 11)), from_second),
    "another account begins": (add("accounts", {"account": "z", "began_at": day(20)}), from_third),
    "an account begins earlier, but after the same day": (put("accounts", 1, began_at=day(16)), from_second),
    "a merge after all days": (
        add("merges", {"account": "d", "into": "a", "known_at": day(30)}),
        NONE,
    ),
    "a merge between two days": (
        add("merges", {"account": "d", "into": "a", "known_at": day(15)}),
        from_second,
    ),
    "another way of a merge": (put("merges", 0, into="b"), from_second),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_changes_the_digest_of_which_day(engine, before, name):
    change, expected = CASES[name]
    world = copy.deepcopy(BASE)
    change(world)
    after = digests(engine, world)
    assert {as_of for as_of in DAYS if after[as_of] != before[as_of]} == expected


def test_the_order_of_rows_does_not_matter(engine, before):
    shuffled = {name: random.Random(3).sample(rows, len(rows)) for name, rows in BASE.items()}
    assert digests(engine, shuffled) == before


def test_a_day_has_the_same_digest_whichever_others_are_asked_for(engine, before):
    many = [day(n) for n in range(60, -1, -1)]
    found = digests(engine, BASE, many)
    assert list(found) == sorted(many)
    assert {as_of: found[as_of] for as_of in DAYS} == before
    assert digests(engine, BASE, [DAYS[1], DAYS[1]]) == {DAYS[1]: before[DAYS[1]]}
    assert digests(engine, BASE, []) == {}


def test_every_day_on_which_something_becomes_visible_has_a_digest_of_its_own(engine, before):
    assert len(set(before.values())) == 3


def test_a_project_without_any_of_the_optional_tables(engine):
    world = {"accounts": BASE["accounts"], "usage": BASE["usage"]}
    assert digests(engine, world)[DAYS[0]] != digests(engine, BASE)[DAYS[0]]


@pytest.mark.parametrize("seed", range(20))
def test_a_random_change_shows_on_the_days_on_which_the_row_counts(engine, seed):
    draw = random.Random(seed)
    rows = [drawn_row(draw) for _ in range(30)]
    changed = copy.deepcopy(rows)
    victim = draw.randrange(len(rows))
    changed[victim]["n"] += 1
    as_ofs = [day(n) for n in range(0, 13)]
    first, second = (
        digests(engine, {"accounts": BASE["accounts"], "usage": table}, as_ofs)
        for table in (rows, changed)
    )
    differing = {as_of for as_of in as_ofs if first[as_of] != second[as_of]}
    assert differing == {as_of for as_of in as_ofs if counts(rows[victim], as_of)}


def drawn_row(draw: random.Random) -> Row:
    row = fact(draw.randrange(12), draw.randrange(1, 12), n=Decimal(draw.randrange(3)))
    for column in ("corrected_at", "moved_at"):
        row[column] = day(draw.randrange(12)) if draw.random() < 0.5 else None
    return row


def counts(row: Row, as_of: datetime) -> bool:
    seen = row["occurred_at"] < as_of and row["known_at"] < as_of
    return seen and not any(
        row[c] is not None and row[c] < as_of for c in ("corrected_at", "moved_at")
    )
