"""Responses: scores and scales, unanswered invitations, comments."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from .conftest import reasons, rows


def at(day: int) -> str:
    return f"2024-05-{day:02}T00:00:00Z"


@pytest.mark.parametrize(
    ("score", "band"), [(0, "detractor"), (6, "detractor"), (7, "passive"), (8, "passive"),
                        (9, "promoter"), (10, "promoter")]
)  # fmt: skip
def test_bands_of_the_standard_scale(bench, score, band):
    found = bench.answers(f"account,at,score\na,{at(1)},{score}\n").facts.sources["responses"]
    assert rows(found, "score", "raw_score", "band") == [(Decimal(score), Decimal(score), band)]


@pytest.mark.parametrize("score", ["-1", "11", "10.5"])
def test_scores_outside_their_scale_are_quarantined(bench, score):
    prepared = bench.answers(f"account,at,score\na,{at(1)},{score}\nb,{at(1)},5\n")
    assert reasons(prepared) == {"score outside its scale 0–10": 1}
    assert prepared.reports[0].faults[0].example == score


def test_a_score_between_the_bands_is_quarantined(bench):
    prepared = bench.answers(f"account,at,score\na,{at(1)},6.5\nb,{at(1)},5\n")
    assert reasons(prepared) == {"score in no band of 0–10": 1}


def test_a_scale_that_changed_at_a_date(bench):
    bands = """\
        bands:
          - {scale: [1, 5], detractor: [1, 3], passive: [4, 4], promoter: [5, 5],
             valid_to: 2024-05-10}
          - {scale: [0, 10], detractor: [0, 6], passive: [7, 8], promoter: [9, 10],
             valid_from: 2024-05-10}
        """
    csv = f"account,at,score\na,2024-05-09T23:59:59Z,5\nb,{at(10)},5\nc,{at(9)},7\nd,{at(9)},1\n"
    prepared = bench.answers(csv, bands)
    assert rows(prepared.facts.sources["responses"], "account", "score", "band") == [
        ("a", Decimal(10), "promoter"),
        ("b", Decimal(5), "detractor"),
        ("d", Decimal(0), "detractor"),
    ]
    assert reasons(prepared) == {"score outside its scale 1–5": 1}


def test_a_day_without_a_scale_is_quarantined(bench):
    bands = "bands: {scale: [0, 10], detractor: [0, 6], promoter: [7, 10], valid_from: 2024-05-10}"
    prepared = bench.answers(f"account,at,score\na,{at(9)},5\nb,{at(10)},5\n", bands)
    assert reasons(prepared) == {"score on a day for which no scale is given": 1}


def test_without_invitations_a_blank_score_is_a_fault(bench):
    prepared = bench.answers(f"account,at,score\na,{at(1)},\nb,{at(1)},5\n")
    assert reasons(prepared) == {"no score": 1}


def test_a_blank_score_is_left_out_where_it_may_be(bench):
    csv = f"account,at,score\na,{at(1)},\nb,{at(1)},5\nc,,\n"
    prepared = bench.answers(csv, "unscored: skip")
    assert reasons(prepared) == {}
    assert (prepared.reports[0].good, prepared.reports[0].skipped) == (1, 2)
    assert ("without a score, left out", 2) in prepared.reports[0].notes


def test_words_behind_a_score_are_not_read(bench):
    written = [
        "10 - Extremely likely",
        "0 = Not at all",
        "7 points",
        "7 of 10",
        "9a",
        "Very satisfied",
    ]
    lines = "".join(f"{place},{at(1)},{text}\n" for place, text in enumerate(written))
    prepared = bench.answers("account,at,score\n" + lines, "scores: {very Satisfied: 9}")
    assert rows(prepared.facts.sources["responses"], "account", "raw_score") == [
        ("0", Decimal(10)),
        ("1", Decimal(0)),
        ("2", Decimal(7)),
        ("5", Decimal(9)),
    ]
    assert prepared.reports[0].quarantined == 2
    assert prepared.reports[0].faults[0].example == "7 of 10"


def test_a_score_without_a_time_is_a_fault(bench):
    prepared = bench.answers(f"account,at,score\na,,5\nb,{at(1)},5\n")
    assert reasons(prepared) == {"score without a time in column at": 1}


def test_with_invitations_a_blank_score_is_an_unanswered_one(bench):
    csv = f"""\
        account,sent,at,score
        a,{at(1)},{at(3)},9
        b,{at(1)},,
        c,,{at(2)},5
        d,,,
        e,{at(5)},{at(4)},5
        """
    prepared = bench.answers(csv, "invited_at: sent\ndelay_hours: 24\ntouchpoint_name: web")
    assert reasons(prepared) == {
        "neither a score nor an invitation": 1,
        "answered before it was invited": 1,
    }
    sources = prepared.facts.sources
    assert rows(sources["responses"], "account", "touchpoint") == [("a", "web"), ("c", "web")]
    times = ("occurred_at", "known_at", "ended_at", "ended_known_at")
    day = [datetime(2024, 5, n) for n in range(1, 6)]
    assert rows(sources["invitations"], "account", *times) == [
        ("a", day[0], day[1], day[2], day[3]),
        ("b", day[0], day[1], None, None),
    ]


def test_comments_are_measured(bench):
    csv = f"""\
        account,at,score,said
        a,{at(1)},9,Wonderful! The HELPFUL support was great
        b,{at(1)},2,Unhelpfully slow and terribly bad; a debug nightmare
        c,{at(1)},2,
        """
    found = bench.answers(csv, "comment: said").facts.sources["responses"]
    measured = rows(found, "account", "comment_length", "theme_support", "theme_reliability")
    assert measured == [
        ("a", Decimal(40), Decimal(1), Decimal(0)),
        ("b", Decimal(52), Decimal(1), Decimal(1)),  # `bug` within `debug` does not count
        ("c", None, None, None),
    ]
    feeling = dict(rows(found, "account", "sentiment"))
    assert feeling["a"] > 0 > feeling["b"]
    assert feeling["c"] is None
    assert str(found.schema()["sentiment"]) == "decimal(18, 6)"


def test_themes_find_word_beginnings_and_signs(bench):
    head = "comments: {themes: {lang: ['c++', 'set up', 'über']}}\nquarantine: {max_share: 1}"
    csv = f"account,at,score,said\na,{at(1)},9,we use C++\nb,{at(1)},9,Set up fast\n"
    csv += f"c,{at(1)},9,darüber\nd,{at(1)},9,Übergabe\n"
    found = bench.answers(csv, "comment: said", head=head).facts.sources["responses"]
    assert rows(found, "account", "theme_lang") == [
        ("a", Decimal(1)), ("b", Decimal(1)), ("c", Decimal(0)), ("d", Decimal(1))
    ]  # fmt: skip


def test_other_languages_have_no_sentiment(bench):
    csv = f"account,at,score,said\na,{at(1)},9,great\n"
    found = bench.answers(csv, "comment: said", head="comments: {language: de}").facts
    assert rows(found.sources["responses"], "sentiment") == [(None,)]


@pytest.mark.parametrize(
    ("language", "said", "themes"),
    [
        ("de", "Der Kundendienst ist träge", {"support"}),
        ("de", "ZU TEUER, und die Oberfläche verwirrt", {"price", "usability"}),
        ("de", "It is too expensive", set()),
        ("fr", "L'assistance répond vite", {"support"}),
        ("fr", "On cherche une autre solution, trop chère", {"price"}),
        ("es", "Se cae, es lento y la factura sube", {"reliability", "price"}),
        ("es", "Es una característica útil", {"features"}),
        ("nl", "support", set()),
        ("[en, de]", "Support is fine, der Preis nicht", {"support", "price"}),
    ],
)
def test_themes_of_the_languages_that_people_write(bench, language, said, themes):
    csv = f'account,at,score,said\na,{at(1)},9,"{said}"\n'
    found = bench.answers(csv, "comment: said", head=f"comments: {{language: {language}}}").facts
    source = found.sources["responses"]
    columns = [column for column in source.columns if column.startswith("theme_")]
    assert len(columns) == (0 if language == "nl" else 6)
    (row,) = rows(source, *columns) if columns else ((),)
    named = {
        column.removeprefix("theme_") for column, value in zip(columns, row, strict=True) if value
    }
    assert named == themes


def test_sentiment_is_scored_where_english_is_among_the_languages(bench):
    csv = f"account,at,score,said\na,{at(1)},9,great\n"
    found = bench.answers(csv, "comment: said", head="comments: {language: [de, en]}").facts
    ((sentiment,),) = rows(found.sources["responses"], "sentiment")
    assert sentiment > 0


def test_several_response_tables_are_one_source(bench):
    bench.write("web.csv", f"account,at,score\na,{at(1)},9\n")
    bench.write("call.csv", f"who,when,mark\nb,{at(2)},5\n")
    tables = """\
        responses:
          - {path: web.csv, account: account, time: at, score: score, touchpoint_name: web}
          - {path: call.csv, account: who, time: when, score: mark, touchpoint_name: call}
        """
    prepared = bench.prepare(tables, targets="{detractor: {}}")
    found = rows(prepared.facts.sources["responses"], "account", "touchpoint", "band")
    assert found == [("a", "web", "promoter"), ("b", "call", "detractor")]
    assert [r.key for r in prepared.reports] == ["tables.responses[0]", "tables.responses[1]"]


def test_who_answered_and_in_which_role(bench):
    csv = f"account,at,score,who,job,level\na,{at(1)},5,ann,admin,\nb,{at(1)},9,bob,,chief\n"
    mapped = "respondent: who\nrole: job\nseniority: level"
    found = bench.answers(csv, mapped).facts.sources["responses"]
    assert rows(found, "respondent", "role", "seniority") == [
        ("ann", "admin", None),
        ("bob", None, "chief"),
    ]
    without = bench.answers(csv).facts.sources["responses"]
    assert rows(without, "role", "seniority") == [(None, None), (None, None)]
