"""Salesforce Bulk API 2.0: create a job, upload its CSV, close it, wait, read what came of it.

An update may be repeated without harm. So where an answer is lost the step is taken again, in a
new job where the old one may have been used, and only what Salesforce confirms counts as written.
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from npsight.config.outside import SalesforceAccess
from npsight.config.schema import SalesforceWriteback
from npsight.errors import OutgoingError
from npsight.jobs.bulkfiles import MAX_PART_BYTES, job_parameters, parts_of
from npsight.jobs.writeback import Plan, Record
from npsight.outgoing.calls import Caller, CallSettings, json_of, reason_of
from npsight.outgoing.http import Sender, SendError
from npsight.outgoing.report import WritebackReport, plain_code
from npsight.outgoing.retrying import is_passing
from npsight.store import Store, mark_written

UPLOAD_SECONDS = 900.0
MAX_RESULT_BYTES = 2 * MAX_PART_BYTES
ROUNDS = 4
FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 1.0, 30.0
ENDED = frozenset(("JobComplete", "Failed", "Aborted"))
UNPROCESSED = "NOT_PROCESSED"
PASSING = frozenset(
    (
        "UNABLE_TO_LOCK_ROW",
        "REQUEST_RUNNING_TOO_LONG",
        "SERVER_UNAVAILABLE",
        "QUERY_TIMEOUT",
        "TXN_SECURITY_METERING_ERROR",
        "UNKNOWN_EXCEPTION",
        UNPROCESSED,
    )
)
_CODE = re.compile(r"[A-Z][A-Z0-9_]+")


def send_to_salesforce(
    plan: Plan,
    settings: SalesforceWriteback,
    access: SalesforceAccess,
    sender: Sender,
    store: Store,
    progress: Callable[[int], None] = lambda done: None,
    calls: CallSettings | None = None,
    sleep: Callable[[float], None] = time.sleep,
    max_bytes: int = MAX_PART_BYTES,
) -> WritebackReport:
    """Update every record of the plan; what is confirmed is kept part by part.

    Raises
    ------
    OutgoingError
        Salesforce cannot be reached, refuses the credentials or the job, or takes longer than
        `job_minutes`. What was confirmed before is not sent again by the next call.
    """
    caller = _caller(access, sender, calls, sleep)
    job = _Job(caller, plan, settings)
    report = WritebackReport()
    for _content, records in parts_of(plan.records, settings.id_field, plan.fields, max_bytes):
        left: Sequence[Record] = records
        for number in range(1, ROUNDS + 2):
            done, failures = job.run(left)
            mark_written(store, plan.run.project, plan.system, {r.account: r.digest for r in done})
            report.updated += len(done)
            passing = [(r, code) for r, code in failures if code in PASSING]
            for record, code in failures:
                if code not in PASSING or number > ROUNDS:
                    report.fail(record, code)
            progress(len(left) - len(passing))
            left = [record for record, _ in passing]
            if not left or number > ROUNDS:
                progress(len(left))
                break
            sleep(min(5.0 * 2**number, 60.0))
    return report


def _caller(
    access: SalesforceAccess,
    sender: Sender,
    calls: CallSettings | None,
    sleep: Callable[[float], None],
) -> Caller:
    def renew() -> str:
        return _token(access, sender, calls or CallSettings(), sleep)

    can_renew = bool(access.client_id and access.client_secret)
    return Caller(
        sender,
        "Salesforce",
        access.url,
        access.token,
        renew if can_renew else None,
        calls,
        sleep,
    )


def _token(
    access: SalesforceAccess,
    sender: Sender,
    calls: CallSettings,
    sleep: Callable[[float], None],
) -> str:
    """A new access token by the OAuth 2.0 client-credentials flow."""
    form = urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": access.client_id,
            "client_secret": access.client_secret,
        }
    ).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    said = "no answer"
    for attempt in range(3):
        try:
            answer = sender.send(
                "POST", access.url + "/services/oauth2/token", headers, form, calls.seconds
            )
        except SendError as error:
            said = str(error)
            if error.reason == "refused_target":
                break
        else:
            body = json_of(answer)
            token = body.get("access_token") if isinstance(body, dict) else None
            if answer.status == 200 and isinstance(token, str) and token:
                return token
            said = reason_of(answer)
            if not is_passing(answer.status):
                break
        if attempt < 2:
            sleep(calls.first_wait_seconds * 2**attempt)
    raise OutgoingError(
        f"Salesforce gave no access token ({said})\n"
        "  → check the URL, the client id and secret, and that the client-credentials flow is on"
    )


class _Job:
    """Bulk jobs of one plan, one after the other."""

    def __init__(self, caller: Caller, plan: Plan, settings: SalesforceWriteback) -> None:
        self._caller = caller
        self._plan = plan
        self._settings = settings
        self._path = f"/services/data/v{settings.api_version}/jobs/ingest"

    def run(self, records: Sequence[Record]) -> tuple[list[Record], list[tuple[Record, str]]]:
        """Send records that fit one part; those confirmed, and the others with a reason each."""
        (content, _), *rest = parts_of(records, self._settings.id_field, self._plan.fields)
        if rest:
            raise ValueError("the records do not fit one part")
        place = self._upload(content)
        try:
            self._close(place)
            ended = self._wait(place)
        except BaseException:
            self._abort(place)
            raise
        done, others = self._outcome(place, records)
        if not done and ended.get("state") == "Failed":
            raise _refused("all records of a job", _fault_of(ended))
        return done, others

    def _upload(self, content: bytes) -> str:
        """The path of a job that holds the content and is still open."""
        for _ in range(self._caller.settings.tries):
            place = self._create()
            answer = self._caller.call(
                "PUT", f"{place}/batches", content, "text/csv; charset=UTF-8", UPLOAD_SECONDS
            )
            if answer.status == 201:
                return place
            self._abort(place)
            # A first attempt whose answer was lost may have filled the job; it takes no second.
            if answer.status not in (400, 409):
                raise _refused("the upload", reason_of(answer))
        raise _refused("the upload", reason_of(answer))

    def _create(self) -> str:
        body = json.dumps(job_parameters(self._plan)).encode()
        answer = self._caller.call("POST", self._path, body, wants_json=True)
        made = json_of(answer)
        identity = made.get("id") if isinstance(made, dict) else None
        if answer.status != 200 or not isinstance(identity, str) or not identity:
            raise _refused("the job", reason_of(answer))
        return f"{self._path}/{quote(identity, safe='')}"

    def _close(self, place: str) -> None:
        body = b'{"state":"UploadComplete"}'
        answer = self._caller.call("PATCH", place, body)
        # Closed by a first attempt whose answer was lost.
        if answer.status != 200 and self._state(place).get("state") == "Open":
            raise _refused("the end of the upload", reason_of(answer))

    def _state(self, place: str) -> dict[str, Any]:
        answer = self._caller.call("GET", place, wants_json=True)
        found = json_of(answer)
        if answer.status != 200 or not isinstance(found, dict):
            raise _refused("to tell of the job", reason_of(answer))
        return found

    def _wait(self, place: str) -> dict[str, Any]:
        waited, pause = 0.0, FIRST_POLL_SECONDS
        while (job := self._state(place)).get("state") not in ENDED:
            if waited >= 60 * self._settings.job_minutes:
                raise OutgoingError(
                    f"Salesforce has not ended a job within {self._settings.job_minutes:g} "
                    "minutes\n  → look at Bulk Data Load Jobs in its setup, or raise "
                    "`writeback.salesforce.job_minutes`; then run the command again"
                )
            self._caller.sleep(pause)
            waited += pause
            pause = min(2 * pause, LONGEST_POLL_SECONDS)
        return job

    def _abort(self, place: str) -> None:
        """Leave no job behind; whether that works makes no difference to what is reported."""
        try:
            self._caller.call("PATCH", place, b'{"state":"Aborted"}')
        except OutgoingError:
            return

    def _outcome(
        self, place: str, records: Sequence[Record]
    ) -> tuple[list[Record], list[tuple[Record, str]]]:
        """By the lists of successes and failures; what is in neither was not processed."""
        done_ids = {row.get(self._settings.id_field) for row in self._rows(place, "successful")}
        codes = {
            row.get(self._settings.id_field): _code(row.get("sf__Error") or "")
            for row in self._rows(place, "failed")
        }
        done = [r for r in records if r.id in done_ids and r.id not in codes]
        others = [
            (r, codes.get(r.id, UNPROCESSED))
            for r in records
            if r.id in codes or r.id not in done_ids
        ]
        return done, others

    def _rows(self, place: str, kind: str) -> Iterator[dict[str, str]]:
        answer = self._caller.call(
            "GET", f"{place}/{kind}Results", seconds=UPLOAD_SECONDS, max_bytes=MAX_RESULT_BYTES
        )
        if answer.status != 200:
            raise _refused(f"the {kind} results", reason_of(answer))
        text = answer.body.decode("utf-8-sig", "replace")
        yield from csv.DictReader(io.StringIO(text, newline=""), strict=False)


def _code(error: str) -> str:
    """`UNABLE_TO_LOCK_ROW:unable to obtain …` -> its code."""
    found = _CODE.match(error)
    return plain_code(found.group(0)) if found else "UNKNOWN"


def _fault_of(job: dict[str, Any]) -> str:
    """Why a job failed, as far as that tells of the file and not of what stands in it."""
    message = job.get("errorMessage")
    if isinstance(message, str) and "Field name not found" in message:
        return message[:200]
    return "look at Bulk Data Load Jobs in its setup"


def _refused(what: str, reason: str) -> OutgoingError:
    return OutgoingError(
        f"Salesforce refused {what} ({reason})\n"
        "  → check `writeback.salesforce` and the rights of the integration user"
    )
