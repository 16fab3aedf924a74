"""`npsight deliver`: send what waits in the outbox, at least once, in order for each account."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from npsight.errors import OutgoingError, StateError
from npsight.outgoing.http import Answer, Sender, SendError
from npsight.outgoing.retrying import backoff_seconds, retry_after_seconds
from npsight.outgoing.signing import check_master, signed_headers
from npsight.store import (
    Delivery,
    Store,
    forget_delivered,
    next_due,
    release,
    settle_delivered,
    settle_failed,
    settle_gone,
    take,
)

log = logging.getLogger(__name__)
Result = TypeVar("Result")

WORKERS = 8
KEEP_DELIVERED = timedelta(days=30)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class DeliverySettings:
    """Times in seconds.

    Attributes
    ----------
    answer_seconds
        Longest wait for a receiver.
    lease_seconds
        How long a taken message is left to who took it; more than an attempt can last.
    tries
        Attempts until a message is dead: about two days with these waits.
    idle_seconds
        How often to look for new messages while none waits.
    """

    answer_seconds: float = 15.0
    lease_seconds: float = 60.0
    tries: int = 15
    first_wait_seconds: float = 5.0
    wait_factor: float = 4.0
    longest_wait_seconds: float = 6 * 3600.0
    longest_pause_seconds: float = 300.0
    longest_asked_seconds: float = 24 * 3600.0
    idle_seconds: float = 1.0
    workers: int = WORKERS


@dataclass
class DeliveryReport:
    """What came of it: counts, and how often each reason for a failure was met."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def count(self, outcome: str, reason: str = "") -> None:
        """Add one attempt's outcome."""
        setattr(self, outcome, getattr(self, outcome) + 1)
        if reason:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1


def utc_now() -> datetime:
    """The clock, aware."""
    return datetime.now(UTC)


class Deliverer:
    """Takes messages, sends them in threads and settles each as soon as it is answered."""

    def __init__(
        self,
        store: Store,
        project: str,
        sender: Sender,
        master: bytes,
        settings: DeliverySettings | None = None,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._project = project
        self._sender = sender
        self._master = master
        self._settings = settings or DeliverySettings()
        self._environment = os.environ if environment is None else environment
        self._clock = clock
        self._owner = uuid.uuid4().hex

    def run(
        self,
        stop: threading.Event | None = None,
        follow: bool = False,
        progress: Callable[[DeliveryReport], None] = lambda report: None,
    ) -> DeliveryReport:
        """Send all that is due; with `follow`, go on until `stop` is set.

        What was taken when `stop` is set is still finished. Raises StateError where the store is
        locked or gone (with `follow`, it is tried again), and OutgoingError where the master
        secret is another one.
        """
        stop = stop or threading.Event()
        report = DeliveryReport()
        before = self._clock() - KEEP_DELIVERED
        forget_delivered(self._store, self._project, before)
        under_way: set[Future[tuple[str, str]]] = set()
        with ThreadPoolExecutor(self._settings.workers) as pool:
            while not stop.is_set():
                taken = self._take(self._settings.workers - len(under_way), patient=follow)
                under_way |= {pool.submit(self._attempt, delivery) for delivery in taken}
                if under_way:
                    self._collect(under_way, report, progress)
                elif not follow:
                    break
                else:
                    stop.wait(self._idle())
            while under_way:
                self._collect(under_way, report, progress)
        return report

    def _idle(self) -> float:
        try:
            due = next_due(self._store, self._project)
        except StateError:
            due = None
        if due is None:
            return self._settings.idle_seconds
        ahead = (due - self._clock()).total_seconds()
        return min(max(ahead, 0.05), self._settings.idle_seconds)

    def _take(self, limit: int, patient: bool) -> list[Delivery]:
        if limit <= 0:
            return []
        lease = timedelta(seconds=self._settings.lease_seconds)
        try:
            return take(self._store, self._project, self._owner, limit, lease, self._clock())
        except StateError as error:
            if not patient:
                raise
            log.warning("no message could be taken: %s", error)
            return []

    def _settled(self, settle: Callable[[], Result]) -> Result:
        """Settle, again and again while the lease lasts: an answer must not be forgotten."""
        deadline = time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                return settle()
            except StateError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _collect(
        self,
        under_way: set[Future[tuple[str, str]]],
        report: DeliveryReport,
        progress: Callable[[DeliveryReport], None],
    ) -> None:
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            under_way.discard(future)
            outcome, reason = future.result()
            if outcome:
                report.count(outcome, reason)
        progress(report)

    def _attempt(self, delivery: Delivery) -> tuple[str, str]:
        """Send one message and settle it; what came of it, and why not."""
        try:
            check_master(self._master, delivery.endpoint)
        except OutgoingError:
            release(self._store, delivery, self._owner)
            raise
        try:
            answer = self._send(delivery)
        except SendError as error:
            return self._failed(delivery, error.reason, None)
        if 200 <= answer.status < 300:
            mine = self._settled(
                lambda: settle_delivered(self._store, delivery, self._owner, self._clock())
            )
            return ("delivered" if mine else "", "")
        reason = f"http_{answer.status}"
        if answer.status == 410:
            self._settled(lambda: settle_gone(self._store, delivery, self._owner, self._clock()))
            return "dead", reason
        return self._failed(delivery, reason, retry_after_seconds(answer.headers))

    def _send(self, delivery: Delivery) -> Answer:
        url = filled(delivery.endpoint.url, self._environment)
        headers = signed_headers(
            self._master, delivery.endpoint, delivery.message_id, delivery.body, self._clock()
        )
        # A receiver that has said 2xx has the message, however its answer goes on.
        return self._sender.send(
            "POST", url, headers, delivery.body.encode(), self._settings.answer_seconds, None
        )

    def _failed(self, delivery: Delivery, reason: str, asked: float | None) -> tuple[str, str]:
        s, now = self._settings, self._clock()
        retry_at = None
        if delivery.attempts < s.tries:
            seconds = backoff_seconds(
                delivery.attempts, s.first_wait_seconds, s.wait_factor, s.longest_wait_seconds
            )
            seconds = max(seconds, min(asked or 0.0, s.longest_asked_seconds))
            retry_at = now + timedelta(seconds=seconds)
        # One message that a receiver refuses says nothing of the others; a receiver that cannot
        # be reached, or asks for time, is spared them all.
        pause = None
        if not reason.startswith("http_4") or asked is not None or reason == "http_429":
            rest = backoff_seconds(
                delivery.endpoint.failures + 1, 1.0, 2.0, s.longest_pause_seconds
            )
            rest = max(rest, min(asked or 0.0, s.longest_asked_seconds))
            pause = now + timedelta(seconds=rest)
        mine = self._settled(
            lambda: settle_failed(self._store, delivery, self._owner, reason, retry_at, pause, now)
        )
        return (("dead" if retry_at is None else "failed") if mine else "", reason)


def filled(url: str, environment: Mapping[str, str]) -> str:
    """The URL with `${NAME}` taken from the environment.

    Raises
    ------
    SendError
        A variable is not set.
    """
    missing = [name for name in _VARIABLE.findall(url) if name not in environment]
    if missing:
        raise SendError("unset_variable", "", f"{', '.join(missing)} is not set")
    return _VARIABLE.sub(lambda match: environment[match.group(1)], url)
