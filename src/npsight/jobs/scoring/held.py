"""Features of a table that was not loaded for long, as they were when it last was up to date.

Without this every account would seem to have gone silent on the day that a load fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import pandas as pd

from npsight.config.specs import FeatureSpec
from npsight.errors import Problem
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.models.model import Model
from npsight.temporal.lateness import Late, late


def late_tables(builder: FeatureBuilder, model: Model, as_of: datetime) -> tuple[Late, ...]:
    """The tables of activity that are late at as_of and that a feature of the model reads."""
    project, facts = builder.project, builder.facts
    if project.is_snapshot:
        return ()
    read = {spec.source for spec in model.specs}
    learned = datetime.fromisoformat(model.trained_through)
    found = [
        late(name, builder.growth(name, as_of), as_of, learned)
        for name in project.tables.activity
        if name in read and name in facts.sources and name not in facts.scheduled
    ]
    return tuple(one for one in found if one is not None)


def features_now(
    builder: FeatureBuilder,
    as_of: datetime,
    tables: Sequence[Late],
    specs: Sequence[FeatureSpec],
    progress: Progress = silent,
) -> pd.DataFrame:
    """`FeatureBuilder.features_at` as_of, but features of late tables at their `held_at`."""
    now = builder.features_at([as_of], progress)
    for at in sorted({table.held_at for table in tables}):
        then = builder.features_at([at], progress)
        now = held(now, then, features_of(specs, [t.source for t in tables if t.held_at == at]))
    return now


def features_of(specs: Iterable[FeatureSpec], sources: Sequence[str]) -> list[str]:
    """Names of the features that read one of these sources."""
    return [spec.name for spec in specs if spec.source in sources]


def held(now: pd.DataFrame, then: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """`now` with these features of `then`, for the accounts that both have; one row each."""
    if not names or not len(then):
        return now
    place = pd.Index(then["account"]).get_indexer(pd.Index(now["account"]))
    both = place >= 0
    kept = {}
    for name in names:
        values = now[name].copy()
        values[both] = then[name].to_numpy()[place[both]]
        kept[name] = values
    return now.assign(**kept)


def held_by_source(tables: Iterable[Late]) -> dict[str, datetime]:
    """`held_at` of each late table."""
    return {table.source: table.held_at for table in tables}


def late_problems(
    tables: Iterable[Late], specs: Sequence[FeatureSpec], as_of: datetime
) -> Iterator[Problem]:
    """A warning for each late table."""
    for table in tables:
        count = len(features_of(specs, [table.source]))
        features = "1 feature is" if count == 1 else f"{count} features are"
        days = "a day" if table.longest == 1 else f"{table.longest} days"
        yield Problem(
            f"no row of `{table.source}` became known after {table.newest}, "
            f"{(as_of.date() - table.newest).days} days before as_of {as_of:%Y-%m-%d}; before, "
            f"that never took longer than {days}. Its {features} taken as of "
            f"{table.held_at:%Y-%m-%d}, when it last was up to date",
            "load its newest rows and score again; if nothing happened since, score with --no-hold",
            key=f"tables.activity.{table.source}",
        )
