"""Scored accounts as a run writes them, in any number, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from npsight.config.schema import Worklist
from npsight.store import ScoreRow, ScoreRun
from npsight.worklist.bands import risk_level

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
RUN = ScoreRun("bench-run", "tiny", AS_OF + timedelta(days=1), AS_OF, 7, "digest")
FIRST = [
    "Wren",
    "Alder",
    "Oak",
    "Silver",
    "Stone",
    "River",
    "North",
    "Amber",
    "Cedar",
    "Falcon",
    "Harbor",
    "Iron",
    "Juniper",
    "Kestrel",
]
SECOND = [
    "haven",
    "ford",
    "gate",
    "field",
    "bridge",
    "brook",
    "well",
    "crest",
    "dale",
    "ridge",
    "light",
    "port",
    "wood",
    "mark",
]
LAST = [
    "Systems",
    "Labs",
    "Logistics",
    "Foods",
    "Energy",
    "Health",
    "Retail",
    "Media",
    "Works",
    "Partners",
    "Group",
    "Software",
]
SEGMENTS = ("enterprise", "business", "team", "starter")
DRIVERS = (
    (
        "product_use",
        "Product use",
        "Logins in 30 days fell from {a} to {b}; similar accounts: {c}.",
    ),
    (
        "support",
        "Support experience",
        "Tickets in 90 days: {a}; similar accounts: {b}; before: {c}.",
    ),
    ("reliability", "Errors in the product", "Errors per login rose from {a} to {b}."),
    ("billing", "Payments", "Lateness of payments rose from {a} to {b} days."),
    ("relationship", "Contact with us", "Contacts in 180 days: {a}; similar accounts: {b}."),
    ("nps_history", "NPS history", "Last score {a}, {b} days ago; similar accounts: {c}."),
)
PLAY = "Walk the champion through the features their team has stopped using."
BANDS = ("detractor", "passive", "promoter", "silent")


def scored(count: int, seed: int = 7) -> Iterator[ScoreRow]:
    """Accounts with plausible values: risks, revenues, owners with some fifty each, drivers."""
    rng = np.random.default_rng(seed)
    risk = rng.beta(1.6, 5, count)
    promoter = (1 - risk) * rng.beta(3, 3, count)
    churn = rng.beta(1.2, 8, count)
    size = rng.choice(4, count, p=[0.08, 0.22, 0.4, 0.3])
    revenue = np.round(rng.lognormal(10.8 - 1.1 * size, 0.7), 2)
    order = np.argsort(-(risk * revenue))
    place = np.empty(count, np.int64)
    place[order] = np.arange(1, count + 1)
    owners = max(count // 50, 1)
    owner = rng.integers(0, owners, count)
    seen: dict[int, int] = {}
    within = np.zeros(count, bool)
    for row in order.tolist():
        seen[owner[row]] = seen.get(owner[row], 0) + 1
        within[row] = seen[owner[row]] <= 12
    band = rng.choice(4, count, p=[0.1, 0.25, 0.3, 0.35])
    days = rng.integers(0, 365, count)
    quiet = np.where(rng.random(count) < 0.15, -1, rng.gamma(2, 40, count).astype(int) + 1)
    settings = Worklist()
    for i in range(count):
        points = np.round(rng.normal(0, 0.06, len(DRIVERS)), 12)
        numbers = rng.integers(1, 400, 3)
        notes = [
            {
                "driver": key,
                "label": label,
                "points": float(points[d]),
                "nps_points": float(-150 * points[d]),
                "sentence": words.format(a=numbers[0], b=numbers[1], c=numbers[2]),
                "actionable": True,
                "play": PLAY,
            }
            for d, (key, label, words) in enumerate(DRIVERS)
        ]
        r, p = float(risk[i]), float(promoter[i])
        nps = 100 * (p - r)
        yield ScoreRow(
            f"A{i:06d}",
            AS_OF,
            name=" ".join(
                (
                    FIRST[i * 7919 % len(FIRST)] + SECOND[i * 104729 % 9973 % len(SECOND)],
                    LAST[i * 1299709 % 7919 % len(LAST)],
                )
            ),
            owner=f"Owner {owner[i]:04d}",
            segment=SEGMENTS[size[i]],
            revenue=float(revenue[i]),
            renewal_at=AS_OF + timedelta(days=int(days[i])),
            band_now=BANDS[band[i]],
            detractor_risk=r,
            risk_low_80=max(r - 0.12, 0.0),
            risk_high_80=min(r + 0.15, 1.0),
            promoter_prob=p,
            predicted_nps=nps,
            nps_low_80=max(nps - 30, -100),
            nps_high_80=min(nps + 30, 100),
            churn_risk=float(churn[i]),
            risk_level=risk_level(r, settings),
            rank=int(place[i]),
            priority=r * float(revenue[i]),
            priority_reason=f"{100 * r:.0f} % risk × {revenue[i]:,.0f} revenue",
            within_capacity=bool(within[i]),
            last_contact_at=None if quiet[i] < 0 else AS_OF - timedelta(days=int(quiet[i])),
            base_risk=0.24,
            base_nps=10.0,
            base_churn=0.13,
            drivers=sorted(notes, key=lambda note: -abs(note["points"])),
            churn_drivers=notes[:3],
        )
