"""HubSpot: each record's own result, only passing failures again, nothing sent that was confirmed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from crm_servers import Fault, HubSpot, Reply, json_reply

from npsight.config.outside import HubspotAccess, hubspot_access
from npsight.config.schema import HubspotWriteback
from npsight.errors import ConfigError, OutgoingError
from npsight.jobs.writeback import Plan, Record
from npsight.outgoing.calls import CallSettings
from npsight.outgoing.http import Sender
from npsight.outgoing.hubspot import send_to_hubspot
from npsight.store import ScoreRun, Store, written_digests

DAY = datetime(2026, 6, 1, tzinfo=UTC)
RUN = ScoreRun("r1", "demo", DAY, DAY, 3, "digest")
FIELDS = ("nps_risk", "nps_level")
SETTINGS = HubspotWriteback.model_validate(
    {"fields": {"detractor_risk": FIELDS[0], "risk_level": FIELDS[1]}}
)
CALLS = CallSettings(seconds=0.5, tries=4, first_wait_seconds=0.01, longest_wait_seconds=0.01)


def plan(count: int, first: int = 1) -> Plan:
    records = [
        Record(f"acc{i}", str(i), ("0.5", None if i % 7 == 0 else "high"), f"digest{i}")
        for i in range(first, first + count)
    ]
    return Plan(RUN, "hubspot", "companies", FIELDS, tuple(records))


class Sent:
    """Sends plans, and remembers how long it was asked to wait."""

    def __init__(self, server: HubSpot, sender: Sender, store: Store) -> None:
        self.server, self.sender, self.store = server, sender, store
        self.waits: list[float] = []
        self.progress: list[int] = []

    def __call__(self, of: Plan, settings: HubspotWriteback = SETTINGS, token: str = "secret"):
        access = HubspotAccess(self.server.url, token)
        return send_to_hubspot(
            of, settings, access, self.sender, self.store, self.progress.append, CALLS,
            self.waits.append,
        )  # fmt: skip

    @property
    def kept(self) -> set[str]:
        return set(written_digests(self.store, "demo", "hubspot"))


@pytest.fixture
def server() -> Iterator[HubSpot]:
    with HubSpot([str(i) for i in range(1, 1001)], set(FIELDS)) as opened:
        yield opened


@pytest.fixture
def send(server: HubSpot, sender: Sender, store: Store) -> Sent:
    return Sent(server, sender, store)


def test_batches_of_a_hundred(server: HubSpot, send: Sent) -> None:
    report = send(plan(250))
    assert (report.updated, report.failed) == (250, {})
    assert [len(r.json()["inputs"]) for r in server.received] == [100, 100, 50]
    assert server.companies["1"] == {"nps_risk": "0.5", "nps_level": "high"}
    assert server.companies["7"] == {"nps_risk": "0.5", "nps_level": ""}
    assert send.progress == [100, 100, 50]
    assert len(send.kept) == 250


def test_part_of_a_batch_fails_and_only_what_may_pass_is_sent_again(
    server: HubSpot, send: Sent
) -> None:
    server.busy = {"5": 2, "6": 1}
    report = send(plan(10, first=995))
    # 1001 to 1004 do not exist.
    assert report.updated == 6
    assert report.reasons == {"OBJECT_NOT_FOUND": 4}
    assert len(server.received) == 1
    server.received.clear()
    report = send(plan(10))
    assert (report.updated, report.reasons) == (10, {})
    assert [[i["id"] for i in r.json()["inputs"]] for r in server.received[1:]] == [
        ["5", "6"],
        ["5"],
    ]
    assert Counter(server.writes)["7"] == 1


def test_a_failure_that_does_not_pass_is_given_up(server: HubSpot, send: Sent) -> None:
    server.busy = {"5": 99}
    report = send(plan(10))
    assert (report.updated, report.reasons) == (9, {"RATE_LIMITS": 1})
    assert len(server.received) == 5
    assert "acc5" not in send.kept


def test_a_record_in_neither_list_is_not_taken_for_written(server: HubSpot, send: Sent) -> None:
    server.silent_about_unknown = True
    report = send(plan(10, first=995))
    assert (report.updated, report.reasons) == (6, {"NOT_CONFIRMED": 4})
    assert len(send.kept) == 6


def test_one_value_that_does_not_fit_refuses_only_its_record(server: HubSpot, send: Sent) -> None:
    server.unfit = {"42"}
    report = send(plan(100))
    assert (report.updated, report.reasons) == (99, {"VALIDATION_ERROR": 1})
    assert len(server.received) <= 16
    assert max(Counter(server.writes).values()) == 1


def test_a_missing_property_is_named(server: HubSpot, send: Sent) -> None:
    server.properties = {"nps_risk"}
    with pytest.raises(OutgoingError, match="no property nps_level"):
        send(plan(300))
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "@20"}, 15, 20),
        ({}, 0.005, 0.01),
    ],
)
def test_a_rate_limit_is_obeyed(
    server: HubSpot, send: Sent, headers: dict[str, str], least: float, most: float
) -> None:
    if headers.get("Retry-After") == "@20":
        headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=20))}
    server.faults.append(Fault(Reply(429, b"{}", headers)))
    assert send(plan(10)).updated == 10
    [waited] = send.waits
    assert least <= waited <= most


def test_too_long_a_wait_ends_the_run_which_goes_on_later(server: HubSpot, send: Sent) -> None:
    server.faults.append(Fault(Reply(429, b"{}", {"Retry-After": "86400"}), path="", times=0))
    send(plan(100))
    server.faults.append(Fault(Reply(429, b"{}", {"Retry-After": "86400"})))
    with pytest.raises(OutgoingError, match="asks to wait 86,400 seconds"):
        send(plan(100, first=101))
    assert len(send.kept) == 100


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Reply(500), times=2),
        Fault(Reply(503), times=3),
        Fault(Reply(breaks=0), times=2),
        Fault(Reply(body=b'{"results": [', breaks=5), times=1),
        Fault(Reply(200, b"<html>busy</html>"), times=1),
        Fault(Reply(200, b"[]"), times=1),
        Fault(Reply(seconds=0.8), times=1),
    ],
    ids=["500", "503", "broken", "broken-in-body", "html", "list", "time-out"],
)
@pytest.mark.parametrize("applied", [False, True])
def test_faults_that_pass(server: HubSpot, send: Sent, fault: Fault, applied: bool) -> None:
    """`applied`: HubSpot had done it and only the answer was lost; doing it again does no harm."""
    server.faults.append(Fault(fault.reply, times=fault.times, applied=applied))
    report = send(plan(10))
    assert (report.updated, report.failed) == (10, {})
    assert server.companies["3"]["nps_risk"] == "0.5"
    assert len(server.received) == fault.times + 1


def test_faults_that_stay_end_the_run(server: HubSpot, send: Sent) -> None:
    server.faults.append(Fault(Reply(502), times=99))
    with pytest.raises(OutgoingError, match=r"no usable answer in 4 tries \(last: status 502\)"):
        send(plan(10))
    assert len(server.received) == 4


def test_a_run_that_was_stopped_goes_on(server: HubSpot, send: Sent) -> None:
    of = plan(300)
    server.faults += [Fault(Reply(500), times=0)]
    server.faults.append(Fault(Reply(403, b"{}"), times=0))
    stopper = Fault(Reply(403, b'{"category": "MISSING_SCOPES"}'))
    original = server.answer

    def answer(request):
        if len(server.received) == 2:
            server.faults.append(stopper)
        return original(request)

    server.answer = answer  # type: ignore[method-assign]
    with pytest.raises(OutgoingError, match="status 403 MISSING_SCOPES"):
        send(of)
    assert len(send.kept) == 200
    left = [r for r in of.records if r.account not in send.kept]
    assert send(Plan(RUN, "hubspot", "companies", FIELDS, tuple(left))).updated == 100
    assert Counter(server.writes).most_common(1)[0][1] == 1


def test_batches_that_all_fail_end_the_run(server: HubSpot, send: Sent) -> None:
    with pytest.raises(OutgoingError, match=r"all records of 3 batches \(OBJECT_NOT_FOUND\)"):
        send(plan(900, first=2000))
    assert len(server.received) == 3


def test_a_refused_token_is_told_and_not_shown(server: HubSpot, send: Sent) -> None:
    with pytest.raises(OutgoingError, match="refuses the credentials") as caught:
        send(plan(10), token="canary-token-31")
    assert "canary" not in str(caught.value)
    assert len(server.received) == 1


def test_a_property_of_ones_own_identifies_the_record(server: HubSpot, send: Sent) -> None:
    settings = SETTINGS.model_copy(update={"id_property": "erp_id"})
    assert send(plan(3), settings).updated == 3
    assert {i["idProperty"] for i in server.received[0].json()["inputs"]} == {"erp_id"}


def test_errors_show_no_record(server: HubSpot, send: Sent) -> None:
    server.unfit = {"42"}
    report = send(plan(100))
    assert "42" not in repr(report)
    assert "acc" not in repr(report)
    message = {"category": "acc42 is wrong", "message": "acc42"}
    server.faults.append(Fault(json_reply(403, message)))
    with pytest.raises(OutgoingError, match="status 403") as caught:
        send(plan(10))
    assert "acc42" not in str(caught.value)


def test_the_token_comes_from_the_environment() -> None:
    with pytest.raises(ConfigError, match="`NPSIGHT_HUBSPOT_TOKEN` is not set"):
        hubspot_access({})
    access = hubspot_access({"NPSIGHT_HUBSPOT_TOKEN": "canary"})
    assert access.url == "https://api.hubapi.com"
    assert "canary" not in repr(access)
