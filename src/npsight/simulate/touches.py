"""touches.csv: what CSMs do; somewhat more of it with unhappy and with large accounts."""

import numpy as np

from npsight.simulate.arrays import pick, sequence_in_group, working_hours
from npsight.simulate.chunk import Chunk, Columns
from npsight.simulate.ids import account_ids, serial_ids

__all__ = ["KINDS", "touches"]

KINDS = ("call", "email", "review")
_MINUTES = np.array([25.0, 6.0, 55.0])
_KIND_SHARES = np.array([0.36, 0.52, 0.12])
_LOGGING_DELAY_DAYS = 0.4


def touches(chunk: Chunk) -> Columns:
    """Return the touches; those logged after the data end are left out."""
    rng, state = chunk.streams["touches"], chunk.state
    size = (chunk.contract.arr[:, :1] / 20_000) ** 0.3
    rate = 0.022 * size * np.exp(-0.2 * state.satisfaction) * chunk.live()
    account, day = np.nonzero(rng.random(rate.shape) < rate)
    at = day + working_hours(rng, len(day))
    known_at = at + np.minimum(rng.exponential(_LOGGING_DELAY_DAYS, len(at)), 3.0)
    kind = pick(rng, np.tile(_KIND_SHARES, (len(at), 1)))
    minutes = np.maximum(1, np.rint(rng.lognormal(np.log(_MINUTES[kind]), 0.45)))
    keep = known_at <= chunk.settings.days
    number = chunk.cohort.number[account[keep]]
    return {
        "touch_id": serial_ids("H", number, sequence_in_group(number)),
        "account_id": account_ids(number),
        "occurred_at": at[keep],
        "known_at": known_at[keep],
        "kind": np.array(KINDS, dtype=object)[kind[keep]],
        "minutes": minutes[keep],
    }
