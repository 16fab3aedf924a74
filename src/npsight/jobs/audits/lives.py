"""When rows arrived, when accounts came and went, and their levels, fetched for the audit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pandas as pd

from npsight.audit.arrivals import DAYS, Arrived, arrivals
from npsight.audit.copied import copied_over_the_past
from npsight.audit.early import Losses
from npsight.audit.findings import Check
from npsight.audit.normalised import Levels, set_against_all_time
from npsight.audit.survivors import Lives, nobody_is_gone, survivors
from npsight.jobs.audits.columns import Columns, final

if TYPE_CHECKING:
    import ibis.expr.types as ir

DAY_US = 86_400_000_000


def check_lives(columns: Columns, losses: Losses | None) -> Iterator[Check]:
    """What the tables say of when rows arrive and accounts leave, and of their levels."""
    yield arrivals(list(_arrived(columns)))
    yield copied_over_the_past(columns.versions)
    yield set_against_all_time(list(_levels(columns)))
    yield survivors(_lives(columns, losses)) if losses is not None else _silent(columns)


def _arrived(columns: Columns) -> Iterator[Arrived]:
    facts = columns.builder.facts
    for source, table in facts.sources.items():
        if source in facts.scheduled:
            continue
        names = columns.read.of_facts[source]
        rows = final(table)
        micros = ibis.literal(facts.data_end).delta(rows.known_at, unit="microsecond")
        day = (micros // DAY_US).cast(dt.int64)
        counted = rows.mutate(day_=day).filter(lambda t: t.day_ < DAYS).group_by("day_")
        filled = {f"filled_{k}": rows[name].count() for k, name in enumerate(names)}
        found = columns.fetch(counted.agg(rows_=lambda t: t.count(), **filled)).set_index("day_")
        by_day = found.reindex(range(DAYS)).fillna(0).astype(np.float64)
        yield Arrived(
            source,
            by_day["rows_"].to_numpy(),
            {name: by_day[f"filled_{k}"].to_numpy() for k, name in enumerate(names)},
        )


def _levels(columns: Columns) -> Iterator[Levels]:
    for source, measures in columns.read.measures.items():
        if not measures:
            continue
        table = final(columns.builder.facts.sources[source])
        values = {name: table[name].cast(dt.float64) for name in measures}
        rows = table.select("account", "occurred_at", **values)
        by_account = columns.fetch(rows.group_by("account").agg(**_summary(rows, measures)))
        at_once = rows.group_by("occurred_at").agg(**_summary(rows, measures))
        among = columns.fetch(
            at_once.agg(
                **{
                    f"apart_{name}": _weighted(at_once[f"v_{name}"], at_once[f"n_{name}"])
                    for name in measures
                }
            )
        )
        whole = columns.fetch(rows.agg(**{name: rows[name].var(how="pop") for name in measures}))
        for name in measures:
            all_of_it, apart = float(whole[name].iloc[0]), float(among[f"apart_{name}"].iloc[0])
            yield Levels(
                f"{source}.{name}",
                by_account[f"n_{name}"].to_numpy(np.float64),
                by_account[f"m_{name}"].to_numpy(np.float64),
                np.sqrt(by_account[f"v_{name}"].to_numpy(np.float64)),
                apart / all_of_it if all_of_it > 0 else 0.0,
            )


def _summary(rows: ir.Table, measures: tuple[str, ...]) -> dict[str, ir.Value]:
    found: dict[str, ir.Value] = {}
    for name in measures:
        found |= {f"n_{name}": rows[name].count(), f"m_{name}": rows[name].mean()}
        found[f"v_{name}"] = rows[name].var(how="pop")
    return found


def _weighted(value: ir.NumericValue, weight: ir.NumericValue) -> ir.NumericValue:
    return (value * weight).sum() / weight.sum().nullif(0)


def _lives(columns: Columns, losses: Losses) -> Lives:
    facts = columns.builder.facts
    accounts = columns.fetch(facts.accounts).set_index("account")
    began = accounts["began_at"]
    if "created_at" in accounts:
        began = accounts["created_at"].fillna(began)
    names = began.index.intersection(losses.known_at.index)
    start, end = pd.Timestamp(facts.data_start), pd.Timestamp(facts.data_end)
    return Lives(began[names], losses.known_at[names], start, end)


def _silent(columns: Columns) -> Check:
    facts = columns.builder.facts
    tables = [
        final(table).select("account", "occurred_at")
        for name, table in facts.sources.items()
        if name not in facts.scheduled
    ]
    every = ibis.union(*tables) if len(tables) > 1 else tables[0]
    lived = every.group_by("account").agg(
        first=every.occurred_at.min(), last=every.occurred_at.max()
    )
    start, end = pd.Timestamp(facts.data_start), pd.Timestamp(facts.data_end)
    return nobody_is_gone(columns.fetch(lived), start, end)
