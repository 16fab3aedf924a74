"""What the store holds, as frozen rows. Instants are UTC; None is "missing", NaN never is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class ScoreRun:
    """One scoring of a whole project.

    Attributes
    ----------
    id
        Unique among all runs.
    as_of
        The instant the scores are for.
    created_at
        When they were made.
    model_version, model_digest
        Registry version and digest of the model that made them.
    account_count
        Filled in by `Store.write_run` from the rows it wrote.
    data_digest
        Digest of the tables the features were computed from.
    peers
        What similar accounts look like, for sentences: any JSON object.
    """

    id: str
    project: str
    as_of: datetime
    created_at: datetime
    model_version: int
    model_digest: str
    account_count: int = 0
    data_digest: str = ""
    status: str = "complete"
    peers: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class ScoreRow:
    """One account of a run.

    Attributes
    ----------
    detractor_risk, promoter_prob, churn_risk
        Probabilities in [0, 1]; None for a target the model does not have.
    risk_low_80, risk_high_80
        Interval of the detractor risk; None in runs from before it was kept.
    last_contact_at
        The newest contact known before as_of, of the tables that `worklist.contacts` names.
    predicted_nps, nps_low_80, nps_high_80, nps_low_95, nps_high_95
        NPS points, −100 to 100.
    rank
        Place on the worklist from 1; None for an account that is not listed.
    base_risk, base_nps, base_churn
        Where the driver points start: base + Σ points is the displayed number.
    answer_prob, expected_answers
        Chance of at least one answer in the outcome window, and how many answers to expect;
        None in runs from before they were foreseen.
    drivers, churn_drivers
        Objects with `driver, label, points, nps_points, sentence, actionable, play`.
    """

    account: str
    as_of: datetime
    name: str | None = None
    owner: str | None = None
    segment: str | None = None
    revenue: float | None = None
    renewal_at: datetime | None = None
    band_now: str | None = None
    last_score: float | None = None
    last_answer_at: datetime | None = None
    detractor_risk: float | None = None
    promoter_prob: float | None = None
    predicted_nps: float | None = None
    nps_low_80: float | None = None
    nps_high_80: float | None = None
    nps_low_95: float | None = None
    nps_high_95: float | None = None
    churn_risk: float | None = None
    risk_level: str | None = None
    rank: int | None = None
    priority: float | None = None
    priority_reason: str | None = None
    within_capacity: bool | None = None
    base_risk: float | None = None
    base_nps: float | None = None
    base_churn: float | None = None
    answer_prob: float | None = None
    expected_answers: float | None = None
    risk_low_80: float | None = None
    risk_high_80: float | None = None
    last_contact_at: datetime | None = None
    drivers: list[JsonObject] = field(default_factory=list)
    churn_drivers: list[JsonObject] = field(default_factory=list)


@dataclass(frozen=True)
class StoredInput:
    """What an account was scored from: feature name -> number, string or None.

    `past` is the same one period earlier; empty where there was none.
    """

    account: str
    features: JsonObject
    past: JsonObject


@dataclass(frozen=True)
class HistoryPoint:
    """An account's numbers in one run: the run's own, or those since it was scored again.

    `as_of` and `model_version` are those of the numbers.
    """

    run_id: str
    as_of: datetime
    model_version: int
    detractor_risk: float | None
    predicted_nps: float | None
    churn_risk: float | None
    risk_level: str | None
    rank: int | None
