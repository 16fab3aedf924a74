"""A repeated write is answered like the first, whichever process the first one reached."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from npsight.errors import NotFoundError, NpsightError
from npsight.service.access import Caller
from npsight.service.api import Api
from npsight.service.body import read_json
from npsight.service.call import call_of
from npsight.service.limits import whole_seconds
from npsight.service.problems import ApiError, Fault, on_npsight_error, problem
from npsight.service.shapes.base import KEY_FORM, KEY_PATTERN, is_blank
from npsight.store import answers
from npsight.store.answers import Claimed, Different, InFlight, Kept, Repeatable

if TYPE_CHECKING:
    from npsight.service.endpoints import Endpoint

log = logging.getLogger(__name__)
HEADER = "Idempotency-Key"
FIELD = "idempotency_key"
REPLAYED = {"Idempotent-Replayed": "true"}
LEASE_MARGIN_SECONDS = 5.0
"""A claim outlives the deadline of its request by this much."""
SOON_SECONDS = 2
"""What is being answered here is asked for again after so long."""
CLEAN_SECONDS = 3600.0
PASSING = frozenset({408, 425, 429})
"""Refusals that a later try may not meet; like 5xx they are not kept."""
_KEY = re.compile(KEY_PATTERN)


async def answered_once(api: Api, request: Request, endpoint: Endpoint, caller: Caller) -> Response:
    """The endpoint's answer, or the one that the same call got before.

    A caller who gives no key gets the endpoint's answer.

    Raises
    ------
    ApiError
        400 or 422 for a key that cannot be used, 422 for one that was used for another request,
        503 while the first call is under way or where the store cannot keep the answer.
    """
    body = await read_json(request)
    key = _key(request, body)
    if isinstance(body, dict) and FIELD in body:
        call_of(request).json = body = {name: body[name] for name in body if name != FIELD}
    if key is None:
        return await endpoint.handler(api, request)
    write = Repeatable(
        api.state.project,
        caller.name,
        endpoint.operation,
        hashlib.sha256(key.encode()).digest(),
        request_hash(request, body),
    )
    keep = timedelta(hours=api.state.service.replay_hours)
    lease = timedelta(seconds=api.deadline + LEASE_MARGIN_SECONDS)
    # Known as this process's own before any twin can find the claim.
    holder = answers.new_holder()
    api.holding.add(holder)
    try:
        claim = partial(answers.claim, holder=holder)
        found = await api.threaded(claim, api.state.store, write, lease, keep)
        match found:
            case Kept():
                return Response(found.body, found.status, dict(REPLAYED), found.media_type)
            case Different():
                raise ApiError(
                    422,
                    "idempotency-key-reused",
                    "this idempotency key was used for another request; each request needs its own",
                )
            case InFlight():
                raise _in_progress(found, api)
        _clean_now_and_then(api)
        return await _first(api, request, endpoint, write, found, keep)
    finally:
        api.holding.discard(holder)


def _in_progress(found: InFlight, api: Api) -> ApiError:
    """503, which callers repeat by themselves, with the seconds to wait.

    What this process is at will be answered soon. Of another process nobody knows whether it
    lives: its claim is surely over when its lease is.
    """
    wait = whole_seconds(found.seconds)
    return ApiError(
        503,
        "in-progress",
        "the same request is being answered, or was cut off; retry later for its answer",
        retry_after=min(wait, SOON_SECONDS) if found.holder in api.holding else wait,
    )


def request_hash(request: Request, body: Any) -> bytes:
    """SHA-256 of what is asked; the same where the same JSON is written otherwise."""
    whole = [request.method, request.url.path, request.url.query, body]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).digest()


def _key(request: Request, body: Any) -> str | None:
    """The key of the header or of the body; None where the caller gave none."""
    header = _header_key(request)
    field = body.get(FIELD) if isinstance(body, dict) else None
    if field is None or is_blank(field):
        return header
    if not isinstance(field, str) or not _KEY.fullmatch(field):
        raise _unusable(f"must be {KEY_FORM}")
    if header is not None and header != field:
        raise _unusable(f"is another key than that of the header {HEADER}; send one of them")
    return field


def _header_key(request: Request) -> str | None:
    # The IETF's draft quotes it, most callers do not.
    given = {
        value.strip().removeprefix('"').removesuffix('"')
        for value in request.headers.getlist(HEADER)
    }
    if len(given) > 1:
        what = f"the request has {len(given)} headers {HEADER} that differ; send one of them"
        raise ApiError(400, "invalid-idempotency-key", what)
    for key in given:
        if not _KEY.fullmatch(key):
            raise ApiError(400, "invalid-idempotency-key", f"{HEADER} must be {KEY_FORM}")
        return key
    return None


def _unusable(what: str) -> ApiError:
    fault = Fault(f"/{FIELD}", what)
    return ApiError(422, "invalid-idempotency-key", f"the idempotency key {what}", [fault])


async def _first(
    api: Api,
    request: Request,
    endpoint: Endpoint,
    write: Repeatable,
    held: Claimed,
    keep: timedelta,
) -> Response:
    """The endpoint's answer, kept; what may have changed something stays claimed until the lease
    ends.
    """
    try:
        response = await _answer(api, request, endpoint)
    except asyncio.CancelledError:
        # The caller left; the work may go on in its thread.
        raise
    except ApiError as error:
        if error.code != "deadline-exceeded":
            await _release(api, write, held)
        raise
    except BaseException:
        await _release(api, write, held)
        raise
    if response.status_code >= 500 or response.status_code in PASSING:
        await _release(api, write, held)
        return response
    answer = Kept(response.status_code, response.media_type or "", bytes(response.body))
    with anyio.CancelScope(shield=True):
        try:
            await run_sync(answers.keep_answer, api.state.store, write, held, answer, keep)
        except NpsightError as error:
            # What was written stays written, so the caller is told; a retry does it again.
            log.error("an answer could not be kept: %s", error)
    return response


async def _answer(api: Api, request: Request, endpoint: Endpoint) -> Response:
    """The endpoint's answer, refusals included: they are kept, too."""
    try:
        return await endpoint.handler(api, request)
    except ApiError as error:
        if error.status >= 500:
            raise
        return problem(request, error)
    except NotFoundError as error:
        return await on_npsight_error(request, error)


async def _release(api: Api, write: Repeatable, held: Claimed) -> None:
    with anyio.CancelScope(shield=True):
        try:
            await run_sync(answers.release, api.state.store, write, held)
        except NpsightError as error:
            log.warning("a claim stays until its lease ends: %s", error)


def _clean_now_and_then(api: Api) -> None:
    """Forget old answers, off the request's path."""
    now = time.monotonic()
    if now - api.answers_cleaned_at < CLEAN_SECONDS:
        return
    api.answers_cleaned_at = now
    asyncio.get_running_loop().run_in_executor(None, _clean, api)


def _clean(api: Api) -> None:
    try:
        answers.delete_expired(api.state.store)
    except NpsightError as error:
        log.warning("old answers could not be deleted: %s", error)
