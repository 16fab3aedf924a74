"""The worklist's page: what it shows to whom, and what it says to addresses that mean nothing."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from browsed import Browsed, Browser, browse
from listed import AS_OF, DAY, note, scored
from python_calamine import CalamineWorkbook
from sqlalchemy import update

from npsight.store import ScoreChange, ScoreRow, ScoreRun, record_changes
from npsight.store.marks import mark
from npsight.store.worklist import worklist
from npsight.store.worklistquery import Place
from npsight.store.worklistread import Count, Listed
from npsight.web.worklist import week_start
from npsight.web.worklistaddress import Begun, read_address, token_of
from npsight.web.worklistbook import HEADINGS
from npsight.web.worklisttable import COLUMNS, cells
from npsight.web.worklistwords import Week, line_of, nothing_line, policy_sentence

HOSTILE = {
    "x1": "<script>alert(1)</script>",
    "x2": '=HYPERLINK("http://evil.example")',
    "x3": "\u202eevil\u202c مرحبا",
    "x4": "😀" * 20,
    "x5": "long " * 2000,
    "x6": '"><img src=x onerror=alert(1)>',
    "x7": "+1+1",
    "x8": "-1+1",
    "x9": "@SUM(A1)",
    "x10": "\tcmd",
    "x11": "\rcmd",
    "{{ 7 * 7 }}": "{{ 7 * 7 }}",
    "a/../b?c#d": "slashes",
}


TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""The days until a renewal count from it, however old the scores are."""
RENEWS = " × 1.2 (renews in 30 days)"


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    made = browse(tmp_path_factory.mktemp("web"), more="pages: {rows: 5, currency: €}\n")
    rows = [
        scored(
            f"k{i:02d}",
            owner="kim" if i < 20 else "lee",
            name=f"Wren {i} Foods" if i % 2 else f"Oak {i} Labs",
            rank=i + 1,
            revenue=1000.0 * (i + 1),
            within_capacity=i < 12 or i >= 20,
            renewal_at=TODAY + timedelta(days=10 * i),
            risk_low_80=0.31,
            risk_high_80=0.69,
            nps_low_80=-60.0,
            nps_high_80=10.0,
            priority=500.0,
            priority_reason="50 % risk × 1,000 revenue" + RENEWS * (i == 3),
            drivers=[note("support", 0.2, "Tickets rose from 3 to 9."), note("product_use", 0.1)],
        )
        for i in range(26)
    ]
    rows += [
        scored(key, owner="max", name=name, rank=100 + place, revenue=-5.5, segment=name[:300],
               drivers=[note("support", 0.2, name[:400])])
        for place, (key, name) in enumerate(HOSTILE.items())
    ]  # fmt: skip
    run = ScoreRun("r9", "tiny", AS_OF + DAY, AS_OF, 7, made.live.state.digest)
    made.live.state.store.write_run(run, rows, [])
    with made.live.state.store.writing() as connection:
        now = datetime.now(UTC)
        mark(connection, "tiny", "k00", now, contacted_at=now, contacted_days=21)
        mark(connection, "tiny", "k01", now, snoozed_until=now + DAY)
        mark(connection, "tiny", "k02", now, state="to contact", due_on=(now - 3 * DAY).date())
    return made


@pytest.fixture(scope="module")
def viewer(browsed: Browsed):
    """Somebody who may only look."""
    return browsed.sign_in("viewer")


def accounts(page: str) -> list[str]:
    return [unescape(key) for key in re.findall(r'wl-name">\s*<a href="/accounts/([^"]+)"', page)]


def test_a_csm_begins_with_the_calls_that_are_left_this_week(browsed: Browsed):
    page = browsed.sign_in("csm", owner="kim").get("/worklist").text
    assert "1 of your 12 for this week are done, 11 to go." in page
    # Who was called and who is snoozed is not there; the next ones move up.
    assert accounts(page) == [f"k{i:02d}" for i in range(2, 13)]
    assert 'href="/worklist?list=all"' in page


