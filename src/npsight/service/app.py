"""The routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from npsight import __version__
from npsight.errors import NpsightError
from npsight.service import problems
from npsight.service.body import account_fault, read_json, score_request
from npsight.service.metrics import CountRequests, Metrics
from npsight.service.problems import ApiError, Json, request_id
from npsight.service.scoring import model_facts, score_accounts
from npsight.service.state import ServingState
from npsight.store import HistoryPoint, ScoreRow

Result = TypeVar("Result")

DEADLINE_SECONDS = 25.0
"""Below BentoML's own time-out, and below the 30 seconds that Zapier and HubSpot wait."""
SCORERS = 2
HISTORY_RUNS = 12


def build_app(state: ServingState, deadline: float = DEADLINE_SECONDS) -> Starlette:
    """The whole API over one model and store; holds no other state than its metrics."""
    metrics = Metrics()
    api = Api(state, metrics, deadline)
    return Starlette(
        routes=[
            Route("/", api.index),
            Route("/v1/score", api.score, methods=["POST"]),
            Route("/v1/accounts/{account:path}", api.account),
            Route("/v1/model", api.model),
            Route("/healthz", api.live),
            Route("/readyz", api.ready),
            Route("/metrics", metrics.page),
        ],
        middleware=[Middleware(CountRequests, metrics=metrics)],
        exception_handlers={
            ApiError: problems.on_api_error,
            HTTPException: problems.on_http_error,
            NpsightError: problems.on_npsight_error,
            Exception: problems.on_crash,
        },
    )


class Api:
    """Endpoints; what takes time runs in threads, a few at a time and under a deadline."""

    def __init__(self, state: ServingState, metrics: Metrics, deadline: float) -> None:
        self.state = state
        self.metrics = metrics
        self.deadline = deadline
        self._scorers: anyio.CapacityLimiter | None = None

    async def index(self, request: Request) -> Response:
        """`GET /`: what is here."""
        return Json(
            {
                "service": "npsight",
                "version": __version__,
                "project": self.state.project,
                "endpoints": [
                    "POST /v1/score",
                    "GET /v1/accounts/{account}",
                    "GET /v1/model",
                    "GET /healthz",
                    "GET /readyz",
                    "GET /metrics",
                ],
            }
        )

    async def score(self, request: Request) -> Response:
        """`POST /v1/score`: scores from the stored inputs of the latest run."""
        wanted = score_request(await read_json(request))
        answer = await self._threaded(score_accounts, self.state, wanted)
        for result in answer["results"]:
            self.metrics.accounts.labels(result["status"]).inc()
        return Json({"request_id": request_id(request), **answer})

    async def account(self, request: Request) -> Response:
        """`GET /v1/accounts/{account}`: the stored score, its drivers and its history."""
        account = request.path_params["account"]
        if account_fault(account):
            raise ApiError(404, "not-found", "the latest run has no such account")
        answer = await self._threaded(stored_account, self.state, account)
        return Json({"request_id": request_id(request), **answer})

    async def model(self, request: Request) -> Response:
        """`GET /v1/model`: the served model and the latest run."""
        answer = await self._threaded(stored_model, self.state)
        return Json({"request_id": request_id(request), **answer})

    async def live(self, request: Request) -> Response:
        """`GET /healthz`: the process answers."""
        return Json({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """`GET /readyz`: the model is loaded and the store answers."""
        await self._threaded(self.state.store.check)
        return Json({"status": "ready"})

    async def _threaded(self, work: Callable[..., Result], *arguments: Any) -> Result:
        if self._scorers is None:
            self._scorers = anyio.CapacityLimiter(SCORERS)
        try:
            with anyio.fail_after(self.deadline):
                return await run_sync(
                    work, *arguments, limiter=self._scorers, abandon_on_cancel=True
                )
        except TimeoutError:
            raise ApiError(
                503,
                "deadline-exceeded",
                f"no answer within {self.deadline:g} seconds; retry later or send fewer accounts",
            ) from None


def stored_account(state: ServingState, account: str) -> dict[str, Any]:
    """The newest stored score of an account, with its history, newest first."""
    run = state.store.latest_run(state.project)
    row = state.store.score(run.id, account)
    history = state.store.history(state.project, account, HISTORY_RUNS)
    return {
        "model_version": run.model_version,
        "model_digest": run.model_digest,
        **_shown(row),
        "history": [_shown(point) for point in history],
    }


def stored_model(state: ServingState) -> dict[str, Any]:
    """The served model, and the as_of of the run whose inputs it scores."""
    run = state.store.latest_run(state.project)
    return {
        "project": state.project,
        **model_facts(state),
        "trained_through": state.model.trained_through,
        "as_of": run.as_of.isoformat(),
        "account_count": run.account_count,
    }


def _shown(row: ScoreRow | HistoryPoint) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in asdict(row).items()
        if key != "run_id"
    }
