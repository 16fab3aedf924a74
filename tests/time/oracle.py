"""The rules of time once more, as plain loops over lists: slow, obvious, and nobody's library.

Written from the docstrings of `npsight.temporal`, `features`, `targets` and from
`config.aggregations`; it imports none of their code. Every function takes a `World` of rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
DAY = timedelta(days=1)


# --- What can be seen --------------------------------------------------------------------------


def is_seen(row: Row, as_of: datetime) -> bool:
    """It had happened, and that was known."""
    return row["occurred_at"] < as_of and row["known_at"] < as_of


def seen_rows(rows: Iterable[Row], account: str, as_of: datetime) -> list[Row]:
    return [row for row in rows if row["account"] == account and is_seen(row, as_of)]


def between(rows: Iterable[Row], start: datetime, end: datetime) -> list[Row]:
    """Rows in `[start, end)`."""
    return [row for row in rows if start <= row["occurred_at"] < end]


def is_open(row: Row, as_of: datetime) -> bool:
    """No end, or it was yet to come, or nobody knew of it."""
    if row.get("ended_at") is None:
        return True
    return row["ended_at"] >= as_of or row["ended_known_at"] >= as_of


def days(later: datetime, earlier: datetime) -> float:
    return (later - earlier) / DAY


# --- Features ----------------------------------------------------------------------------------


def feature(spec: Any, world: Any, account: str, as_of: datetime) -> float | str | None:
    """One feature of one account on one day; None is missing."""
    if spec.source == "accounts":
        value = _of_account(spec, world, account, as_of)
    else:
        value = _of_facts(spec, world.sources[spec.source], account, as_of)
    if value is None and spec.missing == "zero" and spec.dtype == "number":
        return 0.0
    return value


def _of_account(spec: Any, world: Any, account: str, as_of: datetime) -> float | str | None:
    if spec.aggregation == "age":
        began = [row["began_at"] for row in world.accounts if row["account"] == account]
        return days(as_of, began[0]) if began else None
    version = version_in_force(world, account, as_of) or {}
    if spec.aggregation == "days_until_renewal":
        renewal = version.get("renewal_at_")
        return None if renewal is None else days(renewal, as_of)
    assert spec.aggregation == "value"
    value = version.get(spec.measure)
    return value if spec.dtype == "category" or value is None else float(value)


def version_in_force(world: Any, account: str, as_of: datetime) -> Row | None:
    """The newest version seen, unless it is over."""
    newest = None
    for row in seen_rows(world.versions or [], account, as_of):
        if newest is None or _when(row) > _when(newest):
            newest = row
    if newest is None:
        return None
    return newest if is_open(newest, as_of) else None


def _when(row: Row) -> tuple[datetime, datetime]:
    return row["occurred_at"], row["known_at"]


def _of_facts(spec: Any, rows: list[Row], account: str, as_of: datetime) -> float | None:
    rows = seen_rows(rows, account, as_of)
    for column, wanted in spec.where:
        rows = [row for row in rows if row.get(column) == wanted]
    if spec.aggregation == "trend":
        return _trend(spec, rows, as_of)
    if spec.window_days is not None:
        rows = between(rows, as_of - spec.window_days * DAY, as_of)
    if not rows:
        return None
    measured = [row for row in rows if row.get(spec.measure) is not None]
    values = [Fraction(str(row[spec.measure])) for row in measured]
    match spec.aggregation:
        case "count":
            return float(len(rows))
        case "sum":
            return float(sum(values)) if values else None
        case "mean":
            return float(sum(values) / len(values)) if values else None
        case "ratio":
            per = [Fraction(str(row[spec.per])) for row in rows if row.get(spec.per) is not None]
            return float(sum(values) / sum(per)) if values and sum(per) != 0 else None
        case "min":
            return float(min(values)) if values else None
        case "max":
            return float(max(values)) if values else None
        case "last":
            pairs = [(*_when(row), value) for row, value in zip(measured, values, strict=True)]
            return float(max(pairs)[2]) if pairs else None
        case "days_since_last":
            return days(as_of, max(row["occurred_at"] for row in rows))
        case "distinct_days":
            return float(len({row["occurred_at"].date() for row in rows}))
        case "open":
            return float(len([row for row in rows if is_open(row, as_of)]))
    raise NotImplementedError(spec.aggregation)


def _trend(spec: Any, rows: list[Row], as_of: datetime) -> float | None:
    middle = as_of - spec.window_days * DAY
    start = middle - spec.window_days * DAY
    now, before = between(rows, middle, as_of), between(rows, start, middle)
    if spec.measure is None:
        new, old = Fraction(len(now)), Fraction(len(before))
    else:
        new, old = _total(now, spec.measure), _total(before, spec.measure)
    size = abs(new) + abs(old)
    return float((new - old) / size) if size else None


def _total(rows: list[Row], measure: str) -> Fraction:
    return sum(
        (Fraction(str(row[measure])) for row in rows if row.get(measure) is not None), Fraction(0)
    )


# --- NPS history -------------------------------------------------------------------------------


def decayed(answers: Iterable[Row], as_of: datetime, band: str, half_life_days: int) -> float:
    """Decayed count of a band over these answers."""
    total = 0.0
    for row in answers:
        if is_seen(row, as_of) and row["band"] == band:
            total += 0.5 ** (days(as_of, row["occurred_at"]) / half_life_days)
    return total


def segment_of(world: Any, account: str, as_of: datetime, segment: str | None) -> str:
    """The account's segment on the day; "" where there is none."""
    if segment is None:
        return ""
    return (version_in_force(world, account, as_of) or {}).get(segment) or ""


