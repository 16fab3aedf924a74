"""What every error looks like (RFC 9457)."""

from __future__ import annotations

from pydantic import Field

from npsight.service.shapes.base import Shape


class ProblemFault(Shape):
    """One fault of a request."""

    pointer: str = Field(
        description="Place of the fault in the body, a JSON pointer such as `/accounts/3`; empty "
        "for the whole body. For a parameter of the query: its name after a slash."
    )
    detail: str = Field(description="What is wrong there, and what is expected.")


class Problem(Shape):
    """An error, sent as `application/problem+json`."""

    type: str = Field(
        description="The kind of problem as a URI reference that stays the same.",
        examples=["/problems/invalid-body"],
    )
    title: str = Field(
        description="The kind of problem in words.", examples=["The body has faults"]
    )
    status: int = Field(description="HTTP status, as in the status line.", examples=[422])
    code: str = Field(
        description="The kind of problem as a word, for programs. docs/errors.md lists all.",
        examples=["invalid-body"],
    )
    detail: str = Field(
        description="What happened this time, and what to do.",
        examples=["the body has 1 fault; see errors"],
    )
    request_id: str = Field(
        description="Id of this request in the log of the service; name it when you ask for help.",
        examples=["5f0c2a9e3b7d4e58a1c6d2f4b8e09a73"],
    )
    retry_after: int | None = Field(
        description="Seconds after which the same request may work; null where waiting is no help."
    )
    errors: list[ProblemFault] = Field(description="Every fault of the request; mostly empty.")


class Explanation(Shape):
    """What a kind of problem is."""

    request_id: str = Field(description="Id of this request in the log of the service.")
    type: str = Field(description="The kind of problem, as errors give it.")
    code: str = Field(description="The kind of problem as a word.")
    status: int = Field(description="HTTP status that it comes with.")
    title: str = Field(description="The kind of problem in words.")
    cause: str = Field(description="Why it happens.")
    remedy: str = Field(description="What to do.")


class OpenApiDocument(Shape):
    """A document in OpenAPI 3.0; only its first field is described here."""

    openapi: str = Field(description="Version of OpenAPI.", examples=["3.0.3"])


class SwaggerDocument(Shape):
    """A document in OpenAPI 2.0; only its first field is described here."""

    swagger: str = Field(description="Version of OpenAPI.", examples=["2.0"])
