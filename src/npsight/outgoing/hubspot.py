"""HubSpot: properties of companies, updated in batches, each record with a result of its own.

`POST /crm/objects/{version}/{object}/batch/update`: at most 100 inputs; 200 where all went well,
207 where some did not, with `results` and `errors`. An update may be repeated without harm, so a
call whose answer never came is made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from npsight.config.outside import HubspotAccess
from npsight.config.schema import HubspotWriteback
from npsight.errors import OutgoingError
from npsight.jobs.writeback import Plan, Record
from npsight.outgoing.calls import Caller, CallSettings, json_of, reason_of
from npsight.outgoing.http import Answer, Sender
from npsight.outgoing.report import WritebackReport, plain_code
from npsight.store import Store, mark_written

BATCH = 100
ROUNDS = 4
"""How often records are sent again that failed for a passing reason."""
PASSING = frozenset(
    ("RATE_LIMITS", "RATE_LIMIT", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT", "CONFLICT")
)
UNCONFIRMED = "NOT_CONFIRMED"
HOPELESS_BATCHES = 3
"""After so many batches in a row without one success, the fault is not in the records."""

Failure = tuple[Record, str]


def send_to_hubspot(
    plan: Plan,
    settings: HubspotWriteback,
    access: HubspotAccess,
    sender: Sender,
    store: Store,
    progress: Callable[[int], None] = lambda done: None,
    calls: CallSettings | None = None,
    sleep: Callable[[float], None] | None = None,
) -> WritebackReport:
    """Update every record of the plan; what is confirmed is kept batch by batch.

    Raises
    ------
    OutgoingError
        HubSpot cannot be reached, refuses the token, lacks a property, or its daily limit is
        used up. What was confirmed before is not sent again by the next call.
    """
    more: dict[str, Any] = {} if sleep is None else {"sleep": sleep}
    caller = Caller(sender, "HubSpot", access.url, access.token, settings=calls, **more)
    path = f"/crm/objects/{settings.api_version}/{settings.object}/batch/update"
    job = _Job(caller, path, settings, plan.fields)
    report = WritebackReport()
    hopeless = 0
    for batch in _batches(plan.records):
        failures, wait_round = list(job.send(batch)), 0
        done = _confirmed(batch, failures)
        _keep(store, plan, done, report)
        while wait_round < ROUNDS and (again := [r for r, code in failures if code in _AGAIN]):
            wait_round += 1
            caller.sleep(min(2.0**wait_round, 30.0))
            failures = [f for f in failures if f[1] not in _AGAIN] + list(job.send(again))
            done_now = _confirmed(again, failures)
            _keep(store, plan, done_now, report)
            done += done_now
        for record, code in failures:
            report.fail(record, code)
        progress(len(batch))
        hopeless = 0 if done else hopeless + 1
        if hopeless == HOPELESS_BATCHES:
            raise OutgoingError(
                f"HubSpot refused all records of {hopeless} batches ({_common(report)})\n"
                "  → check `writeback.hubspot` and the ids; then run the command again"
            )
    return report


_AGAIN = PASSING | {UNCONFIRMED}


class _Job:
    """One kind of batch call."""

    def __init__(
        self, caller: Caller, path: str, settings: HubspotWriteback, fields: Sequence[str]
    ) -> None:
        self._caller = caller
        self._path = path
        self._settings = settings
        self._fields = fields

    def send(self, batch: Sequence[Record]) -> Iterator[Failure]:
        """Send a batch; yields the records that were not updated.

        A batch that is refused whole for what one record holds is halved until that one is alone.
        """
        body = json.dumps({"inputs": [self._input(i, r) for i, r in enumerate(batch)]})
        answer = self._caller.call("POST", self._path, body.encode(), wants_json=True)
        if answer.status in (200, 201, 207):
            yield from _failures(batch, json_of(answer), self._settings.id_property)
            return
        self._raise_if_general(answer)
        if len(batch) == 1:
            yield batch[0], _category(json_of(answer))
            return
        middle = len(batch) // 2
        yield from self.send(batch[:middle])
        yield from self.send(batch[middle:])

    def _input(self, index: int, record: Record) -> dict[str, Any]:
        # HubSpot empties a property that is set to "".
        properties = {
            name: "" if value is None else value
            for name, value in zip(self._fields, record.values, strict=True)
        }
        found: dict[str, Any] = {
            "id": record.id,
            "properties": properties,
            "objectWriteTraceId": str(index),
        }
        if self._settings.id_property is not None:
            found["idProperty"] = self._settings.id_property
        return found

    def _raise_if_general(self, answer: Answer) -> None:
        """Faults that no other record would mend."""
        if answer.status in (400, 413, 422) and not _missing_properties(answer):
            return
        missing = [name for name in self._fields if name in _missing_properties(answer)]
        if missing:
            raise OutgoingError(
                f"HubSpot has no property {', '.join(missing)}\n"
                "  → create it in HubSpot, or name another in `writeback.hubspot.fields`"
            )
        remedy = "check the token's scope for writing this object, and `writeback.hubspot.object`"
        raise OutgoingError(f"HubSpot refused the update ({reason_of(answer)})\n  → {remedy}")


def _failures(
    batch: Sequence[Record], body: Mapping[str, Any], id_property: str | None
) -> Iterator[Failure]:
    """The records that an answer does not confirm.

    An error names its record by the trace id we gave, or by its id. A record that is in neither
    list was perhaps not updated: HubSpot has left unknown ids out of both.
    """
    results = [r for r in _list(body.get("results")) if isinstance(r, dict)]
    confirmed = {str(r.get("id")) for r in results}
    traced = {str(r.get("objectWriteTraceId")) for r in results}
    if id_property is not None:
        for result in results:
            properties = result.get("properties")
            if isinstance(properties, dict):
                confirmed.add(str(properties.get(id_property)))
    codes: dict[str, str] = {}
    for error in _list(body.get("errors")):
        if isinstance(error, dict):
            codes.update(dict.fromkeys(_named(error), _category(error)))
    for index, record in enumerate(batch):
        code = codes.get(f"trace {index}") or codes.get(f"id {record.id}")
        if code is not None:
            yield record, code
        elif record.id not in confirmed and str(index) not in traced:
            yield record, UNCONFIRMED


def _named(error: Mapping[str, Any]) -> Iterator[str]:
    context = error.get("context")
    if not isinstance(context, dict):
        return
    for key, word in (("objectWriteTraceId", "trace"), ("ids", "id"), ("id", "id")):
        value = context.get(key)
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                yield f"{word} {item}"


def _category(error: Any) -> str:
    value = error.get("category") if isinstance(error, dict) else None
    return plain_code(value) if isinstance(value, str) else "UNKNOWN"


def _missing_properties(answer: Answer) -> set[str]:
    """Names of properties that HubSpot does not have, as far as the answer says."""
    body = json_of(answer)
    found: set[str] = set()
    for error in _list(body.get("errors") if isinstance(body, dict) else None):
        if isinstance(error, dict) and error.get("code") == "PROPERTY_DOESNT_EXIST":
            context = error.get("context")
            names = context.get("propertyName") if isinstance(context, dict) else None
            found |= {str(name) for name in _list(names)}
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _batches(records: Sequence[Record]) -> Iterator[tuple[Record, ...]]:
    for start in range(0, len(records), BATCH):
        yield tuple(records[start : start + BATCH])


def _confirmed(batch: Sequence[Record], failures: Sequence[Failure]) -> list[Record]:
    failed = {record.account for record, _ in failures}
    return [record for record in batch if record.account not in failed]


def _keep(store: Store, plan: Plan, done: Sequence[Record], report: WritebackReport) -> None:
    if done:
        digests = {record.account: record.digest for record in done}
        mark_written(store, plan.run.project, plan.system, digests)
        report.updated += len(done)


def _common(report: WritebackReport) -> str:
    return next(iter(report.reasons), "no reason given")
