"""The project's keys in memory, so that no request waits for the store."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from npsight.errors import NpsightError
from npsight.service.limits import Buckets, Clock
from npsight.service.state import Live
from npsight.store import KeyRow, keys_of
from npsight.store.keys import record_uses

log = logging.getLogger(__name__)
USE_SECONDS = 60.0
"""How often, at most, the uses of keys are written down."""
RELOADS_PER_MINUTE = 30
"""For ids that are not known; more than that, and guessing could keep the store busy."""


class Keyring:
    """Keys by id, as the store had them when it was last asked.

    When the store cannot be read, what is known stays known.
    """

    def __init__(self, live: Live, clock: Clock = time.monotonic) -> None:
        self._live = live
        self._clock = clock
        self._keys: dict[str, KeyRow] = {}
        self._asked_at = float("-inf")
        self._reader: ThreadPoolExecutor | None = None
        self._next: Future[bool] | None = None
        self._reloads = Buckets(clock)
        self._uses: dict[str, datetime] = {}

    def find(self, identity: str) -> KeyRow | None:
        """The key with that id; None where there was none when the store was last asked."""
        return self._keys.get(identity)

    @property
    def is_due(self) -> bool:
        """Whether the store should be asked again; half of `watch_seconds` leaves time for it."""
        return self._clock() - self._asked_at >= self._live.state.service.watch_seconds / 2

    def reading(self) -> Future[bool]:
        """A read of the store that has not begun yet: whoever asks before it does, shares it.

        It gives False where the store cannot be read; the keys then stay as they were.
        """
        # Counted as asked from now on: one request waits for it, the others go on.
        self._asked_at = self._clock()
        if self._next is None or not self._waits:
            if self._reader is None:
                self._reader = ThreadPoolExecutor(1, "npsight-keys")
            self._next = self._reader.submit(self._read)
        return self._next

    def reading_for_unknown(self) -> Future[bool] | None:
        """The same for an id that is not known; None where guesses had the store read enough."""
        free = self._waits or self.is_due
        if not free and self._reloads.take("", RELOADS_PER_MINUTE) > 0:
            return None
        return self.reading()

    @property
    def _waits(self) -> bool:
        found = self._next
        return found is not None and not found.running() and not found.done()

    def _read(self) -> bool:
        state = self._live.state
        try:
            self._keys = {row.id: row for row in keys_of(state.store, state.project)}
        except NpsightError:
            return False
        return True

    def close(self) -> None:
        """Let go of the thread, and write down what is still to be written.

        A request that comes all the same, as a service ends or begins anew, is answered.
        """
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.shutdown(wait=False, cancel_futures=True)
        self.write_uses()

    def note_use(self, identity: str) -> None:
        """Remember that a key was used just now, until `write_uses`."""
        self._uses[identity] = datetime.now(UTC)

    def write_uses(self) -> None:
        """Write down when keys were last used; what cannot be written waits for the next time."""
        uses = self._uses.copy()
        try:
            record_uses(self._live.state.store, uses)
        except NpsightError as error:
            log.warning("the last use of %d keys could not be noted: %s", len(uses), error)
            return
        for identity, at in uses.items():
            if self._uses.get(identity) == at:
                del self._uses[identity]
