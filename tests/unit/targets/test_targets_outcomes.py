"""Every boundary of the outcome windows: answers, and the three kinds of loss."""

from __future__ import annotations

import pytest
from handmade import (
    AS_OF,
    DAY,
    LONG_AGO,
    TICK,
    answer,
    fact,
    facts_of,
    rows_of,
    spine_of,
    world_of,
)

from npsight.config.schema import ChurnTarget
from npsight.config.specs import OutcomeWindow
from npsight.targets.outcomes import answer_rows_expr, answers_expr, churn_expr, complete

WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
START, END = AS_OF + 14 * DAY, AS_OF + 104 * DAY
BOUNDARIES = [(START - TICK, False), (START, True), (END - TICK, True), (END, False)]
BOUNDARY_IDS = ["1us-before-gap", "at-as-of-gap", "1us-before-end", "at-as-of-gap-horizon"]
LONG_KNOWN = AS_OF - 9 * DAY


def spine(engine, *accounts):
    return spine_of(engine, [(account, AS_OF) for account in accounts or ("a",)])


def answers(engine, *rows):
    found = answers_expr(facts_of(engine, world_of(responses=list(rows))), spine(engine), WINDOW)
    return rows_of(engine, found).get(("a", AS_OF))


def churn(engine, event, *rows):
    table = {"subscription_end": "subscriptions", "churn_table": "churn", "no_activity": "usage"}
    world = world_of(**{table[event]: list(rows)})
    target = ChurnTarget(event=event, activity="usage" if event == "no_activity" else None)
    found = rows_of(engine, churn_expr(facts_of(engine, world), spine(engine), target, WINDOW))
    row = found.get(("a", AS_OF))
    return row and (row["churned"], row["label_known_at"])


# --- Censoring --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data_end", "kept"),
    [(END, 1), (END + TICK, 1), (END - TICK, 0), (AS_OF, 0)],
    ids=["at-the-end", "after", "1us-before", "as-of"],
)
def test_a_window_is_complete_once_it_has_ended(engine, data_end, kept):
    world = world_of()
    world.data_end = data_end
    assert len(rows_of(engine, complete(facts_of(engine, world), spine(engine), WINDOW))) == kept


def test_only_censored_days_are_left_out(engine):
    days = [AS_OF - DAY, AS_OF, AS_OF + TICK, AS_OF + DAY]
    world = world_of()
    world.data_end = END
    spine = spine_of(engine, [("a", day) for day in days])
    kept = complete(facts_of(engine, world), spine, WINDOW)
    assert sorted(rows_of(engine, kept)) == [("a", AS_OF - DAY), ("a", AS_OF)]


# --- Answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "inside"), BOUNDARIES, ids=BOUNDARY_IDS)
def test_an_answer_is_an_outcome_inside_the_window(engine, at, inside):
    found = answers(engine, answer(at, 3))
    assert (found is not None) is inside


@pytest.mark.parametrize(
    ("touchpoints", "counted"),
    [((), 3), (("mail",), 1), (("call", "mail"), 2), (("chat",), None)],
    ids=["all", "one", "two", "another"],
)
def test_only_answers_at_the_foreseen_touchpoints_are_outcomes(engine, touchpoints, counted):
    rows = [answer(START, 3, touchpoint=name) for name in ("mail", "call", None)]
    facts = facts_of(engine, world_of(responses=rows))
    found = rows_of(engine, answers_expr(facts, spine(engine), WINDOW, touchpoints))
    row = found.get(("a", AS_OF))
    assert (row and row["answers"]) == counted


@pytest.mark.parametrize(("at", "inside"), BOUNDARIES, ids=BOUNDARY_IDS)
def test_the_window_is_the_same_at_a_touchpoint(engine, at, inside):
    rows = [answer(at, 3, touchpoint="mail"), answer(START, 3, touchpoint="call")]
    facts = facts_of(engine, world_of(responses=rows))
    found = rows_of(engine, answers_expr(facts, spine(engine), WINDOW, ["mail"]))
    assert (("a", AS_OF) in found) is inside


def test_answers_are_counted_by_band_and_known_with_the_last(engine):
    rows = [answer(START, s) for s in (0, 6, 7, 8, 9, 10, 10)]
    rows.append(answer(START, 3, END + DAY))
    assert answers(engine, *rows) == {
        "answers": 8,
        "detractors": 3,
        "promoters": 3,
        "label_known_at": END + DAY,
    }


def test_an_account_without_an_answer_has_no_label(engine):
    world = world_of(("a", "b"), responses=[answer(START, 3, account="b"), answer(AS_OF, 3)])
    found = answers_expr(facts_of(engine, world), spine(engine, "a", "b"), WINDOW)
    assert [account for account, _ in rows_of(engine, found)] == ["b"]


