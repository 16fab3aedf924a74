"""A project without surveys, of customers who may leave: no page speaks of answers."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from browsed import Browsed, Browser, browse
from sqlalchemy import select, update

from npsight.config.schema import ChurnTarget
from npsight.store.tables import scores
from npsight.store.worklistrows import worklist

NOTHING = {"band_now": "silent", "detractor_risk": None, "predicted_nps": None}
CHURN = ChurnTarget(event="subscription_end", gap_days=0, horizon_days=90)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Browsed:
    made = browse(tmp_path_factory.mktemp("shop"), count=12)
    state = made.live.state
    with state.store.writing() as connection:
        for table in (scores, worklist):
            connection.execute(update(table).values(**NOTHING))
    tables = state.spec.tables.model_copy(update={"responses": []})
    spec = replace(state.spec, tables=tables, detractor=None, nps=False, churn=CHURN)
    made.live.replace(replace(state, spec=spec))
    return made


@pytest.fixture(scope="module")
def viewer(shop: Browsed) -> Browser:
    return shop.sign_in("csm")


def words_of(response) -> str:
    assert response.status_code == 200, response.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", response.text)))


def test_the_worklist_has_columns_of_what_there_is(viewer):
    page = viewer.get("/worklist?list=all").text
    assert re.findall(r'data-label="([^"]*)"', page)[:5] == [
        "Rank", "Risk to leave", "Main drivers", "Last contact", "Follow-up",
    ]  # fmt: skip
    words = words_of(viewer.get("/worklist?list=all"))
    for absent in ("Silent", "Band", "no owner", "among an account’s next answers"):
        assert absent not in words, absent


def test_risks_to_leave_that_are_all_one_number_are_said_to_order_nothing(shop, viewer):
    said = "Risk to leave is the same for everyone here"
    store = shop.live.state.store
    with store.reading() as connection:
        before = connection.execute(select(worklist.c.account, worklist.c.churn_risk)).all()
    assert len({row.churn_risk for row in before}) > 1
    assert said not in words_of(viewer.get("/worklist?list=all"))
    with store.writing() as connection:
        connection.execute(update(worklist).values(churn_risk=0.015))
    assert said in words_of(viewer.get("/worklist?list=all"))
    with shop.live.state.store.writing() as connection:
        for row in before:
            one = worklist.c.account == row.account
            connection.execute(update(worklist).where(one).values(churn_risk=row.churn_risk))


def test_an_accounts_page_tells_of_the_risk_to_leave_alone(viewer):
    page = viewer.get("/accounts/a/1 é")
    words = words_of(page)
    assert "lost in the 90 days from the score on" in words
    assert "This project has no survey answers." in words
    for absent in ("never answered", "Last answer", "Revenue a year", "Renewal", "Owner –"):
        assert absent not in words, absent


def test_follow_ups_wait_for_no_answer(viewer):
    opened = viewer.post("/accounts/a/2 é/follow-up", {"action": "call", "note": "Hello."})
    for address in (opened.headers["location"], "/follow-ups"):
        words = words_of(viewer.get(address))
        assert "survey answer" not in words
        assert "Next answer" not in words
