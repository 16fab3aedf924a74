"""Who calls, and what that caller may do. A known key costs no look into the store."""

from __future__ import annotations

import asyncio
import hmac
import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import anyio
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request

from npsight.config.runtime import HUBSPOT_VARIABLE, hubspot_secret
from npsight.service import hubspot
from npsight.service.body import raw_body
from npsight.service.keyring import USE_SECONDS, Keyring
from npsight.service.limits import Buckets, Guesses, whole_seconds
from npsight.service.metrics import Metrics
from npsight.service.problems import ApiError
from npsight.service.state import Live
from npsight.store.keys import KeyRow
from npsight.store.keytext import PREFIX, key_fault, key_hash, key_id

if TYPE_CHECKING:
    from npsight.service.api import Api
    from npsight.service.endpoints import Endpoint

KNOWN_PATIENCE = 0.25
"""Seconds that one request waits for fresh keys though it holds a known one."""
UNKNOWN_PATIENCE = 2.0
FIRST_USE_SECONDS = 1.0
"""After a quiet minute a use is written down at once, or nearly so."""
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="npsight"'}
WRONG_KEY = {"WWW-Authenticate": 'Bearer realm="npsight", error="invalid_token"'}
HOW = "send `Authorization: Bearer KEY` or `X-API-Key: KEY`; `npsight keys create` makes one"


@dataclass(frozen=True)
class Caller:
    """Who calls.

    Attributes
    ----------
    id
        The key's public id, `hubspot`, or "" for callers of open endpoints.
    name
        The same for all keys of one name, so that a caller stays itself when its key is replaced.
    """

    id: str
    scopes: frozenset[str]
    name: str = ""


ANYBODY = Caller("", frozenset())
HUBSPOT = Caller("hubspot", hubspot.SCOPES, "hubspot")


@lru_cache
def _holder(identity: str, scopes: tuple[str, ...], name: str) -> Caller:
    """Whoever calls with the key of that id."""
    return Caller(identity, frozenset(scopes), f"key:{name}")


async def admit(api: Api, request: Request, endpoint: Endpoint) -> Caller:
    """The caller of a request, allowed to call the endpoint.

    Raises
    ------
    ApiError
        401 no key, or a wrong one; 403 a key without the scope; 429 too many requests;
        503 an unknown key while the store, which may know it, cannot be read.
    """
    access = api.access
    try:
        return await access.admit(request, endpoint)
    except ApiError as error:
        access.refused.labels(error.code).inc()
        if error.status == 401 and error.code != "missing-key":
            await access.hold_back(request)
        raise


