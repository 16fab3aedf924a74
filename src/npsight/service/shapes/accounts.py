"""`GET /v1/accounts` and `GET /v1/accounts/{account}`: what the latest run says."""

from __future__ import annotations

from pydantic import Field

from npsight.service.shapes.base import Shape
from npsight.service.shapes.score import Driver, Interval


class AccountRow(Shape):
    """One account of a run. Null: unknown, or the model does not have it."""

    account: str = Field(description="Key of the account.")
    as_of: str = Field(description="The instant its numbers are for.")
    name: str | None = Field(description="Its name for people.")
    owner: str | None = Field(description="Who looks after it.")
    segment: str | None = Field(description="Its segment.")
    revenue: float | None = Field(description="Revenue, in the currency of your own data.")
    renewal_at: str | None = Field(description="When it renews.")
    band_now: str | None = Field(
        description="Band of the last answer: `detractor`, `passive`, `promoter` or `silent`."
    )
    last_score: float | None = Field(description="Last score, on the scale it was asked.")
    last_answer_at: str | None = Field(description="When that was given.")
    detractor_risk: float | None = Field(
        description="Expected share of detractors among the next answers, 0 to 1."
    )
    promoter_prob: float | None = Field(
        description="Expected share of promoters among the next answers, 0 to 1."
    )
    predicted_nps: float | None = Field(description="Expected NPS, -100 to 100.")
    nps_interval_80: Interval | None = Field(
        description="Range that holds the NPS of the next answers with 80 % probability."
    )
    nps_interval_95: Interval | None = Field(description="The same with 95 %.")
    churn_risk: float | None = Field(description="Probability that the account is lost, 0 to 1.")
    answer_prob: float | None = Field(description="Chance of at least one answer, 0 to 1.")
    expected_answers: float | None = Field(description="How many answers to expect.")
    risk_level: str | None = Field(
        description="`high`, `medium` or `low`, of the risk that ranks the worklist."
    )
    rank: int | None = Field(description="Place on the worklist from 1; null: not listed.")
    priority: float | None = Field(description="What the rank is by; null: not listed.")
    priority_reason: str | None = Field(description="How the priority came about.")
    within_capacity: bool | None = Field(
        description="Whether its owner can call it this week; null: not listed."
    )


class AccountsAnswer(Shape):
    """One page of accounts."""

    request_id: str = Field(description="Quote it when you report a problem.")
    model_version: int = Field(description="Version of the model that made the scores.")
    model_digest: str = Field(description="Digest of that model.")
    as_of: str = Field(
        description="The instant of the run; accounts scored again since have their own."
    )
    accounts: list[AccountRow] = Field(description="In the order asked for.")
    next_cursor: str | None = Field(
        description="Send it as `cursor`, with the same filters and order, for the next page; "
        "null: this was the last."
    )


class HistoryRow(Shape):
    """An account's numbers in one run: the run's own, or those since it was scored again."""

    as_of: str = Field(description="The instant the numbers are for.")
    model_version: int = Field(description="Version of the model that made them.")
    detractor_risk: float | None = Field(description="As above.")
    predicted_nps: float | None = Field(description="As above.")
    churn_risk: float | None = Field(description="As above.")
    risk_level: str | None = Field(description="As above.")
    rank: int | None = Field(description="As above.")


class ChangeSide(Shape):
    """An account's numbers on one side of a change."""

    as_of: str | None = Field(description="The instant the numbers are for.")
    model_version: int | None = Field(description="Version of the model that made them.")
    detractor_risk: float | None = Field(description="0 to 1.")
    predicted_nps: float | None = Field(description="-100 to 100.")
    churn_risk: float | None = Field(description="0 to 1.")
    risk_level: str | None = Field(description="`high`, `medium` or `low`.")
    band_now: str | None = Field(description="Band of the last answer.")


class Change(Shape):
    """The newest change of an account's scores."""

    changed_at: str = Field(description="When it was made.")
    cause: str = Field(description="`run`, `response` or `fact`.")
    before: ChangeSide | None = Field(description="Null where the account had no score.")
    after: ChangeSide = Field(description="What the scores are since.")


class AccountAnswer(AccountRow):
    """One account: its latest score, what drives it, and how it came there."""

    request_id: str = Field(description="Quote it when you report a problem.")
    model_version: int = Field(description="Version of the model that made the scores.")
    model_digest: str = Field(description="Digest of that model.")
    base_risk: float | None = Field(
        description="Where the driver points of the detractor risk start."
    )
    base_nps: float | None = Field(description="Where the NPS points of the drivers start.")
    base_churn: float | None = Field(description="Where the driver points of the churn risk start.")
    drivers: list[Driver] = Field(description="Drivers of the detractor risk, largest first.")
    churn_drivers: list[Driver] = Field(description="Drivers of the churn risk, largest first.")
    history: list[HistoryRow] = Field(
        description="At most 30 points, newest first: one for each run, and one more where the "
        "account was scored again after it."
    )
    last_change: Change | None = Field(description="Null where no change was recorded.")
