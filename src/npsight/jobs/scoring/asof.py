"""The day that is scored or reported for, and whether it can be."""

from __future__ import annotations

from datetime import UTC, datetime

from npsight.errors import ConfigError, NotFoundError, Problem
from npsight.jobs.building.frames import FeatureBuilder
from npsight.temporal.facts import Facts
from npsight.temporal.spine import midnight_after, midnight_before


def default_as_of(builder: FeatureBuilder) -> datetime:
    """The midnight after the last known fact, but not later than the midnight before now."""
    today = midnight_before(datetime.now(UTC).replace(tzinfo=None))
    return min(midnight_after(builder.facts.data_end), today)


def known_since(facts: Facts, as_of: datetime) -> int:
    """Facts that became known from as_of on until now: a run for as_of reads none of them."""
    now = datetime.now(UTC).replace(tzinfo=None)
    tables = [table for name, table in facts.sources.items() if name != "invitations"]
    newer = [t.filter(t.known_at >= as_of, t.known_at < now) for t in tables]
    return sum(int(table.count().to_pyarrow().as_py()) for table in newer)


def check_as_of(builder: FeatureBuilder, as_of: datetime) -> None:
    """Refuse a day that would be scored without any facts of its own time."""
    newest = midnight_after(builder.facts.data_end)
    now = datetime.now(UTC).replace(tzinfo=None)
    if as_of > max(newest, now):
        raise ConfigError(
            "nothing was scored",
            [
                Problem(
                    f"as_of {as_of:%Y-%m-%d %H:%M}Z lies ahead of now",
                    f"give a day up to today; the newest fact was known before {newest:%Y-%m-%d}",
                    key="--as-of",
                )
            ],
        )
    # A snapshot has no facts with a day: it is what is known now.
    if not builder.project.is_snapshot and as_of <= builder.facts.data_start:
        raise NotFoundError(
            f"no fact lies before as_of {as_of:%Y-%m-%d %H:%M}Z; the first is of "
            f"{builder.facts.data_start:%Y-%m-%d}\n  → give a later --as-of"
        )