@pytest.mark.parametrize(
    ("query", "owner", "shown"), [("list=week&owner=kim", "&owner=kim", 11), ("list=week", "", 5)]
)
def test_ranks_that_the_week_leaves_out_are_accounted_for(viewer: Browser, query, owner, shown):
    page = viewer.get(f"/worklist?{query}").text
    assert len(accounts(page)) == shown
    assert "2 more step back" in " ".join(page.split())
    (link,) = re.findall(r'<a href="([^"]+)">Show them</a>', page)
    assert unescape(link) == f"/worklist?list=all{owner}&back=only"
    assert set(accounts(viewer.get(unescape(link)).text)) == {"k00", "k01"}


def test_who_owns_nothing_begins_with_everybody(viewer: Browser):
    page = viewer.get("/worklist").text
    assert accounts(page) == ["k02", "k03", "k04", "k05", "k06"]
    # One was called, another is snoozed.
    assert "1 of the team’s 18 for this week are done, 16 to go." in page
    assert "2 more step back: snoozed, contacted in the last 21 days, or held out." in " ".join(
        page.split()
    )
    assert re.search(r"37 accounts", page)


@pytest.mark.parametrize(
    ("asked", "left", "owner", "count", "words"),
    [
        ("list=week", 0, None, 5, "No account waits for a call."),
        ("q=nobody", 0, None, 5, "No account fits. Remove a filter"),
        ("list=all", 3, None, 5, "All accounts step back for now."),
        ("list=all", 0, "", 5, "No scored account is yours."),
        ("list=all", 0, None, 5, "These scores were made by an older npsight"),
        ("list=all", 0, None, 0, "No account was scored."),
    ],
)
def test_an_empty_list_says_why_it_is_empty(asked, left, owner, count, words):
    run = ScoreRun("r", "tiny", AS_OF, AS_OF, 1, "digest", account_count=count)
    week = Week(None, 0, 0)
    given = read_address(dict(parse_qsl(asked)))
    assert nothing_line(given, week, run, Count(left, "exactly"), owner).startswith(words)


def test_a_row_says_what_a_call_needs(viewer: Browser):
    page = " ".join(viewer.get("/worklist?list=all&q=k02").text.split())
    for words in (
        "50 %", "high", "31 to 69 %", "−30", "−60 to +10", "10 %", "€ 3.0 k", "in 20 days",
        "<b>Support</b> Tickets rose from 3 to 9.",
        "50 % risk × 1,000 revenue = € 500",
        "to contact", "3 days overdue", 'href="/accounts/k02#follow-up"',
    ):  # fmt: skip
        assert words in page, words


def test_a_sum_that_counts_days_says_from_which_day(viewer: Browser):
    told = "50 % risk × 1,000 revenue"
    for key, words in (("k03", f"On 1 {AS_OF:%b %Y}: {told}{RENEWS} = € 500"), ("k04", told)):
        page = " ".join(viewer.get(f"/worklist?list=all&q={key}").text.split())
        assert words in page
        assert (" 2026: 50 %" in page) == (key == "k03")


def test_a_column_that_can_hold_nothing_is_not_there(viewer: Browser):
    """The tiny project maps no revenue, renewal or owner; its rows may have them all the same."""
    whole = viewer.get("/worklist?list=all&owner=kim").text
    partly = viewer.get("/worklist?list=all&owner=max").text
    for words in ('data-label="Renewal"', ">Renewal</a>", "sort=renewal", 'name="renewal"'):
        assert words in whole
        assert words not in partly
    assert 'data-label="Revenue"' in partly
    found = viewer.get("/worklist?list=all&owner=max&sort=renewal").text
    assert "Sorted by renewal" in found


