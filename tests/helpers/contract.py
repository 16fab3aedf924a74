"""Holds every answer to the generated spec: status, media type, and each field of the body."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from npsight.service.spec import openapi

OPEN = {"OpenApiDocument", "SwaggerDocument"}
"""Answers that hold more than their shape says."""
EVERYWHERE = {404, 405}
"""Statuses of paths and methods that are none, so of no operation."""


def hold_to_contract(client: httpx.Client) -> None:
    """Have each answer that the client gets checked."""
    client.event_hooks = {"response": [check_answer]}


def check_answer(answer: httpx.Response) -> None:
    """Raises AssertionError where the answer is not as the spec says."""
    answer.read()
    method, path = answer.request.method.lower(), answer.request.url.raw_path.decode()
    operation = operation_of(method, path.partition("?")[0])
    status = str(answer.status_code)
    told = operation["responses"] if operation else {}
    if status in told:
        content = told[status]["content"]
    elif answer.status_code in EVERYWHERE:
        content = {"application/problem+json": {"schema": reference("Problem")}}
    else:
        # Some tests mount endpoints of their own.
        assert operation is None, f"{operation['operationId']}: {status} is not told"
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in content, f"{method} {path}: {media_type} is not told"
    if method != "head" and media_type.endswith("json"):
        validate(answer.json(), content[media_type]["schema"])


def validate(value: Any, schema: dict[str, Any]) -> None:
    """Raises AssertionError naming the first faults."""
    validator = Draft202012Validator({**strict(schema), "components": components()})
    faults = [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(value)]
    assert not faults, faults[:5]


def reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


@cache
def document() -> dict[str, Any]:
    return json.loads(json.dumps(openapi()))


@cache
def components() -> dict[str, Any]:
    schemas = document()["components"]["schemas"]
    return {"schemas": {name: strict(schema, name not in OPEN) for name, schema in schemas.items()}}


def strict(schema: dict[str, Any], closed: bool = True) -> dict[str, Any]:
    """A schema of OpenAPI 3.0 in JSON Schema 2020-12, with no field but those it names."""
    found = copy.deepcopy(schema)
    if found.pop("nullable", False):
        found["type"] = [found["type"], "null"]
    if found.get("format") == "int32":
        found |= {"minimum": -(2**31), "maximum": 2**31 - 1}
    if "properties" in found:
        found["properties"] = {k: strict(v) for k, v in found["properties"].items()}
        found["additionalProperties"] = not closed
    if "items" in found:
        found["items"] = strict(found["items"])
    return found


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """The operation that a path belongs to; fixed paths go before those with a parameter."""
    paths = sorted(document()["paths"].items(), key=lambda item: "{" in item[0])
    for template, item in paths:
        # An account's key may hold slashes, and is the last part of its path.
        if re.fullmatch(re.sub(r"{\w+}", "(?:.+)", template), path):
            return item.get("get" if method == "head" else method)
    return None
