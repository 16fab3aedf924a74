"""tickets.csv: support cases; more, graver and slower ones where satisfaction is low."""

from dataclasses import dataclass

import numpy as np

from npsight.simulate.arrays import Floats, Ints, pick, sequence_in_group
from npsight.simulate.chunk import Chunk, Columns
from npsight.simulate.cohort import TOPICS
from npsight.simulate.ids import account_ids, serial_ids
from npsight.simulate.process import OUTAGE, OUTAGE_DAYS

__all__ = ["CATEGORIES", "SEVERITIES", "Tickets", "draw_tickets", "ticket_columns"]

SEVERITIES = ("low", "normal", "high")
CATEGORIES = ("bug", "how-to", "billing", "outage")
_MINUTE = 1 / (24 * 60)
_OUTAGE_TICKETS = 4.0
_OUTAGE_CATEGORY = 12.0
# Weight of each category (columns) under each topic of trouble (rows, in the order of TOPICS).
_CATEGORY_BY_TOPIC = np.array(
    [
        [0.35, 0.35, 0.18, 0.12],
        [0.22, 0.28, 0.42, 0.08],
        [0.45, 0.16, 0.12, 0.27],
        [0.24, 0.55, 0.12, 0.09],
        [0.38, 0.40, 0.12, 0.10],
        [0.20, 0.58, 0.14, 0.08],
    ]
)


@dataclass(frozen=True, slots=True)
class Tickets:
    """Tickets sorted by account and time; `resolved_at` is NaN while a ticket is open."""

    account: Ints
    opened_at: Floats
    severity: Ints
    category: Ints
    hours: Floats
    resolved_at: Floats


def _openings(chunk: Chunk, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Draw account and instant of each opening."""
    state, days = chunk.state, np.arange(chunk.settings.days)
    size = chunk.cohort.seats[:, None] ** 0.4
    since = days - OUTAGE.day(chunk.settings.days)
    outage = np.where((since >= 0) & (since < OUTAGE_DAYS), _OUTAGE_TICKETS, 1.0)
    rate = 0.0035 * size * np.exp(-0.6 * state.satisfaction - 0.4 * state.trouble) * outage
    opened = rng.poisson(rate * chunk.live())
    account, day = np.nonzero(opened)
    again = opened[account, day]
    account, day = np.repeat(account, again), np.repeat(day, again)
    at = day + rng.uniform(6 / 24, 20 / 24, len(day))
    order = np.lexsort((at, account))
    return account[order], at[order]


def _severity(rng: np.random.Generator, mood: Floats) -> Ints:
    ones = np.ones_like(mood)
    return pick(rng, np.stack([0.45 * ones, 0.42 * ones, 0.13 * np.exp(-0.55 * mood)], axis=1))


def _category(chunk: Chunk, rng: np.random.Generator, account: Ints, at: Floats) -> Ints:
    shares = _CATEGORY_BY_TOPIC[chunk.cohort.trouble_topic[account]]
    since = np.floor(at) - OUTAGE.day(chunk.settings.days)
    shares[:, CATEGORIES.index("outage")] *= np.where(
        (since >= 0) & (since < OUTAGE_DAYS), _OUTAGE_CATEGORY, 1.0
    )
    return pick(rng, shares)


def _hours(
    chunk: Chunk, rng: np.random.Generator, account: Ints, mood: Floats, severity: Ints
) -> Floats:
    """Draw hours to the resolution; grave cases are handled first."""
    slow = (chunk.cohort.trouble_topic == TOPICS.index("support"))[account]
    centre = np.log(22.0) - 0.35 * mood + 0.15 * slow + np.array([0.25, 0.0, -0.5])[severity]
    hours: Floats = rng.lognormal(centre, 0.7).round(1)
    return hours


def draw_tickets(chunk: Chunk) -> Tickets:
    """Draw the tickets of a chunk; a resolution after the account's or data's end is left open."""
    rng = chunk.streams["tickets"]
    account, at = _openings(chunk, rng)
    mood = chunk.state.satisfaction[account, at.astype(np.int64)]
    severity = _severity(rng, mood)
    category = _category(chunk, rng, account, at)
    hours = _hours(chunk, rng, account, mood, severity)
    resolved_at = at + hours / 24
    done = resolved_at + 10 * _MINUTE < chunk.stop_day[account]
    return Tickets(
        account=account,
        opened_at=at,
        severity=severity,
        category=category,
        hours=np.where(done, hours, np.nan),
        resolved_at=np.where(done, resolved_at, np.nan),
    )


def ticket_columns(chunk: Chunk, tickets: Tickets) -> Columns:
    """Return the columns of tickets.csv."""
    # Tickets are opened before 20:00, so an opening is always known on its own day.
    rng, count = chunk.streams["tickets"], len(tickets.account)
    number = chunk.cohort.number[tickets.account]
    return {
        "ticket_id": serial_ids("T", number, sequence_in_group(number)),
        "account_id": account_ids(number),
        "opened_at": tickets.opened_at,
        "known_at": tickets.opened_at + rng.uniform(1, 30, count) * _MINUTE,
        "severity": np.array(SEVERITIES, dtype=object)[tickets.severity],
        "category": np.array(CATEGORIES, dtype=object)[tickets.category],
        "resolved_at": tickets.resolved_at,
        "resolution_hours": tickets.hours,
        "resolution_known_at": tickets.resolved_at + rng.uniform(0.5, 9, count) * _MINUTE,
    }
