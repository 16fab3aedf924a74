"""The limit: a constant from Starlette on uvicorn, which does nothing else."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def constant(_request: Request) -> JSONResponse:
    """Always the same."""
    return JSONResponse({"risk": 0.5})


app = Starlette(routes=[Route("/score", constant, methods=["POST"])])
