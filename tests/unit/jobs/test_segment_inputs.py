"""What segments are made of: who is grouped where, with answers and without any."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from handmade import AS_OF, DAY, TICK, answer, builder_of, fact, world_of

from npsight.config.schema import Training, Worklist
from npsight.errors import ConfigError
from npsight.jobs.segmenting.inputs import _edges, _labels, attributes_asked, read_inputs
from npsight.jobs.segmenting.report import NONE

ACCOUNTS = SimpleNamespace(
    attributes={"plan": "category", "seats": "number"},
    segments=["plan"],
    owner="owner_",
    timezone=None,
)


def project_of(accounts=ACCOUNTS):
    return SimpleNamespace(
        features=(),
        segment=accounts and "plan",
        training=Training(period_days=90),
        tables=SimpleNamespace(accounts=accounts),
        timezone=None,
        file=SimpleNamespace(name="p.yaml"),
        respondents=False,
        touchpoints=(),
        is_snapshot=False,
        worklist=Worklist(),
    )


def inputs(engine, world, names, accounts=ACCOUNTS):
    builder = builder_of(engine, world, segment=accounts and "plan")
    builder.project = project_of(accounts)
    return read_inputs(builder, AS_OF, names, lambda _: None)


def test_without_surveys_accounts_are_still_grouped(engine):
    versions = [fact(AS_OF - DAY, account="a", plan="pro", owner_="Ada")]
    found = inputs(engine, world_of(("a", "b"), versions=versions), ["plan", "owner"])
    assert list(found.groups["plan"]) == ["pro", NONE]
    assert list(found.groups["owner"]) == ["Ada", NONE]
    assert found.ends == ()
    assert len(found.answers) == len(found.answer_groups) == 0


def test_answers_belong_to_the_value_at_their_periods_end(engine):
    versions = [
        fact(AS_OF - 300 * DAY, until=AS_OF - 90 * DAY - TICK, plan="basic"),
        fact(AS_OF - 90 * DAY - TICK, plan="pro"),
    ]
    given = [
        answer(AS_OF - 100 * DAY, 9),
        answer(AS_OF - 80 * DAY, 9),
        answer(AS_OF - 190 * DAY, 9),
    ]
    found = inputs(engine, world_of(versions=versions, responses=given), ["plan"])
    by_end = dict(zip(found.answers["as_of"], found.answer_groups["plan"], strict=True))
    assert by_end == {AS_OF: "pro", AS_OF - 90 * DAY: "pro", AS_OF - 180 * DAY: "basic"}


def test_without_an_accounts_table_there_is_only_the_company(engine):
    found = inputs(engine, world_of(responses=[answer(AS_OF - DAY, 9)]), [], accounts=None)
    assert list(found.groups.columns) == list(found.answer_groups.columns) == []
    assert list(found.answers["answers"]) == [1]


def test_the_attributes_asked_for():
    project = project_of()
    assert attributes_asked(project, []) == ["plan"]
    assert attributes_asked(project, ["seats", "plan", "seats"]) == ["seats", "plan"]
    assert attributes_asked(project, ["owner"]) == ["owner"]
    assert attributes_asked(project_of(None), []) == []
    with pytest.raises(ConfigError, match=r"2\. --by: `colour`") as caught:
        attributes_asked(project, ["plann", "colour", "colour"])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1, 2, 3], ["up to 1", "above 1, up to 2", "above 2"]),
        ([1, 1, 1], ["any", "any", "any"]),
        ([1, 1, 5], ["up to 1", "up to 1", "above 1"]),
        ([1, None, 2], ["up to 1", NONE, "above 1"]),
        ([None, None], [NONE, NONE]),
        ([1200, 5000, 90000], ["up to 1,200", "above 1,200, up to 5,000", "above 5,000"]),
    ],
)
def test_numbers_are_cut_into_parts_of_equal_size(values, labels):
    series = pd.Series(values, dtype="float64")
    assert list(_labels(series, _edges(series))) == labels


def test_a_blank_value_is_none():
    assert list(_labels(pd.Series(["pro", "", None], dtype=object), None)) == ["pro", NONE, NONE]


@pytest.mark.parametrize(
    "accounts",
    [None, SimpleNamespace(attributes={}, segments=[], owner=None)],
    ids=["no table", "no attribute"],
)
def test_where_nothing_is_declared_it_is_said_where_to(accounts):
    with pytest.raises(ConfigError, match="nothing to report by") as caught:
        attributes_asked(project_of(accounts), ["plan"])
    assert "`tables.accounts.attributes`" in caught.value.problems[0].remedy
