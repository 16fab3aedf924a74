"""What the two versions of OpenAPI write differently."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """A version of OpenAPI.

    Attributes
    ----------
    place
        Where named schemas stand, as the start of a reference.
    nullable
        The keyword of what may be null.
    extensions
        Whether Microsoft's `x-ms-` keywords are written, which Power Platform shows to its users.
    """

    place: str
    nullable: str
    extensions: bool


OPENAPI_3 = Dialect("#/components/schemas/", "nullable", extensions=False)
SWAGGER_2 = Dialect("#/definitions/", "x-nullable", extensions=True)
