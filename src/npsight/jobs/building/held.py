"""Features of a table that is late, or loaded seldom, as they were when it last was up to date.

Without this every account would seem to have gone silent on the day that a load fails; and with a
table that is loaded once a month, every account would seem to fall silent towards the month's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import pandas as pd

from npsight.config.specs import FeatureSpec
from npsight.errors import Problem
from npsight.jobs.building.frames import FeatureBuilder, Progress, silent
from npsight.temporal.loads import Held, held_table

HeldDays = Mapping[datetime, Sequence[Held]]
"""The held tables of each as_of that has any."""


def held_days(builder: FeatureBuilder, as_ofs: Sequence[datetime]) -> HeldDays:
    """The tables of activity that are held at these as_of dates and that a feature reads.

    Of each as_of, only what became known before its day (UTC) is looked at.
    """
    project, facts = builder.project, builder.facts
    read = {spec.source for spec in project.features}
    names = [
        name
        for name in project.tables.activity
        if name in read and name in facts.sources and name not in facts.scheduled
    ]
    found: dict[datetime, list[Held]] = {}
    if project.is_snapshot or not as_ofs:
        return found
    for name in names:
        grew = builder.growth(name, max(as_ofs))
        for as_of in as_ofs:
            one = held_table(name, grew, as_of)
            if one is not None:
                found.setdefault(as_of, []).append(one)
    return found


def features_held(
    builder: FeatureBuilder, as_of: datetime, tables: Sequence[Held], progress: Progress = silent
) -> pd.DataFrame:
    """`FeatureBuilder.features_at` as_of, but features of held tables at their `held_at`."""
    now = builder.features_at([as_of], progress)
    return with_held(builder, now, {as_of: tables} if tables else {}, progress)


def with_held(
    builder: FeatureBuilder, frame: pd.DataFrame, days: HeldDays, progress: Progress = silent
) -> pd.DataFrame:
    """A frame of `FeatureBuilder.features_at`, with features of held tables at their `held_at`."""
    if not days or frame.empty:
        return frame
    tables = [table for tables in days.values() for table in tables]
    reader = builder.reading({table.source for table in tables})
    earlier = reader.features_at(sorted({table.held_at for table in tables}), progress)
    then = dict(iter(earlier.groupby("as_of")))
    nobody = earlier.iloc[:0]
    parts = []
    for as_of, rows in frame.groupby("as_of", sort=True):
        part = rows.reset_index(drop=True)
        for table in days.get(pd.Timestamp(as_of).to_pydatetime(), ()):
            names = features_of(builder.project.features, table.source)
            part = held(part, then.get(pd.Timestamp(table.held_at), nobody), names)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def features_of(specs: Iterable[FeatureSpec], source: str) -> list[str]:
    """Names of the features that read a source."""
    return [spec.name for spec in specs if spec.source == source]


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


def held_by_source(tables: Iterable[Held]) -> dict[str, datetime]:
    """`held_at` of each table."""
    return {table.source: table.held_at for table in tables}


def not_late(tables: Iterable[Held]) -> list[Held]:
    """Those that are between two loads."""
    return [table for table in tables if not table.late]


def late_now(
    tables: Iterable[Held], specs: Sequence[FeatureSpec], as_of: datetime
) -> Iterator[Problem]:
    """A warning for each table that is late at as_of."""
    for table in tables:
        if not table.late:
            continue
        count = len(features_of(specs, table.source))
        features = "1 feature is" if count == 1 else f"{count} features are"
        yield Problem(
            f"no row of `{table.source}` became known after {table.newest}, "
            f"{(as_of.date() - table.newest).days} days before as_of {as_of:%Y-%m-%d}; before, "
            f"that never took longer than {_days(table.longest)}. Its {features} taken as of "
            f"{table.held_at:%Y-%m-%d}, when it last was up to date",
            "load its newest rows and score again; if nothing happened since, score with --no-hold",
            key=f"tables.activity.{table.source}",
        )


def late_then(days: HeldDays, of: int) -> Iterator[Problem]:
    """A warning for each table that was late on some of the `of` training days."""
    by_source: dict[str, dict[datetime, Held]] = {}
    for as_of, tables in days.items():
        for table in (t for t in tables if t.late):
            by_source.setdefault(table.source, {})[as_of] = table
    for source, found in by_source.items():
        last = found[max(found)]
        yield Problem(
            f"on {len(found)} of {of} training days, {min(found):%Y-%m-%d} to "
            f"{max(found):%Y-%m-%d}, `{source}` was late: no row became known after "
            f"{last.newest}, and before that never took longer than {_days(last.longest)}. Its "
            "features of these days are those of the day when it last was up to date",
            "load the rows that are missing and train again",
            key=f"tables.activity.{source}",
        )


def _days(count: int) -> str:
    return "a day" if count == 1 else f"{count} days"
