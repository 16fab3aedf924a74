"""Endpoints that read: scores, accounts, the model, and whether the service is well."""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.accountkeys import account_fault, as_stored, key_of
from npsight.service.answering import scored
from npsight.service.api import Api
from npsight.service.asking import answer, asked
from npsight.service.body import read_json
from npsight.service.describing import described
from npsight.service.instants import instant_text
from npsight.service.listing import account_row
from npsight.service.problems import ApiError, Json, Ready, request_id
from npsight.service.query import Query
from npsight.service.scoring import JsonObject
from npsight.service.shapes.accounts import ChangeSide
from npsight.service.state import ServingState
from npsight.store import HistoryPoint
from npsight.store.listing import RecordedChange, last_change
from npsight.store.values import rounded

HISTORY_RUNS = 30


async def score(api: Api, request: Request) -> Response:
    """`POST /v1/score`: scores from stored inputs, of the latest run or of an older one."""
    wanted = asked(await read_json(request))
    if api.state.spec.tables.account_case == "lower":
        keys = tuple(as_stored(account, api.state.spec) for account in wanted.accounts)
        wanted = wanted._replace(accounts=keys)
    if wanted.as_of is None and wanted.targets is None:
        return Ready(await scored(api, wanted.accounts, wanted.drivers, request_id(request)))
    given = await api.threaded(answer, api.state, wanted)
    for status, count in Counter(result["status"] for result in given["results"]).items():
        api.metrics.scored(status, count)
    return Json({"request_id": request_id(request), **given})


async def account(api: Api, request: Request) -> Response:
    """`GET /v1/accounts/{account}`: the stored score, its drivers and its history."""
    Query(request, ()).check()
    key = as_stored(key_of(request.path_params["account"]), api.state.spec)
    if not key:
        raise ApiError(404, "not-found", "the path names no account; /v1/accounts lists them")
    fault = account_fault(key)
    if fault:
        raise ApiError(404, "not-found", f"the account's key {fault}")
    given = await api.threaded(stored_account, api.state, key)
    return Json({"request_id": request_id(request), **given})


async def model(api: Api, request: Request) -> Response:
    """`GET /v1/model`: the served model and the latest run."""
    Query(request, ()).check()
    given = await api.threaded(described, api.state)
    return Json({"request_id": request_id(request), **given})


async def live(api: Api, request: Request) -> Response:
    """`GET /healthz`: the process answers."""
    return Json({"status": "ok"})


async def metrics(api: Api, request: Request) -> Response:
    """`GET /metrics`: Prometheus figures."""
    return await api.metrics.page(request)


def stored_account(state: ServingState, account: str) -> JsonObject:
    """The newest stored score of an account, its drivers, its history, and its last change.

    Raises
    ------
    NotFoundError
        The project was never scored, or the latest run has no such account.
    """
    run = state.store.latest_run(state.project)
    row = state.store.score(run.id, account)
    history = state.store.history(state.project, account, HISTORY_RUNS)
    change = last_change(state.store, state.project, account)
    return {
        "model_version": run.model_version,
        "model_digest": run.model_digest,
        **account_row(row),
        "base_risk": rounded(row.base_risk),
        "base_nps": rounded(row.base_nps),
        "base_churn": rounded(row.base_churn),
        "drivers": row.drivers,
        "churn_drivers": row.churn_drivers,
        "history": [_point(point) for point in history],
        "last_change": None if change is None else _change(change),
    }


def _point(point: HistoryPoint) -> JsonObject:
    return {
        "as_of": instant_text(point.as_of),
        "model_version": point.model_version,
        "detractor_risk": rounded(point.detractor_risk),
        "predicted_nps": rounded(point.predicted_nps),
        "churn_risk": rounded(point.churn_risk),
        "risk_level": point.risk_level,
        "rank": point.rank,
    }


def _change(change: RecordedChange) -> JsonObject:
    return {
        "changed_at": instant_text(change.changed_at),
        "cause": change.cause,
        "before": _side(change.before) if change.before else None,
        "after": _side(change.after),
    }


def _side(numbers: JsonObject) -> JsonObject:
    found = {name: numbers.get(name) for name in ChangeSide.model_fields}
    return {name: rounded(value) for name, value in found.items()}
