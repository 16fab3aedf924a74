"""Who is scored on a day, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from npsight.audit.oracle.rows import DAY, Row, World, between, is_open, is_owned, seen_rows


def in_spine(world: World, account: str, as_of: datetime) -> bool:
    """It exists, and is known neither to have left nor to have become part of another."""
    if not any(r["account"] == account and r["began_at"] < as_of for r in world.accounts):
        return False
    merged = [row for row in world.merges or [] if row["account"] == account]
    if any(row["known_at"] < as_of for row in merged):
        return False
    contracts = seen_rows(world.sources.get("subscriptions", []), account, as_of)
    if contracts and not any(is_open(row, as_of) for row in contracts):
        return False
    if seen_rows(world.churn or [], account, as_of):
        return False
    if world.left_after is None:
        return True
    source, days = world.left_after
    heard_of = seen_rows(world.sources[source], account, as_of)
    return bool(between(heard_of, as_of - days * DAY, as_of))


def is_complete(world: World, account: str, as_of: datetime, gap: int, horizon: int) -> bool:
    """The outcome window `[as_of + gap, as_of + gap + horizon)` has ended within the data, and
    the account was not known to be part of another before its end.
    """
    end = as_of + (gap + horizon) * DAY
    merged = [row for row in world.merges or [] if row["account"] == account]
    return end <= world.data_end and not any(row["known_at"] < end for row in merged)


def answers(
    world: World,
    account: str,
    as_of: datetime,
    gap: int,
    horizon: int,
    touchpoints: Sequence[str] = (),
) -> Row | None:
    """Answers in `[as_of + gap, as_of + gap + horizon)`, at these touchpoints where any are
    named; None without any.
    """
    start = as_of + gap * DAY
    own = _own(world.sources["responses"], account, as_of)
    inside = [
        row
        for row in between(own, start, start + horizon * DAY)
        if len(touchpoints) == 0 or row.get("touchpoint") in touchpoints
    ]
    if not inside:
        return None
    return {
        "answers": len(inside),
        "detractors": len([row for row in inside if row["band"] == "detractor"]),
        "promoters": len([row for row in inside if row["band"] == "promoter"]),
        "label_known_at": max(row["known_at"] for row in inside),
    }


def _own(rows: list[Row], account: str, as_of: datetime) -> list[Row]:
    return [row for row in rows if row["account"] == account and is_owned(row, as_of)]


def churn(
    world: World,
    event: str,
    account: str,
    as_of: datetime,
    gap: int,
    horizon: int,
    activity: str = "usage",
) -> Row | None:
    """Whether the account is lost in the window; None when it was never at risk in it.

    `activity` is the source whose silence is the event `no_activity`.
    """
    start = as_of + gap * DAY
    end = start + horizon * DAY
    if event == "subscription_end":
        return _contract_lost(_own(world.sources["subscriptions"], account, as_of), start, end)
    if event == "churn_table":
        events = _own(world.churn or [], account, as_of)
        if any(row["occurred_at"] < start for row in events):
            return None
        inside = between(events, start, end)
        known = min((row["known_at"] for row in inside), default=None)
        return {"churned": int(bool(inside)), "label_known_at": known}
    if event != "no_activity":
        raise NotImplementedError(
            f"the oracle has no loop for the outcome `{event}`; write one from its meaning in "
            "npsight.config.schema.targets"
        )
    facts = _own(world.sources[activity], account, as_of)
    return {"churned": int(not between(facts, start, end)), "label_known_at": end}


def _contract_lost(own: list[Row], start: datetime, end: datetime) -> Row | None:
    """Something ran when the window began, and nothing was left when it closed.

    An end at `start` is the first that the window holds, an end at `end` the first it does not.
    """
    ends = {id(row): row.get("ended_at") or datetime.max for row in own}
    if not any(row["occurred_at"] <= start <= ends[id(row)] for row in own):
        return None
    if any(row["occurred_at"] < end <= ends[id(row)] for row in own):
        return {"churned": 0, "label_known_at": None}
    known = max(row["ended_known_at"] for row in own if ends[id(row)] < end)
    return {"churned": 1, "label_known_at": known}
