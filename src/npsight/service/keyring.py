"""The project's keys in memory, so that no request waits for the store."""

from __future__ import annotations

import logging
import threading
import time
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
        self._loading = threading.Lock()
        self._reloads = Buckets(clock)
        self._uses: dict[str, datetime] = {}

    def find(self, identity: str) -> KeyRow | None:
        """The key with that id; None where there was none when the store was last asked."""
        return self._keys.get(identity)

    @property
    def is_due(self) -> bool:
        """Whether the store should be asked again; half of `watch_seconds` leaves time for it."""
        return self._clock() - self._asked_at >= self._live.state.service.watch_seconds / 2

    def may_reload(self) -> bool:
        """Whether an unknown id may have the store asked at once; counts it."""
        return self._reloads.take("", RELOADS_PER_MINUTE) == 0

    def ask_soon(self) -> None:
        """Count the store as asked: one request asks, the others go on."""
        self._asked_at = self._clock()

    def load(self) -> None:
        """Read the keys.

        Raises
        ------
        StateError
            The store cannot be read; the keys stay as they were.
        """
        with self._loading:
            self.ask_soon()
            state = self._live.state
            self._keys = {row.id: row for row in keys_of(state.store, state.project)}

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
