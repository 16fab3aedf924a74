"""Results kept in the process: JSON of what was scored, until what it was made from changes."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from orjson import dumps

from npsight.service.instants import instant_text
from npsight.store import ScoreRun

if TYPE_CHECKING:
    from npsight.service.state import ServingState

MOST_BYTES = 64_000_000
OVERHEAD = 200
"""Bytes that an entry takes beside its text, about."""
Key = tuple[str, bool]
"""Account, and whether its result has drivers."""


class Kept:
    """Results of one model and one run, the oldest given up first.

    Safe to share between threads: whoever scores takes `version` before reading the store, so
    that nothing is kept of inputs which were replaced meanwhile.
    """

    def __init__(self, state: ServingState, run: ScoreRun, most_bytes: int = MOST_BYTES) -> None:
        self.state = state
        self.run = run
        self.version = 0
        self.head = _head(state, run)
        self._most = most_bytes
        self._bytes = 0
        self._results: dict[Key, bytes] = {}
        self._lock = Lock()

    def get(self, account: str, with_drivers: bool) -> bytes | None:
        """The result's JSON; None where it must be made."""
        return self._results.get((account, with_drivers))

    def put(self, version: int, results: Iterable[tuple[Key, bytes]]) -> None:
        """Keep results that were read at `version`; none of them where an account changed since."""
        with self._lock:
            if version != self.version:
                return
            for key, text in results:
                self._remove(key)
                self._results[key] = text
                self._bytes += len(text) + OVERHEAD
            while self._bytes > self._most:
                self._remove(next(iter(self._results)))

    def forget(self, account: str) -> None:
        """Its stored inputs were replaced."""
        with self._lock:
            self.version += 1
            self._remove((account, False))
            self._remove((account, True))

    @property
    def is_nearly_full(self) -> bool:
        """Whether more results would soon push out others."""
        return self._bytes > 0.9 * self._most

    def __len__(self) -> int:
        return len(self._results)

    def _remove(self, key: Key) -> None:
        text = self._results.pop(key, None)
        if text is not None:
            self._bytes -= len(text) + OVERHEAD


def _head(state: ServingState, run: ScoreRun) -> bytes:
    """The fields of an answer that are the same for all of its results, as JSON."""
    facts = {
        "model_version": state.version,
        "model_digest": state.digest,
        "as_of": instant_text(run.as_of),
    }
    return dumps(facts)[1:-1]
