"""Endpoints as operations of either version."""

from __future__ import annotations

import re
from typing import Any

from npsight.service.endpoints import Endpoint, Parameter
from npsight.service.known import KNOWN
from npsight.service.problems import MEDIA_TYPE
from npsight.service.shapes.problem import Problem
from npsight.service.spec.schemas import Schema, Schemas, label
from npsight.service.spec.words import WORDS, Words

JSON = "application/json"
TEXT = "text/plain"
KINDS: dict[str, Schema] = {
    "string": {"type": "string"},
    "integer": {"type": "integer", "format": "int32"},
    "number": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
}
PLACEHOLDER = re.compile(r"{(\w+)(?::\w+)?}")


def path_of(endpoint: Endpoint) -> str:
    """The path as the specs write it: `{account:path}` is `{account}`."""
    return PLACEHOLDER.sub(r"{\1}", endpoint.path)


def statuses(endpoint: Endpoint) -> list[int]:
    """The statuses of errors that the endpoint can answer with, ascending."""
    found = {500}
    if endpoint.scope is not None:
        # Whatever needs a key reads the store, too: it may be away, or not hold what is asked for.
        found |= {400, 401, 403, 404, 429, 503}
    if endpoint.operation == "ready":
        found |= {503}
    if endpoint.body is not None:
        found |= {400, 408, 413, 415, 422}
    if endpoint.writes:
        found |= {422}
    if endpoint.conflicts:
        found |= {409}
    if any(parameter.name == "cursor" for parameter in endpoint.parameters):
        found |= {410}
    return sorted(found)


def operation_3(endpoint: Endpoint, schemas: Schemas) -> Schema:
    """The endpoint in OpenAPI 3.0."""
    words = WORDS[endpoint.operation]
    parameters = [
        _parameter(parameter, place, words, schema={**KINDS[parameter.kind]})
        for parameter, place in _parameters(endpoint)
    ]
    found = _head(endpoint, words)
    if parameters:
        found["parameters"] = parameters
    if endpoint.body is not None:
        content: Schema = {"schema": schemas.reference(endpoint.body)}
        if words.body is not None:
            content["example"] = words.body
        found["requestBody"] = {
            "description": words.sent,
            "required": True,
            "content": {JSON: content},
        }
    given = _given(endpoint, schemas)
    answers: Schema = {
        str(endpoint.status): {
            "description": words.answered,
            "content": {media_type: {"schema": schema} for media_type, schema in given.items()},
        }
    }
    for status in statuses(endpoint):
        content = {MEDIA_TYPE: {"schema": schemas.reference(Problem)}}
        answers[str(status)] = {"description": _reasons(status), "content": content}
    found["responses"] = answers
    found["security"] = [{"ApiKey": []}, {"Bearer": []}] if endpoint.scope else []
    return found


def operation_2(endpoint: Endpoint, schemas: Schemas) -> Schema:
    """The endpoint in OpenAPI 2.0."""
    words = WORDS[endpoint.operation]
    found = _head(endpoint, words)
    parameters = []
    for parameter, place in _parameters(endpoint):
        shown = _parameter(parameter, place, words, **KINDS[parameter.kind])
        shown["x-ms-summary"] = label(parameter.name)
        if place == "path":
            shown["x-ms-url-encoding"] = "single"
        parameters.append(shown)
    if endpoint.body is not None:
        found["consumes"] = [JSON]
        body = {"name": "body", "in": "body", "required": True, "description": words.sent}
        parameters.append({**body, "schema": schemas.reference(endpoint.body)})
    given = _given(endpoint, schemas)
    found["produces"] = [*given, MEDIA_TYPE]
    if parameters:
        found["parameters"] = parameters
    (schema,) = given.values()
    answers: Schema = {str(endpoint.status): {"description": words.answered, "schema": schema}}
    for status in statuses(endpoint):
        reference = schemas.reference(Problem)
        answers[str(status)] = {"description": _reasons(status), "schema": reference}
    found["responses"] = answers
    found["security"] = [{"ApiKey": []}] if endpoint.scope else []
    if not endpoint.path.startswith("/v1/"):
        # For balancers and tools: in a list of a flow's actions these would stand in the way.
        found["x-ms-visibility"] = "internal"
    return found


def _head(endpoint: Endpoint, words: Words) -> Schema:
    description = words.description
    if endpoint.scope in ("score", "read", "write", "admin"):
        description += f" The key needs the scope `{endpoint.scope}`."
    return {
        "operationId": endpoint.operation,
        "summary": words.summary,
        "description": description,
        "tags": [words.tag],
    }


def _parameters(endpoint: Endpoint) -> list[tuple[Parameter, str]]:
    """Every parameter and where it stands."""
    words = WORDS[endpoint.operation]
    names = PLACEHOLDER.findall(endpoint.path)
    in_path = [(Parameter(name, "string", words.path[name]), "path") for name in names]
    return [*in_path, *((parameter, "query") for parameter in endpoint.parameters)]


def _parameter(parameter: Parameter, place: str, words: Words, **kind: Any) -> Schema:
    return {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": parameter.description,
        **kind,
    }


def _given(endpoint: Endpoint, schemas: Schemas) -> dict[str, Schema]:
    """Media type -> schema of the answer."""
    if endpoint.answer is None:
        return {TEXT: {"type": "string"}}
    return {JSON: schemas.reference(endpoint.answer)}


def _reasons(status: int) -> str:
    return " ".join(
        f"`{known.code}`: {known.title}." for known in KNOWN if status in known.statuses
    )
