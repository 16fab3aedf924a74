"""What every endpoint works with: the served model, the store, figures, and a deadline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync

from npsight.service.access import Access
from npsight.service.kept import Kept
from npsight.service.metrics import Metrics
from npsight.service.problems import ApiError
from npsight.service.state import Live, ServingState
from npsight.service.together import Together
from npsight.store.noticed import Noticed

Result = TypeVar("Result")

DEADLINE_SECONDS = 25.0
"""Below BentoML's own time-out, and below the 30 seconds that Zapier and HubSpot wait."""
RETRY_SECONDS = 5
"""What a caller is told to wait after a deadline: a busy moment is over by then."""
WORKERS = 2
WRITERS = 16
"""Writes at a time: one is scored, the others wait for it and are scored together then."""


class Api:
    """What takes time runs in threads, a few at a time and under a deadline.

    `holding` are the claims of the writes that this process is at (see `once`).
    """

    def __init__(self, live: Live, metrics: Metrics, deadline: float = DEADLINE_SECONDS) -> None:
        self.live = live
        self.metrics = metrics
        self.access = Access(live, metrics)
        self.deadline = deadline
        self.answers_cleaned_at = float("-inf")
        self.holding: set[str] = set()
        self.together = Together()
        self._noticed = Noticed(live.state.store, live.state.project)
        self._limiters: dict[int, anyio.CapacityLimiter] = {}

    @property
    def state(self) -> ServingState:
        """What is served now. A request reads it once, so that a swap never splits an answer."""
        return self.live.state

    async def kept(self) -> Kept:
        """The results that are kept of the served model and the latest run.

        Those of accounts that another process scored again are dropped first, as far as that can
        be noticed without waiting (see `noticed`).

        Raises
        ------
        NotFoundError
            The project was never scored.
        """
        self.notice()
        live, state = self.live, self.state
        kept, generation = live.kept, live.generation
        if kept is None or kept.state is not state:
            kept = Kept(state, await self.threaded(state.store.latest_run, state.project))
            live.keep(kept, generation)
        return kept

    def notice(self) -> None:
        """Drop what is kept of accounts that another process scored again.

        To be called once before anything is kept, for changes are noticed from then on.
        """
        for account in self._noticed.accounts():
            self.live.forget(account)

    def close(self) -> None:
        """Finish what is under way, and write down what is still to be written."""
        self.together.close()
        self._noticed.close()
        self.access.close()

    async def threaded(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """`work(*arguments)` in a thread.

        Raises
        ------
        ApiError
            503 after the deadline; the thread's work goes on and is forgotten.
        """
        return await self._one_of(WORKERS, work, *arguments)

    async def writing(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """The same for a write, which holds up none of those that are done in no time."""
        return await self._one_of(WRITERS, work, *arguments)

    async def _one_of(self, most: int, work: Callable[..., Result], *arguments: Any) -> Result:
        if most not in self._limiters:
            self._limiters[most] = anyio.CapacityLimiter(most)
        return await self.in_time(
            run_sync(work, *arguments, limiter=self._limiters[most], abandon_on_cancel=True)
        )

    async def in_time(self, result: Awaitable[Result]) -> Result:
        """`await result`; raises as `threaded` does."""
        try:
            with anyio.fail_after(self.deadline):
                return await result
        except TimeoutError:
            raise ApiError(
                503,
                "deadline-exceeded",
                f"no answer within {self.deadline:g} seconds; retry later or send fewer accounts",
                retry_after=RETRY_SECONDS,
            ) from None
