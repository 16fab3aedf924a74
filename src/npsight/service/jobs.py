"""`POST /v1/jobs/score` and `GET /v1/jobs/{id}`: large batches, taken on here, done elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from npsight.config.specs import ProjectSpec
from npsight.service.accountkeys import account_fault, as_stored, key_of
from npsight.service.api import Api
from npsight.service.asking import checked_too, refused
from npsight.service.body import read_json
from npsight.service.cursors import content_of, cursor_of, expired
from npsight.service.instants import instant_text, text_or_none
from npsight.service.problems import ApiError, Json, request_id
from npsight.service.query import Query
from npsight.service.scoring import JsonObject
from npsight.service.shapes.jobs import JobBody
from npsight.service.state import ServingState
from npsight.store import ScoreJob
from npsight.store.jobs import CHUNK, chunks_of, create_job, job_by_id, results_of
from npsight.store.listing import accounts_after

MAX_BODY_BYTES = 8_000_000
MAX_LIMIT = 1000
LIMIT = 200
MOST_WAITING = 50
RETRY_SECONDS = 30
"""About as long as a large job takes."""
KIND = "job"
PARAMETERS = {
    "limit": f"Results a page, 1 to {MAX_LIMIT}; {LIMIT} unless said.",
    "cursor": "`next_cursor` of the page before.",
}
_ID = re.compile(r"[0-9a-f]{32}")


async def start(api: Api, request: Request) -> Response:
    """`POST /v1/jobs/score`: take a batch on; 202 with the job."""
    wanted = checked_too(JobBody, await read_json(request))
    answer = await api.threaded(taken_on, api.state, wanted)
    return Json({"request_id": request_id(request), **answer}, 202)


async def job(api: Api, request: Request) -> Response:
    """`GET /v1/jobs/{id}`: how far the job is, and a page of its results."""
    query = Query(request, tuple(PARAMETERS))
    limit = query.whole("limit", 1, MAX_LIMIT) or LIMIT
    place = _place(query)
    query.check()
    answer = await api.threaded(progress_of, api.state, request.path_params["id"], place, limit)
    return Json({"request_id": request_id(request), **answer})


def taken_on(state: ServingState, wanted: JobBody) -> JsonObject:
    """The new job as it is answered."""
    run = state.store.latest_run(state.project)
    made = create_job(
        state.store,
        run,
        (state.version, state.digest),
        _everyone(state, run.id)
        if wanted.accounts is None
        else chunks_of(_judged(wanted.accounts, state.spec)),
        bool(wanted.drivers),
        wanted.targets or [],
        MOST_WAITING,
    )
    if made is None:
        detail = f"{MOST_WAITING} jobs are waiting; retry when some of them are done"
        raise ApiError(429, "too-many-jobs", detail, retry_after=RETRY_SECONDS)
    return _shown(made)


def _judged(accounts: Sequence[Any], project: ProjectSpec) -> list[Any]:
    """Keys as the store has them; of what is none the result that it will have."""
    keys = [as_stored(key_of(account), project) for account in accounts]
    return [refused(key, fault) if (fault := account_fault(key)) else key for key in keys]


def _everyone(state: ServingState, run_id: str) -> Iterator[list[str]]:
    last = ""
    while some := accounts_after(state.store, run_id, last, CHUNK):
        yield some
        last = some[-1]


def progress_of(
    state: ServingState, identity: str, place: tuple[str, int] | None, limit: int
) -> JsonObject:
    """The job, and its results from a place on.

    Raises
    ------
    ApiError
        404 for no job of this project, 410 for a place in results that were made anew.
    """
    found = job_by_id(state.store, state.project, identity) if _ID.fullmatch(identity) else None
    if found is None:
        raise ApiError(404, "not-found", "there is no such job, or its results were removed")
    begin = 0
    if place is not None:
        made_of, begin = place
        if made_of != _made_of(found):
            raise expired("this cursor is of another job, or the job started over with a new model")
    results = results_of(state.store, found, begin, limit)
    reached = begin + len(results)
    more = reached < found.done or found.status in ("queued", "running")
    return {
        **_shown(found),
        "results": results,
        "next_cursor": cursor_of(KIND, [_made_of(found), reached]) if more else None,
    }


def _place(query: Query) -> tuple[str, int] | None:
    cursor = query.text("cursor")
    if cursor is None:
        return None
    try:
        made_of, begin = content_of(KIND, cursor)
        sound = isinstance(made_of, str) and type(begin) is int and 0 <= begin < 2**31
    except ValueError:
        sound = False
    if not sound:
        query.fault("cursor", "is not one that this service gave; start again without a cursor")
        return None
    return made_of, begin


def _made_of(job: ScoreJob) -> str:
    return f"{job.id} {job.run_id} {job.model_digest[:16]}"


def _shown(job: ScoreJob) -> JsonObject:
    facts = {
        "model_version": job.model_version,
        "model_digest": job.model_digest,
        "as_of": instant_text(job.as_of),
    }
    return {
        **facts,
        "job": {
            "id": job.id,
            "status": job.status,
            "detail": job.detail,
            "total": job.total,
            "done": job.done,
            **facts,
            "created_at": instant_text(job.created_at),
            "finished_at": text_or_none(job.finished_at),
            "expires_at": instant_text(job.expires_at),
        },
    }
