"""Scores made before anybody asks: after a start, a swap or a new run, while nobody waits.

A few accounts at a time, with pauses, so that requests hardly notice; until all accounts are known
or no room is left for more. Drivers are made when they are asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from threading import Event, Thread

from npsight.errors import NpsightError
from npsight.service.kept import Kept
from npsight.service.state import Live
from npsight.service.together import results
from npsight.store.lookup import accounts_after

TOGETHER = 16
PAUSE_SECONDS = 0.002
LOOK_SECONDS = 0.5
PAGE = 1024
log = logging.getLogger(__name__)


class Ahead:
    """One thread that keeps `live.kept` filled."""

    def __init__(self, live: Live, look_seconds: float = LOOK_SECONDS) -> None:
        self._live = live
        self._look_seconds = look_seconds
        self._stop = Event()
        self._thread = Thread(target=self._run, name="npsight-ahead", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End after the accounts under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        done: Kept | None = None
        while not self._stop.wait(self._look_seconds):
            try:
                kept = current(self._live)
                if kept is not done and self._fill(kept):
                    done = kept
            except NpsightError as error:
                # Requests meet the same fault, and tell it; here it is tried again.
                log.debug("no scores were made ahead: %s", type(error).__name__)

    def _fill(self, kept: Kept) -> bool:
        """Whether nothing more is to be done for `kept`."""
        for accounts in _batches(kept):
            if self._stop.wait(PAUSE_SECONDS) or self._live.kept is not kept:
                return False
            if kept.is_nearly_full:
                return True
            new = [account for account in accounts if kept.get(account, False) is None]
            if new:
                results(kept, new, False)
        return True


def current(live: Live) -> Kept:
    """The results that are kept of the served model and the latest run, begun where there are none.

    Raises
    ------
    NotFoundError
        The project was never scored.
    """
    kept, generation, state = live.kept, live.generation, live.state
    if kept is None or kept.state is not state:
        kept = Kept(state, state.store.latest_run(state.project))
        live.keep(kept, generation)
    return kept


def _batches(kept: Kept) -> Iterator[list[str]]:
    last = ""
    while page := accounts_after(kept.state.store, kept.run.id, last, PAGE):
        yield from (page[i : i + TOGETHER] for i in range(0, len(page), TOGETHER))
        last = page[-1]
