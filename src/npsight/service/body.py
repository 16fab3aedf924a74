"""Request bodies: capped, UTF-8, strict JSON; then checked with every fault reported at once."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

from starlette.requests import Request

from npsight.service.problems import ApiError, Fault

MAX_BODY_BYTES = 1_000_000
BODY_SECONDS = 10.0
"""From the first byte asked for to the last: who sends in drops must not hold a place for long."""
MAX_ACCOUNTS = 1000
MAX_KEY_LENGTH = 512


@dataclass(frozen=True)
class ScoreRequest:
    """`accounts` may hold anything: each is judged by itself when it is scored."""

    accounts: tuple[Any, ...]
    drivers: bool


async def read_json(request: Request) -> Any:
    """The body's JSON value; read once, however often it is asked for.

    Raises
    ------
    ApiError
        415 no JSON content type, 413 more bytes than the endpoint takes, 408 longer than
        `BODY_SECONDS` on its way, 400 not UTF-8 or not JSON.
    """
    if hasattr(request.state, "json"):
        return request.state.json
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise ApiError(415, "unsupported-media-type", "send Content-Type: application/json")
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise ApiError(415, "unsupported-media-type", "send the body without Content-Encoding")
    request.state.json = parse_json(await raw_body(request))
    return request.state.json


async def raw_body(request: Request) -> bytes:
    """The body's bytes as they came; 413 for more than the endpoint takes."""
    if not hasattr(request.state, "body"):
        request.state.body = await _capped(request)
    return bytes(request.state.body)


async def _capped(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    most = getattr(request.state, "body_bytes", MAX_BODY_BYTES)
    body = bytearray()
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            # A chunked body tells no length.
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise _too_slow() from None
    return bytes(body)


def _too_slow() -> ApiError:
    detail = f"the body did not arrive within {BODY_SECONDS:g} seconds; send it at once"
    # What still comes of it must not be taken for the next request.
    return ApiError(408, "body-too-slow", detail, headers={"Connection": "close"})


def _too_large(most: int) -> ApiError:
    return ApiError(413, "body-too-large", f"the body may have at most {most:,} bytes; send parts")


def parse_json(body: bytes) -> Any:
    """Strict JSON: no NaN or infinities, no number beyond a double, no key twice."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"the body is not UTF-8 (byte {error.start})") from None
    try:
        return json.loads(
            text, parse_constant=_constant, parse_float=_float, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"the body is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise _malformed("the body is nested too deeply") from None
    except ValueError:
        raise _malformed("the body holds a number with too many digits") from None


def _malformed(detail: str) -> ApiError:
    return ApiError(400, "malformed-json", detail)


def _constant(name: str) -> NoReturn:
    raise _malformed(f"{name} is not JSON; write null for a missing value")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _malformed("the body holds a number beyond the range of a double")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _malformed("an object of the body has the same key twice")
    return result


def score_request(body: Any) -> ScoreRequest:
    """The checked body of `POST /v1/score`.

    Raises
    ------
    ApiError
        422 with a JSON pointer for each fault.
    """
    if not isinstance(body, dict):
        raise _invalid([Fault("", "must be an object")])
    faults = [
        Fault(f"/{_escaped(key)}", "is not known; `accounts` and `drivers` are")
        for key in body
        if key not in ("accounts", "drivers")
    ]
    accounts, drivers = body.get("accounts"), body.get("drivers", False)
    if "accounts" not in body:
        faults.append(Fault("/accounts", "is missing"))
    elif not isinstance(accounts, list):
        faults.append(Fault("/accounts", "must be a list of account keys"))
    elif len(accounts) > MAX_ACCOUNTS:
        faults.append(
            Fault("/accounts", f"has {len(accounts):,} entries, at most {MAX_ACCOUNTS:,} are taken")
        )
    if not isinstance(drivers, bool):
        faults.append(Fault("/drivers", "must be true or false"))
    if faults or not isinstance(accounts, list):
        raise _invalid(faults)
    return ScoreRequest(tuple(accounts), drivers)


def account_fault(value: Any) -> str:
    """What is wrong with an account key; "" for nothing."""
    if not isinstance(value, str):
        kind = {bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
        return f"must be a string, is {kind.get(type(value), 'no string')}"
    if not value:
        return "must not be empty"
    if len(value) > MAX_KEY_LENGTH:
        return f"has {len(value):,} characters, at most {MAX_KEY_LENGTH} are taken"
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        return "holds characters that no text has"
    return ""


def _invalid(faults: list[Fault]) -> ApiError:
    noun = "fault" if len(faults) == 1 else "faults"
    return ApiError(422, "invalid-body", f"the body has {len(faults)} {noun}; see errors", faults)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()
