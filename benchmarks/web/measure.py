"""How long pages take to answer, one request after another, as a browser asks."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import product

import httpx
import numpy as np

from benchmarks.web.server import EMPTY

FILTERS = {
    "nothing": "",
    "owner": "owner=Owner+0007",
    "segment": "segment=enterprise",
    "large segment": "segment=starter",
    "passive sliding": "move=passive+sliding",
    "silent": "silent=1",
    "driver": "driver=support",
    "renewal": "renewal=90",
    "no follow-up": "state=none",
    "in a state": "state=contacted",
    "high risk": "level=high",
    "low risk": "level=low",
    "stepped back shown": "back=show",
    "search": "q=wrenhaven",
    "search, frequent": "q=systems",
    "search, two words": "q=wren+sys",
    "search, a key": "q=A0123",
    "segment, driver, renewal": "segment=enterprise&driver=support&renewal=30",
    "four filters": "segment=enterprise&driver=support&level=high&move=passive+sliding",
}
SORTS = (
    "",
    "sort=risk",
    "sort=risk&turned=1",
    "sort=revenue",
    "sort=revenue&turned=1",
    "sort=renewal",
    "sort=nps",
    "sort=churn",
    "sort=contact",
)
WEEKS = {"the week": ("list=week&owner=Owner+0007",), "the team's week": ("list=week&owner=none",)}


@dataclass(frozen=True)
class Times:
    """Milliseconds that a kind of page took."""

    name: str
    count: int
    p50: float
    p95: float
    p99: float
    slowest: str = ""


def measure(client: httpx.Client, rounds: int, seed: int = 7) -> list[Times]:
    """Times of an empty page, of each filter over all orders, and of all together."""
    asked = [("an empty page", EMPTY)] * (len(FILTERS) * 2)
    for (name, query), sort in product(FILTERS.items(), SORTS):
        asked.append((name, "/worklist?" + "&".join(filter(None, ["list=all", query, sort]))))
    asked += [(name, f"/worklist?{query}") for name, (query,) in WEEKS.items() for _ in SORTS]
    for _, address in dict.fromkeys(asked):
        _get(client, address)
    took: list[tuple[str, str, float]] = []
    shuffle = random.Random(seed)
    for _ in range(rounds):
        shuffle.shuffle(asked)
        took += [(name, address, _get(client, address)) for name, address in asked]
    pages = [row for row in took if row[1] != EMPTY]
    names = list(dict.fromkeys(["an empty page", *FILTERS, *WEEKS]))
    found = [_times(name, [row for row in took if row[0] == name]) for name in names]
    return [*found, _times("every worklist", pages)]


def _get(client: httpx.Client, address: str) -> float:
    start = time.perf_counter()
    answer = client.get(address)
    took = 1000 * (time.perf_counter() - start)
    if answer.status_code != 200:
        raise SystemExit(f"{address}: {answer.status_code}")
    return took


def _times(name: str, rows: list[tuple[str, str, float]]) -> Times:
    values = [row[2] for row in rows]
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    slowest = max(rows, key=lambda row: row[2])[1]
    return Times(name, len(rows), float(p50), float(p95), float(p99), slowest)
