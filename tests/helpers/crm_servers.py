"""Salesforce, HubSpot and a webhook receiver on loopback, which behave as their documents say.

Each can be given faults, which answer in place of its own behaviour, or after it.
"""

from __future__ import annotations

import csv
import io
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """`breaks` ends the connection after that many bytes of the body; 0 sends not even a head."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    breaks: int | None = None


def json_reply(status: int, body: Any, **more: Any) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json"}, **more)


@dataclass
class Fault:
    """Answers the next `times` requests whose method and path fit.

    With `applied`, the server first does what it was asked, and its answer is lost.
    """

    reply: Reply
    method: str = ""
    path: str = ""
    times: int = 1
    applied: bool = False

    def fits(self, request: Received) -> bool:
        return self.times > 0 and self.method in ("", request.method) and self.path in request.path


class LocalServer:
    """Listens on a free port of loopback while it is entered."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        # A client that goes away in the middle is what is tested, not a fault of the server's.
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_port
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def respond(self, request: Received) -> Reply:
        with self.lock:
            self.received.append(request)
            fault = next((f for f in self.faults if f.fits(request)), None)
            if fault is not None:
                fault.times -= 1
            if fault is None or fault.applied:
                own = self.answer(request)
            return own if fault is None else fault.reply

    def answer(self, request: Received) -> Reply:
        return Reply()

    def calls(self, method: str, path: str = "") -> list[Received]:
        return [r for r in self.received if r.method == method and path in r.path]


