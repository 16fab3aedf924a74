"""Whoever waits while others are scored is scored together with all who wait, and then goes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, cast

from npsight.jobs.scoring.rescore import Rescorer, Settled

NOBODY: Any = None


class Counting(Rescorer):
    """Scores nobody; keeps which thread scored whom, and waits to be let go."""

    def __init__(self) -> None:
        super().__init__(NOBODY, NOBODY)
        self.batches: list[tuple[str, set[str]]] = []
        self.begun = threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)

    def _scored(self, served: Any, causes: Mapping[str, str]) -> dict[str, Settled]:
        self.batches.append((threading.current_thread().name, set(causes)))
        self.begun.release()
        assert self.goes_on.acquire(timeout=20)
        return {account: Settled(None, account) for account in causes}

    def ask(self, account: str) -> threading.Thread:
        """A thread of the account's name that settles it."""
        thread = threading.Thread(
            target=lambda: self.settle(NOBODY, [account], "fact"), name=account, daemon=True
        )
        thread.start()
        return thread

    def wait_for(self, waiting: set[str]) -> None:
        while set(cast(Mapping[str, Any], self._waiting)) != waiting:
            assert not threading.Event().wait(0.005)


def test_who_was_scored_by_another_leaves_the_next_batch_to_those_who_wait() -> None:
    rescorer = Counting()
    threads = [rescorer.ask("first")]
    assert rescorer.begun.acquire(timeout=20)
    threads += [rescorer.ask(name) for name in ("a", "b", "c")]
    rescorer.wait_for({"a", "b", "c"})
    rescorer.goes_on.release()
    assert rescorer.begun.acquire(timeout=20)
    threads.append(rescorer.ask("last"))
    rescorer.wait_for({"last"})
    for _ in range(2):
        rescorer.goes_on.release()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert [whom for _, whom in rescorer.batches] == [{"first"}, {"a", "b", "c"}, {"last"}]
    assert all(thread in whom for thread, whom in rescorer.batches)
