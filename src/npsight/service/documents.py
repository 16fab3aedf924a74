"""Endpoints that explain the service: its specs and its problems."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.api import Api
from npsight.service.known import BY_CODE
from npsight.service.problems import ApiError, Json, request_id


async def openapi(api: Api, request: Request) -> Response:
    """`GET /openapi.json`."""
    return Response(_document("openapi"), media_type="application/json")


async def swagger(api: Api, request: Request) -> Response:
    """`GET /swagger.json`."""
    return Response(_document("swagger"), media_type="application/json")


@cache
def _document(version: str) -> bytes:
    # The specs are made from the endpoints, of which this module's are some.
    from npsight.service import spec

    return spec.text(getattr(spec, version)()).encode()


async def problem(api: Api, request: Request) -> Response:
    """`GET /problems/{code}`: what the `type` of an error stands for."""
    known = BY_CODE.get(request.path_params["code"])
    if known is None:
        raise ApiError(404, "not-found", "there is no such problem; docs/errors.md lists all")
    words = asdict(known)
    del words["also"]
    return Json({"request_id": request_id(request), "type": known.type, **words})
