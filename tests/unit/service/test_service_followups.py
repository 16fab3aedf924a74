"""Follow-ups over HTTP: listed, begun, contacted and ended, by the rules that the pages have."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from api_client import TestClient, api_client
from followed import assert_whole, begin
from sqlalchemy import update

from npsight.service import followupsteps
from npsight.service.access import HUBSPOT
from npsight.service.followupsteps import actor_of
from npsight.service.state import ServingState
from npsight.store.followups import EditConflictError, events_of, open_follow_up
from npsight.store.marks import marks_of
from npsight.store.tables import scores
from npsight.store.users import User, add_user

PATH = "/v1/follow-ups"
TINY = "tiny"


@pytest.fixture(scope="module")
def accounts():
    """Each is used by one test."""
    return iter([f"a/{i} é" for i in range(10, 60)])


@pytest.fixture(scope="module", autouse=True)
def owned(state: ServingState) -> None:
    """Everybody's accounts are Ada's; Bo may own follow-ups, Vi may only read."""
    with state.store.writing() as connection:
        connection.execute(update(scores).values(owner="Ada Park"))
    for login, role in (("Bo Lind", "csm"), ("Vi Ewer", "viewer")):
        add_user(
            state.store, TINY, User(login, login.split()[0].lower(), login, role), None, "test"
        )


@pytest.fixture
def crm(state: ServingState):
    with api_client(state, ["read", "write"]) as opened:
        yield opened


def sent(client: TestClient, account: str, step: str, **fields: Any):
    return client.post(PATH, json={"account": account, "step": step, **fields})


def done(client: TestClient, account: str, step: str, **fields: Any) -> dict[str, Any]:
    answer = sent(client, account, step, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["follow_up"]


def refused(answer, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    told = answer.json()
    return " ".join([told["detail"], *(f"{e['pointer']} {e['detail']}" for e in told["errors"])])


def listed(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["follow_ups"]


def kinds(state: ServingState, account: str) -> list[tuple[str, str | None]]:
    """What was done, in order, with the notes."""
    return [(e.kind, e.note) for e in reversed(events_of(state.store, TINY, account))]


def test_from_a_call_to_an_outcome(crm, state, accounts) -> None:
    account = next(accounts)
    called = done(crm, account, "call", note=" Promised a fix.\r\nCalls back. ", reason="Support")
    assert (called["state"], called["is_open"], called["version"]) == ("contacted", True, 2)
    assert (called["account"], called["owner"], called["reason"]) == (
        account,
        "Ada Park",
        "Support",
    )
    assert called["contacted_at"] is not None
    planned = done(crm, account, "plan", note="Fix until Friday", due_on=str(today(5)))
    assert (planned["state"], planned["due_on"]) == ("plan in place", str(today(5)))
    ended = done(crm, account, "recovered", note="Happy again")
    assert (ended["state"], ended["is_open"], ended["version"]) == ("recovered", False, 4)
    assert ended["closed_by"].startswith("API key test ")
    assert ended["closed_at"] is not None
    assert kinds(state, account) == [
        ("open", None),
        ("call", "Promised a fix.\nCalls back."),
        ("plan", "Fix until Friday"),
        ("recovered", "Happy again"),
    ]
    assert open_follow_up(state.store, TINY, account) is None
    assert assert_whole(state.store, TINY) >= 1


def test_a_task_that_was_closed_elsewhere_is_one_request(crm, state, accounts) -> None:
    """Contact and outcome at once, of an account that nobody followed up here."""
    account, at = next(accounts), datetime.now(UTC) - timedelta(days=2)
    ended = done(
        crm, account, "not recovered", note="Leaves in May", contacted_at=int(at.timestamp() * 1000)
    )
    assert (ended["state"], ended["version"]) == ("not recovered", 3)
    assert ended["contacted_at"][:19] == at.isoformat()[:19]
    assert kinds(state, account) == [
        ("open", None), ("call", None), ("not recovered", "Leaves in May"),
    ]  # fmt: skip
    with state.store.reading() as connection:
        contacted = marks_of(connection, TINY, account).contacted_at
    assert contacted is not None
    assert abs(contacted - at) < timedelta(milliseconds=1)


def test_the_steps_of_the_pages_are_all_there(crm, accounts) -> None:
    account = next(accounts)
    begun = done(crm, account, "open", note="Score fell", driver=driver_of(crm, account))
    assert (begun["state"], begun["version"]) == ("to contact", 1)
    assert begun["driver"] == driver_of(crm, account)
    changed = done(crm, account, "change", owner="Bo Lind", notes="Asks for Ada")
    assert (changed["owner"], changed["notes"], changed["state"]) == (
        "Bo Lind", "Asks for Ada", "to contact",
    )  # fmt: skip
    closed = done(crm, account, "close", note="Was a mistake")
    assert closed["state"] == "closed"
    again = done(crm, account, "reopen", note="It was none")
    assert (again["id"], again["state"], again["closed_at"]) == (begun["id"], "to contact", None)
    assert done(crm, account, "close", note="Done", id=begun["id"])["state"] == "closed"


def test_fields_are_emptied_by_name_and_never_by_being_blank(crm, accounts) -> None:
    account = next(accounts)
    driver = driver_of(crm, account)
    begun = done(crm, account, "open", driver=driver, notes="n", reason="Support")
    assert begun["driver"] == driver
    same = done(crm, account, "change", owner="Bo Lind", notes=None, reason="", clear=" , ")
    assert (same["notes"], same["reason"], same["driver"]) == ("n", "Support", driver)
    empty = done(crm, account, "change", clear="notes,reason , driver,owner")
    assert [empty[n] for n in ("notes", "reason", "driver", "play", "owner")] == [None] * 5
    assert empty["due_on"] == begun["due_on"]
    said = refused(sent(crm, account, "change", clear="due_on, notes", notes="x"), 422,
                   "invalid-body")  # fmt: skip
    assert "/clear “due_on” cannot be emptied; owner, reason, driver, notes can" in said
    assert "/clear notes is given and emptied at once" in said


def test_a_call_that_was_none_is_taken_back_while_it_is_the_last_step(crm, state, accounts) -> None:
    account = next(accounts)
    assert "no open follow-up" in refused(sent(crm, account, "take back"), 404, "not-found")
    called = done(crm, account, "call", note="Task 17")
    both = sent(crm, account, "take back", contacted_at=called["contacted_at"])
    assert "/contacted_at a call is told or taken back" in refused(both, 422, "invalid-body")
    fields = sent(crm, account, "take back", clear="notes")
    assert "/step take back sets no field" in refused(fields, 422, "invalid-body")
    back = done(crm, account, "take back", note="Task 17 was another account's", version=2)
    assert (back["state"], back["contacted_at"], back["version"]) == ("to contact", None, 3)
    with state.store.reading() as connection:
        assert marks_of(connection, TINY, account).contacted_at is None
    again = sent(crm, account, "take back")
    assert "while it is the last" in refused(again, 409, "follow-up-conflict")
    done(crm, account, "recovered", contacted_at=called["contacted_at"], note="Well")
    gone = sent(crm, account, "take back", id=called["id"])
    assert "while it is the last" in refused(gone, 409, "follow-up-conflict")
    assert assert_whole(state.store, TINY) >= 1


def driver_of(client: TestClient, account: str) -> str:
    answer = client.get(f"/v1/accounts/{account}")
    return str(answer.json()["drivers"][0]["driver"])


def today(days: int = 0):
    return (datetime.now(UTC) + timedelta(days=days)).date()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"step": "called"}, "/step is no step; open, call, plan, recovered, not recovered"),
        ({"account": ""}, "/account must not be empty"),
        ({"due_on": "30.06.2026"}, "/due_on must be a day such as 2026-06-01"),
        ({"due_on": "2026-02-30"}, "/due_on is no day of the calendar"),
        ({"contacted_at": "noon"}, "/contacted_at must be an instant"),
        ({"version": "1"}, "/version must be a whole number"),
        ({"outcome": "won"}, "/outcome is no field of this"),
        ({"owner": "Nobody"}, "There is nobody of that name to own a follow-up."),
        ({"owner": "Vi Ewer"}, "There is nobody of that name to own a follow-up."),
        ({"reason": "Mood"}, "The reason must be one of Product, Support"),
        ({"driver": "weather"}, "The account has no such driver."),
        ({"due_on": "2020-01-01"}, "The due day must lie between"),
        ({"note": "x" * 4001}, "The note has more than 4,000 characters."),
        ({"contacted_at": 4102444799000}, "A contact must have been within the last 90 days"),
        ({"step": "plan", "contacted_at": 1}, "/contacted_at is read as seconds since 1970"),
        ({"step": "recovered", "contacted_at": "NOW"}, "“Recovered” needs a note"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_nothing_is_done(crm, state, fields, said) -> None:
    account = "a/9 é"
    given = {"account": account, "step": "call", **fields}
    if given.get("contacted_at") == "NOW":
        given["contacted_at"] = datetime.now(UTC).isoformat()
    assert said in refused(crm.post(PATH, json=given), 422, "invalid-body")
    assert kinds(state, account) == []


def test_several_broken_rules_are_told_at_once(crm) -> None:
    told = refused(sent(crm, "a/9 é", "call", owner="Nobody", reason="Mood"), 422, "invalid-body")
    assert "nobody of that name" in told
    assert "The reason must be" in told


def test_what_is_not_there_is_404(crm, accounts) -> None:
    unknown = refused(sent(crm, "nobody", "call"), 404, "not-found")
    assert "the latest run does not have the account" in unknown
    account = next(accounts)
    assert "no open follow-up" in refused(sent(crm, account, "close", note="x"), 404, "not-found")
    assert refused(sent(crm, account, "close", note="x", id="f" * 32), 404, "not-found")
    other = done(crm, next(accounts), "open")
    told = refused(sent(crm, account, "close", note="x", id=other["id"]), 404, "not-found")
    assert "no follow-up of this id" in told


def test_what_does_not_fit_the_state_is_409(crm, accounts) -> None:
    account = next(accounts)
    begun = done(crm, account, "open")
    told = refused(sent(crm, account, "open"), 409, "follow-up-conflict")
    assert "has a follow-up that is open, “to contact”" in told
    told = refused(sent(crm, account, "recovered", note="x"), 409, "follow-up-conflict")
    assert "allows “Log a call”" in told
    told = refused(sent(crm, account, "reopen", note="x"), 409, "follow-up-conflict")
    done(crm, account, "call", version=1)
    told = refused(sent(crm, account, "plan", note="x", version=1), 409, "follow-up-conflict")
    assert "version 2 now, “contacted”" in told
    done(crm, account, "close", note="x", id=begun["id"], version=2)
    told = refused(sent(crm, account, "call", id=begun["id"]), 409, "follow-up-conflict")
    assert "is “closed” allows “Reopen”" in told


def test_twins_open_one_follow_up(crm, state, accounts) -> None:
    account = next(accounts)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: sent(crm, account, "open").status_code, range(16)))
    assert sorted(set(codes)) == [200, 409]
    assert codes.count(200) == 1
    assert_whole(state.store, TINY)


def test_who_is_overtaken_without_a_version_takes_the_step_on_what_there_is(
    crm, state, accounts
) -> None:
    account = next(accounts)
    done(crm, account, "open")
    real, overtaken = followupsteps.record, []

    def slow(store, project, steps, *rest):
        if not overtaken:
            overtaken.append(True)
            done(crm, account, "change", notes="quicker")
        return real(store, project, steps, *rest)

    with mock.patch.object(followupsteps, "record", slow):
        called = done(crm, account, "call", note="x")
    assert (called["state"], called["notes"], called["version"]) == ("contacted", "quicker", 3)
    current = open_follow_up(state.store, TINY, account)
    with mock.patch.object(followupsteps, "record", side_effect=EditConflictError(current)):
        told = refused(sent(crm, account, "call"), 409, "follow-up-conflict")
    assert "send the same again" in told


def test_a_repeated_request_is_one_step(crm, state, accounts) -> None:
    account = next(accounts)
    first, again = (sent(crm, account, "call", note="x", idempotency_key="t-1") for _ in range(2))
    assert first.content == again.content
    assert [kind for kind, _ in kinds(state, account)] == ["open", "call"]


def test_the_list_has_open_ones_by_due_day_page_by_page(crm, state, accounts) -> None:
    mine = [next(accounts) for _ in range(5)]
    for i, account in enumerate(mine):
        done(crm, account, "open", owner="Bo Lind", due_on=str(today(20 - 3 * i)))
    done(crm, mine[1], "close", note="Done")
    wanted = [mine[4], mine[3], mine[2], mine[0]]
    found = listed(crm, owner="Bo Lind")
    assert [one["account"] for one in found] == wanted
    assert found[0]["name"] is not None
    assert 0 < found[0]["detractor_risk"] < 1
    pages, cursor = [], ""
    for _ in range(3):
        answer = crm.get(PATH, params={"owner": "Bo Lind", "limit": 2, "cursor": cursor}).json()
        pages.append([one["account"] for one in answer["follow_ups"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert pages == [wanted[:2], wanted[2:]]
    until = listed(crm, owner="Bo Lind", due_until=str(today(11)))
    assert [one["account"] for one in until] == wanted[:2]
    assert [one["state"] for one in listed(crm, account=mine[1], state="closed")] == ["closed"]
    assert listed(crm, account=mine[1]) == []
    assert [one["account"] for one in listed(crm, account=mine[0])] == [mine[0]]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"state": "open"}, "/state must be one of to contact, contacted"),
        ({"due_until": "soon"}, "/due_until must be a day such as 2026-06-01"),
        ({"limit": "201"}, "/limit must be a whole number from 1 to 200"),
        ({"cursor": "abc"}, "/cursor is not one that this service gave"),
        ({"csm": "Ada"}, "/csm is not known; owner, account, state"),
    ],
)
def test_faults_of_the_list_are_told(crm, query, said) -> None:
    assert said in refused(crm.get(PATH, params=query), 400, "invalid-parameter")


def test_a_cursor_is_of_its_own_filters(crm, state) -> None:
    """And accounts that the latest run does not have are listed, without a name."""
    for i in range(2):
        begin(state.store, TINY, f"gone {i}")
    cursor = crm.get(PATH, params={"due_until": "2026-06-24", "limit": 1}).json()["next_cursor"]
    told = refused(crm.get(PATH, params={"cursor": cursor}), 400, "invalid-parameter")
    assert "is of other filters" in told
    gone = listed(crm, due_until="2026-06-24", cursor=cursor)
    assert [(one["name"], one["detractor_risk"]) for one in gone] == [(None, None)]


def test_an_account_that_left_can_still_be_closed(crm, state) -> None:
    begin(state.store, TINY, "left", owner=None)
    assert done(crm, "left", "close", note="It left")["state"] == "closed"
    assert "does not have the account" in refused(sent(crm, "left", "call"), 404, "not-found")


def test_reading_and_writing_have_scopes_of_their_own(state) -> None:
    with api_client(state, ["read"]) as reader:
        assert reader.get(PATH).status_code == 200
        assert "scope `write`" in refused(sent(reader, "a/1 é", "call"), 403, "insufficient-scope")
    with api_client(state, ["write"]) as writer:
        assert "scope `read`" in refused(writer.get(PATH), 403, "insufficient-scope")


def test_a_wrong_method_is_told_all_that_the_path_takes(crm) -> None:
    answer = crm.delete(PATH)
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    assert "GET, HEAD, POST" in refused(answer, 405, "method-not-allowed")
    assert crm.head(PATH).status_code == 200


def test_who_calls_is_told_by_the_name_of_the_key() -> None:
    assert actor_of(HUBSPOT) == "HubSpot"
