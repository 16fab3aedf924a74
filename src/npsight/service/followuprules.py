"""What pages and API share about follow-ups: what a project allows, and how one begins."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from npsight.config.specs import ProjectSpec
from npsight.store import ScoreRow
from npsight.store.users import User
from npsight.worklist.bands import BandNow
from npsight.worklist.followups import FollowUp, Reading, Rules


def rules_of(project: ProjectSpec, zone: str) -> Rules:
    """What the project allows somebody whose clock is that of an IANA zone."""
    pages = project.pages
    return Rules(
        ZoneInfo(zone),
        project.training.period_days,
        pages.due_days,
        pages.soon_days,
        tuple(pages.reasons),
    )


def owners_known(users: Sequence[User], *more: str | None) -> tuple[str, ...]:
    """Names that a follow-up can be owned by: people who may write, and those named."""
    able = [user for user in users if user.disabled_at is None and user.role != "viewer"]
    names = {user.owner or user.name for user in able} | {name for name in more if name}
    return tuple(sorted(names))


def plays_of(row: ScoreRow | None) -> dict[str, str | None]:
    """The drivers of an account, and the play that each suggests."""
    if row is None:
        return {}
    told = [*row.drivers, *row.churn_drivers]
    return {str(one["driver"]): one.get("play") for one in reversed(told)}


def driver_changes(driver: str | None, row: ScoreRow | None) -> dict[str, str | None]:
    """The fields that a driver sets: itself and what it suggests.

    Raises
    ------
    KeyError
        The account has no such driver.
    """
    return {"driver": driver, "play": plays_of(row)[driver] if driver else None}


def fresh(
    row: ScoreRow, rules: Rules, now: datetime, actor: str, owners: Iterable[str | None] = ()
) -> FollowUp:
    """A follow-up of a scored account that nobody began yet.

    It is its owner's, else that of the first of `owners` who is named.
    """
    before = Reading(
        row.as_of,
        cast(BandNow, row.band_now or "silent"),
        row.last_score,
        row.detractor_risk,
        row.predicted_nps,
        row.churn_risk,
    )
    return FollowUp(
        id=uuid.uuid4().hex,
        account=row.account,
        state="to contact",
        owner=next((name for name in (row.owner, *owners) if name), None),
        reason=None,
        driver=None,
        play=None,
        due_on=rules.due_default(rules.day(now)),
        notes=None,
        opened_at=now,
        opened_by=actor,
        before=before,
    )


def text_of(value: str) -> str | None:
    """A text without blank ends, its lines ended alike; None for an empty one."""
    return value.replace("\r\n", "\n").replace("\r", "\n").strip() or None
