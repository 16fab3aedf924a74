"""Digests of the facts' content that no order of rows and no number of threads can change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.tables.engine import one_row, row_hash
from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT

_HALF = 2**32


def digest_of(tables: Mapping[str, ir.Table]) -> str:
    """SHA-256 over name, columns, row count, and the sums of the rows' hashes.

    A sum tells repeated rows apart, which an xor would cancel out.
    """
    content = {name: _content(table) for name, table in sorted(tables.items())}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(table: ir.Table) -> list[str]:
    columns = sorted(table.columns)
    row = ibis.struct({column: table[column] for column in columns})
    hashes = table.select(hash=row_hash(row))
    # Halves are summed, because a sum of whole 64-bit hashes overflows 64 bits.
    low = (hashes.hash % _HALF).cast(dt.int64).sum()
    high = (hashes.hash // _HALF).cast(dt.int64).sum()
    found = one_row(hashes.aggregate(n=hashes.count(), low=low, high=high))
    return [*columns, *(str(found[name]) for name in ("n", "low", "high"))]


# --- What is visible on a day -------------------------------------------------------------------

_SUMS = ("n", "low", "high", "ends", "end_low", "end_high")
_LATER = ("ended_at", "ended_known_at", "corrected_at", "moved_at")


@dataclass(frozen=True)
class _Seen:
    """A table with the instants that decide from when and until when its rows are visible.

    A row is visible as of a day when `since < as_of` and not `until < as_of`; its end is from
    when `end_since < as_of`, too. `until` and `end_since` may be null: never.
    """

    table: ir.Table
    since: ir.TimestampValue
    until: ir.TimestampValue
    end_since: ir.TimestampValue


def visible_digests(facts: Facts, as_ofs: Sequence[datetime]) -> dict[datetime, str]:
    """For each as_of, SHA-256 of the content of the facts that is visible then.

    Visible are rows that had happened and were known (of scheduled sources: that were known),
    were not corrected and had not moved to another account, each before as_of; accounts by
    `began_at`, merges by `known_at`. The end of a fact is visible from when it was known, as it
    may be booked ahead; that of an account's version when it also lies before as_of. Nothing else
    can change a digest, and any change of these does.

    One pass over each table, however many days are asked for.

    Returns
    -------
    as_of (UTC, as given) -> 64 hexadecimal digits; equal for the same rows in any order.
    """
    days = sorted(set(as_ofs))
    if not days:
        return {}
    content: list[dict[str, list[str]]] = [{} for _ in days]
    for name, seen in _tables_seen(facts):
        columns = sorted(set(seen.table.columns) - set(_LATER))
        for place, sums in enumerate(_sums_by_day(seen, columns, days)):
            content[place][name] = [*columns, *(str(value) for value in sums)]
    texts = [json.dumps(tables, sort_keys=True) for tables in content]
    return {
        day: hashlib.sha256(text.encode()).hexdigest()
        for day, text in zip(days, texts, strict=True)
    }


def _tables_seen(facts: Facts) -> Iterator[tuple[str, _Seen]]:
    never = cast(ir.TimestampValue, ibis.null(INSTANT))
    yield "accounts", _Seen(facts.accounts, facts.accounts.began_at, never, never)
    if facts.versions is not None:
        yield "versions", _facts_seen(facts.versions, scheduled=False, end_ahead=False)
    for name, table in facts.sources.items():
        scheduled = name in facts.scheduled
        yield f"sources.{name}", _facts_seen(table, scheduled=scheduled, end_ahead=True)
    if facts.churn is not None:
        yield "churn", _facts_seen(facts.churn, scheduled=False, end_ahead=False)
    if facts.merges is not None:
        yield "merges", _Seen(facts.merges, facts.merges.known_at, never, never)


def _facts_seen(table: ir.Table, *, scheduled: bool, end_ahead: bool) -> _Seen:
    never = cast(ir.TimestampValue, ibis.null(INSTANT))
    since = table.known_at
    if not scheduled:
        since = ibis.greatest(since, table.occurred_at)
    ends = [table[c] for c in ("corrected_at", "moved_at") if c in table.columns]
    until = cast(ir.TimestampValue, ibis.least(*ends) if ends else never)
    if "ended_at" not in table.columns:
        return _Seen(table, since, until, never)
    known = table.ended_known_at
    end_since = (
        ibis.greatest(since, known) if end_ahead else ibis.greatest(since, known, table.ended_at)
    )
    # `greatest` skips nulls: what is open has no end to be seen.
    ended = table.ended_at.notnull() & known.notnull()
    return _Seen(table, since, until, ibis.ifelse(ended, end_since, ibis.null(INSTANT)))


def _sums_by_day(
    seen: _Seen, columns: Sequence[str], days: Sequence[datetime]
) -> Iterator[list[int]]:
    """For each day: count and hash sums of the visible rows, and of their visible ends."""
    change = [[0] * len(_SUMS) for _ in range(len(days) + 1)]
    for group in _groups(seen, columns, days):
        row = [group[name] for name in _SUMS[:3]]
        end = [group[name] for name in _SUMS[3:]]
        # A row that was gone before it was known is visible on no day.
        until = max(group["until_day"], group["since_day"])
        end_since = min(group["end_day"], until)
        _add(change[group["since_day"]], row, [0, 0, 0])
        _add(change[end_since], [0, 0, 0], end)
        _add(change[until], [-value for value in row], [-value for value in end])
    total = [0] * len(_SUMS)
    for step in change[:-1]:
        total = [a + b for a, b in zip(total, step, strict=True)]
        yield total


def _add(sums: list[int], row: Sequence[int], end: Sequence[int]) -> None:
    for place, value in enumerate([*row, *end]):
        sums[place] += value


def _groups(seen: _Seen, columns: Sequence[str], days: Sequence[datetime]) -> list[dict[str, int]]:
    """Hash sums of the rows that become visible, ended and gone on the same days."""
    table = seen.table
    row = {column: table[column] for column in columns}
    end = {c: table[c] for c in ("ended_at", "ended_known_at") if c in table.columns}
    first = {
        "since_day": _first_day_after(seen.since, days),
        "end_day": _first_day_after(seen.end_since, days),
        "until_day": _first_day_after(seen.until, days),
    }
    hashed = table.filter(seen.since < ibis.literal(days[-1], type=INSTANT)).select(
        **first, hash=row_hash(ibis.struct(row)), end=row_hash(ibis.struct(row | end))
    )
    summed = hashed.group_by(list(first)).aggregate(
        n=hashed.count(),
        low=(hashed.hash % _HALF).cast(dt.int64).sum(),
        high=(hashed.hash // _HALF).cast(dt.int64).sum(),
        ends=hashed.count(),
        end_low=(hashed.end % _HALF).cast(dt.int64).sum(),
        end_high=(hashed.end // _HALF).cast(dt.int64).sum(),
    )
    found: list[dict[str, int]] = summed.to_pyarrow().to_pylist()
    return found


def _first_day_after(
    instant: ir.TimestampValue, days: Sequence[datetime], start: int = 0, stop: int | None = None
) -> ir.IntegerValue:
    """Place of the first day with `instant < day`; the number of days after all and for null.

    Halving keeps it at a few comparisons a row.
    """
    stop = len(days) if stop is None else stop
    if start == stop:
        return cast(ir.IntegerValue, ibis.literal(start, type=dt.int64))
    middle = (start + stop) // 2
    before = (instant < ibis.literal(days[middle], type=INSTANT)).fill_null(False)
    return cast(
        ir.IntegerValue,
        ibis.ifelse(
            before,
            _first_day_after(instant, days, start, middle),
            _first_day_after(instant, days, middle + 1, stop),
        ),
    )
