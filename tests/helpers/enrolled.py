"""Enrolments of simulated companies, as a store keeps them, and a store that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from npsight.simulate.calls import CallSettings, CallStudy, simulate_calls
from npsight.store import Store
from npsight.store.holdouts import Enrolment, enrolments

DAY = timedelta(days=1)
START = datetime(2025, 6, 1, tzinfo=UTC)
DRIVERS = ("nps_history", "support", "accounts")


def enrolments_of(study: CallStudy, seed: int = 0, pending: int = 0) -> list[Enrolment]:
    """One enrolment for each of a study's, a few a day; the newest `pending` are under way."""
    rng = np.random.default_rng(seed)
    count = len(study.account)
    lost = rng.random(count) < 0.05
    return [_enrolment(study, k, bool(lost[k]), k >= count - pending) for k in range(count)]


def _enrolment(study: CallStudy, k: int, lost: bool, pending: bool) -> Enrolment:
    at = START + (k // 20) * DAY
    answered, detractor = bool(study.answered[k]), study.detractor[k] == 1
    outcome = {} if pending else {
        "answers": int(answered),
        "detractors": int(answered and detractor),
        "promoters": int(answered and not detractor and k % 2 == 0),
        "first_answer_at": at + 40 * DAY if answered else None,
        "churned": lost,
        "read_at": at + 100 * DAY,
    }  # fmt: skip
    return Enrolment(
        account=f"sim-{study.account[k]}",
        number=int(study.number[k]),
        run_id="run-1",
        assigned_at=at,
        until=at + 90 * DAY,
        arm="call" if study.called[k] else "hold out",
        hold_out_prob=float(study.hold_out_prob[k]),
        owner=f"Owner {study.account[k] % 5}",
        segment=("pro", "basic")[study.account[k] % 2],
        band_now="passive",
        driver=DRIVERS[study.account[k] % 3],
        detractor_risk=float(study.risk[k]),
        predicted_nps=100 - 200 * float(study.risk[k]),
        churn_risk=0.05,
        answer_prob=0.6,
        revenue=float(study.revenue[k]),
        contacted_at=at + 5 * DAY if study.contacted[k] else None,
        **outcome,
    )


def simulated(pending: int = 0, **settings: float) -> list[Enrolment]:
    """Enrolments of a company with these settings."""
    return enrolments_of(simulate_calls(CallSettings(**settings)), pending=pending)  # type: ignore[arg-type]


def keep(store: Store, project: str, ones: Iterable[Enrolment]) -> None:
    """Have the store hold them, as if runs of the past had; nobody steps back for it."""
    rows = [{"project": project, **asdict(one)} for one in ones]
    with store.writing() as connection:
        connection.execute(insert(enrolments), rows)