def test_without_revenue_nothing_is_ranked_by_it(browsed: Browsed):
    """A priority without money is no sum of money."""
    project = browsed.live.state.spec
    assert policy_sentence(project).startswith(
        "Ranked by risk, for the project file names no column of revenue; it counts 1.25 times"
    )
    row = Listed("a", "a", *[None] * (len(fields(Listed)) - 2))
    score = ScoreRow("a", AS_OF, priority=0.9, priority_reason="90 % risk")
    line = line_of(row, score, project, AS_OF, ZoneInfo("UTC"))
    assert line.priority == "90 % risk"


def test_filters_that_are_set_stand_above_the_list_and_not_before_it(viewer: Browser):
    """On a phone the whole form would have to be scrolled past after each choice."""
    page = viewer.get("/worklist?list=all&owner=kim&level=high").text
    form = page.partition('class="card wl-filters"')[2].partition("</form>")[0]
    assert "<details>" in form
    assert "(2 set)" in form
    assert page.count("Remove </span>") == 2


def test_pages_follow_each_other_and_back(viewer: Browser):
    first = viewer.get("/worklist?list=all&owner=kim&sort=revenue&turned=1").text
    assert accounts(first) == [f"k{i:02d}" for i in range(2, 7)]
    later = unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    second = viewer.get(later).text
    assert accounts(second) == [f"k{i:02d}" for i in range(7, 12)]
    assert 'rel="prev"' not in first
    earlier = unescape(re.search(r'rel="prev" href="([^"]+)"', second)[1])
    assert accounts(viewer.get(earlier).text) == accounts(first)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=wren+fo&owner=kim", ["k01", "k03", "k05", "k07", "k09"]),
        ("q=K03", ["k03"]),
        ("q=%F0%9F%98%80", []),
        ("renewal=39&owner=kim", ["k02", "k03"]),
        ("renewal=40&owner=kim", ["k02", "k03", "k04"]),
        ("state=to+contact", ["k02"]),
        ("back=only", ["k00", "k01"]),
        ("back=show&owner=kim", ["k00", "k01", "k02", "k03", "k04"]),
        ("owner=lee&sort=risk", ["k25", "k24", "k23", "k22", "k21"]),
        ("owner=nobody-there", []),
        ("level=low", []),
        ("move=passive+sliding&driver=support&owner=lee", ["k20", "k21", "k22", "k23", "k24"]),
        ("silent=1", []),
        ("unknown=1&owner=lee", ["k20", "k21", "k22", "k23", "k24"]),
    ],
)
def test_filters(viewer: Browser, query: str, expected: list[str]):
    response = viewer.get(f"/worklist?list=all&{query}")
    assert response.status_code == 200
    assert accounts(response.text) == expected


@pytest.mark.parametrize(
    "query",
    [
        "sort=name", "list=none", "level=extreme", "state=lost", "renewal=-1", "renewal=x",
        "renewal=99999", "renewal=%D9%A3", "back=1", "turned=yes", "silent=2", "q=" + "x" * 201,
        "after=x", "after=W10", "after=WyJ4IiwgImEiXQ", "after=" + "W" * 3000,
        "before=bnVsbA", "sort=renewal&after=WzEsICJhIl0", "after=WzEsICJhIiwgInI5Il0",
        "after=WzEsICJhIiwgInI5IiwgLTFd", "after=WzEsICJhIiwgInI5IiwgdHJ1ZV0",
    ],
)  # fmt: skip
def test_addresses_that_mean_nothing_are_refused_with_a_sentence(viewer: Browser, query: str):
    for path in ("/worklist", "/worklist.csv", "/worklist.xlsx"):
        response = viewer.get(f"{path}?list=all&{query}")
        if path != "/worklist" and ("after" in query or "before" in query):
            continue
        assert response.status_code == 422, (path, query)
        assert "Error 422" in response.text


def test_hostile_names_are_inert_on_the_page(viewer: Browser):
    pages = [viewer.get("/worklist?list=all&owner=max").text]
    while found := re.search(r'rel="next" href="([^"]+)"', pages[-1]):
        pages.append(viewer.get(unescape(found[1])).text)
    shown = "".join(pages)
    assert sum(len(accounts(page)) for page in pages) == len(HOSTILE)
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert ">49<" not in shown
    assert "<bdi>\u202eevil" in shown
    # A name of 10 kB does not make a page of it.
    assert max(map(len, pages)) < 60_000
    assert 'href="/accounts/a/../b%3Fc%23d"' in shown


