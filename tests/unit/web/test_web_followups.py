"""The board, the panel and every step, as somebody with a browser and no script takes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from browsed import Browsed, Browser, browse
from sqlalchemy import update

from npsight.store.accountpages import account_pages
from npsight.store.followups import events_of, follow_up, open_follow_up
from npsight.store.marks import marks_of
from npsight.store.tables import scores
from npsight.web.followupforms import local_instant
from npsight.web.followups import ROUTES

PROJECT = "tiny"
HOSTILE = "<script>alert(1)</script> \u202egnp.exe =cmd|' /C calc'!A1 🦄"


@pytest.fixture(scope="module")
def browsed(tmp_path_factory: pytest.TempPathFactory) -> Browsed:
    made = browse(tmp_path_factory.mktemp("followups"))
    with made.live.state.store.writing() as connection:
        for count, owner in ((20, "Ada Park"), (40, "Bo Lind")):
            some = scores.c.rank.between(count - 19, count)
            connection.execute(update(scores).where(some).values(owner=owner))
    return made


@pytest.fixture(scope="module")
def ada(browsed: Browsed) -> Browser:
    return browsed.sign_in("csm", "Ada Park", "ada")


@pytest.fixture(scope="module")
def accounts():
    """Accounts of Ada's, each used by one test."""
    return iter([f"a/{i} é" for i in range(20)])


def begun(ada: Browser, account: str, **fields: str) -> str:
    """The address of a follow-up that was just opened."""
    given = {"action": "open", **fields}
    response = ada.post(f"/accounts/{account}/follow-up", given)
    assert response.status_code == 303, response.text
    return response.headers["location"]


def kept(browsed: Browsed, address: str):
    return follow_up(browsed.live.state.store, PROJECT, address.rpartition("/")[2])


def said(response) -> str:
    """The words of a page's main part."""
    main = response.text.partition("<main")[2]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", main)))


