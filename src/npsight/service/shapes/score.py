"""`POST /v1/score`: accounts in, a result for each of them out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from npsight.service.instants import Instant
from npsight.service.shapes.base import FIRST, Shape, ShownAs

MAX_ACCOUNTS = 1000
MAX_TARGETS = 10
"""There are three; to name one twice does no harm."""


class ScoreBody(Shape):
    """Which accounts to score."""

    accounts: list[Annotated[Any, ShownAs(str)]] | None = Field(
        None,
        max_length=MAX_ACCOUNTS,
        json_schema_extra=FIRST,
        description="Keys of the accounts, at most 1,000. A whole number of at most 15 digits is "
        "taken as the text it prints as. Each is judged by itself: what is neither gives a result "
        "with status `invalid` and harms no other.",
    )
    account: Annotated[Any, ShownAs(str)] = Field(
        None,
        description="Key of one account, in place of `accounts`: for workflow steps that send flat "
        "names and values only. A whole number is taken as in `accounts`.",
    )
    as_of: Instant | None = Field(
        None,
        description="Instant in ISO 8601 with an offset, such as 2026-06-01T00:00:00Z. Scores as "
        "they were then: of the newest run at or before it, and where an account was scored again "
        "after it, from what the run itself had. Null: the newest scores.",
    )
    drivers: bool | None = Field(
        None, description="Whether to say what drives each score. Null: no."
    )
    targets: list[str] | None = Field(
        None,
        max_length=MAX_TARGETS,
        description="What to give: any of `detractor`, `nps`, `churn`. Null: all that the model "
        "has. The fields of the others are null.",
    )


class Interval(Shape):
    """A range of NPS points, from -100 to 100."""

    low: float = Field(description="Lower end.")
    high: float = Field(description="Upper end.")


class Driver(Shape):
    """What one driver contributes to one account's score. It says what goes together, not why."""

    driver: str = Field(description="Key of the driver.")
    label: str = Field(description="Its name for people.")
    points: float = Field(
        description="Its part of the risk, in probability: the base plus the points of all "
        "drivers is the risk. Positive raises it."
    )
    nps_points: float | None = Field(
        description="Its part of the predicted NPS, in NPS points; null for churn."
    )
    sentence: str = Field(description="The account's own numbers, in a sentence.")
    actionable: bool = Field(description="Whether customer success can act on it.")
    play: str = Field(
        description="What to do about it. Empty unless the driver raises the risk by half a "
        "percentage point, by something that the advice is about."
    )


class Numbers(Shape):
    """Predictions of one account. Null: not asked for, or the model does not have it."""

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
    churn_risk: float | None = Field(description="Probability that the account is lost, 0 to 1.")
    band_now: str | None = Field(
        description="Band of the last answer: `detractor`, `passive`, `promoter` or `silent`."
    )
    risk_level: str | None = Field(
        description="`high`, `medium` or `low`, of the risk that ranks the worklist, whatever "
        "targets were asked for."
    )
    base_risk: float | None = Field(
        description="Where the driver points of the detractor risk start; null without drivers."
    )
    base_nps: float | None = Field(
        description="Where the NPS points of the drivers start; null without drivers."
    )
    base_churn: float | None = Field(
        description="Where the driver points of the churn risk start; null without drivers."
    )
    drivers: list[Driver] | None = Field(
        description="Drivers of the detractor risk, largest first; null where not asked for."
    )
    churn_drivers: list[Driver] | None = Field(
        description="Drivers of the churn risk, largest first; null where not asked for."
    )


class AccountScore(Numbers):
    """What became of one account of a batch."""

    account: str = Field(description="The key that was sent, as text; empty for what is no key.")
    status: str = Field(
        description="`ok`, `not_found` (the run has no such score; see detail) or `invalid` (see "
        "detail)."
    )
    detail: str | None = Field(description="What is wrong; null for `ok`.")
    as_of: str | None = Field(
        description="The instant the numbers are for: that of the run, or a later one where the "
        "account was scored again since. Null without any."
    )


class ScoreAnswer(Shape):
    """A result for each account, in the order they were sent."""

    request_id: str = Field(description="Quote it when you report a problem.")
    model_version: int = Field(description="Version of the model that made the scores.")
    model_digest: str = Field(description="Digest of that model.")
    as_of: str = Field(
        description="The instant of the run; each result has that of its own numbers."
    )
    results: list[AccountScore] = Field(description="One for each account, in order.")
