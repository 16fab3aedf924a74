"""Listed accounts of which no table of activity has told anything for long: they may be gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis

from npsight.errors import Problem
from npsight.temporal.instants import INSTANT

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from npsight.config.specs import ProjectSpec
    from npsight.temporal.facts import Facts

SILENT_DAYS = 90
LEAST = 5
LEAST_SHARE = 0.02
MOST_SHARE = 0.5
"""Where more of all accounts are silent it is the way of the data, not of those who left."""


def gone_silent(
    project: ProjectSpec,
    facts: Facts,
    as_of: datetime,
    listed: Sequence[str],
    called: str = "accounts on the worklist",
) -> Iterator[Problem]:
    """A warning where listed accounts were active once, but not in `[as_of − 90 days, as_of)`.

    Facts count as features see them: `occurred_at < as_of` and `known_at < as_of`.
    """
    names = [n for n in project.tables.activity if n not in facts.scheduled]
    if not names or not listed:
        return
    last = _last_seen([facts.sources[n] for n in names if n in facts.sources], as_of)
    since = as_of - timedelta(days=SILENT_DAYS)
    silent = {account for account, at in last.items() if at < since}
    found = [account for account in listed if account in silent]
    if len(found) < max(LEAST, LEAST_SHARE * len(listed)) or len(silent) > MOST_SHARE * len(last):
        return
    yield Problem(
        f"{len(found):,} of the {len(listed):,} {called} were active once, but in "
        f"none of {', '.join(names)} for {SILENT_DAYS} days: they may have left",
        "map when accounts end (`tables.subscriptions`, or `valid_to` of `tables.accounts`), or "
        f"say under `targets`: `churn: {{event: no_activity, activity: {names[0]}, gap_days: 0, "
        f"horizon_days: {SILENT_DAYS}, active_within_days: {SILENT_DAYS}}}`; who has left is then "
        "neither scored nor listed",
        key="tables",
    )


def _last_seen(tables: Sequence[ir.Table], as_of: datetime) -> dict[str, datetime]:
    """Of each account with a fact before as_of, when the newest of them occurred."""
    until = ibis.literal(as_of, type=INSTANT)
    last: dict[str, datetime] = {}
    for table in tables:
        seen = table.filter((table.occurred_at < until) & (table.known_at < until))
        newest = seen.group_by("account").aggregate(at=seen.occurred_at.max()).to_pyarrow()
        for row in newest.to_pylist():
            last[row["account"]] = max(row["at"], last.get(row["account"], row["at"]))
    return last
