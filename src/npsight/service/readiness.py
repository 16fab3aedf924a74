"""`GET /readyz`: whether the service can score, and what is wrong beside it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.api import Api
from npsight.service.problems import ApiError, Json, request_id
from npsight.service.standing import SCORES, instant
from npsight.service.state import Live


async def ready(api: Api, request: Request) -> Response:
    """200 while the service can score, however much else is wrong; 503 when it cannot."""
    await api.threaded(api.state.store.check)
    body = standing_of(api.live)
    for trouble in body["degraded"]:
        if trouble["part"] == SCORES:
            raise ApiError(503, "cannot-score", trouble["reason"])
    return Json({"request_id": request_id(request), **body})


def standing_of(live: Live) -> dict[str, Any]:
    """What is served since when, and the troubles of now: the fields of `ReadyAnswer`."""
    state, troubles = live.state, live.standing.troubles
    return {
        "status": "degraded" if troubles else "ready",
        "model_version": state.version,
        "model_digest": state.digest,
        "served_since": instant(live.standing.served_since),
        "degraded": [trouble.to_json() for trouble in troubles],
    }
