"""What every endpoint works with: the served model, the store, figures, and a deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync

from npsight.service.access import Access
from npsight.service.metrics import Metrics
from npsight.service.problems import ApiError
from npsight.service.state import Live, ServingState

Result = TypeVar("Result")

DEADLINE_SECONDS = 25.0
"""Below BentoML's own time-out, and below the 30 seconds that Zapier and HubSpot wait."""
WORKERS = 2


class Api:
    """What takes time runs in threads, a few at a time and under a deadline."""

    def __init__(self, live: Live, metrics: Metrics, deadline: float = DEADLINE_SECONDS) -> None:
        self.live = live
        self.metrics = metrics
        self.access = Access(live, metrics)
        self.deadline = deadline
        self._limiter: anyio.CapacityLimiter | None = None

    @property
    def state(self) -> ServingState:
        """What is served now. A request reads it once, so that a swap never splits an answer."""
        return self.live.state

    async def threaded(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """`work(*arguments)` in a thread.

        Raises
        ------
        ApiError
            503 after the deadline; the thread's work goes on and is forgotten.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(WORKERS)
        try:
            with anyio.fail_after(self.deadline):
                return await run_sync(
                    work, *arguments, limiter=self._limiter, abandon_on_cancel=True
                )
        except TimeoutError:
            raise ApiError(
                503,
                "deadline-exceeded",
                f"no answer within {self.deadline:g} seconds; retry later or send fewer accounts",
            ) from None
