"""Themes by period: each boundary by name, any answers against a plain loop, examples."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from handmade import AS_OF, DAY, MEASURE, TEXT, TICK, TIMES, VERSIONED, answer, facts_of, world_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from npsight.config.schema import Training
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.runs.themes import (
    EXAMPLES,
    LONGEST,
    OTHER,
    ThemeCounts,
    cut,
    examples_json,
    theme_counts,
    themes_json,
)
from npsight.jobs.segmenting.inputs import grouped_inputs
from npsight.models.reported import reported

THEMES = ("price", "support")
PERIOD = 90
COLUMNS = {
    **TIMES,
    "band": TEXT,
    "comment": TEXT,
    "comment_length": MEASURE,
    **{f"theme_{name}": MEASURE for name in THEMES},
}


def said(at, score, text, known=None, account="a", **more):
    """An answer with a comment; None for one without."""
    row = answer(at, score, known, account=account, **more)
    if text is not None:
        row |= {"comment": text, "comment_length": len(text)}
        row |= {f"theme_{name}": int(name in text) for name in THEMES}
    return row


def builder_of(engine, rows, accounts=("a",), versions=None, comments=True):
    columns = COLUMNS | (VERSIONED if any("corrected_at" in row for row in rows) else {})
    if not comments:
        columns = {name: kind for name, kind in columns.items() if name != "comment"}
    exact = [{**row, **_decimals(row)} for row in rows]
    data = {n: pa.array([r.get(n) for r in exact], type=kind) for n, kind in columns.items()}
    name = ibis.util.gen_name("responses")
    engine.create_table(name, pa.table(data, schema=pa.schema(columns)), temp=True)
    facts = facts_of(engine, world_of(accounts, versions=versions))
    facts = replace(facts, sources={"responses": engine.table(name)}, data_start=AS_OF - 400 * DAY)
    project = SimpleNamespace(
        themes=dict.fromkeys(THEMES, ()),
        training=Training(period_days=PERIOD),
        tables=SimpleNamespace(
            accounts=SimpleNamespace(attributes={"plan": "category"}, segments=["plan"])
        )
        if versions is not None
        else SimpleNamespace(accounts=None),
    )
    return FeatureBuilder(engine, facts, project, own={})


def _decimals(row):
    from decimal import Decimal

    return {
        name: Decimal(row[name])
        for name, kind in COLUMNS.items()
        if kind == MEASURE and row.get(name) is not None
    }


def inputs_of(builder, accounts=("a",), names=()):
    now = pd.DataFrame({"account": list(accounts), "as_of": AS_OF})
    now["as_of"] = now["as_of"].astype("datetime64[us]")
    revenue = np.full(len(now), np.nan)
    return grouped_inputs(builder, AS_OF, now, revenue, names, lambda _: None)


def themes_of(engine, rows, accounts=("a",), versions=None, values=None):
    builder = builder_of(engine, rows, accounts, versions)
    inputs = inputs_of(builder, accounts, list(values or {}))
    counts = theme_counts(builder.project, builder, inputs)
    return themes_json(counts, values or {}, PERIOD)


def answers_of(found, theme):
    return next(t for t in found["themes"] if t["theme"] == theme)["answers"]


@pytest.mark.parametrize(
    ("at", "known", "places"),
    [
        (AS_OF, None, []),
        (AS_OF - TICK, None, [3]),
        (AS_OF - TICK, AS_OF, []),
        (AS_OF - 90 * DAY, None, [3]),
        (AS_OF - 90 * DAY - TICK, None, [2]),
        (AS_OF - 90 * DAY - TICK, AS_OF - TICK, [2]),
        (AS_OF - 90 * DAY - TICK, AS_OF, []),
        (AS_OF - 360 * DAY, None, [0]),
        (AS_OF - 360 * DAY - TICK, None, []),
    ],
)
def test_an_answer_lies_in_the_period_that_holds_it(engine, at, known, places):
    """`[end − 90 days, end)`, known before as_of; there are four whole periods."""
    found = themes_of(engine, [said(at, 3, "price", known)])
    expected = [int(place in places) for place in range(4)]
    assert answers_of(found["company"], "price") == expected
    assert [p["answers"] for p in found["company"]["periods"]] == expected


def test_only_answers_with_a_comment_count(engine):
    rows = [said(AS_OF - DAY, 3, None), said(AS_OF - 2 * DAY, 9, "fine")]
    found = themes_of(engine, rows)["company"]
    assert [p["answers"] for p in found["periods"]] == [0, 0, 0, 1]
    assert answers_of(found, OTHER) == [0, 0, 0, 1]
    assert answers_of(found, "price") == [0, 0, 0, 0]


def test_a_comment_may_name_several_themes(engine):
    found = themes_of(engine, [said(AS_OF - DAY, 3, "price and support")])["company"]
    assert answers_of(found, "price") == answers_of(found, "support") == [0, 0, 0, 1]
    assert answers_of(found, OTHER) == [0, 0, 0, 0]
    assert found["themes"][0]["now"]["nps"] == -100.0


def test_a_version_that_was_corrected_before_as_of_does_not_count(engine):
    rows = [
        said(AS_OF - 5 * DAY, 3, "price", corrected_at=AS_OF - DAY),
        said(AS_OF - 5 * DAY, 9, "support", AS_OF - DAY),
    ]
    found = themes_of(engine, rows)["company"]
    assert answers_of(found, "price")[-1] == 0
    assert answers_of(found, "support")[-1] == 1


def test_a_segment_holds_the_accounts_that_had_its_value_then(engine):
    versions = [
        {"account": "a", "occurred_at": AS_OF - 300 * DAY, "known_at": AS_OF - 300 * DAY,
         "ended_at": AS_OF - 100 * DAY, "ended_known_at": AS_OF - 100 * DAY, "plan": "basic"},
        {"account": "a", "occurred_at": AS_OF - 100 * DAY, "known_at": AS_OF - 100 * DAY,
         "plan": "pro"},
    ]  # fmt: skip
    rows = [said(AS_OF - DAY, 3, "price"), said(AS_OF - 200 * DAY, 9, "price")]
    values = {"plan": ["pro", "basic"]}
    found = themes_of(engine, rows, versions=versions, values=values)["groups"]["plan"]
    assert answers_of(found["pro"], "price") == [0, 0, 0, 1]
    assert answers_of(found["basic"], "price") == [0, 1, 0, 0]


def test_without_surveys_periods_or_themes_there_is_nothing(engine):
    builder = builder_of(engine, [said(AS_OF - DAY, 3, "price")])
    inputs = inputs_of(builder)
    bare = SimpleNamespace(themes={}, training=builder.project.training)
    assert theme_counts(bare, builder, inputs) is None
    assert theme_counts(builder.project, builder, replace(inputs, ends=())) is None


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(-400, 5),
        st.integers(-1, 1),
        st.integers(0, 40),
        st.integers(0, 10),
        st.sampled_from([None, "price", "support", "price support", "hm"]),
    ),
    max_size=25,
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS)
def test_any_answers_are_counted_as_a_plain_loop_counts_them(engine, rows):
    given_rows = [
        said(AS_OF + day * DAY + tick * TICK, score, text,
             AS_OF + (day + late) * DAY + tick * TICK, account)
        for account, day, tick, late, score, text in rows
    ]  # fmt: skip
    found = themes_of(engine, given_rows, ("a", "b", "c"))["company"]
    for place in range(4):
        end = AS_OF - (3 - place) * timedelta(days=PERIOD)
        for theme in (*THEMES, OTHER):
            naming = {}
            for row in given_rows:
                text = row.get("comment")
                if text is None or not row["known_at"] < AS_OF:
                    continue
                if not end - timedelta(days=PERIOD) <= row["occurred_at"] < end:
                    continue
                if theme == OTHER and any(name in text for name in THEMES):
                    continue
                if theme == OTHER or theme in text:
                    naming.setdefault(row["account"], []).append(row["band"])
            told = next(t for t in found["themes"] if t["theme"] == theme)
            bands = [band for some in naming.values() for band in some]
            assert told["answers"][place] == len(bands)
            if not bands:
                assert told["nps"][place] is None
                continue
            nps = 100 * (bands.count("promoter") - bands.count("detractor")) / len(bands)
            assert told["nps"][place] == pytest.approx(nps)
            if place == 3:
                by_account = [
                    [len(some), some.count("detractor"), some.count("promoter")]
                    for some in naming.values()
                ]
                low, high = reported(*np.array(by_account, dtype=float).T).interval(95)
                assert told["now"]["low_95"] == pytest.approx(low)
                assert told["now"]["high_95"] == pytest.approx(high)


def examples(engine, rows, accounts=("a", "b"), comments=True, values=None, versions=None):
    builder = builder_of(engine, rows, accounts, versions, comments)
    inputs = inputs_of(builder, accounts, list(values or {}))
    display = pd.DataFrame(
        {"name": ["Firm A", None][: len(accounts)], "owner": ["Ada", None][: len(accounts)]}
    )
    return examples_json(builder.project, builder, inputs, display, values or {})


def test_examples_are_the_newest_of_the_last_period_with_whose_they_are(engine):
    rows = [said(AS_OF - (day + 1) * DAY, 3, f"price {day}") for day in range(EXAMPLES + 2)]
    rows += [
        said(AS_OF, 3, "price too late"),
        said(AS_OF - DAY, 3, "price unknown yet", AS_OF),
        said(AS_OF - 90 * DAY - TICK, 3, "price too old"),
        said(AS_OF - TICK, 9, "support \u202e<b>", account="b"),
    ]
    found = examples(engine, rows)
    assert [e["text"] for e in found] == ["price 0", "price 1", "price 2", "support \u202e<b>"]
    assert found[0] | {"at": ""} == {
        "theme": "price", "text": "price 0", "band": "detractor", "at": "", "account": "a",
        "name": "Firm A", "owner": "Ada", "groups": {},
    }  # fmt: skip
    assert (found[3]["name"], found[3]["owner"]) == ("b", None)
    assert not {"respondent", "contact"} & set(found[0])


def test_comments_of_accounts_that_are_not_scored_are_not_shown(engine):
    rows = [said(AS_OF - DAY, 3, "price of one that left", account="gone")]
    assert examples(engine, rows, accounts=("a",)) == []


def test_each_segment_has_examples_though_another_one_writes_more(engine):
    versions = [
        {"account": account, "occurred_at": AS_OF - 300 * DAY, "known_at": AS_OF - 300 * DAY,
         "plan": plan}
        for account, plan in (("a", "pro"), ("b", "basic"))
    ]  # fmt: skip
    rows = [said(AS_OF - (day + 1) * DAY, 3, f"price {day}") for day in range(10)]
    rows.append(said(AS_OF - 50 * DAY, 3, "price once", account="b"))
    values = {"plan": ["pro", "basic"]}
    found = examples(engine, rows, values=values, versions=versions)
    assert [e["groups"]["plan"] for e in found] == ["pro"] * EXAMPLES + ["basic"]


def test_an_engine_without_free_text_gives_counts_and_no_examples(engine):
    rows = [said(AS_OF - DAY, 3, "price")]
    assert examples(engine, rows, comments=False) == []


@given(st.text(max_size=600))
def test_a_cut_text_is_short_and_begins_as_the_whole(text):
    whole, short = " ".join(text.split()), cut(text)
    assert len(short) <= LONGEST
    if len(whole) <= LONGEST:
        assert short == whole
    else:
        assert short.endswith("…")
        assert whole.startswith(short[:-1])
        assert len(short) > LONGEST // 2


def test_the_most_named_theme_comes_first_and_the_rest_last():
    rows = pd.DataFrame(
        {
            "account": ["a"], "as_of": [AS_OF],
            "answers": [5], "detractors": [1], "promoters": [2],
            "answers_0": [1], "detractors_0": [1], "promoters_0": [0],
            "answers_1": [3], "detractors_1": [0], "promoters_1": [2],
            "answers_2": [4], "detractors_2": [0], "promoters_2": [0],
        }
    )  # fmt: skip
    counts = ThemeCounts(THEMES, (AS_OF,), rows, pd.DataFrame(index=rows.index))
    found = themes_json(counts, {}, PERIOD)["company"]["themes"]
    assert [t["theme"] for t in found] == ["support", "price", OTHER]
