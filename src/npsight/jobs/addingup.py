"""Counts and sums of panes, added up in this process; see `features.panesums`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from npsight.features.cells import TooLargeError
from npsight.features.panesums import Asked, Sums
from npsight.tables.engine import batches_of
from npsight.temporal.panes import edges_passed

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

BATCH_ROWS = 131_072
KEYS = ["account", "as_of"]


@dataclass(frozen=True)
class SpineRows:
    """The rows of a spine by number: of their accounts, in order, and of their as_of dates.

    Attributes
    ----------
    spine
        `account` and `as_of`, in any order, as a table of the engine.
    accounts
        `account` and `number_`, from 0 in order of accounts, as a table of the engine.
    count
        How many accounts there are.
    keys
        `account` and `as_of` (datetime64[us], UTC), ordered by as_of and account.
    places
        Of each row of `keys`: number of its as_of × `count` + number of its account.
    """

    spine: ir.Table
    accounts: ir.Table
    count: int
    keys: pd.DataFrame
    places: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        backend: Any,
        spine: ir.Table,
        as_ofs: Sequence[datetime],
        keep: Callable[[ir.Table], ir.Table],
    ) -> SpineRows:
        """Number the rows of a spine on these as_of dates, rising."""
        names = spine.select("account").distinct()
        number = ibis.row_number().over(order_by=names.account).cast("int32")
        accounts = keep(names.mutate(number_=number))
        rows = spine.join(accounts, spine.account == accounts.account).select(
            spine.account,
            spine.as_of,
            accounts.number_,
            day_=(edges_passed(spine.as_of, as_ofs) - 1).cast("int16"),
        )
        found = backend.to_pyarrow(rows.order_by(["day_", "number_"]))
        numbers, days = (found[c].to_numpy().astype("int64") for c in ("number_", "day_"))
        count = int(numbers.max(initial=-1)) + 1
        keys = found.select(KEYS).to_pandas()
        keys["as_of"] = keys["as_of"].astype("datetime64[us]")
        return cls(spine, accounts, count, keys, days * count + numbers)


def added_up(backend: Any, asked: Asked, rows: SpineRows, most_bytes: int) -> pd.DataFrame | None:
    """`account`, `as_of` and the features asked for (float64), one row for each of the spine.

    None where the arrays would take more than `most_bytes`, or a sum might leave 64 bits.
    """
    if asked.bytes_for(rows.count) > most_bytes:
        return None
    sums = Sums(asked, rows.count)
    try:
        for batch in batches_of(backend, asked.stream(rows.accounts), BATCH_ROWS):
            sums.add(batch)
        features = sums.features(rows.places)
    except TooLargeError:
        return None
    keys = {key: rows.keys[key] for key in KEYS}
    return pd.DataFrame({**keys, **features}, copy=False)
