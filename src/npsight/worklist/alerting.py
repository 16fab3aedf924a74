"""When somebody is told: what is an event, who hears of it, quiet hours, the day of the digest.

Clock times are those on the wall of a zone: on the day a clock is put forward, an hour that it
skips is over at once; on the day it is put back, an hour that it repeats counts twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from npsight.config.schema import Alerts, Digest, QuietHours

MINUTE = timedelta(minutes=1)
ANSWER_DAYS = 30
LONGEST_QUIET = timedelta(days=10)
DAYS = {"monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5}
RISEN_FROM = (None, "low", "medium")


def channels_of(alerts: Alerts, owner: str) -> tuple[str, ...]:
    """Where an owner's events are told; `""` is an account without an owner."""
    return tuple(dict.fromkeys(alerts.owners.get(owner, alerts.default)))


def used_channels(alerts: Alerts) -> tuple[str, ...]:
    """Channels that anybody's events are told on, in the order of the project file."""
    used = {*alerts.default, *(name for names in alerts.owners.values() for name in names)}
    return tuple(name for name in alerts.channels if name in used)


def became_high(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a change of scores made the risk level high; no level before counts as low."""
    return after.get("risk_level") == "high" and before.get("risk_level") in RISEN_FROM


def answered_lately(answered_at: datetime | None, as_of: datetime) -> bool:
    """Whether an answer lies in `[as_of − 30 days, as_of)`."""
    if answered_at is None:
        return False
    return as_of - timedelta(days=ANSWER_DAYS) <= answered_at < as_of


def high_risk_key(account: str, seq: int) -> str:
    """The key of one rise of an account's risk, by the number of the change."""
    return f"high_risk:{account}:{seq}"


def answer_key(account: str, answered_at: datetime) -> str:
    """The key of one answer of an account."""
    return f"detractor_answer:{account}:{answered_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def due_key(account: str, due_on: date) -> str:
    """The key of one due day of an account's follow-up."""
    return f"follow_up_due:{account}:{due_on.isoformat()}"


def message_id(*parts: str, keys: Iterable[str] = ()) -> str:
    """The id of a message: the same for the same content, so that it cannot be made twice."""
    told = "\x1f".join((*parts, *sorted(keys)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def quiet_until(now: datetime, quiet: QuietHours | None, zone: ZoneInfo) -> datetime | None:
    """The instant, to the minute, at which the quiet that holds now ends; None where none holds.

    Quiet is `[start, end)` by the clock, over midnight where `end` is the earlier, and all of
    Saturday and Sunday with `weekends`.
    """
    if quiet is None or not _is_quiet(now, quiet, zone):
        return None
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    last = at + LONGEST_QUIET
    while at < last and _is_quiet(at, quiet, zone):
        at += MINUTE
    return at


def _is_quiet(at: datetime, quiet: QuietHours, zone: ZoneInfo) -> bool:
    local = at.astimezone(zone)
    if quiet.weekends and local.isoweekday() >= 6:
        return True
    start, end, clock = _clock(quiet.start), _clock(quiet.end), local.time()
    if start <= end:
        return start <= clock < end
    return clock >= start or clock < end


def digest_week(now: datetime, digest: Digest | None, zone: ZoneInfo) -> str | None:
    """The ISO week, such as `2026-W47`, whose digest is due; None before its day and time.

    It is due from then until the week ends. Without a `digest` it is always due.
    """
    local = now.astimezone(zone)
    year, week, weekday = local.isocalendar()
    if digest is not None and (weekday, local.time()) < (DAYS[digest.day], _clock(digest.at)):
        return None
    return f"{year}-W{week:02d}"


def _clock(text: str) -> time:
    return time.fromisoformat(text)
