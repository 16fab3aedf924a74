"""HTTP/1.1 as uvicorn reads it, but an offer to change the protocol changes nothing.

Java's HttpClient and `curl --http2` offer h2c with every first request (`Upgrade: h2c`). A server
may ignore the offer (RFC 9110, 7.8). httptools does not: it stops behind the headers, and uvicorn
would take the body for the next request. Here the request is read once more without the offer.
"""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFERED = frozenset({b"upgrade", b"http2-settings"})
"""Headers of an offer, and the options of `Connection` that name them."""


class Http(HttpToolsProtocol):
    """One connection."""

    def data_received(self, data: bytes) -> None:
        """Read what came; of a request with an offer, its head a second time."""
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                data = self._without_offer(data[stopped.args[0] :])
            except httptools.HttpParserError:
                data = b""
        message = "Invalid HTTP request received."
        self.logger.warning(message)
        self.send_400_response(message)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is read once more."""
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The end of a body, unless the head is read once more."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _without_offer(self, rest: bytes) -> bytes:
        """The request that the parser stopped at, for a new one; nothing where it is a tunnel."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            return b""
        lines = [b"%b %b HTTP/%b" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % header for header in _others(self.headers)]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*lines, b"", b""]) + rest


def _others(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that are no part of an offer."""
    kept = []
    for name, value in headers:
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            value = b", ".join(o for o in options if o.lower() not in OFFERED)
        if name not in OFFERED and (value or name != b"connection"):
            kept.append((name, value))
    return kept
