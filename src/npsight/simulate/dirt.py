"""The blemishes of real exports, added to finished tables; no clean row is changed.

surveys: about 0.3 % of the answers have a score off the scale, 0.2 % of the rows occur twice, and
0.05 % more rows belong to accounts nobody knows ("X000001" ...). tickets: about 0.1 % have an
`opened_at` that is no instant. At least one of each per chunk that has rows to soil. Awkward
company names are drawn in `accounts`.
"""

from typing import TYPE_CHECKING

import numpy as np

from npsight.simulate.arrays import Ints

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["OFF_SCALE", "UNPARSEABLE", "soil_surveys", "soil_tickets"]

OFF_SCALE = (11, -1, 99, 12)
UNPARSEABLE = ("n/a", "31/02/2024", "2024-13-45T25:61:00Z", "yesterday", "#REF!")
_OFF_SCALE_SHARE = 0.003
_DUPLICATE_SHARE = 0.002
_UNKNOWN_SHARE = 0.0005
_UNPARSEABLE_SHARE = 0.001


def _some(rng: np.random.Generator, candidates: Ints, share: float) -> Ints:
    """Draw a share of the candidates, at least one if there are any; sorted."""
    number = min(len(candidates), max(1, round(share * len(candidates))))
    return np.sort(rng.choice(candidates, number, replace=False)) if number else candidates


def _replaced(table: "pa.Table", name: str, places: Ints, values: list[object]) -> "pa.Table":
    import pyarrow as pa

    column = table.column(name)
    changed = column.to_pylist()
    for place, value in zip(places, values, strict=True):
        changed[place] = value
    index = table.schema.get_field_index(name)
    return table.set_column(index, name, pa.array(changed, column.type))


def soil_surveys(rng: np.random.Generator, surveys: "pa.Table", chunk_index: int) -> "pa.Table":
    """Return the surveys with scores off the scale, doubled rows and unknown accounts."""
    import pyarrow as pa

    answered = np.flatnonzero(surveys.column("answered_at").is_valid().to_numpy())
    off_scale = _some(rng, answered, _OFF_SCALE_SHARE)
    clean = np.setdiff1d(answered, off_scale)
    unknown = surveys.take(_some(rng, clean, _UNKNOWN_SHARE))
    doubled = _some(rng, np.setdiff1d(np.arange(len(surveys)), off_scale), _DUPLICATE_SHARE)
    scores: list[object] = [int(score) for score in rng.choice(OFF_SCALE, len(off_scale))]
    soiled = _replaced(surveys, "score", off_scale, scores)
    places = np.arange(len(unknown))
    names = [f"X{chunk_index:03d}{place + 1:03d}" for place in places]
    unknown = _replaced(unknown, "account_id", places, list(names))
    unknown = _replaced(unknown, "survey_id", places, [f"S{name}-1" for name in names])
    order = np.sort(np.concatenate([np.arange(len(surveys)), doubled]))
    return pa.concat_tables([soiled.take(order), unknown])


def soil_tickets(rng: np.random.Generator, tickets: "pa.Table") -> "pa.Table":
    """Return the tickets with a few `opened_at` that no reader can parse."""
    places = _some(rng, np.arange(len(tickets)), _UNPARSEABLE_SHARE)
    return _replaced(tickets, "opened_at", places, list(rng.choice(UNPARSEABLE, len(places))))
