"""What the drivers add over the training rows: what is expected of a driver not yet looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Typical:
    """Log-odds that the drivers add to one displayed number, over the training rows.

    Attributes
    ----------
    groups
        The drivers.
    means
        Mean of each driver's log-odds in each part, shape (parts, groups).
    covariance
        Their covariance, shape (parts · groups, parts · groups), all drivers of the first part
        first.
    shifts
        Log-odds added to each part where nothing is known of a row, so that the number expected
        then is exactly the mean prediction over the training rows.
    """

    groups: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]
    shifts: tuple[float, ...]
