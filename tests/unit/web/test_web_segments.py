"""The page of segments and trends: numbers of the run, nothing that a user may not see."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape, unescape
from types import SimpleNamespace

import pytest
from browsed import Browsed, browse
from run_documents import HOSTILE, forecast, nothing_known, report, write_segments
from sqlalchemy import update

from npsight.models.reported import Difference
from npsight.store.worklist import worklist
from npsight.web.rendering import environment, signed
from npsight.web.themes import Theme, Themes

INERT = re.compile(r"<script(?! src=)|javascript:|\son\w+=|\sstyle=", re.IGNORECASE)


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    made = browse(tmp_path_factory.mktemp("segments"))
    write_segments(made.live.state.store)
    return made


@pytest.fixture
def make(tmp_path):
    """Pages over a report with changes."""

    def made(*, more="", **changes) -> Browsed:
        pages = browse(tmp_path, count=20, more=more)
        write_segments(pages.live.state.store, **changes)
        return pages

    return made


def text_of(response) -> str:
    """The words of a page, with single spaces."""
    assert response.status_code == 200, response.text
    inline = re.sub(r"</?(?:span|strong|bdi|a)\b[^>]*>", "", response.text)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", inline)))


def test_the_company_is_told_with_intervals_both_versions_and_its_goal(browsed):
    words = text_of(browsed.sign_in("viewer").get("/segments"))
    company = report().company
    low, high = company.now.interval(95)
    assert f"{signed(company.now.nps)} {signed(low)} to {signed(high)} (95 %)" in words
    assert "149 answers of 74 accounts in 90 days" in words
    assert "+25 +17 to +33 (80 %), +12 to +38 (95 %), from about 41 answers" in words
    assert "… if everyone answered +15 +7 to +23 (80 %)" in words
    assert "off course NPS +40: off course, 7 % likely." in words
    assert "goal +40 by" in words
    assert "no account has plan = gold" in words
    assert "Expected change: +8 more than chance points" in words


@pytest.mark.parametrize(
    ("now", "following", "shown"),
    [(20.4, 19.6, "0 points"), (4.4, 9.4, "+5 points"), (30.4, 30.6, "+1 point ("), (0.6, -0.6, "−2 points")],
)  # fmt: skip
def test_a_change_is_the_difference_of_what_stands_beside_it(now, following, shown, browsed):
    """A board that reads +4 now and +9 next must not read a change of +4."""
    change = {"points": following - now, "low_95": -9, "high_95": 9, "chance": 0.5}
    one = {"now": {"nps": now}, "next_reported": {"nps": following}, "change": change}
    macros = environment().get_template("segments_macros.html").module
    words = f"{macros.change(one)} {macros.points(round(following) - round(now))} ("
    assert shown in words


def test_one_answer_of_one_account_is_told_as_one(make):
    company = report().company
    now = replace(company.now, promoters=1, detractors=0, answers=1, accounts=1)
    words = text_of(
        make(company=replace(company, now=now, accounts=1)).sign_in("viewer").get("/segments")
    )
    assert "1 answer of 1 account in 90 days" in words
    assert "over 1 account" in words
    assert "1 accounts" not in words


def test_the_revenue_with_accounts_of_high_risk_is_told_to_who_sees_them_all(make):
    pages = make()
    with pages.live.state.store.writing() as connection:
        connection.execute(update(worklist).values(risk_level="low", revenue=1_000.0))
        some = worklist.c.account.in_(["a/0 é", "a/1 é", "a/2 é"])
        connection.execute(update(worklist).where(some).values(risk_level="high"))
        unknown = worklist.c.account == "a/2 é"
        connection.execute(update(worklist).where(unknown).values(revenue=None))
    browser = pages.sign_in("viewer")
    words = text_of(browser.get("/segments"))
    assert "of it with 2 of high risk" in words
    one = report().groups["plan"][0].value
    assert "of high risk" not in text_of(browser.get(f"/segments?by=plan&segment={one}"))


def test_attributes_are_chosen_by_links(browsed):
    browser = browsed.sign_in("viewer")
    plans, regions = (browser.get(f"/segments?by={by}") for by in ("plan", "region"))
    assert "EMEA" not in text_of(plans)
    assert "EMEA" in text_of(regions)
    assert '<a href="/segments?by=plan#by" aria-current="true">plan</a>' in plans.text
    assert browser.get("/segments?by=colour").status_code == 404
    assert browser.get("/segments?by=plan&segment=none").status_code == 404
    assert browser.get("/segments?segment=none").status_code == 404


def test_a_segment_has_a_page_of_its_own(browsed):
    response = browsed.sign_in("viewer").get("/segments?by=plan&segment=pro")
    words = text_of(response)
    assert "plan: pro" in words
    assert "was −11 points from that of all other accounts (−38 to +16, 95 %)" in words
    assert "That may well be chance." in words
    assert "it takes about 826 answers of this segment (52 now)" in words
    assert "Published elsewhere: +41" in words
    assert "NPS +10 (plan = pro)" in words
    assert "NPS +40" not in words
    assert "Support experience" in words


def test_every_value_of_the_table_leads_to_its_page(browsed):
    browser = browsed.sign_in("viewer")
    page = browser.get("/segments").text
    links = re.findall(r'<th scope="row" class="named"><a href="([^"]+)"', page)
    assert len(links) == 3
    for link in links:
        assert browser.get(unescape(link)).status_code == 200


def test_values_and_comments_are_inert(browsed):
    browser = browsed.sign_in("viewer")
    for path in ("/segments", "/segments?by=plan&segment=pro", "/segments?by=region"):
        page = browser.get(path).text
        assert not INERT.search(page), path
        assert "{{ 7" in page or "region" in path
    assert escape(HOSTILE, quote=False).split("'")[0] in browser.get("/segments").text
    asked = browser.get("/segments", params={"by": HOSTILE, "segment": HOSTILE})
    assert asked.status_code == 404
    assert not INERT.search(asked.text)
    hostile = browser.get("/segments", params={"by": "plan", "segment": HOSTILE})
    assert hostile.status_code == 200
    assert not INERT.search(hostile.text)


def test_themes_are_told_with_share_trend_and_nps(browsed):
    words = text_of(browsed.sign_in("viewer").get("/segments"))
    assert "20 answers with a comment in the last 90 days, 10 in the period before" in words
    assert "50 % name none of them" in words
    price = re.search(r"price 10 50 % 50 % .*? service desk", words)
    assert price is not None
    assert "+20 (" in price.group()
    assert re.search(r"service desk 1 5 % 10 % .*? too few", words)


def test_comments_that_name_no_theme_are_told_in_a_sentence(browsed):
    def themes(*numbers):
        return Themes(20, 10, None, tuple(named(*n) for n in numbers), 1.0)

    def named(answers, before):
        return Theme("price", answers, answers / 20, before, None, None, None, ())

    assert themes((0, 0.0), (0, None)).is_silent
    assert not themes((0, 0.0), (1, 0.0)).is_silent
    assert not themes((0, 0.1), (0, 0.0)).is_silent
    template = environment().from_string(
        '{% import "macros.html" as shared %}{% import "segments_macros.html" as m %}'
        '{% include "segments_themes.html" %}'
    )
    view = SimpleNamespace(themes=themes((0, 0.0)), is_company=True)
    shown = template.render(view=view)
    assert "None of the 30 answers with a comment names a theme." in shown
    assert "<table>" not in shown


def test_examples_are_few_and_lead_to_their_account(browsed):
    page = browsed.sign_in("viewer").get("/segments").text
    assert page.count("<blockquote>") == 3
    assert 'href="/accounts/a/0%20%C3%A9"' in page
    assert "Firm 0" in page
    assert '<p dir="auto">' in page
    mine = browsed.sign_in("viewer").get("/segments?by=plan&segment=pro").text
    assert "number 0" in mine
    assert "number 1" not in mine


def test_who_sees_own_accounts_alone_reads_no_comments_of_others(make):
    pages = make(more="pages: {csm_sees: own}\n")
    ada, bo = (pages.sign_in("csm", owner=name).get("/segments").text for name in ("Ada", "Bo"))
    assert re.findall(r"number (\d)", ada) == ["0", "2"]
    assert re.findall(r"number (\d)", bo) == ["1", "3"]
    assert not re.findall(r"number (\d)", pages.sign_in("csm").get("/segments").text)
    assert len(re.findall(r"number (\d)", pages.sign_in("viewer").get("/segments").text)) == 3


def test_who_sees_own_accounts_alone_sees_no_group_of_few(make):
    pages = make(more="pages: {csm_sees: own}\n")
    browser = pages.sign_in("csm", owner="Ada")
    words = text_of(browser.get("/segments"))
    assert "tiny one" not in words
    assert "1 small group is not shown" in words
    assert "pro" in words
    assert browser.get("/segments?by=plan&segment=tiny+one").status_code == 404
    admin = pages.sign_in("admin")
    assert "tiny one" in text_of(admin.get("/segments"))
    assert admin.get("/segments?by=plan&segment=tiny+one").status_code == 200


def test_without_surveys_churn_is_told(make):
    whole = report()
    groups = {k: tuple(nothing_known(s) for s in v) for k, v in whole.groups.items()}
    company = nothing_known(whole.company)
    pages = make(company=company, groups=groups, goals=(), window=None, with_themes=False)
    words = text_of(pages.sign_in("viewer").get("/segments"))
    assert "Mean churn risk 4 %" in words
    assert "90 days 4 %, 360 days 10 %" in words
    assert "NPS" not in words.replace("NPS history", "")
    assert "comments" not in words
    one = text_of(pages.sign_in("viewer").get("/segments?by=plan&segment=pro"))
    assert "Against all other accounts" not in one


def test_without_segments_comments_or_drivers_the_page_says_so(make):
    whole = report()
    bare = replace(whole.company, drivers=(), base_risk=None, change=None)
    pages = make(company=bare, groups={}, goals=(), with_themes=False)
    words = text_of(pages.sign_in("viewer").get("/segments"))
    assert "No segments are declared." in words
    assert "can map the column of comments" in words
    assert "Goals" not in words
    assert "What moves the risk" not in words


def test_one_of_several_that_stands_out_by_itself_alone_is_told_so(make):
    """Its range leaves zero out, and yet it is one of several: both are said."""
    groups = report().groups
    found = replace(groups["plan"][0].against, difference=Difference(28.0, 12.2))
    plans = (replace(groups["plan"][0], against=found), *groups["plan"][1:])
    pages = make(groups={**groups, "plan": plans})
    viewer = pages.sign_in("viewer")
    words = text_of(viewer.get(f"/segments?by=plan&segment={plans[0].value}"))
    assert "(+4 to +52, 95 %). By itself that would be more than chance; among several" in words
    assert "may well be chance" not in words
    table = text_of(viewer.get("/segments?by=plan"))
    assert f"{plans[0].value} +28 (+4 to +52) only by itself" in table


def test_a_period_without_answers_leaves_a_gap_and_no_zero(browsed):
    page = browsed.sign_in("viewer").get("/segments").text
    table = re.search(r"<caption[^>]*>NPS over time.*?</table>", page, re.DOTALL)
    assert table is not None
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th><td[^>]*>(.*?)</td>", table.group())
    assert [value for _, value in rows][:3] == ["17", "–", "17"]
    assert rows[3][0].startswith("expected next, 13 Sep 2026")
    assert rows[4][0].startswith("if everyone answered, 13 Sep 2026")


def test_a_run_of_an_older_npsight_is_told_apart(tmp_path):
    pages = browse(tmp_path, count=20)
    words = text_of(pages.sign_in("viewer").get("/segments"))
    assert "they were made by an older npsight" in words
    assert "npsight score" in words


def test_an_attribute_with_very_many_values_shows_the_largest(make):
    many = tuple(
        replace(report().groups["region"][0], value=f"r{number}", accounts=number,
                next_reported=forecast(number))
        for number in range(1, 71)
    )  # fmt: skip
    pages = make(groups={"region": many})
    words = text_of(pages.sign_in("viewer").get("/segments"))
    assert "The 60 largest of 70 are shown" in words
    assert " r70 " in words
    assert " r10 " not in words


def test_nobody_sees_it_without_signing_in(browsed):
    assert browsed.nobody().get("/segments").headers["location"].startswith("/sign-in")
