"""Rows of the worklist: written with the scores, changed with marks and new scores."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from listed import AS_OF, DAY, note, scored, write_list
from sqlalchemy import func, select

from npsight.store import Rescored, Store, write_rescored
from npsight.store.marks import mark
from npsight.store.searchwords import account_words, accounts_called, words_of
from npsight.store.worklist import worklist
from npsight.store.worklistquery import Wanted
from npsight.store.worklistread import sheet, step_forward
from npsight.store.worklistrows import main_drivers

SHOWN = Wanted(stepped_back="shown")


def listed(store: Store, run, wanted: Wanted = SHOWN):
    return {row.account: row for row in sheet(store, run, wanted, 100).rows}


def test_a_row_says_where_the_account_goes_and_why(any_store: Store):
    run = write_list(any_store, scored("a", detractor_risk=0.6, promoter_prob=0.1))
    row = listed(any_store, run)["a"]
    assert (row.band_now, row.expected_band, row.move) == (
        "passive",
        "detractor",
        "passive sliding",
    )
    assert (row.driver, row.second_driver) == ("support", "product_use")
    assert (row.state, row.stands_back, row.last_contact_at) == (None, False, None)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({"a": 0.1, "b": 0.3, "c": -0.9}, ("b", "a")),
        ({"a": -0.1, "b": 0.3, "c": -0.9}, ("b", "c")),
        ({"a": -0.1, "b": -0.3}, ("b", "a")),
        ({"a": 0.1}, ("a", None)),
        ({}, (None, None)),
    ],
)
def test_main_drivers_raise_the_risk_and_else_are_the_largest(points, expected):
    row = scored("x", drivers=[note(key, value) for key, value in points.items()])
    assert main_drivers(row) == expected


def test_an_account_without_a_risk_to_detract_has_the_drivers_of_its_risk_to_leave():
    row = scored("x", drivers=[], churn_drivers=[note("billing", 0.1)])
    assert main_drivers(row) == ("billing", None)


def test_what_people_did_between_runs_is_on_the_rows_of_the_next(any_store: Store):
    write_list(any_store, scored("a"), scored("b"))
    later = AS_OF + 400 * 365 * DAY
    with any_store.writing() as connection:
        mark(connection, "tiny", "a", AS_OF, state="to contact", snoozed_until=later)
    run = write_list(any_store, scored("a"), scored("b"), run_id="r2")
    rows = listed(any_store, run)
    assert (rows["a"].state, rows["a"].stands_back_why) == ("to contact", "snoozed")
    assert rows["a"].stands_back_until == later
    assert (rows["b"].state, rows["b"].stands_back) == (None, False)


@pytest.mark.parametrize(("ago", "stands_back"), [(1, True), (20, True), (22, False)])
def test_a_contact_that_the_tables_tell_of_steps_back_as_one_that_was_logged(
    any_store: Store, ago: int, stands_back: bool
):
    from datetime import UTC, datetime

    at = datetime.now(UTC) - ago * DAY
    run = write_list(any_store, scored("a", last_contact_at=at), contacted_days=21)
    assert listed(any_store, run)["a"].stands_back is stands_back
    with any_store.writing() as connection:
        mark(connection, "tiny", "a", datetime.now(UTC), state="to contact")
    row = listed(any_store, run)["a"]
    assert (row.stands_back, row.state) == (stands_back, "to contact")


def test_the_newest_contact_counts_whoever_tells_of_it(any_store: Store):
    early, late = AS_OF - 30 * DAY, AS_OF - 10 * DAY
    run = write_list(
        any_store, scored("a", last_contact_at=early), scored("b", last_contact_at=late)
    )
    with any_store.writing() as connection:
        for account in ("a", "b"):
            mark(connection, "tiny", account, AS_OF, contacted_at=AS_OF - 20 * DAY)
    rows = listed(any_store, run)
    assert rows["a"].last_contact_at == AS_OF - 20 * DAY
    assert rows["b"].last_contact_at == late


def test_an_account_comes_back_when_its_time_has_come_and_not_before(any_store: Store):
    run = write_list(any_store, scored("a"))
    until = AS_OF + DAY
    with any_store.writing() as connection:
        mark(connection, "tiny", "a", AS_OF, snoozed_until=until)
    assert step_forward(any_store, until - timedelta(microseconds=1)) == 0
    assert listed(any_store, run)["a"].stands_back
    # Within a minute nothing is looked for again.
    assert step_forward(any_store, until) == 0
    assert step_forward(any_store, until + timedelta(minutes=2)) == 1
    row = listed(any_store, run)["a"]
    assert (row.stands_back, row.stands_back_until, row.stands_back_why) == (False, None, None)


def test_a_new_score_changes_the_row_but_not_its_place(any_store: Store):
    run = write_list(any_store, scored("a"), scored("b"))
    with any_store.writing() as connection:
        mark(connection, "tiny", "a", AS_OF, state="contacted")
    row = scored(
        "a", name="Renamed Foods", band_now="promoter", detractor_risk=0.1, promoter_prob=0.8,
        risk_level="low", drivers=[note("billing", 0.1)], as_of=AS_OF + DAY,
    )  # fmt: skip
    changed = write_rescored(
        any_store, run, [Rescored(row, {}, {})], 0, 7, {"a": "fact"}, AS_OF + DAY
    )
    assert changed is not None
    found = listed(any_store, run)["a"]
    assert (found.rank, found.move, found.risk_level) == (1, "promoter staying", "low")
    assert (found.driver, found.second_driver, found.state) == ("billing", None, "contacted")
    assert list(listed(any_store, run, Wanted(words=("renam",), stepped_back="shown"))) == ["a"]
    assert list(listed(any_store, run, Wanted(words=("name",), stepped_back="shown"))) == ["b"]


def test_only_the_newest_runs_have_rows(any_store: Store):
    for number in range(1, 5):
        run = write_list(any_store, scored("a"), run_id=f"r{number}")
    with any_store.reading() as connection:
        kept = connection.execute(select(worklist.c.run_id).order_by(worklist.c.run_id)).scalars()
        assert list(kept) == ["r3", "r4"]
    assert len(any_store.runs("tiny")) == 4
    assert list(listed(any_store, run)) == ["a"]


def test_a_run_writes_only_the_words_that_are_new(any_store: Store):
    write_list(any_store, scored("a-1", name="Öl & Gas"), scored("b"))
    write_list(any_store, scored("a-1", name="Öl & Gas"), scored("b", name="Else"), run_id="r2")
    with any_store.reading() as connection:
        query = select(account_words.c.word).where(account_words.c.account == "a-1")
        assert sorted(connection.execute(query).scalars()) == ["1", "a", "gas", "ol"]
        query = select(account_words.c.word).where(account_words.c.account == "b")
        assert sorted(connection.execute(query).scalars()) == ["b", "else"]


def test_a_run_that_fails_leaves_nothing_of_its_list(any_store: Store):
    run = write_list(any_store, scored("a"))

    def fails(_):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        write_list(any_store, scored("new"), run_id="r2", beside=[fails])
    with any_store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(worklist)).scalar() == 1
        assert "new" not in list(connection.execute(select(account_words.c.account)).scalars())
    assert list(listed(any_store, run)) == ["a"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Crème-Brûlée GmbH", ["creme", "brulee", "gmbh"]),
        ("STRASSE straße", ["strasse"]),
        ("snake_case A_1", ["snake", "case", "a", "1"]),
        ("😀 ‮evil‬", ["evil"]),
        ("東京 Тест", ["東京", "тест"]),
        ("", []),
        (None, []),
        ("x" * 10_000, ["x" * 40]),
    ],
)
def test_words_are_letters_and_digits_without_case_or_accents(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("wren", ["a", "b"]),
        ("foods WREN", ["a"]),
        ("ö", ["c"]),
        ("b", ["b"]),
        ("foo bar", []),
        ("…", []),
        ("a\0", ["a"]),
    ],
)
def test_accounts_are_found_by_the_beginnings_of_words(any_store: Store, text, found):
    names = {"a": "Wren Foods", "b": "Wrenhaven", "c": "Öl Werke", "d": None}
    run = write_list(any_store, *(scored(account, name=name) for account, name in names.items()))
    with any_store.reading() as connection:
        called = accounts_called(connection, "tiny", run.id, text, 10)
        assert called == [(account, names[account]) for account in found]
        assert accounts_called(connection, "tiny", run.id, text, 1) == called[:1]


def test_accounts_of_other_runs_and_projects_are_not_found(any_store: Store):
    write_list(any_store, scored("gone", name="Wren Foods"))
    run = write_list(any_store, scored("stays", name="Wren Labs"), run_id="r2")
    with any_store.reading() as connection:
        assert accounts_called(connection, "tiny", run.id, "wren", 10) == [("stays", "Wren Labs")]
        assert accounts_called(connection, "other", run.id, "wren", 10) == []


def test_as_of_is_kept_whole():
    assert dataclasses.replace(scored("a"), rank=1).as_of == AS_OF
