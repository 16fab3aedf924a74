"""A registry that is away for some minutes does not cost the work of a long training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from npsight.errors import RegistryAwayError
from npsight.tracking.tracking import Tracking

SECONDS = 600.0
PAUSE = 10.0


def await_registry(
    tracking: Tracking,
    say: Callable[[str], None],
    seconds: float = SECONDS,
    pause: float = PAUSE,
) -> None:
    """Return once the registry answers and may be written to; says every minute that it waits.

    Raises
    ------
    RegistryAwayError
        It did not answer for `seconds`.
    RegistryRefusedError
        This user may not write: waiting would not help.
    """
    until, told = time.monotonic() + seconds, 0
    while True:
        try:
            return tracking.ensure_writable()
        except RegistryAwayError:
            left = until - time.monotonic()
            if left <= 0:
                raise
            minutes = math.ceil(left / 60)
            if minutes != told:
                say(f"the model registry does not answer; trying for {minutes} minutes more")
            told = minutes
            time.sleep(min(pause, left))
