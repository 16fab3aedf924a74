"""Messages to people: claimed, sent, settled, each at most once however often the job runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO

from npsight.config.schema import Alerts
from npsight.errors import OutgoingError, StateError
from npsight.outgoing.alertpost import child_environment
from npsight.outgoing.deliver import utc_now
from npsight.outgoing.retrying import backoff_seconds
from npsight.store import Store
from npsight.store.alertmessages import AlertMessage, Status, claim_message, settle_message

START_SECONDS = 120.0
UNSENT_REASONS = ("unreachable", "refused_target", "no_answer", "not_started")
"""After these a channel rests until the next run: its service is down, or slow."""

REASONS = {
    "unreachable": "cannot be reached",
    "refused_target": "its address is not public; allow it in NPSIGHT_ALLOW_TARGETS if meant",
    "no_answer": "no answer came after the message was sent",
    "not_started": "the process that sends messages did not start",
    "not_sent": "Apprise did not send it",
    "refused_by_service": "the service refused the message",
    "recipient_refused": "the mail server refused the recipient",
}
"""What a reason means, in words; `http_404` and `smtp_550` are what the service answered."""


@dataclass(frozen=True)
class AlertSettings:
    """Times in seconds.

    Attributes
    ----------
    answer_seconds
        Longest time for one message, look-up, connection and answer together.
    lease_seconds
        How long a claim is left to its claimant; more than an attempt can last.
    tries
        Attempts that are known to have failed until a message is given up: about 15 hours.
    """

    answer_seconds: float = 45.0
    lease_seconds: float = 120.0
    tries: int = 8
    first_wait_seconds: float = 60.0
    wait_factor: float = 4.0
    longest_wait_seconds: float = 6 * 3600.0


@dataclass
class AlertReport:
    """What came of sending: counts, and why what failed did, by channel."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    uncertain: int = 0
    reasons: dict[str, str] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether everything that was due has been received, as far as one knows."""
        return not (self.retried or self.failed or self.uncertain or self.unusable)


def addresses_of(
    alerts: Alerts, names: Collection[str], environment: Mapping[str, str] | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """Addresses of channels, and for those without one what is missing."""
    lookup = os.environ if environment is None else environment
    found, missing = {}, {}
    for name in names:
        variable = alerts.channels[name]
        value = lookup.get(variable, "").strip()
        if value:
            found[name] = value
        else:
            missing[name] = f"the environment variable `{variable}` is not set"
    return found, missing


class Courier:
    """Sends through a process of its own, which is ended where it takes too long.

    Nothing of an address is in anything that it returns or raises. A context manager.
    """

    def __init__(self, seconds: float = AlertSettings.answer_seconds) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Courier:
        """Itself; the process is started when it is first needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the process end."""
        self._end()

    def problem(self, address: str) -> str:
        """What is wrong with an address, without saying it; `""` for nothing."""
        outcome, reason = self._ask({"op": "check", "address": address})
        return "" if outcome == "ok" else REASONS.get(reason, reason)

    def send(self, address: str, title: str, body: str, identity: str) -> tuple[str, str]:
        """`sent`, `refused` or `uncertain`, and why; `identity` lets a receiver tell doubles."""
        told = {"op": "send", "address": address, "title": title, "body": body, "id": identity}
        return self._ask(told)

    def _ask(self, order: dict[str, str]) -> tuple[str, str]:
        try:
            orders, answers = self._started()
        except OutgoingError:
            return "refused", "not_started"
        line = self._said(answers, self._seconds, orders, json.dumps(order))
        if not line:
            self._end()
            return "uncertain", "no_answer"
        outcome, reason = json.loads(line)
        return str(outcome), str(reason)

    def _said(
        self, answers: IO[str], seconds: float, orders: IO[str] | None = None, order: str = ""
    ) -> str:
        """The next line of the process, which is ended where there is none in time."""
        timer = threading.Timer(seconds, self._kill)
        timer.daemon = True
        timer.start()
        try:
            if orders is not None:
                orders.write(order + "\n")
                orders.flush()
            return answers.readline()
        except (BrokenPipeError, ValueError):
            return ""
        finally:
            timer.cancel()

    def _started(self) -> tuple[IO[str], IO[str]]:
        """Pipes to the process, once it is ready; raises OutgoingError where it never is."""
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "npsight.outgoing.alertpost"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=child_environment(os.environ),
                # What ends this process from the keyboard lets a message be finished.
                start_new_session=True,
            )
            if not self._said(_pipe(process.stdout), START_SECONDS):
                self._end()
                raise OutgoingError(
                    "the process that sends messages did not start\n"
                    "  → see whether `python -c 'import apprise'` works, and try again"
                )
        return _pipe(process.stdin), _pipe(process.stdout)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with _quietly():
                    pipe.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the process was started without pipes")
    return pipe


@contextmanager
def _quietly() -> Iterator[None]:
    try:
        yield
    except (BrokenPipeError, OSError):
        return


class AlertSender:
    """Sends what is due, one message after the other."""

    def __init__(
        self,
        store: Store,
        project: str,
        courier: Courier,
        addresses: Mapping[str, str],
        settings: AlertSettings | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._project = project
        self._courier = courier
        self._addresses = dict(addresses)
        self._settings = settings or AlertSettings()
        self._clock = clock
        self._holder = uuid.uuid4().hex

    def run(
        self,
        stop: threading.Event | None = None,
        is_quiet: Callable[[datetime], bool] = lambda now: False,
        progress: Callable[[AlertReport], None] = lambda report: None,
    ) -> AlertReport:
        """Send until nothing is due, quiet hours begin, or `stop` is set.

        What was claimed is finished. A channel whose service is down is left for the next run.
        Raises StateError where the store is locked or gone.
        """
        report = AlertReport()
        open_channels = self._usable(report)
        while open_channels and not (stop and stop.is_set()):
            now = self._clock()
            if is_quiet(now):
                break
            lease = timedelta(seconds=self._settings.lease_seconds)
            message = claim_message(
                self._store, self._project, open_channels, self._holder, lease, now
            )
            if message is None:
                break
            outcome, reason = self._courier.send(
                self._addresses[message.channel], message.title, message.body, message.id
            )
            self._settle(message, outcome, reason, report)
            if reason in UNSENT_REASONS:
                open_channels.discard(message.channel)
            progress(report)
        return report

    def _usable(self, report: AlertReport) -> set[str]:
        usable = set()
        for name, address in self._addresses.items():
            problem = self._courier.problem(address)
            if problem:
                report.unusable[name] = problem
            else:
                usable.add(name)
        return usable

    def _settle(
        self, message: AlertMessage, outcome: str, reason: str, report: AlertReport
    ) -> None:
        now, s = self._clock(), self._settings
        status: Status
        retry_at = None
        if outcome == "sent":
            status, report.sent = "sent", report.sent + 1
        elif outcome == "uncertain":
            status, report.uncertain = "uncertain", report.uncertain + 1
        elif message.attempts < s.tries:
            seconds = backoff_seconds(
                message.attempts, s.first_wait_seconds, s.wait_factor, s.longest_wait_seconds
            )
            retry_at = now + timedelta(seconds=seconds)
            status, report.retried = "waiting", report.retried + 1
        else:
            status, report.failed = "failed", report.failed + 1
        if reason:
            report.reasons[message.channel] = reason
        self._kept(
            lambda: settle_message(
                self._store,
                self._project,
                message,
                self._holder,
                status,
                reason or None,
                now,
                retry_at,
            )
        )

    def _kept(self, settle: Callable[[], bool]) -> bool:
        """Settle, again and again while the lease lasts: an outcome must not be forgotten."""
        deadline = time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                return settle()
            except StateError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
