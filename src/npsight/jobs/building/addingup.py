"""Totals put together in this process from facts or panes; see `features.panesums`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pandas as pd
import pyarrow as pa

from npsight.features.asked import Asked
from npsight.features.cells import TooLargeError
from npsight.features.inorder import InOrder
from npsight.features.panes import Panes
from npsight.features.panesums import Sums
from npsight.tables.engine import arrow_of, batches_of, one_row
from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

BATCH_ROWS = 131_072
PART_OF_MEMORY = 8
"""Facts are taken so that a part of them fills this part of `engine.memory`."""
MOST_PARTS = 8
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
        ordered = ibis.row_number().over(order_by=names.account).cast(dt.int32)
        accounts = keep(names.mutate(number_=ordered))
        rows = spine.join(accounts, spine.account == accounts.account).select(
            accounts.number_, spine.as_of
        )
        in_order = backend.to_pyarrow(accounts.order_by("number_"))["account"]
        found, days = arrow_of(backend, rows, BATCH_ROWS), np.array(as_ofs, "datetime64[us]")
        number = found["number_"].to_numpy()
        day = np.searchsorted(days, found["as_of"].to_numpy().astype("datetime64[us]"))
        there = np.zeros((len(days), len(in_order)), dtype=bool)
        there[day, number] = True
        day, number = np.nonzero(there)
        places = np.flatnonzero(there)
        keys = pa.table({"account": in_order.take(number), "as_of": days[day]}).to_pandas()
        return cls(spine, accounts, len(in_order), keys, places)


def facts_added_up(
    backend: Any, asked: Asked, source: ir.Table, rows: SpineRows, most_bytes: int
) -> pd.DataFrame | None:
    """`account`, `as_of` and the features asked for (float64), one row for each of the spine.

    Features with a sum that might leave 64 bits are left out. None where the arrays would take more
    than `most_bytes`, or the facts are too many for them and do not lie in order of time.
    """
    if asked.array_bytes(rows.count) > most_bytes:
        return None
    parts = parts_of(backend, asked, source, most_bytes // PART_OF_MEMORY)
    if parts is None:
        return None
    sums = Sums(asked, rows.count)
    try:
        for part in parts:
            facts = asked.facts(part, rows.accounts)
            for batch in arrow_of(backend, facts, BATCH_ROWS).to_batches():
                sums.add_facts(batch)
            if sums.apart * asked.apart_bytes > most_bytes // PART_OF_MEMORY:
                return None
    except TooLargeError:
        return None
    return _beside_keys(sums.features(rows.places), rows)


def panes_added_up(
    backend: Any, asked: Asked, panes: Panes, rows: SpineRows, most_bytes: int
) -> pd.DataFrame | None:
    """The same from sums by pane that the engine makes, for features that add up."""
    if asked.array_bytes(rows.count) > most_bytes:
        return None
    sums = Sums(asked, rows.count)
    try:
        for batch in batches_of(backend, asked.panes(panes, rows.accounts), BATCH_ROWS):
            sums.add_panes(batch)
    except TooLargeError:
        return None
    return _beside_keys(sums.features(rows.places), rows)


def facts_in_order(
    backend: Any, asked: InOrder, source: ir.Table, rows: SpineRows, most_bytes: int
) -> pd.DataFrame | None:
    """The same of features that depend on the order of facts; None where these are too many."""
    count = backend.to_pyarrow(source.count()).as_py()
    if asked.fact_bytes * count > most_bytes // PART_OF_MEMORY:
        return None
    facts = arrow_of(backend, asked.facts(source, rows.accounts), BATCH_ROWS)
    return _beside_keys(asked.features(facts, rows.count, rows.places), rows)


def _beside_keys(features: Mapping[str, NDArray[np.float64]], rows: SpineRows) -> pd.DataFrame:
    keys = {key: rows.keys[key] for key in KEYS}
    return pd.DataFrame({**keys, **features}, copy=False)


def parts_of(
    backend: Any, asked: Asked, source: ir.Table, most_bytes: int
) -> list[ir.Table] | None:
    """The facts in parts of `most_bytes` where they are spread evenly over time.

    None where that would be more than `MOST_PARTS`, or where each part would read all rows again,
    because they do not lie in order of time: then the engine should sum them by pane first.
    """
    size = asked.fact_bytes * backend.to_pyarrow(source.count()).as_py()
    parts = math.ceil(size / most_bytes)
    if parts <= 1:
        return [source]
    if parts > MOST_PARTS:
        return None
    since = asked.since or _times(source)[0]
    step = (asked.grid.as_ofs[-1] - since) / parts
    first, last = _times(source.limit(BATCH_ROWS))
    if last - first > step:
        return None
    return list(cut(source, [since + k * step for k in range(1, parts)]))


def _times(facts: ir.Table) -> tuple[datetime, datetime]:
    at = facts.occurred_at
    found = one_row(facts.aggregate(first=at.min(), last=at.max()))
    return found["first"], found["last"]


def cut(facts: ir.Table, edges: Sequence[datetime]) -> Iterator[ir.Table]:
    """The facts between these instants, rising: `[edge, next edge)`, and those before and after."""
    for start, end in pairwise([None, *edges, None]):
        part = facts
        if start is not None:
            part = part.filter(part.occurred_at >= ibis.literal(start, type=INSTANT))
        if end is not None:
            part = part.filter(part.occurred_at < ibis.literal(end, type=INSTANT))
        yield part
