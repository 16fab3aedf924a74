"""The process that hands messages to Apprise, one by one (`python -m npsight.outgoing.alertpost`).

A process of its own, because Apprise and its hundred services resolve, connect, wait and log each
in their own way. Here every connection is judged as it is made (Python's audit events, which no
service can go around), nothing is logged, and whoever waits too long for an answer ends the
process. Orders come as lines of JSON on standard input, answers go out on standard output.

What came of a message is told from what was seen on the wire: `refused` where it cannot have been
taken (no connection, or the service answered with an error), `uncertain` where it may have been.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from npsight.outgoing.targets import RefusedTargetError, Target, TargetPolicy

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
READY = "ready"
_STATUS = re.compile(r"\berror=([1-5]\d\d)\b")


@dataclass
class _Wire:
    """What was seen since the message was begun."""

    policy: TargetPolicy
    host: str = ""
    refused: str = ""
    connected: bool = False
    spoken: bool = False
    error: BaseException | None = None
    status: str = ""

    def begin(self) -> None:
        """Forget the message before."""
        self.host = self.refused = self.status = ""
        self.connected = self.spoken = False
        self.error = None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One of Python's audit events; raises where a connection may not be made."""
        if event == "socket.getaddrinfo":
            self.host = _text(arguments[0]).lower().rstrip(".")
        elif event in ("socket.connect", "socket.sendto"):
            self._judge(arguments[1])
        elif event == "http.client.send":
            self.spoken = True
        elif event == "smtplib.send":
            # Only what follows DATA is a message; a server that refuses earlier has none.
            self.spoken = self.spoken or _text(arguments[1])[:4].lower() == "data"

    def _judge(self, address: Any) -> None:
        try:
            if not isinstance(address, tuple):
                raise RefusedTargetError("this is no address of the network")
            ip, port = str(address[0]), int(address[1])
            self.policy.judge(Target(self.host or ip, port, True), [ip])
        except (RefusedTargetError, ValueError) as error:
            self.refused = str(error)
            # As an error of the network, it ends this message in every service the same way.
            raise PermissionError("the target may not be called") from None
        self.connected = True


