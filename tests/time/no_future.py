"""The contract of every feature: what was not known before as_of cannot be told from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from handmade import TICK, Row, World, builder_of, rows_of, spine_of
from worlds import MOST_ROWS, Draw, distinct_versions

from npsight.audit.oracle import is_known, is_seen


def assert_no_future(
    engine: Any,
    world: World,
    as_of: datetime,
    specs: Sequence[Any],
    segment: str | None,
    draw: Draw,
    found: pd.DataFrame,
    touchpoints: tuple[str, ...] = (),
) -> None:
    """Features, history and display of `found` stay, bit for bit, whatever happens later.

    `found` holds the rows of `as_of` of what `read` gave for `world`. Facts with
    `occurred_at >= as_of` or `known_at >= as_of` are removed, altered and added at random, and
    ends that were not known before as_of are moved; who stands in the spine must not change
    either.
    """
    other = another_future(world, as_of, draw)
    assert other != world, "nothing was changed, so nothing is proved"
    again = read(engine, other, [as_of], specs, segment, touchpoints)
    pd.testing.assert_frame_equal(again, found, check_exact=True)


def read(
    engine: Any,
    world: World,
    as_ofs: Sequence[datetime],
    specs: Sequence[Any],
    segment: str | None,
    touchpoints: tuple[str, ...] = (),
) -> pd.DataFrame:
    """All that npsight reads of every account on these days, and whether the spine has it.

    Indexed by account and as_of (every account on every day, whether the spine has it or not).
    """
    keys = ["account", "as_of"]
    builder = builder_of(engine, world, specs, segment, touchpoints)
    spine = spine_of(engine, [(row["account"], day) for row in world.accounts for day in as_ofs])
    frame = builder.features(spine).merge(builder.display(spine), on=keys).set_index(keys)
    assert len(frame) == len(world.accounts) * len(as_ofs)
    alive = set(rows_of(engine, builder.spine(as_ofs)))
    alive_ = [(account, at.to_pydatetime()) in alive for account, at in frame.index]
    return frame.assign(in_spine_=alive_).sort_index()


def another_future(world: World, as_of: datetime, draw: Draw) -> World:
    """The world with the same facts before as_of and, at random, other ones after."""

    def change(name: str, rows: list[Row]) -> list[Row]:
        if name == "accounts":
            return rows  # who has not begun does not stand in the spine
        if name == "merges":
            return [_other_merge(row, as_of, draw) for row in rows]
        seen = is_known if name in world.scheduled else is_seen
        kept = [_other_end(row, as_of, draw) for row in rows if seen(row, as_of)]
        later = [row for row in rows if not seen(row, as_of)]
        later = [_altered(name, row, as_of, draw) for row in later if draw.chance(0.7)]
        for account in world.accounts:
            if draw.chance(MOST_ROWS[name] / 4):
                later.append(_unseen(name, draw.row(name, account["account"]), as_of, draw))
        return distinct_versions(kept + later) if name == "versions" else kept + later

    return world.changed(change)


def _other_merge(row: Row, as_of: datetime, draw: Draw) -> Row:
    return row if row["known_at"] < as_of else row | {"known_at": _late(as_of, draw)}


def _late(as_of: datetime, draw: Draw) -> datetime:
    return draw.one([at for at in draw.instants if at >= as_of])


def _altered(name: str, row: Row, as_of: datetime, draw: Draw) -> Row:
    """The same row, or one of the same account with other values, still unseen."""
    if draw.chance(0.3):
        return row
    return _unseen(name, draw.row(name, row["account"]), as_of, draw)


def _unseen(name: str, row: Row, as_of: datetime, draw: Draw) -> Row:
    """The row, moved to where at least one of its times is not before as_of.

    What may be booked ahead is unseen only while it is unknown.
    """
    late = draw.one((as_of, as_of + TICK, max(draw.instants)))
    if name == "meetings" or draw.chance(0.5):
        return row if row["known_at"] >= as_of else row | {"known_at": late}
    if not is_seen(row, as_of):
        return row
    return row | {"occurred_at": late, "known_at": draw.one((late, row["known_at"]))}


def _other_end(row: Row, as_of: datetime, draw: Draw) -> Row:
    """A seen row, whose end and whose correction or move, where not known before as_of, are
    others that are not known either.
    """
    for column in ("corrected_at", "moved_at"):
        if row.get(column) is not None or (column in row and draw.chance(0.3)):
            row = row | {column: draw.one((None, _late(as_of, draw)))}
    if "ended_at" not in row or (row["ended_at"] is not None and row["ended_known_at"] < as_of):
        return row
    if draw.chance(0.3):
        return row | {"ended_at": None, "ended_known_at": None}
    return row | {"ended_at": draw.instant(), "ended_known_at": _late(as_of, draw)}
