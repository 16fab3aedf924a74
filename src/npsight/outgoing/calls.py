"""Calls to a CRM: repeated while the fault may pass, with waits that the CRM may ask for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from npsight.errors import OutgoingError
from npsight.outgoing.http import Answer, Sender, SendError
from npsight.outgoing.retrying import backoff_seconds, is_passing, retry_after_seconds


@dataclass(frozen=True)
class CallSettings:
    """Times in seconds; `tries` of one call before it is given up."""

    seconds: float = 60.0
    tries: int = 6
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    longest_asked_seconds: float = 900.0


class Caller:
    """Sends with a bearer token, and gets a new token where the old one has expired."""

    def __init__(
        self,
        sender: Sender,
        system: str,
        url: str,
        token: str = "",
        renew: Callable[[], str] | None = None,
        settings: CallSettings | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings or CallSettings()
        self.sleep = sleep
        self.system = system
        self._sender = sender
        self._url = url
        self._token = token
        self._renew = renew

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "application/json",
        seconds: float | None = None,
        max_bytes: int | None = None,
        wants_json: bool = False,
    ) -> Answer:
        """The first answer that is no passing fault; with `wants_json`, one whose 2xx body is JSON.

        Every call made through here may be repeated: it is an update, a question, or its
        repetition does no harm.

        Raises
        ------
        OutgoingError
            No such answer within the tries, or the token is refused.
        """
        renewed = False
        if not self._token and self._renew is not None:
            self._token, renewed = self._renew(), True
        reason = ""
        attempt = 0
        while attempt < self.settings.tries:
            attempt += 1
            asked = None
            try:
                answer = self._send(method, path, body, content_type, seconds, max_bytes)
            except SendError as error:
                if error.reason == "refused_target":
                    raise OutgoingError(f"{self.system} was not called: {error}") from None
                reason = f"{error.reason}: {error}"
            else:
                if answer.status == 401:
                    if renewed or self._renew is None:
                        raise _refused(self.system)
                    # Expired; a token got just now that is refused is no matter of time.
                    self._token, renewed = self._renew(), True
                    attempt -= 1
                    continue
                if 200 <= answer.status < 300 and wants_json and not _is_json(answer):
                    reason = "the answer is no JSON"
                elif not is_passing(answer.status):
                    return answer
                else:
                    reason = f"status {answer.status}"
                    asked = retry_after_seconds(answer.headers)
            if attempt < self.settings.tries:
                self._wait(attempt, asked)
        raise OutgoingError(
            f"{self.system} gave no usable answer in {self.settings.tries} tries (last: {reason})\n"
            "  → run the command again later; what was confirmed is not sent again"
        )

    def _send(
        self,
        method: str,
        path: str,
        body: bytes,
        content_type: str,
        seconds: float | None,
        max_bytes: int | None,
    ) -> Answer:
        headers: dict[str, str] = {"authorization": f"Bearer {self._token}"}
        if body:
            headers["content-type"] = content_type
        limits: dict[str, Any] = {} if max_bytes is None else {"max_bytes": max_bytes}
        return self._sender.send(
            method, self._url + path, headers, body, seconds or self.settings.seconds, **limits
        )

    def _wait(self, attempt: int, asked: float | None) -> None:
        s = self.settings
        if asked is not None and asked > s.longest_asked_seconds:
            raise OutgoingError(
                f"{self.system} asks to wait {asked:,.0f} seconds\n"
                "  → run the command again then; what was confirmed is not sent again"
            )
        own = backoff_seconds(attempt, s.first_wait_seconds, 2.0, s.longest_wait_seconds)
        self.sleep(own if asked is None else max(asked, 0.0))


def json_of(answer: Answer) -> Any:
    """The JSON body, None where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _is_json(answer: Answer) -> bool:
    return isinstance(json_of(answer), dict)


def reason_of(answer: Answer) -> str:
    """A status with the CRM's own code for it, never its message: that may quote values."""
    body = json_of(answer)
    first = body[0] if isinstance(body, list) and body else body
    code = ""
    if isinstance(first, dict):
        for key in ("errorCode", "category", "error"):
            value = first.get(key)
            if isinstance(value, str) and value.replace("_", "").isalnum():
                code = value[:60]
                break
    return f"status {answer.status}{f' {code}' if code else ''}"


def _refused(system: str) -> OutgoingError:
    return OutgoingError(
        f"{system} refuses the credentials (status 401)\n"
        "  → check the token in the environment, and that it has not expired"
    )
