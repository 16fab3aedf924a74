"""Who is left out of the week's calls at random, so that the effect of calling can be measured.

An account is enrolled at the moment it first comes within reach of a call: into the first
`capacity` places of its owner, counting neither accounts that stand back nor those held out. Only
then is the coin thrown, so the two arms differ by nothing but the coin, and both are accounts that
would really have been called. An enrolment made at the instant `t` runs over `[t, t + days)`;
until it ends the account is not drawn again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from npsight.config.specs import OutcomeWindow

Arm = Literal["call", "hold out"]


@dataclass(frozen=True)
class Standing:
    """Where an account stands before a run draws.

    Attributes
    ----------
    arm
        Of the enrolment that runs now; None without one.
    drawn
        Enrolments that it had so far.
    stands_back
        Whether it was snoozed, or contacted lately: it takes no place.
    followed
        Whether somebody is at work on it: it takes its place and is not enrolled.
    """

    arm: Arm | None = None
    drawn: int = 0
    stands_back: bool = False
    followed: bool = False


@dataclass(frozen=True)
class Draw:
    """A new enrolment: the `number`-th of its account, from 0, and the chance it had."""

    account: str
    number: int
    arm: Arm
    hold_out_prob: float


NEW = Standing()


def enrol(
    queue: Iterable[tuple[str, str | None]],
    standing: Mapping[str, Standing],
    *,
    capacity: int,
    share: float,
    seed: str,
) -> list[Draw]:
    """Draw for every account that has come within reach.

    Parameters
    ----------
    queue
        Account and owner of every account that may be called, the most urgent first. Accounts
        without an owner (None or "") share one capacity.
    standing
        Of the accounts of which anything is known.
    share
        Chance of being held out. At 0 nobody is, and accounts are enrolled all the same: the
        estimate from who was called, without a hold-out, is made of them.
    """
    taken: Counter[str] = Counter()
    drawn = []
    for account, owner in queue:
        place = owner or ""
        now = standing.get(account, NEW)
        if taken[place] >= capacity or now.stands_back:
            continue
        arm = now.arm
        if arm is None and not now.followed:
            arm = draw_arm(seed, account, now.drawn, share)
            drawn.append(Draw(account, now.drawn, arm, share))
        if arm != "hold out":
            taken[place] += 1
    return drawn


def draw_arm(seed: str, account: str, number: int, share: float) -> Arm:
    """The arm of an account's `number`-th enrolment: the same again for the same four values, and
    independent of everything else.
    """
    return "hold out" if chance_of(seed, account, number) < share else "call"


def chance_of(seed: str, account: str, number: int) -> float:
    """A number in [0, 1), even over accounts and numbers, that nothing about an account tells."""
    text = json.dumps(["hold-out", seed, account, number])
    digest = hashlib.sha256(text.encode()).digest()
    # 53 bits are what a float holds: more would round the highest up to 1.
    return (int.from_bytes(digest[:8]) >> 11) / 2**53


def measuring_days(period_days: int, windows: Iterable[OutcomeWindow]) -> int:
    """How long an enrolment runs: a period, or until the last outcome window has ended where a
    period ends before it has begun.
    """
    return max(
        (w.gap_days + w.horizon_days for w in windows if w.gap_days >= period_days),
        default=period_days,
    )


def measured(days: int, window: OutcomeWindow) -> OutcomeWindow:
    """The part of an outcome window that lies within an enrolment of so many days.

    `[t + gap, t + min(gap + horizon, days))`: what happens after an enrolment has ended may come
    of the next one, and is not counted.
    """
    return OutcomeWindow(window.gap_days, min(window.horizon_days, days - window.gap_days))
