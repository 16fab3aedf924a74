"""`POST /v1/jobs/score` and `GET /v1/jobs/{id}`: large batches, scored in the background."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from npsight.service.shapes.base import FIRST, IdempotencyKey, Shape, ShownAs
from npsight.service.shapes.score import MAX_TARGETS, AccountScore

MAX_JOB_ACCOUNTS = 100_000


class JobBody(Shape):
    """Which accounts to score."""

    accounts: list[Annotated[Any, ShownAs(str)]] | None = Field(
        None,
        max_length=MAX_JOB_ACCOUNTS,
        json_schema_extra=FIRST,
        description="Keys of the accounts, at most 100,000. A whole number of at most 15 digits "
        "is taken as the text it prints as. Each is judged by itself. Null: all accounts of the "
        "latest run.",
    )
    drivers: bool | None = Field(
        None, description="Whether to say what drives each score. Null: no."
    )
    targets: list[str] | None = Field(
        None,
        max_length=MAX_TARGETS,
        description="What to give: any of `detractor`, `nps`, `churn`. Null: all.",
    )
    idempotency_key: IdempotencyKey = None


class Job(Shape):
    """A batch and how far it is."""

    id: str = Field(description="Ask for it at /v1/jobs/{id}.")
    status: str = Field(description="`queued`, `running`, `done` or `failed`.")
    detail: str | None = Field(description="Why it failed; null otherwise.")
    total: int = Field(description="How many accounts it has.")
    done: int = Field(description="How many of them have a result.")
    as_of: str = Field(description="The instant the scores are for.")
    model_version: int = Field(description="Version of the model that makes the scores.")
    model_digest: str = Field(description="Digest of that model.")
    created_at: str = Field(description="When it was asked for.")
    finished_at: str | None = Field(description="When it was done or failed.")
    expires_at: str = Field(description="From then on the job and its results are gone.")


class JobAnswer(Shape):
    """The job as it was taken on."""

    request_id: str = Field(description="Quote it when you report a problem.")
    model_version: int = Field(description="Version of the model that makes the scores.")
    model_digest: str = Field(description="Digest of that model.")
    as_of: str = Field(description="The instant the scores are for.")
    job: Job = Field(description="The job.")


class JobResultsAnswer(JobAnswer):
    """The job, and one page of its results so far."""

    results: list[AccountScore] = Field(description="In the order the accounts were sent.")
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null: there are no more results yet."
    )
