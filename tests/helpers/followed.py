"""Short ways to follow-ups for tests."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from npsight.store.followups import record
from npsight.store.store import Store
from npsight.worklist.followups import Done, FollowUp, Reading, Rules, opened, step

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
RULES = Rules(ZoneInfo("UTC"), 90, 14, 3, ("Product", "Support"))
BEFORE = Reading(NOW, "passive", 7.0, 0.4, 12.0, 0.1)


def new_one(account: str = "a1", **fields: Any) -> FollowUp:
    """An open follow-up of a passive account, not contacted yet."""
    made = FollowUp(
        id=uuid.uuid4().hex, account=account, state="to contact", owner=None, reason=None,
        driver=None, play=None, due_on=date(2026, 6, 24), notes=None, opened_at=NOW,
        opened_by="ada", before=BEFORE,
    )  # fmt: skip
    return dataclasses.replace(made, **fields)


def begin(store: Store, project: str, account: str = "a1", **fields: Any) -> FollowUp:
    """A follow-up that is written down."""
    one = new_one(account, **fields)
    return record(store, project, [opened(one, RULES)], one.opened_by, one.opened_at, 21)


def take(store: Store, project: str, one: FollowUp, name: str, **options: Any) -> FollowUp:
    """The follow-up after a step that is written down."""
    done = stepped(one, name, **options)
    return record(store, project, [done], "ada", options.get("now", NOW), 21)


def stepped(one: FollowUp, name: str, **options: Any) -> Done:
    """A step as ada takes it."""
    given = {"changes": {}, "rules": RULES, "now": NOW, "actor": "ada", **options}
    return step(one, name, **given)
