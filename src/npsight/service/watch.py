"""Look for a better champion and for newer scores, beside the requests and never on their path."""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from npsight.config.specs import ProjectSpec
from npsight.errors import ModelIntegrityError, NpsightError, StateError
from npsight.models.bundle import verify
from npsight.service.fitting import REHEARSED, UnfitError, fit_state, missing_names
from npsight.service.offered import Files, Offered, champion_offered, unreadable
from npsight.service.standing import MODEL, SCORES, STORE, WATCHER
from npsight.service.state import Live, ServingState, settle_memory
from npsight.service.verify import SECONDS, UnprovenError, fingerprint
from npsight.store.watched import Looked, look, some_inputs
from npsight.tracking import write_cached
from npsight.tracking.cache import SERVED

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 300.0
"""Between two tries to fetch what the registry offers, doubling: each costs a process."""
MOST_REFUSED = 1000


class Watcher(threading.Thread):
    """One daemon thread that keeps `live` up to date.

    A new champion is verified, proved in a child process, loaded and rehearsed here; only then
    is it swapped in, in one step. On any doubt the old one stays, and `live.standing` says why.
    The same bytes are not tried twice, unless what spoke against them may have been chance.

    Parameters
    ----------
    seconds
        From the end of one look to the next.
    proof_seconds
        Longest time for the child that proves a bundle.
    """

    def __init__(
        self,
        live: Live,
        project: ProjectSpec,
        tracking_uri: str | None,
        seconds: float,
        proof_seconds: float = SECONDS,
    ) -> None:
        super().__init__(name="npsight-watch", daemon=True)
        self.live = live
        self.project = project
        self.seconds = seconds
        self._tracking_uri = tracking_uri
        self._proof_seconds = proof_seconds
        self._stop_asked = threading.Event()
        self._looked: Looked | None = None
        self._settled = ""
        self._refused: dict[str, ModelIntegrityError] = {}
        self._fetching = ""
        self._pause = FIRST_PAUSE_SECONDS
        self._not_before = 0.0

    def run(self) -> None:
        """Look until told to stop; nothing that fails here ends the thread."""
        self.look()
        while not self._stop_asked.wait(self.seconds):
            self.look()

    def stop(self) -> None:
        """End soon; a proof under way is given up."""
        self._stop_asked.set()

    def look(self) -> None:
        """One look at champion and scores."""
        try:
            self._look()
            self.live.standing.clear(WATCHER)
        except Exception as error:
            # A defect must not end the watch; its text may hold values, so only its kind is told.
            self.live.standing.tell(WATCHER, f"it could not look ({type(error).__name__})")
        self.live.standing.looked(self.seconds)

    def _look(self) -> None:
        try:
            looked, changed = look(self.live.state.store, self.project.name, self._looked)
            is_new = self._looked is None or changed.all
            self.live.standing.clear(STORE)
        except StateError:
            self.live.standing.tell(STORE, "the store is busy or cannot be read")
            return
        self._looked = looked
        for account in changed.accounts:
            self.live.forget(account)
        before = self.live.state
        try:
            self._look_for_champion(looked.run_id or "")
        finally:
            # After the champion: a new run may hold inputs that only the new one reads. At the
            # first look nobody knows what was written after a request had read.
            if is_new:
                self.live.changed()
            if is_new or self.live.state is not before:
                self._look_at_inputs()

    def _look_at_inputs(self) -> None:
        """Whether the served model reads only what the latest run has stored."""
        try:
            state = self.live.state
            _, inputs = some_inputs(state.store, state.project, REHEARSED)
        except StateError:
            self._looked = None
            return
        if missing_names(state.model, inputs):
            reason = "the latest run lacks what the served model reads; npsight score mends it"
            self.live.standing.tell(SCORES, reason)
        else:
            self.live.standing.clear(SCORES)

    def _look_for_champion(self, run_id: str) -> None:
        try:
            offered = champion_offered(self.project, self._tracking_uri, self.live.standing)
        except ModelIntegrityError:
            reason = "the champion on disk is not named; npsight promote names it again"
            self.live.standing.tell(MODEL, reason)
            return
        if offered is None:
            self.live.standing.clear(MODEL)
            return
        mark = f"{offered.mark} run {run_id}"
        if mark == self._settled or self._is_early(offered):
            return
        if offered.from_registry and self._is_served(offered.version, offered.digest):
            self._settle(mark)
            return
        try:
            files = offered.read()
        except (ModelIntegrityError, StateError) as error:
            self._tell(offered, unreadable(error))
            self._wait_longer(offered, error)
            return
        self._try(offered, files, mark, run_id)

    def _is_served(self, version: int, digest: str) -> bool:
        served = self.live.state
        return (version, digest) == (served.version, served.digest)

    def _try(self, offered: Offered, files: Files, mark: str, run_id: str) -> None:
        print_ = fingerprint(files)
        known = self._refused.get(print_) or self._refused.get(f"{print_} {run_id}")
        if known is not None:
            self._refuse(offered, known, mark)
            return
        try:
            if self._is_served(offered.version, verify(files)):
                self._settle(mark)
                return
            state = self._fit(offered, files)
        except StateError:
            self._tell(offered, "the store could not be read while it was tried")
        except UnprovenError as error:
            # It may have been a busy machine: tried again once it is promoted again.
            self._refuse(offered, error, mark)
        except UnfitError as error:
            self._remember(f"{print_} {run_id}", error)
            self._refuse(offered, error, mark)
        except ModelIntegrityError as error:
            self._remember(print_, error)
            self._refuse(offered, error, mark)
        else:
            self._serve(offered, files, state)
            self._settle(mark)

    def _fit(self, offered: Offered, files: Files) -> ServingState:
        started = time.monotonic()
        store = self.live.state.store
        try:
            state = fit_state(
                self.project, offered.version, files, store, self._proof_seconds, self._stop_asked
            )
        except NpsightError:
            raise
        except Exception as error:
            raise ModelIntegrityError(f"loading it failed ({type(error).__name__})") from None
        log.info("version %s proved in %.1f s", offered.version, time.monotonic() - started)
        return state

    def _serve(self, offered: Offered, files: Files, state: ServingState) -> None:
        before = self.live.state
        self.live.replace(state)
        self.live.standing.swapped()
        log.info(
            "version %s (%s) is served now, after version %s",
            state.version,
            state.digest[:12],
            before.version,
        )
        del before
        # A full disk must not keep a good model back; the next start proves what it finds.
        with contextlib.suppress(StateError):
            write_cached(self.project.state_dir, state.version, files, SERVED)
            if offered.from_registry:
                write_cached(self.project.state_dir, state.version, files)
        settle_memory()

    def _settle(self, mark: str) -> None:
        self._settled = mark
        self._pause = FIRST_PAUSE_SECONDS
        self.live.standing.clear(MODEL)

    def _refuse(self, offered: Offered, error: ModelIntegrityError, mark: str) -> None:
        if self._stop_asked.is_set():
            return
        if not offered.from_registry or isinstance(error, UnfitError | UnprovenError):
            # Damaged files of the registry may be restored under the same version.
            self._settled = mark
        self._tell(offered, str(error).splitlines()[0])
        self._wait_longer(offered, error)

    def _remember(self, key: str, error: ModelIntegrityError) -> None:
        if len(self._refused) >= MOST_REFUSED:
            self._refused.pop(next(iter(self._refused)))
        self._refused[key] = error.with_traceback(None)

    def _tell(self, offered: Offered, reason: str) -> None:
        digest = offered.digest or None
        self.live.standing.tell(MODEL, reason, offered.version, digest)

    def _is_early(self, offered: Offered) -> bool:
        waits = offered.from_registry and offered.mark == self._fetching
        return waits and time.monotonic() < self._not_before

    def _wait_longer(self, offered: Offered, error: Exception) -> None:
        if not offered.from_registry:
            return
        log.info("%s", error)
        known = offered.mark == self._fetching
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS) if known else FIRST_PAUSE_SECONDS
        self._fetching = offered.mark
        self._not_before = time.monotonic() + self._pause