def test_pages_name_who_came_ahead_of_them_meanwhile(browsed: Browsed, viewer: Browser):
    """An account of page two that is scored as riskier stands on page one when page two opens."""
    store = browsed.live.state.store
    first = viewer.get("/worklist?list=all&owner=kim&sort=risk&turned=1").text
    later = unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])
    assert "Scored again" not in viewer.get(later).text
    moved = accounts(viewer.get(later).text)[-1]
    with store.writing() as connection:
        mine = (worklist.c.run_id == "r9") & (worklist.c.account == moved)
        connection.execute(update(worklist).where(mine).values(detractor_risk=0.01))
        change = ScoreChange(moved, {"detractor_risk": 0.5}, {"detractor_risk": 0.01})
        record_changes(connection, "tiny", "r9", "response", [change])
    try:
        told = " ".join(viewer.get(later).text.split())
        assert "Scored again since you opened the first page, and now before this one:" in told
        assert f'<a href="/accounts/{moved}"><bdi>' in told
        assert "Scored again" not in viewer.get("/worklist?list=all&sort=risk&turned=1").text
    finally:
        with store.writing() as connection:
            connection.execute(update(worklist).where(mine).values(detractor_risk=0.5))


def test_a_page_of_an_older_run_leads_to_the_first(viewer: Browser):
    token = token_of(Place(3, "k02"), Begun("r8", 0))
    page = viewer.get(f"/worklist?list=all&owner=kim&after={token}").text
    assert "All accounts were scored again since you opened the first page" in page
    assert '<a href="/worklist?list=all&amp;owner=kim">Begin at the first page</a>' in page


def test_an_address_of_an_older_npsight_still_leads_to_its_page(viewer: Browser):
    page = viewer.get("/worklist?list=all&owner=kim&after=WzMsICJrMDIiXQ").text
    assert accounts(page)[0] == "k03"
    assert "scored again" not in page


class Tags(HTMLParser):
    """Attributes of every element, and where scripts come from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: set[str] = set()
        self.scripts: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))


def test_no_page_has_script_or_style_of_its_own(viewer: Browser):
    tags = Tags(viewer.get("/worklist?list=all&owner=max").text)
    assert tags.scripts
    assert all(source and source.startswith("/static/") for source in tags.scripts)
    assert not {name for name in tags.attributes if name.startswith("on") or name == "style"}


def table(response) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="worklist-2026-06-02.csv"' in response.headers["content-disposition"]
    assert response.text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(response.text[1:], newline="")))


def test_the_table_holds_every_account_of_the_filters(viewer: Browser):
    rows = table(viewer.get("/worklist.csv?list=all&owner=kim&sort=revenue"))
    assert [row["account"] for row in rows] == [f"k{i:02d}" for i in range(19, 1, -1)]
    row = rows[-1]
    assert (row["detractor_risk"], row["risk_low_80"], row["revenue"]) == ("0.5", "0.31", "3000.0")
    assert (row["driver"], row["driver_sentence"]) == ("Support", "Tickets rose from 3 to 9.")
    assert row["follow_up"] == "to contact"
    assert row["renewal_at"] == f"{TODAY + timedelta(days=20):%Y-%m-%d}"


def test_days_of_the_table_are_the_users():
    zone = ZoneInfo("Pacific/Auckland")
    late, day = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    empty = dict.fromkeys([f.name for f in fields(Listed)])
    row = Listed(**empty | {"renewal_at": day, "last_contact_at": late, "stands_back_until": late})
    told = dict(zip(COLUMNS, cells(row, scored("a"), zone), strict=True))
    assert told["renewal_at"] == date(2026, 5, 1)
    assert told["last_contact_at"] == told["steps_back_until"] == date(2026, 3, 2)
    assert cells(Listed(**empty), scored("a"), zone)[COLUMNS.index("renewal_at")] is None


def sheet_of(response) -> list[dict[str, object]]:
    """The rows of a workbook by the columns' names; empty cells are ""."""
    assert response.status_code == 200
    assert response.headers["content-type"].endswith("spreadsheetml.sheet")
    assert 'filename="worklist-2026-06-02.xlsx"' in response.headers["content-disposition"]
    book = CalamineWorkbook.from_filelike(io.BytesIO(response.content))
    heading, *rows = book.get_sheet_by_name("Worklist").to_python()
    assert heading == [HEADINGS[name].heading for name in COLUMNS]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def test_the_workbook_holds_what_the_table_does_in_types(viewer: Browser):
    path = "list=all&owner=kim&sort=revenue"
    rows = sheet_of(viewer.get(f"/worklist.xlsx?{path}"))
    text = table(viewer.get(f"/worklist.csv?{path}"))
    assert [row["account"] for row in rows] == [row["account"] for row in text]
    row = rows[-1]
    assert (row["detractor_risk"], row["risk_low_80"], row["revenue"]) == (0.5, 0.31, 3000.0)
    assert row["renewal_at"] == (TODAY + timedelta(days=20)).date()
    assert row["follow_up"] == "to contact"
    assert row["churn_risk"] == 0.1


