"""Who calls, and what that caller may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from npsight.service.api import Api

if TYPE_CHECKING:
    from npsight.service.endpoints import Endpoint


@dataclass(frozen=True)
class Caller:
    """A key's public id, and its scopes."""

    id: str
    scopes: frozenset[str]


async def admit(api: Api, request: Request, endpoint: Endpoint) -> Caller:
    """The caller of a request, allowed to call the endpoint."""
    return Caller("", frozenset())