def _handler(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            if len(body) < length:
                # The sender died in the middle: that is no request.
                self.close_connection = True
                return
            request = Received(self.command, self.path, headers, body)
            reply = server.respond(request)
            if reply.seconds:
                time.sleep(reply.seconds)
            if reply.breaks == 0:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body if reply.breaks is None else reply.body[: reply.breaks])
            if reply.breaks is not None:
                self.close_connection = True

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Receiver(LocalServer):
    """Takes webhooks; `status_of` may refuse some."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.status_of: Callable[[Received], int] = lambda _: 200

    def answer(self, request: Received) -> Reply:
        return Reply(self.status_of(request), b"")

    @property
    def ids(self) -> list[str]:
        return [r.headers["webhook-id"] for r in self.received]


class HubSpot(LocalServer):
    """`POST /crm/objects/2026-03/companies/batch/update`.

    Answers 200, or 207 with errors that name the record; a value that a property cannot hold, or
    a property that does not exist, refuses the whole batch with 400. Unknown ids can be left out
    of both lists, as has been seen.
    """

    def __init__(self, companies: list[str], properties: set[str], token: str = "secret") -> None:
        super().__init__()
        self.companies: dict[str, dict[str, str]] = {c: {} for c in companies}
        self.properties = properties
        self.token = token
        self.busy: dict[str, int] = {}
        self.unfit: set[str] = set()
        self.silent_about_unknown = False
        self.writes: list[str] = []

    def answer(self, request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return json_reply(401, {"status": "error", "category": "INVALID_AUTHENTICATION"})
        if request.path != "/crm/objects/2026-03/companies/batch/update":
            return json_reply(404, {"status": "error", "category": "OBJECT_NOT_FOUND"})
        inputs = request.json()["inputs"]
        if len(inputs) > 100:
            return self._invalid("the maximum batch size is 100", "BATCH_TOO_LARGE")
        for item in inputs:
            for name in item["properties"]:
                if name not in self.properties:
                    return self._invalid(
                        "no such property", "PROPERTY_DOESNT_EXIST", {"propertyName": [name]}
                    )
            if item["id"] in self.unfit:
                return self._invalid(f"{item['id']} does not fit", "INVALID_LONG")
        return self._update(inputs)

    def _update(self, inputs: list[dict[str, Any]]) -> Reply:
        results, errors = [], []
        for item in inputs:
            identity, trace = item["id"], item["objectWriteTraceId"]
            if identity not in self.companies:
                if not self.silent_about_unknown:
                    errors.append(_hubspot_error("OBJECT_NOT_FOUND", {"ids": [identity]}))
            elif self.busy.get(identity, 0) > 0:
                self.busy[identity] -= 1
                errors.append(_hubspot_error("RATE_LIMITS", {"objectWriteTraceId": [trace]}))
            else:
                self.companies[identity].update(item["properties"])
                self.writes.append(identity)
                results.append({"id": identity, "properties": item["properties"]})
        body: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if len(results) == len(inputs):
            return json_reply(200, body)
        return json_reply(207, {**body, "numErrors": len(errors), "errors": errors})

    def _invalid(self, message: str, code: str, context: Any = None) -> Reply:
        error = {"message": message, "code": code, "context": context or {}}
        return json_reply(
            400,
            {
                "status": "error",
                "category": "VALIDATION_ERROR",
                "message": message,
                "errors": [error],
            },
        )


def _hubspot_error(category: str, context: dict[str, Any]) -> dict[str, Any]:
    return {"status": "error", "category": category, "message": "refused", "context": context}


class Salesforce(LocalServer):
    """Bulk API 2.0 ingest jobs that update, and the client-credentials token."""

    FIELDS = frozenset(("Id", "Risk__c", "Level__c", "Sentence__c"))

    def __init__(self, records: list[str]) -> None:
        super().__init__()
        self.records: dict[str, dict[str, str | None]] = {r: {"Level__c": "old"} for r in records}
        self.tokens: set[str] = set()
        self.client = ("the-id", "the-secret")
        self.given = 0
        self.jobs: dict[str, dict[str, Any]] = {}
        self.locked: dict[str, int] = {}
        self.polls = 1
        self.stops_after: int | None = None
        self.never_ends = False

    def answer(self, request: Received) -> Reply:
        if request.path == "/services/oauth2/token":
            return self._token(parse_qs(request.body.decode()))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return json_reply(401, [{"errorCode": "INVALID_SESSION_ID", "message": "expired"}])
        base = "/services/data/v62.0/jobs/ingest"
        if not request.path.startswith(base):
            return json_reply(404, [{"errorCode": "NOT_FOUND"}])
        rest = request.path.removeprefix(base).strip("/").split("/")
        if request.method == "POST" and rest == [""]:
            return self._create(request.json())
        job = self.jobs.get(rest[0])
        if job is None:
            return json_reply(404, [{"errorCode": "NOT_FOUND"}])
        if request.method == "PUT":
            return self._upload(job, request)
        if request.method == "PATCH":
            return self._patch(job, request.json()["state"])
        if rest[1:]:
            return Reply(200, job[rest[1]], {"Content-Type": "text/csv"})
        return self._poll(job)

    def _token(self, form: dict[str, list[str]]) -> Reply:
        if form.get("grant_type") != ["client_credentials"]:
            return json_reply(400, {"error": "unsupported_grant_type"})
        if (form["client_id"][0], form["client_secret"][0]) != self.client:
            return json_reply(400, {"error": "invalid_client"})
        self.given += 1
        self.tokens = {f"token-{self.given}"}
        return json_reply(200, {"access_token": f"token-{self.given}", "instance_url": self.url})

    def _create(self, wanted: dict[str, str]) -> Reply:
        if wanted["operation"] != "update" or wanted["lineEnding"] != "LF":
            return json_reply(400, [{"errorCode": "INVALIDOPERATION"}])
        identity = f"750{len(self.jobs):015d}"
        self.jobs[identity] = {
            "id": identity, "state": "Open", "content": None, "polls": self.polls,
            "successfulResults": b"", "failedResults": b"", **wanted,
        }  # fmt: skip
        return json_reply(200, {"id": identity, "state": "Open"})

    def _upload(self, job: dict[str, Any], request: Received) -> Reply:
        if job["state"] != "Open" or job["content"] is not None:
            return json_reply(400, [{"errorCode": "INVALIDJOBSTATE"}])
        if not request.headers["content-type"].startswith("text/csv"):
            return json_reply(400, [{"errorCode": "INVALID_CONTENT_TYPE"}])
        job["content"] = request.body
        return Reply(201, b"")

    def _patch(self, job: dict[str, Any], state: str) -> Reply:
        if state == "UploadComplete" and job["state"] != "Open":
            return json_reply(400, [{"errorCode": "INVALIDJOBSTATE"}])
        if state == "Aborted" and job["state"] in ("JobComplete", "Failed"):
            return json_reply(400, [{"errorCode": "INVALIDJOBSTATE"}])
        job["state"] = state
        return json_reply(200, {"id": job["id"], "state": state})

    def _poll(self, job: dict[str, Any]) -> Reply:
        if job["state"] == "UploadComplete" and not self.never_ends:
            job["polls"] -= 1
            if job["polls"] < 0:
                self._process(job)
        told = {name: job[name] for name in ("id", "state", "errorMessage") if name in job}
        return json_reply(200, told)

    def _process(self, job: dict[str, Any]) -> None:
        text = job["content"].decode("utf-8")
        assert "\r" not in text, "the job's line ending is LF"
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        job["state"] = "JobComplete"
        if not set(header) <= self.FIELDS:
            job["state"] = "Failed"
            unknown = ", ".join(sorted(set(header) - self.FIELDS))
            job["errorMessage"] = f"InvalidBatch : Field name not found : {unknown}"
            return
        done: list[list[str]] = []
        failed: list[list[str]] = []
        for number, row in enumerate(rows):
            if self.stops_after is not None and number >= self.stops_after:
                job["state"], self.stops_after = "Failed", None
                break
            error = self._update(dict(zip(header, row, strict=True)))
            if error:
                failed.append([row[0], error, *row])
            else:
                done.append([row[0], "false", *row])
        job["successfulResults"] = _csv([["sf__Id", "sf__Created", *header], *done])
        job["failedResults"] = _csv([["sf__Id", "sf__Error", *header], *failed])

    def _update(self, row: dict[str, str]) -> str:
        identity = row.pop("Id")
        if identity not in self.records:
            return "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
        if self.locked.get(identity, 0) > 0:
            self.locked[identity] -= 1
            return "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
        for name, value in row.items():
            if value == "#N/A":
                self.records[identity][name] = None
            elif value:
                self.records[identity][name] = value
        return ""


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
