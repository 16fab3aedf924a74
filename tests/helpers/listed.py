"""A few accounts on a worklist, made by hand: what is not given is nothing special."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from npsight.store import ScoreRow, ScoreRun, Store

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def scored(account: str, **values: Any) -> ScoreRow:
    """An account's score."""
    usual = {
        "name": f"Name of {account}",
        "owner": "kim",
        "segment": "pro",
        "revenue": 1000.0,
        "band_now": "passive",
        "detractor_risk": 0.5,
        "promoter_prob": 0.2,
        "predicted_nps": -30.0,
        "churn_risk": 0.1,
        "risk_level": "high",
        "drivers": [note("support", 0.2), note("product_use", 0.1)],
    }
    return ScoreRow(account, **{"as_of": AS_OF, **usual, **values})


def note(driver: str, points: float, sentence: str = "") -> dict[str, Any]:
    """A driver as a run stores it."""
    return {
        "driver": driver,
        "label": driver.replace("_", " ").capitalize(),
        "points": points,
        "nps_points": -100 * points,
        "sentence": sentence or f"{driver} says so.",
        "actionable": True,
        "play": "Call them.",
    }


def write_list(store: Store, *rows: ScoreRow, run_id: str = "r1", **options: Any) -> ScoreRun:
    """A run of these rows, ranked in their order where they have no rank."""
    made = [
        dataclasses.replace(row, rank=place) if row.rank is None and place else row
        for place, row in enumerate(rows, 1)
    ]
    after = timedelta(seconds=int(run_id[1:] or 1))
    run = ScoreRun(run_id, "tiny", AS_OF + after, AS_OF, 7, "digest")
    return store.write_run(run, made, [], **options)
