"""The page of an account: it adds up, keeps to what the user may see, and shows nothing alive."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from browsed import Browsed, browse
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from tiny_project import make_project

from npsight.service.state import Live, load_state
from npsight.store import PostedFact, ScoreRow, ScoreRun, keep_posted
from npsight.store.accountpages import keep_account_pages
from npsight.store.marks import mark
from npsight.store.tables import scores
from npsight.web.account import _answer_chart, plays_of
from npsight.web.answers import Answer
from npsight.web.app import build_pages
from npsight.web.why import adding_up, targets_of, why
from npsight.web.worklistwords import risk_interval

HOSTILE = "<script>alert(1)</script>=cmd|'/c calc'!A0 \u202eevil 👩‍🚀 & \"quoted\""
KEY, SILENT = "a/1 é", "a/2 é"
ADDRESS = "/accounts/a/1%20%C3%A9"
COMMENT = HOSTILE + " long words" * 900
OWN = "Ann"


def share(label: str, points: float, nps: float | None, **more):
    told = {"driver": label.lower(), "label": label, "points": points, "nps_points": nps}
    return {
        **told,
        "sentence": f"{label} fell.",
        "actionable": True,
        "play": f"Do {label}.",
        **more,
    }


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    made = browse(tmp_path_factory.mktemp("account"), more="pages: {csm_sees: own, currency: €}\n")
    store = made.live.state.store
    first = store.latest_run("tiny")
    rows = store.scores(first.id)
    at = first.as_of + timedelta(days=7)
    run = ScoreRun("run-2", "tiny", at, at, 8, first.model_digest, peers=first.peers)
    store.write_run(run, [rescored(row, at) for row in rows], [], beside=[pages_of(run)])
    return made


def rescored(row: ScoreRow, at: datetime) -> ScoreRow:
    """The account a week later; one of them with all that there can be."""
    if row.account != KEY:
        return dataclasses.replace(row, as_of=at, owner="Ben")
    return dataclasses.replace(
        row,
        as_of=at,
        name=HOSTILE,
        owner=OWN,
        segment=HOSTILE,
        revenue=1_234_567.0,
        renewal_at=datetime.now(UTC) + timedelta(days=30),
        last_score=7.0,
        last_answer_at=at - timedelta(days=3),
        detractor_risk=0.66149,
        promoter_prob=0.1,
        predicted_nps=-56.149,
        nps_low_80=-80.0,
        nps_high_80=-20.0,
        nps_low_95=-90.0,
        nps_high_95=0.0,
        risk_low_80=0.41,
        risk_high_80=0.83,
        churn_risk=0.12345,
        base_risk=0.22241,
        base_nps=16.6551,
        base_churn=0.03,
        answer_prob=0.5,
        drivers=[
            share("Product use", 0.35743, -60.2),
            share("Errors", 0.10223, -21.3),
            share("History", -0.01175, 4.6959, actionable=False, play=""),
            share(HOSTILE, -0.00883, 4.0),
        ],
        churn_drivers=[share("Product use", 0.09345, None)],
    )


def pages_of(run: ScoreRun):
    about = {
        "weeks": 26,
        "series": [
            {"label": HOSTILE, "unit": "h", "kind": "mean", "driver_label": "Support"},
            {"label": "open tickets", "unit": "", "kind": "open", "driver_label": "Support"},
        ],
    }
    answers = [
        told(run.as_of - timedelta(days=3), 7, "passive", id="kept", comment=HOSTILE, length=99),
        told(run.as_of - timedelta(days=99), 2, "detractor", comment=COMMENT[:2000], length=9_999),
    ]
    content = {"answers": answers, "series": [[None] * 25 + [12.5], [0.0] * 24 + [3.0, 2.0]]}

    def write(connection):
        keep_account_pages(connection, "tiny", run.id, about, [(KEY, content)])

    return write


def told(at: datetime, score: float, band: str, **more):
    when = {"occurred_at": at.isoformat(), "known_at": at.isoformat()}
    return {**when, "score": score, "raw_score": score, "band": band, "touchpoint": HOSTILE, **more}


@pytest.fixture(scope="module")
def ann(browsed: Browsed):
    return browsed.sign_in("csm", OWN)


@pytest.fixture(scope="module")
def page(ann):
    response = ann.get(ADDRESS)
    assert response.status_code == 200, response.text
    return response.text


class Cells(HTMLParser):
    """The texts of the cells of a table of a class, by row."""

    def __init__(self, table: str, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._table, self._inside, self._open = table, False, False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._inside = dict(attrs).get("class") == self._table
        if self._inside and tag == "tr":
            self.rows.append([])
        if self._inside and tag in ("td", "th"):
            self.rows[-1].append("")
            self._open = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._open = False
        if tag == "table":
            self._inside = False

    def handle_data(self, data):
        if self._inside and self._open:
            self.rows[-1][-1] += data


def number(text: str) -> float:
    return float(re.match(r"[+−-]?[\d.]+", text.strip()).group().replace("−", "-"))


def parts(html: str) -> list[float]:
    return [number(row[1]) for row in Cells("why", html).rows[1:]]


@pytest.mark.parametrize(
    ("asked", "total"), [("", 66.1), ("?why=risk", 66.1), ("?why=nps", -56.1), ("?why=churn", 12.3)]
)
def test_the_points_that_are_shown_add_up_to_the_number_that_is_shown(ann, asked, total):
    *addends, shown = parts(ann.get(ADDRESS + asked).text)
    assert shown == total
    assert round(sum(addends), 6) == total


def test_the_chart_shows_the_same_points(ann, page):
    chart = re.search(r"<svg.*?</svg>", page, re.S).group()
    assert re.findall(r">([+−\d.]+(?: %)?)</text>", chart) == [
        "22.2 %",
        "+35.8",
        "+10.2",
        "−1.2",
        "−0.9",
        "66.1 %",
    ]


def test_an_unknown_number_is_not_explained_but_the_first_one_is(ann, page):
    assert parts(ann.get(ADDRESS + "?why=%3Cscript").text) == parts(page)


def test_the_head_tells_how_the_account_stands(page):
    for words in (
        "66 %",
        "with 80&nbsp;% certainty 41 % to 83 %",
        "−56",
        "80 %: −80 to −20",
        "95 %: −90 to 0",
        "12 %",
        "€ 1.2 M",
        "passive sliding",
        "in 30 days",
    ):
        assert words in page.replace("\u00a0", " "), words


def test_what_people_wrote_is_text_only(page):
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 5
    assert re.findall(r"<script(?! src=\"/static/)", page) == []
    assert re.search(r"\sstyle=|<style|\son\w+=", page) is None


def test_a_long_comment_is_cut_and_can_be_opened(page):
    assert "Show all" in page
    assert "The first 2,000 of 9,999 characters." in page
    assert page.count("long words") < 400


def test_what_changed_is_told_with_both_numbers(page):
    assert "all accounts were scored again" in page
    changed = page[page.index("Numbers before and after") :]
    row = re.search(r"Detractor risk</th>(.*?)</tr>", changed, re.S).group(1)
    before, after = re.findall(r'class="right">([^<]+)<', row)
    assert after == "66\u00a0%"
    assert before != after


def test_the_chart_of_answers_is_on_the_scale_that_people_know():
    at = datetime(2026, 3, 1, tzinfo=UTC)
    answers = [
        Answer(
            None, at - timedelta(days=day), at, 2.5 * (raw - 1), raw, "passive", None, None, "", 0
        )
        for day, raw in ((0, 4.0), (9, 5.0))
    ]
    on_five, numbers = _answer_chart(answers, (1, 5), ZoneInfo("UTC"))
    assert "2 answers on a scale from 1 to 5; the newest, of 1 Mar 2026, was 4." in on_five
    assert ">10</text>" not in on_five
    assert [row[1] for row in numbers.rows] == ["4", "5"]
    several, _ = _answer_chart(answers, None, ZoneInfo("UTC"))
    assert "on a scale from 0 to 10" in several
    assert ">10</text>" in several


def test_weeks_are_shown_with_their_units(page):
    assert "<strong>12 h</strong>" in page
    assert "Open tickets" in page
    assert 'class="chart spark"' in page


def test_every_page_is_sent_with_its_headers(ann):
    headers = ann.get(ADDRESS).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_what_to_say_comes_first_on_a_phone(page):
    """Who has the page open before a call reads it from above, and the chart is long."""
    places = [
        page.index(f'id="{name}"') for name in ("say-title", "follow-up", "why", "answers-title")
    ]
    assert places == sorted(places)


def test_headings_come_in_order(page):
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_ids_are_there_once(page):
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for wanted in re.findall(r'aria-labelledby="([^"]+)"', page):
        assert wanted in ids


def test_an_account_of_somebody_else_is_not_there(browsed: Browsed, ann):
    assert ann.get("/accounts/a/2%20%C3%A9").status_code == 404
    assert ann.get("/accounts/nobody").text == ann.get("/accounts/a/2%20%C3%A9").text
    assert browsed.sign_in("viewer").get("/accounts/a/2%20%C3%A9").status_code == 200


def test_nobody_is_sent_to_sign_in(browsed: Browsed):
    response = browsed.nobody().get(ADDRESS)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/sign-in")


def test_an_account_of_which_little_is_known_has_a_page(browsed: Browsed):
    text = browsed.sign_in("admin").get("/accounts/a/2%20%C3%A9").text
    assert "Nobody has answered a survey yet." in text
    *addends, shown = parts(text)
    assert round(sum(addends), 6) == shown


def test_the_way_back_is_the_worklist_it_came_from(ann):
    def back(referer: str) -> str:
        text = ann.get(ADDRESS, headers={"Referer": referer}).text
        return re.search(r'class="crumb"><a href="([^"]+)"', text).group(1)

    assert back("https://testserver/worklist?sort=risk&page=2") == "/worklist?sort=risk&amp;page=2"
    assert back("https://evil.example/worklist?x=1") == "/worklist"
    assert back("https://testserver/impact?x=1") == "/worklist"
    assert back("javascript:alert(1)") == "/worklist"


def test_an_answer_that_came_since_is_there_at_once(browsed: Browsed, ann):
    at = datetime(2026, 6, 20, 12, tzinfo=UTC)
    content = {"score": "10", "comment": "Now it works"}
    posted = PostedFact("responses", "new-1", KEY, at, None, at, content, False)
    keep_posted(browsed.live.state.store, "tiny", [posted], at)
    text = ann.get(ADDRESS).text
    assert "Now it works" in text
    assert "new since the run" in text
    assert text.index("Now it works") < text.index("long words")


def test_a_held_out_account_says_so_and_until_when(browsed: Browsed, ann):
    store = browsed.live.state.store
    now = datetime.now(UTC)
    with store.writing() as connection:
        mark(connection, "tiny", KEY, now, held_out_until=datetime(2099, 3, 1, 12, tzinfo=UTC))
    text = ann.get(ADDRESS).text
    words = "Left out of this week’s calls until 1 Mar 2099, to measure what calling achieves."
    assert words in text
    with store.writing() as connection:
        mark(connection, "tiny", KEY, now, held_out_until=now - timedelta(seconds=1))
    assert "Left out" not in ann.get(ADDRESS).text


def test_an_account_without_any_forecast_has_a_page(browsed: Browsed):
    store = browsed.live.state.store
    nothing = dict.fromkeys(("detractor_risk", "promoter_prob", "predicted_nps", "churn_risk"))
    with store.writing() as connection:
        mine = (scores.c.run_id == "run-2") & (scores.c.account == "a/3 é")
        blank = {**nothing, "drivers": [], "rank": None, "risk_level": None, "band_now": None}
        connection.execute(update(scores).where(mine).values(**blank))
    response = browsed.sign_in("admin").get("/accounts/a/3%20%C3%A9")
    assert response.status_code == 200
    assert "This run kept no drivers." in response.text


# --- Points -----------------------------------------------------------------------------------


@given(
    st.lists(st.floats(-100, 100, allow_nan=False), min_size=1, max_size=12),
    st.sampled_from([0, 1, 2]),
)
def test_rounded_values_add_up_to_the_rounded_total(values, digits):
    total, size = sum(values), 10**digits
    shown = adding_up(values, total, digits)
    assert round(sum(shown) * size) == round(total * size)
    for value, rounded in zip(values, shown, strict=True):
        assert abs(rounded - value) <= 1.000001 / size


@pytest.mark.parametrize(
    ("values", "total", "shown"),
    [
        ([22.24, 35.73, 8.03], 66.0, [22.3, 35.7, 8.0]),
        ([0.04, 0.04, 0.04], 0.12, [0.1, 0.0, 0.0]),
        ([-0.04, -0.04, -0.04], -0.12, [0.0, 0.0, -0.1]),
        ([1.0], 1.0, [1.0]),
    ],
)
def test_largest_remainders(values, total, shown):
    assert adding_up(values, total, 1) == pytest.approx(shown)


def row(**more) -> ScoreRow:
    return ScoreRow("a", datetime(2026, 6, 1, tzinfo=UTC), **more)


def test_what_the_drivers_leave_is_told_as_other():
    told = row(detractor_risk=0.5, base_risk=0.2, drivers=[share("Use", 0.2, None)])
    assert targets_of(told) == ["risk"]
    assert [(s.label, s.text) for s in why(told, "risk").shares] == [
        ("Use", "+20.0"),
        ("Other", "+10.0"),
    ]


def test_what_cannot_be_explained_is_not_offered():
    assert targets_of(row()) == []
    assert targets_of(row(detractor_risk=0.5, drivers=[share("Use", 0.2, 1.0)])) == []
    churn = row(churn_risk=0.2, base_churn=0.1, churn_drivers=[share("Use", 0.1, None)])
    assert targets_of(churn) == ["churn"]


def test_what_raises_a_risk_is_red_and_what_lowers_it_green():
    risk = why(row(detractor_risk=0.5, base_risk=0.3, drivers=[share("Use", 0.2, -9.0)]), "risk")
    assert "var(--detractor)" in risk.chart
    assert "var(--promoter)" not in risk.chart
    nps = row(predicted_nps=-19.0, base_nps=-10.0, drivers=[share("Use", 0.2, -9.0)])
    assert "var(--detractor)" in why(nps, "nps").chart


def test_only_what_can_be_acted_on_and_raises_the_risk_is_a_play():
    drivers = [
        share("Small", 0.01, None),
        share("Large", 0.2, None),
        share("Good", -0.2, None),
        share("Fixed", 0.3, None, actionable=False),
        share("Wordless", 0.3, None, play=""),
    ]
    assert [p.driver for p in plays_of(row(drivers=drivers), by_churn=False)] == ["Large", "Small"]
    assert plays_of(row(drivers=drivers), by_churn=True) == []


@pytest.mark.parametrize(("case", "found"), [("keep", False), ("lower", True)])
def test_a_key_is_taken_in_any_case_where_the_project_reads_it_so(tmp_path, capsys, case, found):
    from npsight.cli.explain import explain_command

    config = make_project(tmp_path, 5)
    lines = config.read_text(encoding="utf-8")
    config.write_text(lines.replace("tables:\n", f"tables:\n  account_case: {case}\n"))
    live = Live(load_state(config))
    reader = Browsed(build_pages(live), live).sign_in("viewer")
    assert reader.get("/accounts/A/2%20%C3%89").status_code == (200 if found else 404)
    # Typed by a person, it is looked for by its words, too; in any case that is.
    explain_command("A/2 É", config, None)
    assert SILENT in capsys.readouterr().out


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.41, 0.83, (0.41, 0.83)),
        (0.614, 0.616, (0.614, 0.616)),  # 61 % to 62 %
        (0.616, 0.618, None),  # 62 % to 62 %
        (None, None, None),
        (0.41, None, None),
    ],
)
def test_an_interval_that_reads_like_one_number_is_not_shown(low, high, shown):
    assert risk_interval(row(risk_low_80=low, risk_high_80=high)) == shown
