"""Accounts merged into others: which merges are believed, and whose rows are whose."""

from __future__ import annotations

import random
import textwrap
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from npsight.tables.merges import Holding, contradictions, holdings_of

from .conftest import reasons, rows


def day(number: int) -> datetime:
    return datetime(2024, 5, number)


def at(number: int) -> str:
    return f"2024-05-{number:02}T00:00:00Z"


USAGE = (
    "activity:\n  usage: {path: usage.csv, account: id, time: day, known_at: seen, measures: [n]}\n"
)
MERGES = "merges: {path: merges.csv, account: old, into: new, time: at, known_at: seen}\n"
BAD_ALLOWED = "quarantine: {max_share: 1.0}"
OWNERS = ("account", "known_at", "owned_from", "moved_at")


def merged(bench, usage: str, merges: str, *, tables: str = "", **options: Any):
    bench.write("usage.csv", "id,day,seen,n\n" + usage)
    bench.write("merges.csv", "old,new,at,seen\n" + merges)
    return bench.prepare(textwrap.dedent(tables) + USAGE + MERGES, head=BAD_ALLOWED, **options)


def test_a_row_stays_until_the_merge_was_known_and_a_copy_goes_on(bench):
    usage = f"b,{at(1)},{at(2)},1\na,{at(1)},{at(1)},2\n"
    facts = merged(bench, usage, f"b,a,{at(5)},{at(7)}\n").facts
    assert rows(facts.sources["usage"], *OWNERS, "n") == sorted(
        [
            ("a", day(1), None, None, 2),
            ("b", day(2), None, day(7), 1),
            ("a", day(7), day(7), None, 1),
        ],
        key=str,
    )
    assert rows(facts.merges, "account", "into", "known_at") == [("b", "a", day(7))]


def test_what_was_known_after_the_merge_counts_for_the_other_account_only(bench):
    facts = merged(bench, f"b,{at(1)},{at(9)},1\n", f"b,a,{at(5)},\n").facts
    assert rows(facts.sources["usage"], *OWNERS) == [
        ("a", day(9), day(5), None),
        ("b", day(9), None, day(5)),  # known after it moved: counts on no day
    ]


def test_a_chain_is_followed(bench):
    usage = f"b,{at(1)},,1\na,{at(2)},,1\nc,{at(3)},,1\n"
    facts = merged(bench, usage, f"b,a,{at(5)},\na,c,{at(8)},\n").facts
    assert rows(facts.sources["usage"], "occurred_at", *OWNERS) == sorted(
        [
            (day(1), "b", day(1), None, day(5)),
            (day(1), "a", day(5), day(5), day(8)),
            (day(1), "c", day(8), day(8), None),
            (day(2), "a", day(2), None, day(8)),
            (day(2), "c", day(8), day(8), None),
            (day(3), "c", day(3), None, None),
        ],
        key=str,
    )


def test_a_merge_into_an_account_that_had_ended_passes_through_it(bench):
    facts = merged(bench, f"c,{at(1)},,1\n", f"b,a,{at(5)},\nc,b,{at(8)},\n").facts
    assert rows(facts.sources["usage"], *OWNERS) == [
        ("a", day(8), day(8), None),
        ("c", day(1), None, day(8)),
    ]


def test_what_was_corrected_before_the_merge_is_not_copied(bench):
    csv = f"""\
        id,who,day,seen
        1,b,{at(1)},{at(2)}
        1,b,{at(1)},{at(5)}
        1,b,{at(1)},{at(9)}
        """
    bench.write("fixes.csv", csv)
    extra = "  fixes: {path: fixes.csv, account: who, time: day, known_at: seen, id: id}\n"
    bench.write("usage.csv", f"id,day,seen,n\nb,{at(1)},,1\n")
    bench.write("merges.csv", f"old,new,at,seen\nb,a,{at(5)},\n")
    facts = bench.prepare(USAGE + extra + MERGES).facts
    assert rows(facts.sources["fixes"], *OWNERS, "corrected_at") == sorted(
        [
            ("b", day(2), None, day(5), day(5)),
            ("b", day(5), None, day(5), day(9)),
            ("a", day(5), day(5), None, day(9)),
            ("b", day(9), None, day(5), None),
            ("a", day(9), day(5), None, None),
        ],
        key=str,
    )


