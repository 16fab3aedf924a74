"""`POST /v1/score/features`: features by name in, scores out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from npsight.service.accountkeys import Key
from npsight.service.instants import Instant
from npsight.service.shapes.base import Shape, ShownAs
from npsight.service.shapes.score import MAX_TARGETS, Numbers

MAX_ROWS = 1000
MAX_FEATURES = 2000
MAX_ANSWERS = 1000


class FeatureValue(Shape):
    """One feature by its name: a number, a text for a category, or neither for missing."""

    name: str = Field(description="Name of the feature, as `GET /v1/model` lists it.")
    number: float | None = Field(None, description="Its value, of a feature of kind `number`.")
    text: str | None = Field(None, description="Its value, of a feature of kind `category`.")


class GivenAnswer(Shape):
    """One survey answer."""

    score: float = Field(description="Score from 0 to 10.")
    occurred_at: Instant = Field(
        description="When it was given: ISO 8601 with an offset, before the as_of of the answer."
    )


class FeatureRow(Shape):
    """What to score: a stored account with other values, or values alone."""

    never_blank = frozenset({"account"})

    id: Key = Field(
        min_length=1, max_length=512, description="Your name for the row, unique in the batch."
    )
    account: Key | None = Field(
        None,
        description="A stored account: its stored features are taken, those given replace them. "
        "A whole number of at most 15 digits is taken as the text it prints as. "
        "Null: only what is given counts, and every other feature is missing.",
    )
    segment: str | None = Field(
        None,
        description="Segment of the row: its answers set the level that the score starts from. "
        "Null: that of the account, or without one that of all accounts.",
    )
    features: list[Annotated[Any, ShownAs(FeatureValue)]] = Field(
        default_factory=list, max_length=MAX_FEATURES, description="Features by name, in any order."
    )
    answers: list[Annotated[Any, ShownAs(GivenAnswer)]] | None = Field(
        None,
        max_length=MAX_ANSWERS,
        description="All survey answers there are; an empty list for none. Null: those of the "
        "account, or without one none.",
    )


class FeaturesBody(Shape):
    """Rows to score."""

    rows: list[Annotated[Any, ShownAs(FeatureRow)]] = Field(
        max_length=MAX_ROWS,
        description="At most 1,000. Each is judged by itself: a faulty row gives a result with "
        "status `invalid` and harms no other.",
    )
    drivers: bool | None = Field(
        None, description="Whether to say what drives each score. Null: no."
    )
    targets: list[str] | None = Field(
        None,
        max_length=MAX_TARGETS,
        description="What to give: any of `detractor`, `nps`, `churn`. Null: all.",
    )


class RowFault(Shape):
    """One fault of a row."""

    pointer: str = Field(description="JSON pointer to the place, from the row on.")
    detail: str = Field(description="What is wrong there.")


class FeatureResult(Shape):
    """What became of one row."""

    id: str = Field(description="The row's id as it was sent; empty where it was no text.")
    account: str | None = Field(description="The stored account it was made from; null for none.")
    status: str = Field(description="`ok`, `not_found` (no such account) or `invalid`.")
    detail: str | None = Field(description="What is wrong; null for `ok`.")
    errors: list[RowFault] = Field(description="Every fault of the row; empty for `ok`.")
    warnings: list[str] = Field(
        description="What was scored as missing though it was given, such as a category that the "
        "model does not know."
    )
    features_missing: int | None = Field(
        description="How many of the model's features have no value in this row; null unless ok."
    )
    features_total: int | None = Field(description="How many features the model has.")
    as_of: str | None = Field(
        description="The instant that the row's numbers are for: that of the stored account's "
        "newest score, without an account that of the run. Null unless ok."
    )
    before: Numbers | None = Field(
        description="The account's score from its stored features; null without an account."
    )
    score: Numbers | None = Field(description="The score of the row; null unless ok.")


class FeaturesAnswer(Shape):
    """A result for each row, in the order they were sent."""

    request_id: str = Field(description="Quote it when you report a problem.")
    model_version: int = Field(description="Version of the model that made the scores.")
    model_digest: str = Field(description="Digest of that model.")
    as_of: str = Field(description="The instant of the latest run, in UTC.")
    results: list[FeatureResult] = Field(description="One for each row, in order.")
