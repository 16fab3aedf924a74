"""`POST /v1/responses` and `POST /v1/facts`: new facts in, what they change out.

The bodies of `…/one` are flat, for senders that know names and values only.
"""

from __future__ import annotations

from pydantic import Field, SkipValidation

from npsight.service.accountkeys import Key
from npsight.service.instants import Instant
from npsight.service.shapes.base import IdempotencyKey, Shape

MAX_RESPONSES = 100
MAX_FACTS = 1000
MAX_VALUES = 200

_ACCOUNT = (
    "Key of the account, as in the project's tables. A whole number of at most 15 digits is taken "
    "as the text it prints as."
)
_AT = (
    "ISO 8601 with an offset, such as 2026-06-01T09:30:00Z; a whole number is read as milliseconds "
    "since 1970, or below 10^11 as seconds"
)
_KNOWN = (
    "When it could first be read, for facts of earlier days: not before the fact itself and not "
    f"after now. {_AT}. Null: now."
)


class PostedResponse(Shape):
    """One survey answer."""

    id: Key = Field(description="Your id of the answer. The same id again is the same answer.")
    account: Key = Field(description=_ACCOUNT)
    score: float = Field(description="The score, on the scale of the project file.")
    occurred_at: Instant = Field(description=f"When it was given. {_AT}. Not after now.")
    respondent: Key | None = Field(None, description="Key of the person who answered.")
    comment: str | None = Field(None, description="The free text.")
    touchpoint: str | None = Field(None, description="Where it was asked.")
    role: str | None = Field(None, description="The respondent's role.")
    seniority: str | None = Field(None, description="The respondent's seniority.")
    known_at: Instant | None = Field(None, description=_KNOWN)


class ResponsesBody(Shape):
    """Survey answers, each judged by itself: a bad one harms no other."""

    responses: list[SkipValidation[PostedResponse]] = Field(
        max_length=MAX_RESPONSES, description="At most 100 answers."
    )
    idempotency_key: IdempotencyKey = None


class OneResponse(PostedResponse):
    """One survey answer by itself."""

    idempotency_key: IdempotencyKey = None


class NamedValue(Shape):
    """One value by the name that the project file gives it; both null for a missing one."""

    name: str = Field(description="Name of a measure or a category of the table.")
    number: float | None = Field(None, description="The value of a measure.")
    text: str | None = Field(None, description="The value of a category.")


class PostedFact(Shape):
    """One row of an activity table."""

    id: Key = Field(description="Your id of the fact. The same id again is the same fact.")
    account: Key = Field(description=_ACCOUNT)
    occurred_at: Instant = Field(
        description=f"When it happened. {_AT}. After now only in a table that is `scheduled`."
    )
    ended_at: Instant | None = Field(
        None,
        description=f"When it ended, for a table of things that last. {_AT}. Null while it lasts.",
    )
    known_at: Instant | None = Field(None, description=_KNOWN)
    values: list[NamedValue] = Field(
        default_factory=list,
        max_length=MAX_VALUES,
        description="Measures and categories; those that are not given are missing.",
    )


class FactsBody(Shape):
    """Facts of one activity table, each judged by itself: a bad one harms no other."""

    table: str = Field(description="Name of the table under `tables.activity` in the project file.")
    facts: list[SkipValidation[PostedFact]] = Field(
        max_length=MAX_FACTS, description="At most 1,000 facts."
    )
    idempotency_key: IdempotencyKey = None


class OneFact(PostedFact):
    """One row of an activity table by itself.

    Beside the fields here, each measure and category of the table may stand as a field of its own
    name, in place of an entry of `values`.
    """

    table: str = Field(description="Name of the table under `tables.activity` in the project file.")
    idempotency_key: IdempotencyKey = None


class ScoreNow(Shape):
    """An account's numbers at one instant; null where the model has no such target."""

    as_of: str = Field(description="The instant that the numbers are for, in UTC.")
    model_version: int = Field(description="Version of the model that made them.")
    detractor_risk: float | None = Field(description="Chance of a detractor answer, 0 to 1.")
    predicted_nps: float | None = Field(description="Next-period NPS, -100 to 100.")
    churn_risk: float | None = Field(description="Chance of losing the account, 0 to 1.")
    risk_level: str | None = Field(description="high, medium or low.")
    band_now: str | None = Field(
        description="Band of its last answer: detractor, passive, promoter or silent."
    )


class WrittenRow(Shape):
    """What became of one row, in the order of the request."""

    row: int = Field(description="Place of the row in the request, from 0.")
    id: str | None = Field(description="Its id; null where it had none.")
    account: str | None = Field(description="Its account; null where it had none.")
    status: str = Field(
        description="rescored: stored, and the account was scored with it. stored: kept, but not "
        "scored with yet. unchanged: the same was stored before. conflict: another fact was "
        "stored under this id. invalid: it has faults. not_found: no such account."
    )
    detail: str | None = Field(
        description="Why it was not rescored, and what to do; null for rescored."
    )
    before: ScoreNow | None = Field(
        description="The account's numbers before this request; null where it was not scored."
    )
    after: ScoreNow | None = Field(
        description="The account's numbers with all its facts; null where it was not scored."
    )


class WriteAnswer(Shape):
    """One result for each row. The call succeeds even where rows do not: look at each status."""

    request_id: str = Field(description="Id of this request, for support.")
    model_version: int = Field(description="Version of the served model.")
    model_digest: str = Field(description="Digest of the served model's files.")
    as_of: str = Field(description="The instant of the latest run of all accounts, in UTC.")
    results: list[WrittenRow] = Field(description="One for each row, in order.")


class OneWriteAnswer(Shape):
    """What became of the fact, and of its account."""

    request_id: str = Field(description="Id of this request, for support.")
    model_version: int = Field(description="Version of the served model.")
    model_digest: str = Field(description="Digest of the served model's files.")
    as_of: str = Field(description="The instant of the latest run of all accounts, in UTC.")
    id: str = Field(description="Its id.")
    account: str = Field(description="Its account.")
    status: str = Field(
        description="rescored: stored, and the account was scored with it. stored: kept, but not "
        "scored with yet. unchanged: the same was stored before."
    )
    detail: str | None = Field(
        description="Why it was not rescored, and what to do; null for rescored."
    )
    before: ScoreNow | None = Field(
        description="The account's numbers before this request; null where it was not scored."
    )
    after: ScoreNow | None = Field(
        description="The account's numbers with all its facts; null where it was not scored."
    )