def test_every_source_is_passed_on_but_versions_and_churn_are_not(bench):
    bench.write("accounts.csv", f"id,since\na,{at(1)}\nb,{at(1)}\n")
    bench.write("answers.csv", f"id,sent,at,score\nb,{at(1)},{at(2)},9\n")
    bench.write("subs.csv", f"id,from,to,told\nb,{at(1)},2030-01-01T00:00:00Z,{at(3)}\n")
    bench.write("churn.csv", f"id,left\nb,{at(3)}\n")
    tables = """\
        accounts: {path: accounts.csv, key: id, valid_from: since}
        responses: {path: answers.csv, account: id, time: at, score: score, invited_at: sent}
        subscriptions: {path: subs.csv, account: id, started_at: from, ended_at: to, ended_known_at: told}
        churn: {path: churn.csv, account: id, time: left}
        """
    facts = merged(bench, f"b,{at(1)},,1\n", f"b,a,{at(5)},\n", tables=tables).facts
    for name in ("usage", "responses", "invitations", "subscriptions"):
        owners = rows(facts.sources[name], "account", "owned_from", "moved_at")
        assert owners == [("a", day(5), None), ("b", None, day(5))], name
    ends = rows(facts.sources["subscriptions"], "ended_at", "ended_known_at")
    assert ends == [(datetime(2030, 1, 1), day(3))] * 2
    assert rows(facts.churn, "account") == [("b",)]
    assert rows(facts.versions, "account") == [("a",), ("b",)]


def test_copies_move_neither_beginnings_nor_the_bounds_of_the_data(bench):
    bench.write("accounts.csv", "id\na\nb\nc\n")
    tables = "accounts: {path: accounts.csv, key: id}\n"
    usage = f"b,{at(1)},{at(2)},1\na,{at(4)},{at(4)},1\n"
    facts = merged(bench, usage, f"b,a,{at(5)},{at(20)}\n", tables=tables).facts
    begun = [("a", day(4)), ("b", day(2)), ("c", datetime(1900, 1, 1))]
    assert rows(facts.accounts, "account", "began_at") == begun
    assert (facts.data_start, facts.data_end) == (day(1), day(4))


def test_without_an_accounts_table_who_takes_over_exists_from_then(bench):
    facts = merged(bench, f"b,{at(1)},{at(2)},1\n", f"b,a,{at(5)},{at(6)}\n").facts
    assert rows(facts.accounts, "account", "began_at") == [("a", day(6)), ("b", day(2))]


def test_an_account_that_ended_need_not_be_listed_any_more(bench):
    bench.write("accounts.csv", f"id,since,plan\na,{at(1)},pro\n")
    attributes = "attributes: {plan: category}, static: [plan], created_at: since"
    tables = f"accounts: {{path: accounts.csv, key: id, {attributes}}}\n"
    usage = f"b,{at(2)},{at(3)},1\nc,{at(4)},,1\na,{at(5)},,1\n"
    merges = f"b,c,{at(6)},\nc,a,{at(8)},\nd,c,{at(7)},\n"
    found = merged(bench, usage, merges, tables=tables)
    assert [report.quarantined for report in found.reports] == [0, 0, 0]
    began = rows(found.facts.accounts, "account", "began_at", "created_at")
    assert began == [(key, day(n), day(n)) for key, n in (("a", 1), ("b", 3), ("c", 4))]
    assert rows(found.facts.versions, "account", "plan") == [("a", "pro")]
    assert rows(found.facts.sources["usage"], "occurred_at", *OWNERS) == sorted(
        [
            (day(2), "b", day(3), None, day(6)),
            (day(2), "c", day(6), day(6), day(8)),
            (day(2), "a", day(8), day(8), None),
            (day(4), "c", day(4), None, day(8)),
            (day(4), "a", day(8), day(8), None),
            (day(5), "a", day(5), None, None),
        ],
        key=str,
    )


def test_an_account_that_merely_took_another_one_over_exists_from_then(bench):
    bench.write("accounts.csv", "id\na\n")
    tables = "accounts: {path: accounts.csv, key: id}\n"
    merges = f"b,c,{at(6)},\nc,a,{at(8)},\n"
    facts = merged(bench, f"b,{at(2)},,1\n", merges, tables=tables).facts
    began = rows(facts.accounts, "account", "began_at")
    assert began == [("a", datetime(1900, 1, 1)), ("b", day(2)), ("c", day(6))]


