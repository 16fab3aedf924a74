"""What the service says of itself: its model, its health."""

from __future__ import annotations

from pydantic import Field

from npsight.service.shapes.base import Shape


class ModelTarget(Shape):
    """One thing that the model foresees."""

    name: str = Field(description="`detractor`, `nps` or `churn`.")
    gap_days: int | None = Field(description="Days from as_of to the start of its window.")
    horizon_days: int | None = Field(description="Length of that window, in days.")
    has_skill: bool = Field(
        description="False: nothing was found that tells accounts apart, all get their level."
    )


class ModelFeature(Shape):
    """One feature that the model reads."""

    name: str = Field(description="Name, as `POST /v1/score/features` takes it.")
    label: str = Field(description="Its name for people.")
    kind: str = Field(description="`number` or `category`.")
    unit: str = Field(description="Unit of a number; may be empty.")
    driver: str = Field(description="Key of the driver it belongs to.")
    missing: str = Field(
        description="What a missing value means: `unknown`, or `zero` where nothing happened."
    )
    categories: list[str] = Field(
        description="The values it knows; any other scores as missing. Empty for a number."
    )
    targets: list[str] = Field(description="The targets that read it; empty for none.")


class ModelDriver(Shape):
    """A named group of features."""

    driver: str = Field(description="Key of the driver.")
    label: str = Field(description="Its name for people.")
    actionable: bool = Field(description="Whether customer success can act on it.")
    play: str = Field(description="What to do about it; may be empty.")


class ModelAnswer(Shape):
    """The served model, and the run whose inputs it scores."""

    request_id: str = Field(description="Quote it when you report a problem.")
    project: str = Field(description="Name of the project.")
    model_version: int = Field(description="Version in the registry.")
    model_digest: str = Field(description="SHA-256 of everything that decides a score.")
    bundle_format: int = Field(description="Format of the model's files.")
    trained_through: str = Field(description="Newest as_of that it was trained on.")
    as_of: str = Field(description="The instant that the latest run's features are of.")
    as_of_age_days: float = Field(description="How many days ago that was.")
    account_count: int = Field(description="Accounts of the latest run.")
    data_digest: str = Field(description="Digest of the tables its features were computed from.")
    targets: list[ModelTarget] = Field(description="What it foresees.")
    without_skill: list[str] = Field(
        description="Parts that do not tell accounts apart: `detractor`, `promoter`, `churn`."
    )
    segments: list[str] = Field(description="Segments of the latest run.")
    features: list[ModelFeature] = Field(description="What it reads.")
    drivers: list[ModelDriver] = Field(description="How its features are grouped.")
    card: str = Field(description="The model card, in Markdown.")


class HealthAnswer(Shape):
    """The process answers."""

    status: str = Field(description="Always `ok`.")
