"""How the service stands: what is wrong while it goes on serving, since when, and what to do."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

log = logging.getLogger(__name__)

MODEL = "model"
REGISTRY = "registry"
STORE = "store"
WATCHER = "watcher"
SCORES = "scores"
OVERDUE_SECONDS = 240.0
"""A look may fetch and prove a model, each under a time limit; after this it hangs."""


def instant(at: datetime) -> str:
    """ISO 8601 to the second, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong.

    Attributes
    ----------
    part
        `model`: another champion is offered and not served; `registry`, `store` and `watcher`:
        they could not be asked; `scores`: the served model cannot score the latest run.
    reason
        A sentence for whoever runs the service; no paths, no values of customers.
    since
        When it was first seen, UTC.
    offered_version, offered_digest
        Of the champion that is not served; None for other parts, or where nobody could tell.
    """

    part: str
    reason: str
    since: datetime
    offered_version: int | None = None
    offered_digest: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As `GET /readyz` and `GET /v1/model` show it."""
        return {
            "part": self.part,
            "reason": self.reason,
            "since": instant(self.since),
            "offered_version": self.offered_version,
            "offered_digest": self.offered_digest,
        }


class Standing:
    """The troubles of now, one a part; each is logged when it comes, changes and goes."""

    def __init__(self) -> None:
        self.served_since = datetime.now(UTC)
        self._troubles: dict[str, Trouble] = {}
        self._lock = Lock()
        self._looked_at: datetime | None = None

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """The present ones, by part."""
        with self._lock:
            found = dict(self._troubles)
        looked = self._looked_at
        if looked is not None and (datetime.now(UTC) - looked).total_seconds() > OVERDUE_SECONDS:
            found[WATCHER] = Trouble(WATCHER, "it has not looked for a long time", looked)
        return tuple(found[part] for part in sorted(found))

    def looked(self, seconds: float) -> None:
        """The watcher has looked, and will again after `seconds`."""
        self._looked_at = datetime.now(UTC) + timedelta(seconds=seconds)

    def tell(
        self, part: str, reason: str, version: int | None = None, digest: str | None = None
    ) -> None:
        """Something is wrong; the same again keeps its first time."""
        trouble = Trouble(part, reason, datetime.now(UTC), version, digest)
        with self._lock:
            before = self._troubles.get(part)
            if before is not None and replace(before, since=trouble.since) == trouble:
                return
            self._troubles[part] = trouble
        offered = f" (version {version} is offered)" if version is not None else ""
        log.warning("%s: %s%s", part, reason, offered)

    def clear(self, part: str) -> None:
        """It is well again."""
        with self._lock:
            gone = self._troubles.pop(part, None)
        if gone is not None:
            log.warning("%s: well again, after: %s", part, gone.reason)

    def swapped(self) -> None:
        """Another model is served from now on."""
        self.served_since = datetime.now(UTC)
