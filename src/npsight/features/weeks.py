"""An account's recent past for people to look at: weekly numbers, and its newest answers.

Read as features are: only facts with `occurred_at < as_of` and `known_at < as_of`, in the version
that held then. Week k before as_of is `[as_of − 7(k + 1), as_of − 7k)`, in days; week 0 is the
newest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import FeatureSpec, ProjectSpec
from npsight.features.rows import matching
from npsight.temporal.facts import Facts
from npsight.temporal.instants import INSTANT
from npsight.temporal.windows import open_back, parts_back, seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

Kind = Literal["count", "sum", "mean", "ratio", "open"]
WEEKS = 26
DAYS = 7
MOST_SERIES = 8
DIGITS = 4
ANSWERS = 24
LONGEST_COMMENT = 2_000

_DIRECT: dict[str, Kind] = {
    "count": "count",
    "sum": "sum",
    "mean": "mean",
    "ratio": "ratio",
    "open": "open",
}
_OF_VALUES = frozenset({"std", "min", "max", "first", "last", "slope", "mean_trend"})
_OF_TOTALS = frozenset({"trend", "vs_usual"})
_PREFERRED: tuple[Kind, ...] = ("count", "open", "mean", "ratio", "sum")


@dataclass(frozen=True)
class Series:
    """A number of each week, of one activity table.

    `count` and `sum` are totals of the week, `mean` and `ratio` (sum of `measure` over sum of
    `per`) null in a week without values, `open` is how many facts lasted at the week's end.
    """

    source: str
    kind: Kind
    measure: str | None
    per: str | None
    where: tuple[tuple[str, str], ...]
    label: str
    unit: str
    driver: str


def series_of(project: ProjectSpec) -> tuple[Series, ...]:
    """What the project's features read of activity tables, at most `MOST_SERIES`.

    Each driver gives its first, then each its second, and so on, so that none is left out.
    """
    by_driver: dict[str, dict[object, Series]] = {driver.key: {} for driver in project.drivers}
    for spec in sorted(project.features, key=lambda spec: spec.aggregation not in _DIRECT):
        series = _series(spec) if spec.source in project.tables.activity else None
        if series is not None:
            key = (series.source, series.kind == "open", series.measure, series.per, series.where)
            by_driver.setdefault(series.driver, {}).setdefault(key, series)
    queues = [sorted(found.values(), key=_place) for found in by_driver.values()]
    longest = max((len(queue) for queue in queues), default=0)
    turns = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
    chosen = turns[:MOST_SERIES]
    order = list(by_driver)
    return tuple(sorted(chosen, key=lambda series: order.index(series.driver)))


def _series(spec: FeatureSpec) -> Series | None:
    if spec.against or spec.category or spec.expression:
        return None
    kind = _DIRECT.get(spec.aggregation)
    if spec.aggregation in _OF_VALUES and spec.measure:
        kind = "mean"
    if spec.aggregation in _OF_TOTALS:
        kind = "sum" if spec.measure else "count"
    if kind is None:
        return None
    per = spec.per if kind == "ratio" else None
    named = (spec.label, spec.unit, spec.driver)
    return Series(spec.source, kind, spec.measure, per, spec.where, *named)


def _place(series: Series) -> tuple[bool, int]:
    return bool(series.where), _PREFERRED.index(series.kind)


def weekly_expr(
    facts: Facts, accounts: ir.Table, as_of: datetime, source: str, series: Sequence[Series]
) -> ir.Table:
    """The series of one source: `account`, and `s0`, `s1` … for each of `series`, in order.

    Each is an array of `WEEKS` numbers (float64, to `DIGITS` decimals), the oldest week first;
    null in a week of which nothing is known: one before the account, the data and its first fact
    began, or without a value of a mean or ratio. One row an account of `accounts` (`account`,
    `began_at`) that has any fact of the source before as_of.
    """
    day = ibis.literal(as_of, type=INSTANT)
    rows = facts.sources[source]
    begun = accounts.select("account", began_=accounts.began_at)
    mine = begun.join(rows, begun.account == rows.account).select(begun.began_, rows)
    seen = mine.filter(seen_before(day, mine))
    seen = seen.mutate(week_=parts_back(day, seen.occurred_at, DAYS))
    parts = [(f"s{i}", item) for i, item in enumerate(series)]
    start = ibis.greatest(seen.began_.min(), ibis.literal(facts.data_start, type=INSTANT))
    lived = {"age_": ibis.greatest(parts_back(day, start, DAYS), seen.week_.max())}
    open_counts = {
        f"{name}_{week}": _open(seen, item, day, week).sum()
        for name, item in parts
        if item.kind == "open"
        for week in range(WEEKS)
    }
    known = seen.group_by("account").agg(**lived, **open_counts)
    totals = [(name, item) for name, item in parts if item.kind != "open"]
    if totals:
        recent = seen.filter(seen.week_ < WEEKS)
        weekly = recent.group_by("account", "week_").agg(
            **{name: _total(recent, item) for name, item in totals}
        )
        placed = weekly.group_by("account").agg(
            **{
                f"{name}_{week}": weekly[name].max(where=weekly.week_ == week)
                for name, _ in totals
                for week in range(WEEKS)
            }
        )
        known = known.left_join(placed, "account").drop("account_right")
    return known.select("account", **{name: _array(known, name, item) for name, item in parts})


def _total(rows: ir.Table, series: Series) -> ir.Value:
    """The number of a week, over its rows of the series."""
    own = matching(rows, series.where)
    if series.kind == "count":
        return rows.count(where=own).cast(dt.float64)
    measure = rows[series.measure or ""]
    total = measure.sum(where=own).cast(dt.float64)
    if series.kind == "sum":
        return total
    if series.kind == "mean":
        return total / measure.count(where=own).nullif(0).cast(dt.float64)
    return total / rows[series.per or ""].sum(where=own).cast(dt.float64).nullif(0.0)


def _open(rows: ir.Table, series: Series, day: ir.TimestampScalar, week: int) -> ir.IntegerValue:
    ends = (rows.ended_at, rows.ended_known_at)
    lasting = open_back(day, rows.occurred_at, *ends, DAYS * week)
    own = matching(rows, series.where)
    return (lasting if own is None else lasting & own).cast(dt.int64)


def _array(known: ir.Table, name: str, series: Series) -> ir.ArrayValue:
    """Weeks from the oldest on; 0 where nothing happened, null where nothing can be known."""
    zero = series.kind in ("count", "sum", "open")
    found = []
    for week in reversed(range(WEEKS)):
        value = known[f"{name}_{week}"].cast(dt.float64).round(DIGITS)
        if zero:
            value = value.fill_null(0.0)
        found.append((known.age_ >= week).ifelse(value, ibis.null(dt.float64)))
    return ibis.array(found)


def answers_expr(facts: Facts, accounts: ir.Table, as_of: datetime) -> ir.Table:
    """`account` and `answers`: its newest `ANSWERS` answers, as structs in no order.

    Each has `id`, `occurred_at`, `known_at`, `score` (0–10), `raw_score` (as it was asked),
    `band`, `touchpoint`, `respondent`, `comment` (its first `LONGEST_COMMENT` characters) and
    `length` of the whole comment; null where it is not mapped. Of answers at the same instant
    those known last count as newer, then the higher score.
    """
    day = ibis.literal(as_of, type=INSTANT)
    rows = facts.sources["responses"]
    mine = accounts.select("account").join(rows, "account")
    seen = mine.filter(seen_before(day, mine))
    order = [seen.occurred_at.desc(), seen.known_at.desc(), seen.raw_score.desc(), seen.band.desc()]
    placed = seen.mutate(place_=ibis.row_number().over(group_by="account", order_by=order))
    newest = placed.filter(placed.place_ < ANSWERS)
    comment = _text(newest, "comment")
    answer = ibis.struct(
        {
            "id": _text(newest, "response_id"),
            "occurred_at": newest.occurred_at,
            "known_at": newest.known_at,
            "score": newest.score.cast(dt.float64),
            "raw_score": newest.raw_score.cast(dt.float64),
            "band": newest.band,
            "touchpoint": _text(newest, "touchpoint"),
            "respondent": _text(newest, "respondent"),
            "comment": comment.substr(0, LONGEST_COMMENT),
            "length": comment.length(),
        }
    )
    return newest.mutate(answer_=answer).group_by("account").agg(answers=ibis._.answer_.collect())


def _text(rows: ir.Table, column: str) -> ir.StringValue:
    return rows[column] if column in rows.columns else ibis.null(dt.string)
