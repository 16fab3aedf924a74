"""JSON as it is taken here: UTF-8, no NaN or infinities, no number beyond a double, no key twice.

Most bodies are one flat object of texts. Those are read by orjson, and what it read is taken where
it can differ in nothing from what `strict_json` reads, which decides on all others.
"""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from types import NoneType
from typing import Any, NoReturn

import orjson

from npsight.service.problems import ApiError

PLAIN = frozenset({str, bool, NoneType})
"""Kinds of values that any two readers of JSON read alike; numbers are not among them."""


def parse_json(body: bytes) -> Any:
    """The value of a body.

    Raises
    ------
    ApiError
        400 for what is not UTF-8, not JSON, or not strict.
    """
    flat = _flat_object(body)
    return strict_json(body) if flat is None else flat


def _flat_object(body: bytes) -> dict[str, Any] | None:
    """An object of plain values and lists of them; None for whatever else the body is."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    # Each member has a colon, so an object with as many keys as the body has colons has neither
    # a key twice nor a member with members.
    if type(value) is not dict or body.count(b":") != len(value):
        return None
    for member in value.values():
        kind = type(member)
        if kind not in PLAIN and not (kind is list and PLAIN.issuperset(map(type, member))):
            return None
    return value


def strict_json(body: bytes) -> Any:
    """As `parse_json`, for any body at all."""
    try:
        # RFC 8259 lets a reader pass over the mark that .NET and PowerShell put before UTF-8.
        text = body.removeprefix(BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"byte {error.start}"
        if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            place = "it begins like UTF-16"
        raise _malformed(f"the body is not UTF-8 ({place})") from None
    if not text.strip():
        raise _malformed("the body is empty; send a JSON object")
    try:
        return json.loads(
            text, parse_constant=_constant, parse_float=_float, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        # Some of Python's messages end in "at" themselves.
        what = error.msg.removesuffix(" at")
        raise _malformed(f"the body is not JSON: {what} at {where}") from None
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
