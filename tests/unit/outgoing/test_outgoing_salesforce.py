"""Salesforce Bulk API 2.0: the whole cycle, and what goes wrong in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from crm_servers import Fault, Reply, Salesforce

from npsight.config.outside import SalesforceAccess, salesforce_access
from npsight.config.schema import SalesforceWriteback
from npsight.errors import ConfigError, OutgoingError
from npsight.jobs.writeback import Plan, Record
from npsight.outgoing.calls import CallSettings
from npsight.outgoing.http import Sender
from npsight.outgoing.salesforce import send_to_salesforce
from npsight.store import ScoreRun, Store, written_digests

DAY = datetime(2026, 6, 1, tzinfo=UTC)
RUN = ScoreRun("r1", "demo", DAY, DAY, 3, "digest")
FIELDS = ("Risk__c", "Level__c", "Sentence__c")
SETTINGS = SalesforceWriteback.model_validate(
    {
        "fields": {
            "detractor_risk": FIELDS[0],
            "risk_level": FIELDS[1],
            "top_driver_sentence": FIELDS[2],
        }
    }
)
CALLS = CallSettings(seconds=0.5, tries=4, first_wait_seconds=0.01, longest_wait_seconds=0.01)
AWKWARD = 'He said "no", then\nleft; é – 漢'


def identity(number: int) -> str:
    return f"001{number:012d}AAA"


def plan(count: int, fields: tuple[str, ...] = FIELDS) -> Plan:
    records = [
        Record(f"acc{i}", identity(i), ("0.5", None if i % 7 == 0 else "high", AWKWARD), f"d{i}")
        for i in range(1, count + 1)
    ]
    return Plan(RUN, "salesforce", "Account", fields, tuple(records))


class Sent:
    def __init__(self, server: Salesforce, sender: Sender, store: Store) -> None:
        self.server, self.sender, self.store = server, sender, store
        self.waits: list[float] = []
        self.progress: list[int] = []

    def __call__(self, of: Plan, token: str = "", secret: str = "the-secret", **more):
        access = SalesforceAccess(self.server.url, token, "the-id" if secret else "", secret)
        settings = more.pop("settings", SETTINGS)
        return send_to_salesforce(
            of, settings, access, self.sender, self.store, self.progress.append, CALLS,
            self.waits.append, **more,
        )  # fmt: skip

    @property
    def kept(self) -> set[str]:
        return set(written_digests(self.store, "demo", "salesforce"))


@pytest.fixture
def server() -> Iterator[Salesforce]:
    with Salesforce([identity(i) for i in range(1, 101)]) as opened:
        yield opened


@pytest.fixture
def send(server: Salesforce, sender: Sender, store: Store) -> Sent:
    return Sent(server, sender, store)


def states(server: Salesforce) -> list[str]:
    return [job["state"] for job in server.jobs.values()]


def test_the_whole_cycle(server: Salesforce, send: Sent) -> None:
    report = send(plan(10))
    assert (report.updated, report.failed) == (10, {})
    assert server.records[identity(1)] == {
        "Risk__c": "0.5", "Level__c": "high", "Sentence__c": AWKWARD,
    }  # fmt: skip
    # #N/A empties the field; a blank would have left `old`.
    assert server.records[identity(7)]["Level__c"] is None
    [job] = server.jobs.values()
    assert (job["operation"], job["object"], job["state"]) == ("update", "Account", "JobComplete")
    assert [r.method for r in server.received] == [
        "POST", "POST", "PUT", "PATCH", "GET", "GET", "GET", "GET",
    ]  # fmt: skip
    assert len(send.kept) == sum(send.progress) == 10


def test_large_plans_are_sent_in_parts(server: Salesforce, send: Sent) -> None:
    assert send(plan(100), max_bytes=2000).updated == 100
    assert len(server.jobs) > 3
    assert all(len(job["content"]) <= 2000 for job in server.jobs.values())


def test_unknown_records_are_refused_and_never_made(server: Salesforce, send: Sent) -> None:
    report = send(plan(103))
    assert (report.updated, report.reasons) == (100, {"INVALID_CROSS_REFERENCE_KEY": 3})
    assert len(server.records) == 100
    assert len(server.jobs) == 1


def test_only_locked_records_are_sent_again(server: Salesforce, send: Sent) -> None:
    server.locked = {identity(5): 2, identity(6): 1}
    report = send(plan(10))
    assert (report.updated, report.failed) == (10, {})
    sizes = [job["content"].count(b"\n001") for job in server.jobs.values()]
    assert sizes == [10, 2, 1]
    assert sum(send.progress) == 10


def test_records_that_stay_locked_are_given_up(server: Salesforce, send: Sent) -> None:
    server.locked = {identity(5): 99}
    report = send(plan(10))
    assert (report.updated, report.reasons) == (9, {"UNABLE_TO_LOCK_ROW": 1})
    assert len(server.jobs) == 5
    assert sum(send.progress) == 10


def test_what_a_failed_job_did_not_process_is_sent_again(server: Salesforce, send: Sent) -> None:
    server.stops_after = 4
    report = send(plan(10))
    assert (report.updated, report.failed) == (10, {})
    assert states(server) == ["Failed", "JobComplete"]
    assert [job["content"].count(b"\n001") for job in server.jobs.values()] == [10, 6]


def test_a_field_that_does_not_exist_ends_the_run(server: Salesforce, send: Sent) -> None:
    with pytest.raises(OutgoingError, match="Field name not found : Nowhere__c"):
        send(plan(3, ("Risk__c", "Level__c", "Nowhere__c")))
    assert send.kept == set()
    assert len(server.jobs) == 1


def test_an_expired_token_is_renewed_once(server: Salesforce, send: Sent) -> None:
    assert send(plan(3), token="expired").updated == 3
    assert server.given == 1
    server.tokens = {"another"}
    server.faults.append(Fault(Reply(401, b"[]"), method="GET", times=1))
    assert send(plan(3)).updated == 3
    assert server.given == 3


def test_an_expired_token_that_cannot_be_renewed_ends_the_run(
    server: Salesforce, send: Sent
) -> None:
    with pytest.raises(OutgoingError, match=r"refuses the credentials \(status 401\)") as caught:
        send(plan(3), token="canary-token-5", secret="")
    assert "canary" not in str(caught.value)


def test_a_new_token_that_is_refused_is_not_asked_for_for_ever(
    server: Salesforce, send: Sent
) -> None:
    server.faults.append(Fault(Reply(401, b"[]"), path="/jobs/", times=99))
    with pytest.raises(OutgoingError, match="refuses the credentials"):
        send(plan(3))
    assert server.given == 1


def test_wrong_client_credentials_are_told(server: Salesforce, send: Sent) -> None:
    with pytest.raises(OutgoingError, match=r"no access token \(status 400 invalid_client\)") as e:
        send(plan(3), secret="canary-secret-5")
    assert "canary" not in str(e.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500), Reply(503, headers={"Retry-After": "3"}), Reply(429), Reply(breaks=0),
        Reply(seconds=0.8),
    ],
    ids=["500", "503", "429", "broken", "time-out"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/oauth2/token"), ("POST", "/ingest"), ("PATCH", ""), ("GET", "Results"),
        ("GET", "/ingest/750"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("applied", [False, True])
def test_faults_that_pass(
    server: Salesforce, send: Sent, reply: Reply, method: str, path: str, applied: bool
) -> None:
    server.faults.append(Fault(reply, method, path, applied=applied))
    report = send(plan(10))
    assert (report.updated, report.failed) == (10, {})
    assert server.faults[0].times == 0
    if reply.headers and path != "/oauth2/token":
        assert 3 in send.waits


@pytest.mark.parametrize("applied", [False, True])
def test_an_upload_whose_answer_was_lost_gets_a_new_job(
    server: Salesforce, send: Sent, applied: bool
) -> None:
    server.faults.append(Fault(Reply(breaks=0), "PUT", applied=applied))
    report = send(plan(10))
    assert (report.updated, report.failed) == (10, {})
    # The first job was perhaps filled: it takes no second upload, and is not left open.
    assert states(server) == (["Aborted", "JobComplete"] if applied else ["JobComplete"])


def test_an_answer_that_is_no_json_is_asked_for_again(server: Salesforce, send: Sent) -> None:
    server.faults.append(Fault(Reply(200, b"<html>"), "GET", "/ingest/750"))
    server.faults.append(Fault(Reply(200, b"<html>"), "POST", "/ingest"))
    assert send(plan(3)).updated == 3


def test_a_job_that_never_ends_is_aborted(server: Salesforce, send: Sent) -> None:
    server.never_ends = True
    settings = SETTINGS.model_copy(update={"job_minutes": 2})
    with pytest.raises(OutgoingError, match="not ended a job within 2 minutes"):
        send(plan(3), settings=settings)
    assert states(server) == ["Aborted"]
    assert send.waits[:7] == [1, 2, 4, 8, 16, 30, 30]
    assert send.kept == set()


def test_what_was_confirmed_before_the_end_of_a_run_is_kept(server: Salesforce, send: Sent) -> None:
    original = server.answer

    def answer(request):
        if request.method == "POST" and len(server.jobs) == 1 and "/ingest" in request.path:
            return Reply(403, b'[{"errorCode": "API_DISABLED_FOR_ORG"}]')
        return original(request)

    server.answer = answer  # type: ignore[method-assign]
    with pytest.raises(OutgoingError, match="refused the job .status 403 API_DISABLED_FOR_ORG"):
        send(plan(100), max_bytes=2000)
    assert 0 < len(send.kept) < 100


def test_credentials_come_from_the_environment() -> None:
    with pytest.raises(ConfigError, match=r"`NPSIGHT_SALESFORCE_URL`(.|\n)*CLIENT_SECRET"):
        salesforce_access({"NPSIGHT_SALESFORCE_CLIENT_ID": "x"})
    found = salesforce_access(
        {"NPSIGHT_SALESFORCE_URL": "https://x.example/", "NPSIGHT_SALESFORCE_TOKEN": "canary"}
    )
    assert (found.url, found.token) == ("https://x.example", "canary")
    assert "canary" not in repr(found)
