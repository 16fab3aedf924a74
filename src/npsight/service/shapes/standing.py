"""How the service stands, as `GET /readyz` and `GET /v1/model` show it."""

from __future__ import annotations

from pydantic import Field

from npsight.service.shapes.base import Shape


class TroubleShown(Shape):
    """One thing that is wrong while the service goes on."""

    part: str = Field(
        description="What it is about: `model` (another champion is offered and not served), "
        "`registry`, `store`, `watcher`, `scores`."
    )
    reason: str = Field(description="What is wrong, in a sentence.")
    since: str = Field(description="When it was first seen.")
    offered_version: int | None = Field(
        description="Version of the champion that is offered and not served."
    )
    offered_digest: str | None = Field(
        description="The digest that this champion claims; null where nobody could read it."
    )


class ReadyAnswer(Shape):
    """The service can score."""

    request_id: str = Field(description="Quote it when you report a problem.")
    status: str = Field(description="`ready`, or `degraded` where something is wrong beside it.")
    model_version: int = Field(description="Version of the served model in the registry.")
    model_digest: str = Field(description="SHA-256 of everything that decides a score.")
    served_since: str = Field(description="When this process began to serve it.")
    degraded: list[TroubleShown] = Field(description="What is wrong; empty where nothing is.")
