"""An HTTP call to a judged target: to its very address, no redirects, bounded in time and size."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType

import anyio
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from npsight import __version__
from npsight.outgoing.targets import (
    RefusedTargetError,
    Target,
    TargetPolicy,
    addresses_of,
)

CONNECT_SECONDS = 5.0
SECONDS = 15.0
MAX_ANSWER_BYTES = 10_000_000
REST_SECONDS, REST_BYTES = 1.0, 65_536
"""How much of a body that nobody wants is read, for the connection to be used again."""


class SendError(Exception):
    """A call that brought no answer.

    `reason` is one of `refused_target`, `unreachable`, `timeout`, `broken`, `too_large`; the
    message names the host and nothing else of the URL.
    """

    def __init__(self, reason: str, host: str, detail: str) -> None:
        self.reason = reason
        self.host = host
        super().__init__(f"{host or 'the target'}: {detail}")


@dataclass(frozen=True)
class Answer:
    """Status, headers by lower-case name, and the body as it came."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Sender:
    """Sends from any thread; a context manager. What it may call is the policy's to say.

    No proxy and no credentials are taken from the environment: a proxy would resolve the name
    anew, behind the back of the policy.
    """

    def __init__(self, policy: TargetPolicy, context: ssl.SSLContext | None = None) -> None:
        self.policy = policy
        self._context = context
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._client: httpx.AsyncClient | None = None

    def __enter__(self) -> Sender:
        """Start the thread that the calls run in."""
        # These log whole URLs and headers, and with them other people's secrets.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._portal = self._stack.enter_context(start_blocking_portal())
        transport = _Pinned(self.policy, self._context)
        self._client = httpx.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False
        )
        self._stack.callback(self._portal.call, self._client.aclose)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        self._stack.close()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = SECONDS,
        max_bytes: int | None = MAX_ANSWER_BYTES,
    ) -> Answer:
        """The answer, whatever its status; `seconds` bounds all of it, names and bodies included.

        Where `max_bytes` is None, status and headers are the answer, and nothing that becomes of
        its body makes it another.

        Raises
        ------
        SendError
            There was no answer, or it was larger than `max_bytes`.
        """
        if self._portal is None:
            raise RuntimeError("a sender is used as a context manager")
        try:
            host = self.policy.target_of(url).host
        except RefusedTargetError as error:
            raise SendError("refused_target", "", str(error)) from None
        return self._portal.call(
            self._send, method, url, dict(headers or {}), body, seconds, max_bytes, host
        )

    async def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes,
        seconds: float,
        max_bytes: int | None,
        host: str,
    ) -> Answer:
        try:
            return await self._call(method, url, headers, body, seconds, max_bytes, host)
        except RefusedTargetError as error:
            raise SendError("refused_target", host, str(error)) from None
        except (TimeoutError, httpx.TimeoutException):
            raise SendError("timeout", host, f"no answer within {seconds:g} seconds") from None
        except httpx.ConnectError:
            raise SendError("unreachable", host, "cannot be reached") from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL):
            raise SendError("broken", host, "the connection broke, or spoke no HTTP") from None

    async def _call(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes,
        seconds: float,
        max_bytes: int | None,
        host: str,
    ) -> Answer:
        assert self._client is not None
        # Uncompressed, so that the cap is one on what is held.
        own = {"accept-encoding": "identity", "user-agent": f"npsight/{__version__}"}
        call = self._client.build_request(
            method, url, headers={**own, **headers}, content=body or None
        )
        call.extensions["timeout"] = {
            "connect": CONNECT_SECONDS,
            "read": None,
            "write": None,
            "pool": None,
        }
        response = None
        try:
            with anyio.fail_after(seconds):
                response = await self._client.send(call, stream=True)
                received = b"" if max_bytes is None else await _body_of(response, max_bytes, host)
            if max_bytes is None:
                await _read_rest(response)
        finally:
            if response is not None:
                await response.aclose()
        return Answer(response.status_code, dict(response.headers), received)


async def _body_of(response: httpx.Response, max_bytes: int, host: str) -> bytes:
    received = bytearray()
    async for part in response.aiter_raw():
        received += part
        if len(received) > max_bytes:
            raise SendError("too_large", host, f"the answer has more than {max_bytes:,} bytes")
    return bytes(received)


async def _read_rest(response: httpx.Response) -> None:
    """A body that is read to its end leaves the connection open, a long or broken one does not."""
    read = 0
    with anyio.move_on_after(REST_SECONDS), suppress(httpx.HTTPError, httpx.StreamError):
        async for part in response.aiter_raw():
            read += len(part)
            if read > REST_BYTES:
                return


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to an address that was judged, under the name that was asked for.

    Each name has connections of its own: two names at one address must not share one, for TLS
    was agreed for one of them.
    """

    def __init__(self, policy: TargetPolicy, context: ssl.SSLContext | None) -> None:
        self._policy = policy
        self._context = context or httpx.create_ssl_context(trust_env=False)
        self._transports: dict[tuple[str, int], httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = self._policy.target_of(str(request.url))
        addresses = self._policy.judge(target, await _resolved(target))
        refused: httpx.HTTPError | None = None
        for address in addresses:
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": target.host},
            )
            try:
                return await self._transport(target).handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                # Nothing was sent yet, so the next address may be tried.
                refused = error
        assert refused is not None
        raise refused

    def _transport(self, target: Target) -> httpx.AsyncHTTPTransport:
        key = (target.host, target.port)
        if key not in self._transports:
            self._transports[key] = httpx.AsyncHTTPTransport(
                verify=self._context, trust_env=False, retries=0
            )
        return self._transports[key]

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


async def _resolved(target: Target) -> list[str]:
    try:
        found = await anyio.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise RefusedTargetError(f"{target.host} has no address") from None
    return addresses_of(found)
