"""What `npsight segments` reads: scored accounts, answers by period, and how both are grouped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.config.checks import suggest
from npsight.config.specs import ProjectSpec
from npsight.errors import ConfigError, NotFoundError, Problem
from npsight.jobs.building.frames import FeatureBuilder, Progress
from npsight.jobs.building.held import features_held
from npsight.jobs.scoring.asof import check_as_of
from npsight.jobs.segmenting.report import NONE
from npsight.temporal.loads import Held

KEYS = ["account", "as_of"]
OWNER = "owner"
PARTS = 3
"""A number is grouped by so many parts with equally many accounts."""


@dataclass(frozen=True)
class SegmentInputs:
    """Aligned by row: one row an account in `now`, `revenue` and `groups`; one row an account and
    period in `answers` and `answer_groups`.

    `groups` and `answer_groups` have a column of labels for each attribute; never missing.
    `ends` are the ends of the whole periods before as_of, rising.
    """

    as_of: datetime
    now: pd.DataFrame
    revenue: NDArray[np.float64]
    groups: pd.DataFrame
    ends: tuple[datetime, ...]
    answers: pd.DataFrame
    answer_groups: pd.DataFrame


def attributes_asked(project: ProjectSpec, by: Sequence[str]) -> list[str]:
    """The attributes to report by: those asked for, else the project's `segments`.

    Raises
    ------
    ConfigError
        Attributes that the project does not declare, all of them at once.
    """
    accounts = project.tables.accounts
    declared = dict.fromkeys(accounts.attributes) if accounts else {}
    if accounts and accounts.owner:
        declared.setdefault(OWNER)
    if not by:
        return list(accounts.segments) if accounts else []
    none = "the project file names none: list them under `tables.accounts.attributes`"
    problems = [
        Problem(
            f"`{name}` is no attribute of the accounts",
            suggest(name, declared) if declared else none,
            key="--by",
        )
        for name in dict.fromkeys(by)
        if name not in declared
    ]
    if problems:
        raise ConfigError(f"{project.file.name}: nothing to report by", problems)
    return list(dict.fromkeys(by))


def read_inputs(
    builder: FeatureBuilder,
    as_of: datetime,
    names: Sequence[str],
    progress: Progress,
    tables: Sequence[Held] = (),
) -> SegmentInputs:
    """Everything read from the tables as known at as_of, of held `tables` at their last load."""
    check_as_of(builder, as_of)
    spine = builder.spine([as_of])
    now = features_held(builder, as_of, tables, progress)
    if len(now) == 0:
        raise NotFoundError(
            f"no account exists before {as_of:%Y-%m-%d %H:%M}Z\n  → give a later --as-of"
        )
    revenue = builder.display(spine)["revenue"].to_numpy(np.float64)
    return grouped_inputs(builder, as_of, now, revenue, names, progress)


def grouped_inputs(
    builder: FeatureBuilder,
    as_of: datetime,
    now: pd.DataFrame,
    revenue: NDArray[np.float64],
    names: Sequence[str],
    progress: Progress,
) -> SegmentInputs:
    """The inputs of accounts whose features `now` and revenue were read before."""
    ends: list[datetime] = []
    answers = now[KEYS].iloc[:0].assign(answers=0, detractors=0, promoters=0)
    if "responses" in builder.facts.sources:
        progress("answers by period")
        ends, answers = builder.reported(as_of, builder.project.training.period_days)
    groups, answer_groups = _grouped(builder, names, now, answers)
    return SegmentInputs(
        as_of,
        now,
        revenue,
        groups,
        tuple(ends),
        answers,
        answer_groups,
    )


def _grouped(
    builder: FeatureBuilder, names: Sequence[str], now: pd.DataFrame, answers: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labels of the scored accounts, and of the accounts that answered at each period's end."""
    accounts = builder.project.tables.accounts
    if accounts is None or not names:
        return pd.DataFrame(index=now.index), pd.DataFrame(index=answers.index)
    columns = [n if n in accounts.attributes else f"{n}_" for n in names]
    keys = pd.concat([now[KEYS], answers[KEYS]]).drop_duplicates()
    known = builder.attributes(keys, columns).rename(columns=dict(zip(columns, names, strict=True)))
    today = now[KEYS].merge(known, on=KEYS, how="left")
    then = answers[KEYS].merge(known, on=KEYS, how="left")
    labels: list[dict[str, Any]] = [{}, {}]
    for name in names:
        kind = accounts.attributes.get(name, "category")
        edges = _edges(today[name]) if kind == "number" else None
        for place, rows in enumerate((today, then)):
            labels[place][name] = list(_labels(rows[name], edges))
    return pd.DataFrame(labels[0], index=now.index), pd.DataFrame(
        labels[1], index=answers.index, dtype=object
    )


def _edges(values: pd.Series) -> list[float]:
    """Upper ends of all parts but the last, of the accounts of today."""
    numbers = pd.to_numeric(values, errors="coerce").dropna().to_numpy(np.float64)
    if len(numbers) == 0:
        return []
    at = [k / PARTS for k in range(1, PARTS)]
    cuts = np.unique(np.quantile(numbers, at, method="inverted_cdf"))
    return [float(cut) for cut in cuts if cut < numbers.max()]


def _labels(values: pd.Series, edges: list[float] | None) -> Iterator[str]:
    """The value itself, or the part `low < value ≤ high` that a number lies in."""
    for value in values:
        if value is None or value != value or value == "":
            yield NONE
        elif edges is None:
            yield str(value)
        else:
            yield _part(float(value), edges)


def _part(value: float, edges: list[float]) -> str:
    place = int(np.searchsorted(edges, value, side="left"))
    if not edges:
        return "any"
    if place == 0:
        return f"up to {edges[0]:,g}"
    if place == len(edges):
        return f"above {edges[-1]:,g}"
    return f"above {edges[place - 1]:,g}, up to {edges[place]:,g}"