class _Ear(logging.Handler):
    """Hears what services log of a failure, and writes none of it: it holds addresses."""

    def __init__(self, wire: _Wire) -> None:
        super().__init__(logging.DEBUG)
        self._wire = wire

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that is being handled, and the status that was answered."""
        error = sys.exc_info()[1]
        if error is not None and self._wire.error is None:
            self._wire.error = error
        found = _STATUS.search(record.getMessage())
        if found and not self._wire.status:
            self._wire.status = f"http_{found.group(1)}"


class Post:
    """Apprise, held to one attempt, one target, plain text and judged addresses."""

    def __init__(self, wire: _Wire) -> None:
        from apprise import AppriseAsset

        self._wire = wire
        self._asset = AppriseAsset(
            app_id="npsight",
            app_desc="npsight",
            app_url="",
            async_mode=False,
            interpret_emojis=False,
            interpret_escapes=False,
            secure_logging=True,
            plugin_paths=[],
            storage_mode="memory",
        )

    def service(self, address: str) -> tuple[Any, str]:
        """The service of an address, or None and what is wrong with it, without the address."""
        from apprise import Apprise, OverflowMode

        found = Apprise.instantiate(address.strip(), asset=self._asset)
        if found is None:
            return None, "its address is none that Apprise knows"
        # Retries of Apprise's own could send twice; a redirect could lead anywhere.
        found.retry, found.redirects = 0, False
        found.overflow_mode = OverflowMode.TRUNCATE
        is_mail = hasattr(found, "smtp_host")
        # For mail, one limit holds for all that the server says.
        found.socket_connect_timeout = READ_SECONDS if is_mail else CONNECT_SECONDS
        found.socket_read_timeout = READ_SECONDS
        copies = [*getattr(found, "cc", ()), *getattr(found, "bcc", ())] if is_mail else []
        targets = len(found) + len(copies)
        if targets != 1:
            return None, f"it leads to {targets} targets; give each a channel of its own"
        plain = _unencrypted(found)
        if plain:
            try:
                self._wire.policy.target_of(f"http://{found.host}:{found.port or 80}/")
            except RefusedTargetError as error:
                return None, str(error)
        return found, ""

    def send(self, address: str, title: str, body: str, identity: str) -> tuple[str, str]:
        """`sent`, `refused` or `uncertain`, and the reason in one word."""
        from apprise import Apprise, NotifyFormat, NotifyType

        found, problem = self.service(address)
        if found is None:
            return "refused", problem
        headers = getattr(found, "headers", None)
        if isinstance(headers, dict):
            headers["Idempotency-Key"] = identity
        sender = Apprise(asset=self._asset)
        sender.add(found)
        self._wire.begin()
        try:
            done = sender.notify(
                body=body, title=title, notify_type=NotifyType.INFO, body_format=NotifyFormat.TEXT
            )
        except Exception as error:  # whatever a service raises, it is told from the wire
            self._wire.error, done = error, None
        return ("sent", "") if done else judged(self._wire)


def judged(wire: _Wire) -> tuple[str, str]:
    """What came of a message that was not taken with a yes."""
    import smtplib

    import requests

    known = (requests.RequestException, smtplib.SMTPException, OSError)
    if wire.spoken:
        if isinstance(wire.error, smtplib.SMTPResponseException):
            return "refused", f"smtp_{wire.error.smtp_code}"
        if wire.error is None:
            return "refused", wire.status or "refused_by_service"
        return "uncertain", "no_answer"
    if wire.refused:
        return "refused", "refused_target"
    if isinstance(wire.error, smtplib.SMTPResponseException):
        return "refused", f"smtp_{wire.error.smtp_code}"
    if isinstance(wire.error, smtplib.SMTPRecipientsRefused):
        return "refused", "recipient_refused"
    if isinstance(wire.error, known):
        return "refused", "unreachable"
    # Neither HTTP nor SMTP: what went over that connection is not known.
    return ("uncertain", "no_answer") if wire.connected else ("refused", "not_sent")


def _unencrypted(service: Any) -> bool:
    """Whether the address asks for a way without TLS where there is one with it."""
    plain = service.protocol or ()
    plain = (plain,) if isinstance(plain, str) else tuple(plain)
    return service.schema in plain and bool(service.secure_protocol)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else str(value or "")


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process: without proxies, which would connect behind our back."""
    kept = {k: v for k, v in environment.items() if k.lower() not in PROXIES}
    return {**kept, "NO_PROXY": "*", "NETRC": os.devnull, "PYTHONUNBUFFERED": "1"}


def serve(orders: IO[str], answers: IO[str], wire: _Wire) -> None:
    """Answer every order until there are no more."""
    post = Post(wire)
    # Loading a hundred services takes a while, which is not the message's.
    post.service("json://localhost")
    answers.write(json.dumps([READY, ""]) + "\n")
    answers.flush()
    for line in orders:
        order = json.loads(line)
        if order["op"] == "check":
            outcome, reason = (
                ("ok", "") if not (p := post.service(order["address"])[1]) else ("bad", p)
            )
        else:
            outcome, reason = post.send(
                order["address"], order["title"], order["body"], order["id"]
            )
        answers.write(json.dumps([outcome, reason]) + "\n")
        answers.flush()


def main() -> None:
    """Serve this process's input and output; nothing else may write to either."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    wire = _Wire(TargetPolicy.from_environment())
    root = logging.getLogger()
    root.handlers[:] = []
    logging.raiseExceptions = False
    heard = logging.getLogger("apprise")
    heard.propagate = False
    heard.handlers[:] = [_Ear(wire)]
    heard.setLevel(logging.DEBUG)
    # Reading a service's modules opens no connection, so hearing may begin before.
    sys.addaudithook(wire.hear)
    with suppress(BrokenPipeError):
        serve(sys.stdin, answers, wire)


if __name__ == "__main__":
    main()
