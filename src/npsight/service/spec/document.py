"""The two documents whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial

from npsight.service.endpoints import ENDPOINTS, Endpoint
from npsight.service.problems import MEDIA_TYPE
from npsight.service.shapes.problem import Problem
from npsight.service.spec.dialects import OPENAPI_3, SWAGGER_2, Dialect
from npsight.service.spec.operations import JSON, operation_2, operation_3, path_of
from npsight.service.spec.schemas import Schema, Schemas, SpecError
from npsight.service.spec.words import API, HOST, TAGS

NAME = re.compile(r"[A-Za-z]\w*")


def openapi(endpoints: Sequence[Endpoint] = ENDPOINTS) -> Schema:
    """The service in OpenAPI 3.0.3, for Salesforce External Services and most tools."""
    schemas = _schemas(OPENAPI_3, endpoints)
    keys = {
        "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "Bearer": {"type": "http", "scheme": "bearer"},
    }
    return {
        "openapi": "3.0.3",
        "info": API,
        "servers": [{"url": f"https://{HOST}", "description": "Put your own address here."}],
        "tags": TAGS,
        "paths": _paths(endpoints, partial(operation_3, schemas=schemas)),
        "components": {"securitySchemes": keys, "schemas": schemas.named()},
    }


def swagger(endpoints: Sequence[Endpoint] = ENDPOINTS) -> Schema:
    """The service in OpenAPI 2.0, for Power Platform."""
    schemas = _schemas(SWAGGER_2, endpoints)
    return {
        "swagger": "2.0",
        "info": API,
        "host": HOST,
        "basePath": "/",
        "schemes": ["https"],
        "consumes": [JSON],
        "produces": [JSON, MEDIA_TYPE],
        "tags": TAGS,
        "paths": _paths(endpoints, partial(operation_2, schemas=schemas)),
        "definitions": schemas.named(),
        "securityDefinitions": {
            "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
        "security": [{"ApiKey": []}],
    }


def _schemas(dialect: Dialect, endpoints: Sequence[Endpoint]) -> Schemas:
    bodies = [e.body for e in endpoints if e.body is not None]
    answers = [e.answer for e in endpoints if e.answer is not None]
    return Schemas(dialect, bodies, [Problem, *answers])


def _paths(endpoints: Sequence[Endpoint], operation: Callable[[Endpoint], Schema]) -> Schema:
    """Path -> method -> operation.

    Raises
    ------
    SpecError
        Two operations have one id, or an id is no word.
    """
    paths: dict[str, Schema] = {}
    seen: set[str] = set()
    for endpoint in endpoints:
        if endpoint.operation in seen or not NAME.fullmatch(endpoint.operation):
            raise SpecError(f"{endpoint.operation!r} is no operation id, or one of two operations")
        seen.add(endpoint.operation)
        path = paths.setdefault(path_of(endpoint), {})
        path[endpoint.method.lower()] = operation(endpoint)
    return paths


def text(document: Schema) -> str:
    """The document as it is checked in and served: in order, for differences to be read."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