class Forms(HTMLParser):
    """Forms of a page: action, hidden fields, names of buttons."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.found.append((given.get("action", ""), {}, []))
        if self.found and tag == "input" and given.get("type") == "hidden":
            self.found[-1][1][given["name"]] = given.get("value", "")
        if self.found and tag == "button" and given.get("name") == "action":
            self.found[-1][2].append(given["value"])


def forms(response, action: str):
    return [form for form in Forms(response.text).found if form[0] == action]


def test_one_form_opens_and_logs_a_call(browsed, ada, accounts):
    account = next(accounts)
    address = begun(ada, account, action="call", note="They miss the export.", reason="Product")
    one = kept(browsed, address)
    assert (one.state, one.version, one.owner, one.reason) == (
        "contacted", 2, "Ada Park", "Product",
    )  # fmt: skip
    assert one.before.risk == pytest.approx(one.before.risk)
    assert one.before.band == "passive"
    with browsed.live.state.store.reading() as connection:
        marks = marks_of(connection, PROJECT, account)
    assert (marks.state, marks.contacted_days) == ("contacted", 21)
    page = ada.get(address)
    words = said(page)
    assert "They miss the export." in words
    assert "Ada logged a call" in words
    assert "Steps back from the worklist until" in words
    assert page.headers["etag"] == f'"{one.id}.2"'


def test_the_forms_of_the_page_lead_through_all_states(browsed, ada, accounts):
    address = begun(ada, next(accounts))
    for action, state in (
        ("call", "contacted"), ("call", "contacted"), ("plan", "plan in place"),
        ("not recovered", "not recovered"), ("reopen", "to contact"), ("close", "closed"),
    ):  # fmt: skip
        (_, hidden, buttons) = forms(ada.get(address), address)[0]
        assert action in buttons
        response = ada.post(address, {**hidden, "action": action, "note": f"to {action}"})
        assert response.headers["location"] == address
        assert kept(browsed, address).state == state
    told = [
        e.note for e in events_of(browsed.live.state.store, PROJECT, kept(browsed, address).account)
    ]
    assert told[:2] == ["to close", "to reopen"]


def test_a_call_that_was_none_is_taken_back_from_the_panel(browsed, ada, accounts):
    account = next(accounts)
    address = begun(ada, account, action="call", note="Wrong row")
    page = ada.get(f"/accounts/{quote(account)}")
    assert "Steps back from the worklist until" in said(page)
    (_, hidden, buttons), *_ = forms(page, address)
    assert buttons[-1] == "take back"
    assert "It was no call" in said(page)
    assert ada.post(address, {**hidden, "action": "take back"}).status_code == 303
    page = ada.get(f"/accounts/{quote(account)}")
    assert "Steps back from the worklist until" not in said(page)
    assert "took the call back: it was none" in said(page)
    (_, now, buttons), *_ = forms(page, address)
    assert "take back" not in buttons
    # Sent twice it is done once; and what is no call cannot be taken back.
    assert ada.post(address, {**hidden, "action": "take back"}).status_code == 303
    assert ada.post(address, {**now, "action": "take back"}).status_code == 422
    assert kept(browsed, address).version == 3


def test_what_was_closed_by_mistake_is_one_click_from_being_reopened(browsed, ada, accounts):
    account = next(accounts)
    address = begun(ada, account)
    (_, hidden, _) = forms(ada.get(address), address)[0]
    ada.post(address, {**hidden, "action": "close", "note": "The wrong account."})
    link = f'<a href="{address}">See or reopen it</a>'
    assert link in ada.get(f"/accounts/{quote(account)}").text
    assert "See it</a>" in browsed.sign_in("viewer").get(f"/accounts/{quote(account)}").text
    (_, hidden, buttons) = forms(ada.get(address), address)[0]
    assert "reopen" in buttons
    ada.post(address, {**hidden, "action": "reopen", "note": "It was right."})
    assert link not in ada.get(f"/accounts/{quote(account)}").text


def test_a_step_without_its_words_is_refused_with_what_was_typed(browsed, ada, accounts):
    address = begun(ada, next(accounts))
    response = ada.post(address, {"action": "close", "version": "1", "note": "  "})
    assert response.status_code == 422
    assert "“Close” needs a note" in said(response)
    wrong = {"action": "change", "version": "1", "notes": "keep me", "due_on": "2020-01-01"}
    response = ada.post(address, wrong)
    assert response.status_code == 422
    assert "The due day must lie between" in said(response)
    assert "keep me" in response.text
    assert kept(browsed, address).version == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"due_on": "tomorrow"}, {"contacted_at": "soon"}, {"contacted_at": "2026-01-01T00:00Z"},
        {"driver": "luck"}, {"reason": "Weather"}, {"owner": "Nobody"}, {"notes": "x" * 4001},
        {"contacted_at": "2999-01-01T00:00"},
    ],
    ids=lambda wrong: str(wrong)[:30],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_said(browsed, ada, wrong):
    response = ada.post("/accounts/a/19 é/follow-up", {"action": "call", **wrong})
    assert response.status_code == 422, response.text
    assert "Nothing was saved" in said(response)
    assert open_follow_up(browsed.live.state.store, PROJECT, "a/19 é") is None


def test_an_unknown_step_is_refused(ada, accounts):
    address = begun(ada, next(accounts))
    assert ada.post(address, {"action": "reopen", "version": "1"}).status_code == 422
    assert ada.post(address, {"version": "1"}).status_code == 422


def test_two_people_see_both_versions_and_lose_nothing(browsed, ada, accounts):
    address = begun(ada, next(accounts), reason="Price")
    bo = browsed.sign_in("csm", "Bo Lind")
    ours = {"action": "call", "version": "1", "note": "called them"}
    assert ada.post(address, ours).status_code == 303
    # Bo's form shows what was, and changes the notes and the reason.
    fields = {"action": "change", "version": "1", "owner": "Ada Park", "reason": "Support",
              "notes": "Mine", "next": "/follow-ups"}  # fmt: skip
    response = bo.post(address, fields)
    assert response.status_code == 412
    assert response.headers["etag"].endswith('.2"')
    words = said(response)
    assert "Ada logged a call" in words
    assert "Reason differs Price Support" in words
    assert "Owner Ada Park left as it is" in words
    (_, hidden, buttons) = forms(response, address)[0]
    assert buttons == ["change"]
    assert {k: hidden[k] for k in hidden if k != "csrf"} == {
        "next": "/follow-ups", "version": "2", "reason": "Support", "notes": "Mine",
    }  # fmt: skip
    assert bo.post(address, {**hidden, "action": "change"}).status_code == 303
    one = kept(browsed, address)
    assert (one.version, one.state, one.reason, one.notes) == (3, "contacted", "Support", "Mine")


def test_a_step_that_is_not_possible_any_more_is_told(browsed, ada, accounts):
    address = begun(ada, next(accounts))
    assert ada.post(address, {"action": "close", "version": "1", "note": "n"}).status_code == 303
    response = ada.post(address, {"action": "plan", "version": "1", "note": "m"})
    assert response.status_code == 412
    assert "cannot be done any more: the follow-up is “closed” now" in said(response)
    assert forms(response, address) == []


def test_a_form_that_is_sent_twice_is_done_once(browsed, ada, accounts):
    account = next(accounts)
    fields = {"action": "call", "note": "hello", "reason": "Support"}
    address = begun(ada, account, **fields)
    again = ada.post(f"/accounts/{account}/follow-up", fields)
    assert again.headers["location"] == address
    step = {"action": "plan", "version": "2", "note": "weekly"}
    assert [ada.post(address, step).status_code for _ in range(2)] == [303, 303]
    assert kept(browsed, address).version == 3
    assert ada.post(address, {**step, "note": "other"}).status_code == 412


def test_who_opens_beside_an_open_one_sees_it(browsed, ada, accounts):
    account = next(accounts)
    address = begun(ada, account, reason="Price")
    bo = browsed.sign_in("csm", "Bo Lind")
    response = bo.post(f"/accounts/{account}/follow-up", {"action": "call", "note": "me too"})
    assert response.status_code == 412
    (_, hidden, buttons) = forms(response, address)[0]
    assert buttons == ["call"]
    assert bo.post(address, {**hidden, "action": "call"}).status_code == 303
    assert kept(browsed, address).state == "contacted"


def test_if_match_is_heeded(browsed, ada, accounts):
    address = begun(ada, next(accounts))
    one = kept(browsed, address)
    call = {"action": "call", "note": "x"}
    assert ada.post(address, call).status_code == 428
    assert ada.post(address, {**call, "version": "one"}).status_code == 428
    for header, status in (
        ('"0.1"', 412), (f'W/"{one.id}.1"', 412), (f'"{one.id}.2"', 412), (f'"{one.id}.1"', 303),
    ):  # fmt: skip
        response = ada.post(address, call, headers={"If-Match": header})
        assert response.status_code == status, header
    assert response.headers["etag"] == f'"{one.id}.2"'


def test_a_snooze_is_a_day_and_a_reason(browsed, ada, accounts):
    account = next(accounts)
    path = f"/accounts/{account}/snooze"
    today = datetime.now(UTC).date()
    until = (today + timedelta(days=10)).isoformat()
    for wrong in (
        {"until": until}, {"why": "x"}, {"until": today.isoformat(), "why": "x"},
        {"until": (today + timedelta(days=91)).isoformat(), "why": "x"},
        {"until": until, "why": "x" * 201},
    ):  # fmt: skip
        assert ada.post(path, {"action": "snooze", "seen": "", **wrong}).status_code == 422, wrong
    fields = {"action": "snooze", "seen": "", "until": until, "why": "holiday"}
    assert ada.post(path, fields).headers["location"].endswith("#follow-up")
    assert ada.post(path, fields).status_code == 303  # sent twice
    with browsed.live.state.store.reading() as connection:
        snoozed = marks_of(connection, PROJECT, account).snoozed_until
    assert snoozed.isoformat() == f"{until}T00:00:00+00:00"
    later = (today + timedelta(days=20)).isoformat()
    response = ada.post(path, {**fields, "until": later})
    assert response.status_code == 412
    ((_, hidden, _),) = forms(response, f"/accounts/{account.replace(' é', '%20%C3%A9')}/snooze")
    assert hidden["seen"] == snoozed.isoformat()
    assert ada.post(path, {**hidden, "action": "snooze"}).status_code == 303
    assert ada.post(path, {"action": "snooze", "seen": "??"}).status_code == 422
    assert ada.post(path, {"action": "wake", "seen": "??"}).status_code == 428
    with browsed.live.state.store.reading() as connection:
        seen = marks_of(connection, PROJECT, account).snoozed_until.isoformat()
    assert ada.post(path, {"action": "wake", "seen": seen}).status_code == 303


def test_the_board_shows_ones_own_first_and_filters(browsed, ada, accounts):
    account = next(accounts)
    begun(ada, account, notes="only on the board")
    bo = browsed.sign_in("csm", "Bo Lind")
    assert "only on the board" in ada.get("/follow-ups").text
    assert "only on the board" not in bo.get("/follow-ups").text
    for query in ("owner=all", "owner=Ada+Park", "owner=all&state=to+contact&page=1"):
        assert "only on the board" in bo.get(f"/follow-ups?{query}").text, query
    for query in (
        "owner=all&due=overdue",
        "owner=all&state=closed",
        "owner=all&state=to+contact&page=2",
    ):
        assert "only on the board" not in bo.get(f"/follow-ups?{query}").text, query
    odd = "owner=%F0%9F%A6%84&due=never&state=nowhere&page=-9999999999"
    assert bo.get(f"/follow-ups?{odd}").status_code == 200
    assert "To contact" in said(bo.get("/follow-ups"))


def test_a_card_moves_by_a_form(browsed, ada, accounts):
    address = begun(ada, next(accounts))
    (_, hidden, buttons) = forms(ada.get("/follow-ups"), address)[0]
    assert {"call", "plan", "close"} <= set(buttons)
    response = ada.post(address, {**hidden, "action": "call", "note": ""})
    assert response.headers["location"].startswith("/follow-ups?owner=mine")
    assert kept(browsed, address).state == "contacted"


def test_an_ended_one_points_to_the_open_one(browsed, ada, accounts):
    account = next(accounts)
    first = begun(ada, account)
    ada.post(first, {"action": "close", "version": "1", "note": "n"})
    second = begun(ada, account)
    page = ada.get(first)
    assert f'href="{second}"' in page.text
    assert forms(page, first) == []
    assert f'href="{first}"' in ada.get(second).text


def test_hostile_words_are_only_words(ada, accounts):
    address = begun(ada, next(accounts), note=HOSTILE, notes=HOSTILE + "x" * 3900)
    for path in (address, "/follow-ups"):
        text = ada.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert " style=" not in text
    stale = ada.post(address, {"action": "change", "version": "0", "notes": '"><img src=x>'})
    assert stale.status_code == 412
    assert "<img src=x" not in stale.text


def test_a_viewer_reads_and_cannot_write(browsed, ada, accounts):
    address = begun(ada, next(accounts), notes="seen by all")
    viewer = browsed.sign_in("viewer")
    page = viewer.get(address)
    assert "seen by all" in page.text
    assert [one for one in Forms(page.text).found if one[0] != "/sign-out"] == []
    for path in (address, "/accounts/a/0 é/follow-up", "/accounts/a/0 é/snooze"):
        assert viewer.post(path, {"action": "call", "version": "1"}).status_code == 403
    assert {route.role for route in ROUTES if route.method == "POST"} == {"csm"}


def test_nobody_and_nothing(browsed, ada):
    assert browsed.nobody().get("/follow-ups").status_code == 303
    assert ada.get("/follow-ups/none").status_code == 404
    assert ada.post("/follow-ups/none", {"version": "1"}).status_code == 404
    assert ada.post("/accounts/nobody/follow-up").status_code == 404


def test_a_csm_who_sees_own_accounts_sees_no_other_follow_up(tmp_path):
    made = browse(tmp_path, 6, "pages: {csm_sees: own}\n")
    with made.live.state.store.writing() as connection:
        mine = scores.c.account == "a/0 é"
        connection.execute(update(scores).where(mine).values(owner="Ada Park"))
    admin, ada = made.sign_in("admin"), made.sign_in("csm", "Ada Park")
    theirs = begun(admin, "a/1 é", notes="not for Ada")
    own = begun(ada, "a/0 é", notes="for Ada")
    assert ada.get(theirs).status_code == 404
    assert ada.post(theirs, {"action": "call", "version": "1"}).status_code == 404
    for path in ("/accounts/a/1 é/follow-up", "/accounts/a/1 é/snooze"):
        assert ada.post(path, {"action": "open"}).status_code == 404
    board = ada.get("/follow-ups?owner=all").text
    assert "for Ada" in board
    assert "not for Ada" not in board
    assert admin.get(own).status_code == 200


def test_an_account_that_left_can_still_be_closed(browsed, ada, accounts):
    account = next(accounts)
    address = begun(ada, account)
    store = browsed.live.state.store
    with store.writing() as connection:
        connection.execute(scores.delete().where(scores.c.account == account))
    board = ada.get("/follow-ups?owner=all").text
    assert f'<h3><a href="{address}">{account}</a></h3>' in board
    assert "not scored any more" in board
    page = ada.get(address)
    assert page.status_code == 200
    # Nothing on it leads to the account's own page, which is not there.
    assert "The follow-up can still be closed." in page.text
    assert 'href="/accounts/' not in page.text
    assert 'action="/accounts/' not in page.text
    into = next(accounts)
    page = {"run_id": store.latest_run("tiny").id, "account": account}
    with store.writing() as connection:
        connection.execute(account_pages.insert(), [{**page, "content": {"merged_into": into}}])
    there = f'<a href="/accounts/{quote(into)}'
    own = ada.get(f"/accounts/{quote(account)}")
    assert own.status_code == 404
    assert f"This account was merged into Secret Name GmbH. Search for {into} on" in said(own)
    assert f"merged into {there}" in ada.get("/follow-ups?owner=all").text
    assert f'merged into {there}#follow-up">' in ada.get(address).text
    assert ada.post(address, {"action": "close", "version": "1", "note": "gone"}).status_code == 303
    assert kept(browsed, address).state == "closed"


def test_clock_times_of_a_zone():
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    at = {
        "2026-06-01T12:00": "2026-06-01T10:00",
        "2026-03-29T02:30": "2026-03-29T01:30",  # skipped: read with the offset from before
        "2026-10-25T02:30": "2026-10-25T00:30",  # twice: the first is meant
    }
    for wall, utc in at.items():
        assert local_instant(wall, berlin).isoformat() == f"{utc}:00+00:00"
    with pytest.raises(ValueError, match="no offset"):
        local_instant("2026-06-01T12:00+02:00", berlin)
