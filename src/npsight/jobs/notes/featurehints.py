"""Features that will disappoint, told before anything is learned: what they read cannot carry them.

Three things are looked for: categories that no row has, levels noted so seldom that sums of two
windows hold unequal numbers of them, and a `known_at` that is no other time than the fact's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt

from npsight.config.specs import ProjectSpec
from npsight.errors import Problem

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from npsight.temporal.facts import Facts

MOST_NAMED = 8
ACCOUNTS_LOOKED_AT = 400
LEAST_GAPS = 100
SELDOM_DAYS = 6
REGULAR = 0.8
"""Share of the gaps that must lie within a third of the usual one."""
FEW_IN_WINDOW = 12
OF_SUMS = ("trend", "vs_usual")
LEAST_ROWS = 100
AT_ONCE = 0.999


def feature_hints(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A problem for each, none of which stops a job; none of a snapshot, which has no time."""
    if project.is_snapshot:
        return
    yield from _values_nobody_has(project, facts)
    yield from _sums_of_levels(project, facts)
    yield from _known_at_once(project, facts)


def _values_nobody_has(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    asked: dict[tuple[str, str], dict[str, None]] = {}
    for spec in project.features:
        for column, value in spec.where:
            asked.setdefault((spec.source, column), {})[value] = None
    for (source, column), values in asked.items():
        filled = facts.sources[source].filter(facts.sources[source][column].notnull())
        counted = filled.group_by(column).agg(rows=filled.count())
        rows = counted.order_by(ibis.desc("rows")).to_pyarrow().to_pylist()
        there = [str(row[column]) for row in rows]
        missing = [value for value in values if value not in set(there)]
        if missing and there:
            yield Problem(
                f"no row of {source} has {column} {_named(missing)}: its features are the same "
                "for every account",
                f"write the value as the table has it: {_named(there)}",
                key="features",
            )


def _sums_of_levels(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    for source, table in facts.sources.items():
        specs = [
            spec
            for spec in project.features
            if spec.source == source and spec.aggregation in OF_SUMS and spec.measure
        ]
        gap = _usual_gap(table) if specs else None
        if gap is None:
            continue
        windows = [spec.window_days for spec in specs if spec.window_days]
        short = [days for days in windows if days < FEW_IN_WINDOW * gap]
        if short:
            kinds = list(dict.fromkeys(spec.aggregation for spec in specs))
            told = "` and `".join(kinds)
            yield Problem(
                f"{source} has a row about every {gap:.0f} days for each account, so windows of "
                f"{min(short)} days hold about {min(short) / gap:.0f} of them, one more or less by "
                f"the day: `{told}` compares sums, and rises and falls with that alone",
                "for a level, such as users or seats, use `mean_trend` instead, and `mean` instead "
                "of `sum`",
                key="features",
            )


def _usual_gap(table: ir.Table) -> float | None:
    """Days from one row of an account to the next, where that is nearly always about the same and
    at least `SELDOM_DAYS`; None else. Of some accounts, since it is a habit of the table.
    """
    some = table.select("account").distinct().order_by("account").limit(ACCOUNTS_LOOKED_AT)
    days = table.semi_join(some, "account").select("account", day=table.occurred_at.date())
    days = days.distinct()
    before = days.day.lag().over(ibis.window(group_by="account", order_by="day"))
    gaps = days.mutate(gap=days.day.delta(before, unit="day").cast(dt.float64))
    gaps = gaps.filter(gaps.gap.notnull())
    found = _row(gaps.aggregate(count=gaps.count(), usual=gaps.gap.median()))
    usual = found["usual"]
    if found["count"] < LEAST_GAPS or usual < SELDOM_DAYS:
        return None
    near = (gaps.gap - usual).abs() <= usual / 3
    share = _row(gaps.aggregate(share=near.cast(dt.float64).mean()))["share"]
    return float(usual) if share >= REGULAR else None


def _known_at_once(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """Where other tables say that rows come later, one whose rows never do was filled from it."""
    tables = project.tables
    shares = {}
    for name, table in facts.sources.items():
        declared = tables.activity.get(name)
        if declared is None or not declared.known_at or name in facts.scheduled:
            continue
        at_once = (table.known_at == table.occurred_at).cast(dt.float64).mean()
        found = _row(table.aggregate(rows=table.count(), share=at_once))
        if found["rows"] >= LEAST_ROWS:
            shares[name] = found["share"]
    if all(share >= AT_ONCE for share in shares.values()):
        return
    for name, share in shares.items():
        if share >= AT_ONCE:
            yield Problem(
                f"`known_at` of {name} is the time of the fact in every row, while other tables "
                "come later: if it was filled from that time, or rows were entered later and "
                "dated back, what nobody knew on the day counts as known, and no check can see it",
                "map the column with the time of loading or entry; or leave `known_at` out and "
                "give `delay_hours`",
                key=f"tables.activity.{name}.known_at",
            )


def _row(aggregated: ir.Table) -> dict[str, Any]:
    row: dict[str, Any] = aggregated.to_pyarrow().to_pylist()[0]
    return row


def _named(values: list[str]) -> str:
    shown = ", ".join(f"`{value}`" for value in values[:MOST_NAMED])
    more = len(values) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