def peers_of(world: Any, account: str, as_of: datetime, segment: str | None) -> set[str]:
    """Everybody who answered and is of the account's segment on the day."""
    own = segment_of(world, account, as_of, segment)
    answerers = {row["account"] for row in world.sources["responses"]}
    return {name for name in answerers if segment_of(world, name, as_of, segment) == own}


def last_answer(world: Any, account: str, as_of: datetime) -> Row | None:
    """The newest answer; of several at one instant the one known last, then the highest."""
    newest = None
    for row in seen_rows(world.sources["responses"], account, as_of):
        if newest is None or _rank(row) > _rank(newest):
            newest = row
    return newest


def _rank(row: Row) -> tuple[datetime, datetime, int]:
    return (*_when(row), row["raw_score"])


# --- Spine -------------------------------------------------------------------------------------


def in_spine(world: Any, account: str, as_of: datetime) -> bool:
    """It exists, and is not known to have left."""
    if not any(r["account"] == account and r["began_at"] < as_of for r in world.accounts):
        return False
    contracts = seen_rows(world.sources.get("subscriptions", []), account, as_of)
    if contracts and not any(is_open(row, as_of) for row in contracts):
        return False
    return not seen_rows(world.churn or [], account, as_of)


# --- Outcomes ----------------------------------------------------------------------------------


def is_complete(world: Any, as_of: datetime, gap: int, horizon: int) -> bool:
    return as_of + (gap + horizon) * DAY <= world.data_end


def answers(world: Any, account: str, as_of: datetime, gap: int, horizon: int) -> Row | None:
    """Answers in `[as_of + gap, as_of + gap + horizon)`; None without any."""
    start = as_of + gap * DAY
    own = [row for row in world.sources["responses"] if row["account"] == account]
    inside = between(own, start, start + horizon * DAY)
    if not inside:
        return None
    return {
        "answers": len(inside),
        "detractors": len([row for row in inside if row["band"] == "detractor"]),
        "promoters": len([row for row in inside if row["band"] == "promoter"]),
        "label_known_at": max(row["known_at"] for row in inside),
    }


def churn(
    world: Any, event: str, account: str, as_of: datetime, gap: int, horizon: int
) -> Row | None:
    """Whether the account is lost in the window; None when it was never at risk in it."""
    start = as_of + gap * DAY
    end = start + horizon * DAY
    if event == "subscription_end":
        return _contract_lost(world.sources["subscriptions"], account, start, end)
    if event == "churn_table":
        events = [row for row in world.churn if row["account"] == account]
        if any(row["occurred_at"] < start for row in events):
            return None
        inside = between(events, start, end)
        known = min((row["known_at"] for row in inside), default=None)
        return {"churned": int(bool(inside)), "label_known_at": known}
    assert event == "no_activity"
    facts = [row for row in world.sources["usage"] if row["account"] == account]
    return {"churned": int(not between(facts, start, end)), "label_known_at": end}


def _contract_lost(rows: list[Row], account: str, start: datetime, end: datetime) -> Row | None:
    """Something ran when the window began, and nothing was left when it closed.

    An end at `start` is the first that the window holds, an end at `end` the first it does not.
    """
    own = [row for row in rows if row["account"] == account]
    ends = {id(row): row.get("ended_at") or datetime.max for row in own}
    if not any(row["occurred_at"] <= start <= ends[id(row)] for row in own):
        return None
    if any(row["occurred_at"] < end <= ends[id(row)] for row in own):
        return {"churned": 0, "label_known_at": None}
    known = max(row["ended_known_at"] for row in own if ends[id(row)] < end)
    return {"churned": 1, "label_known_at": known}