def test_a_workbook_holds_hostile_texts_as_texts(viewer: Browser):
    by_key = {row["account"]: row for row in sheet_of(viewer.get("/worklist.xlsx?owner=max"))}
    assert len(by_key) == len(HOSTILE)
    names = {key: row["name"] for key, row in by_key.items()}
    # XML holds no carriage return of its own.
    assert names == {**HOSTILE, "x11": " cmd"}
    assert by_key["x2"]["revenue"] == -5.5


def test_the_week_as_a_workbook(browsed: Browsed):
    rows = sheet_of(browsed.sign_in("csm", owner="kim").get("/worklist.xlsx?list=week&owner=kim"))
    assert [row["account"] for row in rows] == [f"k{i:02d}" for i in range(2, 13)]


def test_too_many_accounts_for_a_workbook_are_refused(viewer: Browser, monkeypatch):
    monkeypatch.setattr("npsight.web.worklistbook.MOST", 10)
    refused = viewer.get("/worklist.xlsx?list=all")
    assert refused.status_code == 422
    assert "A workbook is for at most 10 accounts" in unescape(refused.text)
    assert "Download the CSV file" in refused.text


def test_the_table_is_packed_for_who_takes_it(viewer: Browser):
    path = "/worklist.csv?list=all&owner=kim"
    plain = viewer.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    packed = viewer.get(path, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert table(packed) == table(plain)
    # A page holds the token of its forms beside what was asked for.
    page = viewer.get("/worklist?list=all&owner=kim", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in page.headers


def test_no_cell_of_the_table_is_a_formula(viewer: Browser):
    rows = table(viewer.get("/worklist.csv?list=all&owner=max"))
    assert len(rows) == len(HOSTILE)
    for row in rows:
        for name, value in row.items():
            if name not in ("revenue", "predicted_nps", "nps_low_80"):
                assert not value.startswith(("=", "+", "-", "@", "\t", "\r")), (name, value)
    by_key = {row["account"]: row for row in rows}
    assert by_key["x2"]["name"] == "'" + HOSTILE["x2"]
    assert by_key["x2"]["revenue"] == "-5.5"
    assert by_key["x5"]["name"] == HOSTILE["x5"]


def test_the_week_as_a_table(browsed: Browsed):
    browser = browsed.sign_in("csm", owner="kim")
    rows = table(browser.get("/worklist.csv?list=week&owner=kim"))
    assert [row["account"] for row in rows] == [f"k{i:02d}" for i in range(2, 13)]
    team = table(browser.get("/worklist.csv?list=week&owner=none"))
    assert len(team) == 16


def test_views_have_an_end(viewer: Browser, monkeypatch):
    monkeypatch.setattr("npsight.store.savedviews.MOST", 1)
    assert viewer.post("/worklist/views", {"name": "one"}).status_code == 303
    assert viewer.post("/worklist/views", {"name": "two"}).status_code == 422


def test_a_view_needs_its_token(viewer: Browser):
    assert viewer.client.post("/worklist/views", data={"name": "x"}).status_code == 403


def test_nobody_sees_anything(browsed: Browsed):
    for path in ("/worklist", "/worklist.csv", "/worklist.xlsx"):
        response = browsed.nobody().get(path)
        assert response.status_code == 303
        assert response.headers["location"].startswith("/sign-in")


@pytest.fixture(scope="module")
def only_own(tmp_path_factory):
    made = browse(tmp_path_factory.mktemp("own"), more="pages: {csm_sees: own}\n")
    rows = [scored(f"{owner}{i}", owner=owner, within_capacity=True, rank=i + 10 * (owner == "lee"))
            for owner in ("kim", "lee") for i in range(1, 4)]  # fmt: skip
    run = ScoreRun("r9", "tiny", AS_OF + DAY, AS_OF, 7, made.live.state.digest)
    made.live.state.store.write_run(run, rows, [])
    return made


@pytest.mark.parametrize(
    "query", ["", "?list=all", "?list=week", "?list=week&owner=none", "?list=all&back=show&q=name"]
)
def test_a_csm_who_sees_their_own_sees_no_others(only_own: Browsed, query: str):
    browser = only_own.sign_in("csm", owner="kim")
    assert accounts(browser.get(f"/worklist{query}").text) == ["kim1", "kim2", "kim3"]
    assert [r["account"] for r in table(browser.get(f"/worklist.csv{query}"))] == [
        "kim1",
        "kim2",
        "kim3",
    ]


@pytest.mark.parametrize("query", ["?list=all&owner=lee", "?list=all&q=lee1"])
def test_nor_do_they_by_asking(only_own: Browsed, query: str):
    browser = only_own.sign_in("csm", owner="kim")
    page = browser.get(f"/worklist{query}").text
    assert accounts(page) == []
    assert 'value="lee">' not in page
    assert table(browser.get(f"/worklist.csv{query}")) == []


def test_a_csm_without_accounts_sees_none(only_own: Browsed):
    browser = only_own.sign_in("csm")
    for query in ("", "?list=all", "?list=week", "?list=all&owner=none"):
        assert accounts(browser.get(f"/worklist{query}").text) == []


@pytest.mark.parametrize(
    ("now", "zone", "start"),
    [
        ("2026-06-03T10:00", "UTC", "2026-06-01T00:00"),
        ("2026-06-01T00:00", "UTC", "2026-06-01T00:00"),
        ("2026-05-31T23:59", "UTC", "2026-05-25T00:00"),
        ("2026-05-31T22:00", "Europe/Berlin", "2026-05-31T22:00"),
        ("2026-05-31T21:59", "Europe/Berlin", "2026-05-24T22:00"),
        ("2026-03-29T12:00", "Europe/Berlin", "2026-03-22T23:00"),
        ("2026-03-30T12:00", "Europe/Berlin", "2026-03-29T22:00"),
    ],
)
def test_a_week_begins_with_the_users_monday(now: str, zone: str, start: str):
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert week_start(at, ZoneInfo(zone)) == datetime.fromisoformat(start).replace(tzinfo=UTC)


def test_of_very_many_owners_one_is_typed(viewer: Browser, monkeypatch):
    assert '<option value="kim">' in viewer.get("/worklist?list=all").text
    monkeypatch.setattr("npsight.store.worklistread.OFFERED", 2)
    page = viewer.get("/worklist?list=all&owner=lee").text
    assert '<input name="owner" value="lee"' in page
    assert accounts(page) == ["k20", "k21", "k22", "k23", "k24"]