def test_merges_that_nobody_can_follow_are_quarantined(bench, quarantined):
    bench.write("accounts.csv", "id\n" + "\n".join("abcdefgh") + "\n")
    tables = "accounts: {path: accounts.csv, key: id}\n"
    merges = f"""\
a,a,{at(1)},
B,a,{at(1)},
a,nobody,{at(1)},
,a,{at(1)},
a,,{at(1)},
a,b,,
b,a,{at(5)},
b,c,{at(6)},
a,b,{at(7)},
d,e,{at(5)},
d,f,{at(5)},
d,g,{at(6)},
g,h,{at(5)},
g,h,{at(4)},
"""
    prepared = merged(bench, f"b,{at(1)},,1\n", merges, tables=tables)
    assert reasons(prepared, 1) == {
        "account is merged into itself": 1,
        "account is in tables.accounts in another case only": 1,
        "the account that goes on is not in tables.accounts": 1,
        "account is missing in column old": 1,
        "the account that goes on is missing in column new": 1,
        "time is missing in column at": 1,
        "account was merged away before: an account ends once": 2,
        "merge closes a circle: the account that goes on was merged into this one": 1,
        "account is merged into two accounts, both known at the same time": 2,
    }
    believed = rows(prepared.facts.merges, "account", "into", "known_at")
    assert believed == [("b", "a", day(5)), ("d", "g", day(6)), ("g", "h", day(4))]
    kept = {row["_row"]: row["_reason"] for row in quarantined(bench.quarantine / "merges.parquet")}
    assert sorted(kept) == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13]


def test_merges_of_accounts_that_hold_nothing_and_no_merges_at_all(bench):
    facts = merged(bench, f"b,{at(1)},,1\n", "").facts
    assert rows(facts.sources["usage"], *OWNERS) == [("b", day(1), None, None)]
    assert rows(facts.merges, "account") == []
    facts = merged(bench, f"b,{at(1)},,1\n", f"x,y,{at(5)},\n").facts
    assert rows(facts.sources["usage"], *OWNERS) == [("b", day(1), None, None)]


def test_the_delay_of_merges(bench):
    bench.write("usage.csv", f"id,day,seen,n\nb,{at(1)},,1\n")
    bench.write("merges.csv", f"old,new,at\nb,a,{at(5)}\n")
    text = "merges: {path: merges.csv, account: old, into: new, time: at, delay_hours: 24}"
    facts = bench.prepare(USAGE + text).facts
    assert rows(facts.merges, "known_at") == [(day(6),)]


# --- The closure, without an engine -------------------------------------------------------------


def merge(account: str, into: str, known: int, row: int = 0) -> dict[str, Any]:
    return {
        "account": account,
        "into": into,
        "occurred_at": day(1),
        "known_at": day(1) + timedelta(hours=known),
        "_row": row,
    }


def owner_by_hand(merges: list[dict[str, Any]], account: str, as_of: datetime) -> str:
    """Whose the rows are on a day: follow what is known before it."""
    known = {m["account"]: m["into"] for m in merges if m["known_at"] < as_of}
    while account in known:
        account = known[account]
    return account


@pytest.mark.parametrize("seed", range(30))
def test_every_row_has_one_owner_on_every_day_the_one_found_by_hand(seed):
    draw = random.Random(seed)
    names = [f"n{i}" for i in range(8)]
    drawn = [merge(*draw.sample(names, 2), draw.randrange(6), row) for row in range(12)]
    refused = contradictions(drawn)
    assert contradictions(draw.sample(drawn, len(drawn))) == refused
    believed = [m for m in drawn if m["_row"] not in refused]
    assert believed, "nothing was checked"
    holdings = list(holdings_of(believed))
    for hour in range(8):
        as_of = day(1) + timedelta(hours=hour)
        for name in {m["account"] for m in believed}:
            owners = [h.owner for h in holdings if h.origin == name and holds(h, as_of)]
            assert owners == [owner_by_hand(believed, name, as_of)], (name, hour)


def holds(holding: Holding, as_of: datetime) -> bool:
    begun = holding.owned_from is None or holding.owned_from < as_of
    return begun and not (holding.moved_at is not None and holding.moved_at < as_of)


def test_a_hundred_thousand_merges_are_followed_in_seconds():
    draw = random.Random(1)
    many = 100_000
    drawn = [merge(f"n{i}", f"n{draw.randrange(i + 1, many + 1)}", i % 500, i) for i in range(many)]
    started = time.process_time()
    assert contradictions(drawn) == {}
    assert sum(1 for _ in holdings_of(drawn)) > many
    assert time.process_time() - started < 10
