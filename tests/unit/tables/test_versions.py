"""Corrections and retractions: several rows of one id, each true until the next was known."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from npsight.tables.report import CORRECTED, LIFTED, RETRACTED

from .conftest import reasons, rows


def day(number: int) -> datetime:
    return datetime(2024, 5, number)


def at(number: int) -> str:
    return f"2024-05-{number:02}T00:00:00Z"


VERSIONS = "id: id\nknown_at: seen\nmeasures: [n]"
COLUMNS = ("account", "occurred_at", "known_at", "corrected_at", "n")


def facts(bench, csv: str, extra: str = ""):
    prepared = bench.usage(csv, f"{VERSIONS}\n{extra}")
    return prepared, rows(prepared.facts.sources["usage"], *COLUMNS)


def test_a_correction_ends_what_was_known_before_it(bench):
    csv = f"id,account,day,seen,n\n7,a,{at(1)},{at(4)},1\n7,a,{at(1)},{at(3)},2\n7,a,{at(1)},{at(9)},3\n"
    prepared, found = facts(bench, csv)
    assert found == [
        ("a", day(1), day(3), day(4), Decimal(2)),
        ("a", day(1), day(4), day(9), Decimal(1)),
        ("a", day(1), day(9), None, Decimal(3)),
    ]
    assert reasons(prepared) == {}
    assert prepared.reports[0].notes == ((CORRECTED, 2),)
    assert (prepared.reports[0].rows, prepared.reports[0].good) == (3, 3)


def test_a_correction_may_move_the_time_and_the_account(bench):
    csv = f"id,account,day,seen,n\n7,a,{at(5)},{at(6)},1\n7,b,{at(1)},{at(8)},1\n"
    _, found = facts(bench, csv)
    assert found == [
        ("a", day(5), day(6), day(8), Decimal(1)),
        ("b", day(1), day(8), None, Decimal(1)),
    ]


def test_corrections_are_ordered_by_what_they_state_not_by_what_it_is_lifted_to(bench):
    # The first one was dated after the day it was known on, and corrected before that day came.
    csv = f"id,account,day,seen,n\n7,a,{at(9)},{at(2)},1\n7,a,{at(1)},{at(3)},2\n"
    prepared, found = facts(bench, csv)
    assert found == [
        ("a", day(1), day(3), None, Decimal(2)),
        ("a", day(9), day(9), day(3), Decimal(1)),  # counts on no day
    ]
    assert dict(prepared.reports[0].notes)[LIFTED] == 1


def test_a_blank_known_at_takes_its_place_by_the_delay(bench):
    csv = f"id,account,day,seen,n\n7,a,{at(1)},,1\n7,a,{at(1)},{at(2)},2\n7,a,{at(1)},{at(4)},3\n"
    _, found = facts(bench, csv, "delay_hours: 48")
    assert [(row[2], row[3], int(row[4])) for row in found] == [
        (day(2), day(3), 2),
        (day(3), day(4), 1),
        (day(4), None, 3),
    ]


def test_rows_without_an_id_are_no_versions_of_each_other(bench):
    csv = f"id,account,day,seen,n\n,a,{at(1)},{at(3)},1\n,a,{at(1)},{at(4)},2\n"
    _, found = facts(bench, csv)
    assert [row[3] for row in found] == [None, None]


def test_two_versions_known_at_once_contradict_each_other(bench, quarantined):
    csv = f"""\
        id,account,day,seen,n,remark
        7,a,{at(1)},{at(3)},2,
        7,a,{at(1)},{at(3)},1,
        7,a,{at(1)},{at(3)},1,again
        7,a,{at(1)},{at(5)},9,
        """
    prepared, found = facts(bench, csv)
    what = "id in column id occurs a second time with the same seen"
    assert reasons(prepared) == {
        f"{what} (conflicting row)": 1,
        f"{what} (same in all that is mapped)": 1,
    }
    # The lower one of the contradicting rows is kept, whatever their order, and then corrected.
    assert [(row[3], int(row[4])) for row in found] == [(day(5), 1), (None, 9)]
    backwards = csv.strip().splitlines()
    reordered = "\n".join([backwards[0], *backwards[:0:-1]]) + "\n"
    assert facts(bench, reordered)[1] == found


def test_a_bad_correction_corrects_nothing(bench):
    csv = f"id,account,day,seen,n\n7,a,{at(1)},{at(3)},1\n7,a,{at(1)},{at(4)},many\n"
    prepared, found = facts(bench, csv)
    assert [row[3] for row in found] == [None]
    assert reasons(prepared) == {"number in column n is not a number": 1}


RETRACTED_COLUMN = "retracted: void"


@pytest.mark.parametrize("yes", ["true", "TRUE", "Yes", "1", " yes "])
def test_a_retraction_ends_the_fact_and_is_none(bench, yes):
    csv = f"id,account,day,seen,n,void\n7,a,{at(1)},{at(3)},1,\n7,,,{at(5)},nothing,{yes}\n"
    prepared, found = facts(bench, csv, RETRACTED_COLUMN)
    assert found == [("a", day(1), day(3), day(5), Decimal(1))]
    assert reasons(prepared) == {}
    report = prepared.reports[0]
    assert (report.rows, report.good, report.skipped, report.quarantined) == (2, 1, 1, 0)
    assert dict(report.notes) == {RETRACTED: 1, CORRECTED: 1}


@pytest.mark.parametrize("no", ["false", "No", "0", ""])
def test_what_is_not_retracted_stays(bench, no):
    csv = f"id,account,day,seen,n,void\n7,a,{at(1)},{at(3)},1,{no}\n"
    assert facts(bench, csv, RETRACTED_COLUMN)[1] == [("a", day(1), day(3), None, Decimal(1))]


def test_a_retracted_fact_may_be_stated_again(bench):
    csv = f"""\
        id,account,day,seen,n,void
        7,a,{at(1)},{at(3)},1,no
        7,a,{at(1)},{at(5)},1,yes
        7,a,{at(1)},{at(7)},2,no
        """
    _, found = facts(bench, csv, RETRACTED_COLUMN)
    assert [(row[2], row[3]) for row in found] == [(day(3), day(5)), (day(7), None)]


def test_a_fact_retracted_at_the_instant_it_was_known_counts_on_no_day(bench):
    csv = f"id,account,day,seen,n,void\n7,a,{at(1)},{at(3)},1,no\n7,a,{at(1)},{at(3)},1,yes\n"
    prepared, found = facts(bench, csv, RETRACTED_COLUMN)
    assert [(row[2], row[3]) for row in found] == [(day(3), day(3))]
    assert reasons(prepared) == {}


def test_a_retraction_that_cannot_be_placed_and_a_word_that_is_neither_are_faults(bench):
    csv = f"""\
        id,account,day,seen,n,void
        ,a,{at(1)},{at(3)},1,yes
        8,a,{at(1)},,1,yes
        9,a,{at(1)},2031-01-01T00:00:00Z,1,yes
        10,a,{at(1)},{at(3)},1,perhaps
        """
    prepared, found = facts(bench, csv, RETRACTED_COLUMN)
    placing = (
        "withdrawn by column void, but id is blank, or seen is blank, no time or in the future"
    )
    assert reasons(prepared) == {placing: 3, "in column void is neither yes nor no": 1}
    report = prepared.reports[0]
    assert (found, report.skipped, report.quarantined) == ([], 0, 4)


def test_a_version_whose_time_is_blank_says_it_has_not_happened_after_all(bench):
    # A ticket that was resolved and reopened, read at the time it was resolved.
    csv = f"id,account,day,seen,n\n7,a,{at(1)},{at(3)},1\n7,a,,{at(5)},\n8,a,,{at(5)},\n"
    prepared, found = facts(bench, csv)
    assert found == [("a", day(1), day(3), day(5), Decimal(1))]
    assert (prepared.reports[0].skipped, prepared.reports[0].quarantined) == (2, 0)


def test_a_table_without_both_columns_has_no_corrections(bench):
    csv = f"id,account,day,seen\n7,a,{at(1)},{at(3)}\n"
    for extra in ("id: id", "known_at: seen"):
        assert "corrected_at" not in bench.usage(csv, extra).facts.sources["usage"].columns


# --- Answers and invitations --------------------------------------------------------------------

ANSWERS = "id: id\nknown_at: seen\ninvited_at: sent\ntouchpoint: place\nretracted: void"
HEAD = "id,account,sent,at,seen,score,place,void\n"
SENT = ("account", "occurred_at", "known_at", "ended_at", "ended_known_at", "corrected_at")


def test_a_corrected_score_is_one_answer_and_one_invitation(bench):
    csv = HEAD + f"7,a,{at(1)},{at(3)},{at(4)},9,x,\n7,a,{at(1)},{at(3)},{at(6)},2,x,\n"
    sources = bench.answers(csv, ANSWERS).facts.sources
    assert rows(sources["responses"], "band", "known_at", "corrected_at") == [
        ("detractor", day(6), None),
        ("promoter", day(4), day(6)),
    ]
    assert rows(sources["invitations"], *SENT) == [("a", day(1), day(1), day(3), day(4), None)]


def test_an_invitation_that_is_answered_later_stays_one(bench):
    csv = HEAD + f"7,a,{at(1)},,{at(2)},,x,\n7,a,{at(1)},{at(3)},{at(6)},2,x,\n"
    sources = bench.answers(csv, ANSWERS).facts.sources
    assert rows(sources["responses"], "known_at", "corrected_at") == [(day(6), None)]
    # It was known when its own row was, and its end when the answer was.
    assert rows(sources["invitations"], *SENT) == [("a", day(1), day(2), day(3), day(6), None)]


def test_a_withdrawn_answer_ends_its_invitation_too(bench):
    csv = HEAD + f"7,a,{at(1)},{at(3)},{at(4)},9,x,\n7,,,,{at(6)},,,yes\n"
    sources = bench.answers(csv, ANSWERS).facts.sources
    assert rows(sources["responses"], "known_at", "corrected_at") == [(day(4), day(6))]
    assert rows(sources["invitations"], *SENT) == [("a", day(1), day(1), day(3), day(4), day(6))]


def test_a_score_taken_back_leaves_an_answer_that_was_corrected(bench):
    csv = HEAD + f"7,a,{at(1)},{at(3)},{at(4)},9,x,\n7,a,{at(1)},,{at(6)},,x,\n"
    sources = bench.answers(csv, ANSWERS).facts.sources
    assert rows(sources["responses"], "known_at", "corrected_at") == [(day(4), day(6))]


@pytest.mark.parametrize(
    ("account", "sent", "place"), [("b", 1, "x"), ("a", 2, "x"), ("a", 1, "y"), ("a", 1, "")]
)
def test_a_corrected_invitation_counts_once_on_any_day(bench, account, sent, place):
    csv = HEAD + f"7,a,{at(1)},,{at(2)},,x,\n7,{account},{at(sent)},{at(3)},{at(6)},2,{place},\n"
    csv += f"8,c,{at(1)},,{at(2)},,x,\n,d,{at(1)},,{at(2)},,x,\n"
    found = rows(bench.answers(csv, ANSWERS).facts.sources["invitations"], *SENT, "touchpoint")
    ours = [row for row in found if row[0] in ("a", "b")]
    assert ours == sorted(
        [
            ("a", day(1), day(2), None, None, day(6), "x"),
            (account, day(sent), day(6), day(3), day(6), None, place or None),
        ],
        key=str,
    )
    others = [row for row in found if row not in ours]
    assert others == [(who, day(1), day(2), None, None, None, "x") for who in ("c", "d")]


def test_an_invitation_withdrawn_and_sent_again_does_not_count_in_between(bench):
    csv = HEAD + f"7,a,{at(1)},,{at(2)},,x,\n7,,,,{at(4)},,,yes\n7,a,{at(1)},,{at(6)},,x,\n"
    found = rows(bench.answers(csv, ANSWERS).facts.sources["invitations"], "known_at", SENT[-1])
    assert found == [(day(2), day(4)), (day(6), None)]


def test_response_tables_with_and_without_versions_are_one_source(bench):
    bench.write(
        "web.csv", f"id,account,at,seen,score\n7,a,{at(1)},{at(2)},9\n7,a,{at(1)},{at(3)},1\n"
    )
    bench.write("call.csv", f"who,when,mark\nb,{at(2)},5\n")
    tables = """\
        responses:
          - {path: call.csv, account: who, time: when, score: mark}
          - {path: web.csv, account: account, time: at, score: score, id: id, known_at: seen}
        """
    found = bench.prepare(tables, targets="{detractor: {}}").facts.sources["responses"]
    assert rows(found, "account", "band", "corrected_at") == [
        ("a", "detractor", None),
        ("a", "promoter", day(3)),
        ("b", "detractor", None),
    ]
