"""How much is too much: tokens by name, all in this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

Clock = Callable[[], float]
MAX_NAMES = 10_000


class Buckets:
    """A bucket of tokens for each name; a request takes one, and time gives them back.

    A full bucket holds a minute's worth, so a caller may send all of a minute's requests at once.
    The least recently seen names are forgotten, so that nobody can fill the memory with names.
    """

    def __init__(self, clock: Clock = time.monotonic, most: int = MAX_NAMES) -> None:
        self._clock = clock
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, per_minute: int) -> float:
        """Take a token; returns 0.0, or, where there is none, the seconds until there is one."""
        now = self._clock()
        tokens, then = self._buckets.get(name, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - then) * per_minute / 60)
        wait = 0.0 if tokens >= 1 else (1 - tokens) * 60 / per_minute
        self._buckets[name] = (tokens if wait else tokens - 1, now)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait


class Guesses:
    """Answers to wrong keys come later, the more of them an address sends.

    Keys cannot be guessed; this keeps those who try from filling the log and the line. Only the
    answers to wrong keys wait: callers with a good key at the same address notice nothing.
    """

    FREE_PER_MINUTE = 20
    LONGEST = 1.0
    MOST_WAITING = 64
    """Answers that may be held back at once; the rest are given at once."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._buckets = Buckets(clock)
        self.waiting = 0

    def delay(self, address: str) -> float:
        """Seconds by which to hold back the answer to one more wrong key of the address."""
        if self._buckets.take(address, self.FREE_PER_MINUTE) == 0 or self.is_full:
            return 0.0
        return self.LONGEST

    @property
    def is_full(self) -> bool:
        """Whether no further answer can be held back."""
        return self.waiting >= self.MOST_WAITING


def whole_seconds(seconds: float) -> int:
    """Seconds for `Retry-After`: never too few."""
    return max(1, math.ceil(seconds))
