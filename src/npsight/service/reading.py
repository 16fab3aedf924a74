"""Endpoints that read: scores, accounts, the model, and whether the service is well."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.answering import scored
from npsight.service.api import Api
from npsight.service.body import account_fault, read_json, score_request
from npsight.service.problems import ApiError, Json, request_id
from npsight.service.scoring import model_facts
from npsight.service.state import ServingState
from npsight.store import HistoryPoint, ScoreRow

HISTORY_RUNS = 12


async def score(api: Api, request: Request) -> Response:
    """`POST /v1/score`: scores from the stored inputs of the latest run."""
    wanted = score_request(await read_json(request))
    body = await scored(api, wanted.accounts, wanted.drivers, request_id(request))
    return Response(body, media_type="application/json")


async def account(api: Api, request: Request) -> Response:
    """`GET /v1/accounts/{account}`: the stored score, its drivers and its history."""
    key = request.path_params["account"]
    if account_fault(key):
        raise ApiError(404, "not-found", "the latest run has no such account")
    answer = await api.threaded(stored_account, api.state, key)
    return Json({"request_id": request_id(request), **answer})


async def model(api: Api, request: Request) -> Response:
    """`GET /v1/model`: the served model and the latest run."""
    answer = await api.threaded(stored_model, api.state)
    return Json({"request_id": request_id(request), **answer})


async def live(api: Api, request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return Json({"status": "ok"})


async def metrics(api: Api, request: Request) -> Response:
    """`GET /metrics`: Prometheus figures."""
    return await api.metrics.page(request)


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