# --- Loss: the last subscription ends ---------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "outcome"),
    [
        (START - TICK, None),
        (START, (1, START)),
        (END - TICK, (1, END - TICK)),
        (END, (0, None)),
        (None, (0, None)),
    ],
    ids=["gone-1us-before", "at-start", "1us-before-end", "at-end", "no-end"],
)
def test_a_contract_that_ends_inside_the_window_is_a_loss(engine, until, outcome):
    assert churn(engine, "subscription_end", fact(LONG_AGO, until=until)) == outcome


def test_a_loss_is_known_when_its_end_is(engine):
    booked = fact(LONG_AGO, until=START + DAY, until_known=LONG_KNOWN)
    late = fact(LONG_AGO, until=START + DAY, until_known=END + DAY)
    assert churn(engine, "subscription_end", booked) == (1, LONG_KNOWN)
    assert churn(engine, "subscription_end", booked, late) == (1, END + DAY)


@pytest.mark.parametrize(
    ("begins", "outcome"),
    [(END - TICK, (0, None)), (END, (1, START + DAY))],
    ids=["inside", "at-end"],
)
def test_a_contract_begun_inside_the_window_keeps_the_account(engine, begins, outcome):
    ending = fact(LONG_AGO, until=START + DAY)
    assert churn(engine, "subscription_end", ending, fact(begins)) == outcome


@pytest.mark.parametrize(
    ("begins", "outcome"),
    [(START, (1, START + DAY)), (START + TICK, None), (START - TICK, (1, START + DAY))],
    ids=["at-start", "1us-after-start", "1us-before-start"],
)
def test_only_what_runs_where_the_window_starts_can_be_lost(engine, begins, outcome):
    assert churn(engine, "subscription_end", fact(begins, until=START + DAY)) == outcome


def test_one_of_two_contracts_ending_is_no_loss(engine):
    two = [fact(LONG_AGO, until=START), fact(LONG_AGO, until=END)]
    assert churn(engine, "subscription_end", *two) == (0, None)


def test_accounts_without_a_contract_are_not_at_risk(engine):
    world = world_of(("a", "b"), subscriptions=[fact(LONG_AGO, account="b")])
    target = ChurnTarget(event="subscription_end")
    found = churn_expr(facts_of(engine, world), spine(engine, "a", "b"), target, WINDOW)
    assert [account for account, _ in rows_of(engine, found)] == ["b"]


# --- Loss: a churn event ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "outcome"),
    [
        (START - TICK, None),
        (START, (1, START)),
        (END - TICK, (1, END - TICK)),
        (END, (0, None)),
    ],
    ids=["gone-1us-before", "at-start", "1us-before-end", "at-end"],
)
def test_a_churn_event_inside_the_window_is_a_loss(engine, at, outcome):
    assert churn(engine, "churn_table", fact(at)) == outcome


def test_without_an_event_the_account_stayed(engine):
    assert churn(engine, "churn_table") == (0, None)
    assert churn(engine, "churn_table", fact(START, account="b")) == (0, None)


def test_an_event_before_the_window_rules_out_a_second_one_inside(engine):
    assert churn(engine, "churn_table", fact(AS_OF), fact(START)) is None


def test_a_loss_is_known_with_the_first_report_of_it(engine):
    events = [fact(START, START + 5 * DAY), fact(START + DAY), fact(END, AS_OF)]
    assert churn(engine, "churn_table", *events) == (1, START + DAY)


# --- Loss: no activity ------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "inside"), BOUNDARIES, ids=BOUNDARY_IDS)
def test_silence_through_the_window_is_a_loss(engine, at, inside):
    assert churn(engine, "no_activity", fact(at), fact(at)) == (0 if inside else 1, END)


def test_another_accounts_activity_keeps_nobody(engine):
    assert churn(engine, "no_activity", fact(START, account="b")) == (1, END)


# --- What has no dated outcome ----------------------------------------------------------------


@pytest.mark.parametrize("event", ["snapshot", "churn_table", "no_activity"])
def test_an_event_without_its_table_is_refused(engine, event):
    facts = facts_of(engine, world_of(usage=[]))
    with pytest.raises(ValueError, match=f"`{event}` has no dated outcome"):
        churn_expr(facts, spine(engine), ChurnTarget(event=event), WINDOW)


def test_the_answers_behind_the_counts_have_a_row_each(engine):
    rows = [
        answer(START, 3, touchpoint="mail", respondent="ann"),
        answer(END - TICK, 9, touchpoint="call"),
        answer(END, 3, touchpoint="mail"),
        answer(START - TICK, 3, touchpoint="mail"),
    ]
    facts = facts_of(engine, world_of(responses=rows))
    table = answer_rows_expr(facts, spine(engine), WINDOW, (), ("touchpoint", "respondent"))
    found = engine.to_pyarrow(table.order_by("band")).to_pylist()
    assert [(r["band"], r["touchpoint"], r["respondent"]) for r in found] == [
        ("detractor", "mail", "ann"),
        ("promoter", "call", None),
    ]