class Access:
    """Keys, limits and figures of one process; several workers count each for itself."""

    def __init__(self, live: Live, metrics: Metrics) -> None:
        self._live = live
        self._buckets = Buckets()
        self._guesses = Guesses()
        self._hubspot_secret = hubspot_secret()
        self._noting: asyncio.AbstractEventLoop | None = None
        self._noted_at = float("-inf")
        self.keyring = Keyring(live)
        self.refused = Counter(
            "npsight_refused", "Requests refused.", ("reason",), registry=metrics.registry
        )

    async def admit(self, request: Request, endpoint: Endpoint) -> Caller:
        """See `admit`; counts nothing."""
        service = self._live.state.service
        needed = endpoint.scope
        if endpoint.setting is not None:
            told = getattr(service, endpoint.setting)
            if told == "off":
                raise HTTPException(404)
            needed = None if told == "open" else needed
        if needed is None:
            return ANYBODY
        key = _presented(request)
        if key is not None:
            row = await self._checked(key)
            caller = _holder(row.id, row.scopes, row.name)
            rate = row.rate_per_minute or service.rate_per_minute
        else:
            caller, rate = await self._signed(request, endpoint), service.rate_per_minute
        wait = self._buckets.take(caller.id, rate)
        if wait:
            raise _too_many(rate, wait)
        _check_scope(caller, needed)
        if key is not None:
            self._note_use(caller.id)
        return caller

    async def _checked(self, key: str) -> KeyRow:
        """The row of a key that is good now."""
        row = self.keyring.find(key_id(key))
        if row is None:
            row = await self._looked_up(key)
        elif self.keyring.is_due:
            await _done(self.keyring.reading(), KNOWN_PATIENCE)
            row = self.keyring.find(row.id)
        if row is None or not hmac.compare_digest(row.hash, key_hash(key)):
            fault = key_fault(key)
            raise _wrong_key("malformed-key", fault) if fault else _unknown_key()
        state = row.state(datetime.now(UTC))
        if state != "live":
            raise _wrong_key(f"{state}-key", f"the key {row.id} is {state}; use another one")
        return row

    async def _looked_up(self, key: str) -> KeyRow | None:
        """A key that was made since the store was last asked, if the store may be asked."""
        fault = key_fault(key)
        if fault:
            raise _wrong_key("malformed-key", fault)
        reading = self.keyring.reading_for_unknown()
        if reading is not None and not await _done(reading, UNKNOWN_PATIENCE):
            raise ApiError(
                503,
                "store-unavailable",
                "the key is not known yet, and the store cannot be read; retry in a few seconds",
                retry_after=5,
            )
        return self.keyring.find(key_id(key))

    async def _signed(self, request: Request, endpoint: Endpoint) -> Caller:
        """HubSpot, where it signed the request."""
        signed = request.headers.get(hubspot.SIGNATURE_HEADER)
        if signed is None or endpoint.path not in hubspot.PATHS:
            other = "authorization" in request.headers
            what = "Authorization holds no `Bearer KEY`" if other else "a key is needed"
            raise ApiError(401, "missing-key", f"{what}: {HOW}", headers=CHALLENGE)
        public = self._live.state.service.public_url
        if self._hubspot_secret is None or public is None:
            raise _bad_signature(
                f"HubSpot's signatures are not taken here: set {HUBSPOT_VARIABLE} and "
                "`service.public_url`, or send a key"
            )
        query = request.scope["query_string"].decode("latin-1")
        uri = public + endpoint.path + (f"?{query}" if query else "")
        timestamp = request.headers.get(hubspot.TIMESTAMP_HEADER)
        body = await raw_body(request)
        fault = hubspot.signature_fault(
            self._hubspot_secret, request.method, uri, body, timestamp, signed
        )
        if fault:
            raise _bad_signature(fault)
        return HUBSPOT

    async def hold_back(self, request: Request) -> None:
        """Let one who sends wrong keys wait for the answer, as far as places to wait go."""
        address = request.client.host if request.client else ""
        delay = self._guesses.delay(address)
        if delay:
            self._guesses.waiting += 1
            try:
                await anyio.sleep(delay)
            finally:
                self._guesses.waiting -= 1

    def _note_use(self, identity: str) -> None:
        """Have the use written down within a minute, off the request's path."""
        self.keyring.note_use(identity)
        # Which loop runs is asked only where none will write: the question costs a system call.
        if self._noting is None or self._noting.is_closed():
            loop = self._noting = asyncio.get_running_loop()
            rest = USE_SECONDS - (time.monotonic() - self._noted_at)
            loop.call_later(max(FIRST_USE_SECONDS, rest), self._write_uses, loop)

    def _write_uses(self, loop: asyncio.AbstractEventLoop) -> None:
        self._noting, self._noted_at = None, time.monotonic()
        loop.run_in_executor(None, self.keyring.write_uses)

    def close(self) -> None:
        """Write down what is still to be written."""
        self.keyring.close()


async def _done(reading: Future[bool], patience: float) -> bool:
    """Whether the keys were read; False where the store has not answered in time, or cannot."""
    # To wait, not to time out: others wait for the same read.
    found = asyncio.wrap_future(reading)
    done, _ = await asyncio.wait({found}, timeout=patience)
    return bool(done) and not found.cancelled() and found.result()


def _presented(request: Request) -> str | None:
    """The key that the request carries, or what stands in a key's place; None for neither.

    A gateway may need one of the headers for itself: the one that holds a key of ours counts.
    """
    keys: list[str] = []
    for name, value in request.scope["headers"]:
        if name == b"x-api-key":
            keys.append(value.decode("latin-1").strip())
        elif name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer":
                keys.append(token.decode("latin-1").strip())
    for key in keys:
        if key.startswith(PREFIX):
            return key
    return keys[0] if keys else None


def _check_scope(caller: Caller, needed: str) -> None:
    if needed in caller.scopes or needed == "any" or "admin" in caller.scopes:
        return
    has = ", ".join(f"`{scope}`" for scope in sorted(caller.scopes))
    raise ApiError(
        403,
        "insufficient-scope",
        f"this needs a key with scope `{needed}`; this one has {has}",
        headers={
            "WWW-Authenticate": f'Bearer realm="npsight", error="insufficient_scope", '
            f'scope="{needed}"'
        },
    )


def _wrong_key(code: str, detail: str) -> ApiError:
    return ApiError(401, code, detail, headers=WRONG_KEY)


def _unknown_key() -> ApiError:
    return _wrong_key("unknown-key", "no such key; make one with `npsight keys create`")


def _bad_signature(detail: str) -> ApiError:
    return ApiError(401, "bad-signature", detail, headers=CHALLENGE)


def _too_many(rate: int, wait: float) -> ApiError:
    seconds = whole_seconds(wait)
    return ApiError(
        429,
        "too-many-requests",
        f"this key may make {rate:,} requests a minute; retry in {seconds} s, and send many "
        "accounts in one request",
        retry_after=seconds,
    )
