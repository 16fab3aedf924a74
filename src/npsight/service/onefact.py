"""One survey answer or one fact in a flat body, for senders that know names and values only.

The rules are those of a batch (`writing`). What a batch tells as the status of a row is here the
status of the answer, for such senders look at nothing else. They may know no numbers either: where
a number belongs, a text that is one is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from npsight.config.schema import Activity
from npsight.service.api import Api
from npsight.service.body import read_json
from npsight.service.incoming import RowFault
from npsight.service.problems import ApiError, Fault, Json, request_id
from npsight.service.shapes.base import checked, invalid_body, is_blank, pointer
from npsight.service.shapes.writing import OneFact
from npsight.service.writing import (
    JsonObject,
    Read,
    RowAtWork,
    keep_rows,
    reader_of_answers,
    reader_of_facts,
    sweep,
)

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
TOLD = ("id", "account", "status", "detail", "before", "after")
"""What an answer tells of the row, beside what it tells of model and run."""


async def response(api: Api, request: Request) -> Response:
    """`POST /v1/responses/one`: one survey answer."""
    row = await read_json(request)
    read = reader_of_answers(api.state.spec, "")
    if isinstance(row, dict) and "score" in row:
        row = {**row, "score": number_of(row["score"])}
    return await _written(api, request, row, read, "response")


async def fact(api: Api, request: Request) -> Response:
    """`POST /v1/facts/one`: one fact of an activity table."""
    body = await read_json(request)
    name = body.get("table") if isinstance(body, dict) else None
    if not isinstance(name, str):
        # It tells of the table, and of all else that can be told without one.
        checked(OneFact, body)
    read = reader_of_facts(api.state.spec, str(name).strip())
    table = api.state.spec.tables.activity[str(name).strip()]
    row, flat = with_values(body, table)
    return await _written(api, request, row, read, "fact", flat)


def number_of(value: Any) -> Any:
    """The number that a text such as `7` or `7.5` is; anything else as it is."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return value


def with_values(body: JsonObject, table: Activity) -> tuple[JsonObject, tuple[str, ...]]:
    """The fact as a batch takes it, and which of its values were fields of their own, in order.

    They come first among its `values`.
    """
    known = (*table.measures, *table.categories)
    flat = tuple(name for name in body if name in known and name not in OneFact.model_fields)
    row = {name: value for name, value in body.items() if name != "table" and name not in flat}
    if flat:
        values = [_value(name, body[name], name in table.measures) for name in flat]
        others = row.get("values")
        if others is None or is_blank(others):
            others = []
        # What is no list is told as such, in place of what was made of the fields.
        row["values"] = [*values, *others] if isinstance(others, list) else others
    return row, flat


def _value(name: str, given: Any, is_measure: bool) -> JsonObject:
    return {"name": name, ("number" if is_measure else "text"): _given(given, is_measure)}


def _given(value: Any, is_measure: bool) -> Any:
    if is_measure:
        return number_of(value)
    return str(value) if type(value) is int else value


async def _written(
    api: Api, request: Request, row: Any, read: Read, cause: str, flat: Sequence[str] = ()
) -> Response:
    head, (kept,) = await api.writing(keep_rows, api.live, [row], read, cause)
    sweep(api.live)
    result = kept.result()
    if kept.status not in ("rescored", "stored", "unchanged"):
        raise _refused(kept, flat)
    told = {name: result[name] for name in TOLD}
    return Json({"request_id": request_id(request), **head, **told})


def _refused(row: RowAtWork, flat: Sequence[str]) -> ApiError:
    """422, 404 or 409, as the row is invalid, of no account, or contradicts what was kept."""
    if row.status == "invalid":
        return invalid_body([_fault(fault) for fault in _as_sent(row.faults, flat)])
    detail = str(row.detail)
    if row.status == "not_found":
        return ApiError(404, "not-found", detail, [Fault("/account", "is not known")])
    return ApiError(409, "fact-conflict", detail)


def _fault(fault: RowFault) -> Fault:
    return Fault(pointer(fault.place), fault.what)


def _as_sent(faults: Iterable[RowFault], flat: Sequence[str]) -> Iterable[RowFault]:
    """Faults at the places that the sender knows: a value's at its own field."""
    for fault in faults:
        match fault.place:
            case ("values", int(i), *_) if i < len(flat):
                yield replace(fault, place=(flat[i],))
            case ("values", int(i), *rest):
                yield replace(fault, place=("values", i - len(flat), *rest))
            case ("values", str(name)) if name in flat:
                yield replace(fault, place=(name,))
            case _:
                yield fault
