"""Waiting only for what is not there yet."""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Begun(Generic[Result]):
    """Work that has run up to its first wait, so that what needs none needs no timer either.

    A timer costs as much as a score: most bodies are there before they are asked for.

    Attributes
    ----------
    results
        What the work gave, alone in the tuple; empty while it is waited for, with `await`.
    """

    __slots__ = ("_steps", "_waits_for", "results")

    def __init__(self, work: Awaitable[Result]) -> None:
        self._steps = work.__await__()
        self.results: tuple[Result, ...] = ()
        try:
            self._waits_for = next(self._steps)
        except StopIteration as end:
            self.results = (end.value,)

    def __await__(self) -> Generator[Any, None, Result]:
        """Wait for the rest. Who stops waiting ends the work, too."""
        if self.results:
            return self.results[0]
        try:
            yield self._waits_for
        except BaseException:
            self._steps.close()
            raise
        return (yield from self._steps)
