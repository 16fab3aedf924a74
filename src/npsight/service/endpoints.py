"""Every route of the service, as data: the application, access and the specs are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from npsight.service import (
    documents,
    followups,
    followupsteps,
    jobs,
    listing,
    onefact,
    readiness,
    reading,
    whatif,
    writing,
)
from npsight.service.api import Api
from npsight.service.body import MAX_BODY_BYTES
from npsight.service.shapes.accounts import AccountAnswer, AccountsAnswer
from npsight.service.shapes.base import Shape
from npsight.service.shapes.features import FeaturesAnswer, FeaturesBody
from npsight.service.shapes.followups import FollowUpAnswer, FollowUpsAnswer, FollowUpStep
from npsight.service.shapes.jobs import JobAnswer, JobBody, JobResultsAnswer
from npsight.service.shapes.model import HealthAnswer, ModelAnswer
from npsight.service.shapes.problem import Explanation, OpenApiDocument, SwaggerDocument
from npsight.service.shapes.score import ScoreAnswer, ScoreBody
from npsight.service.shapes.standing import ReadyAnswer
from npsight.service.shapes.writing import (
    FactsBody,
    OneFact,
    OneResponse,
    OneWriteAnswer,
    ResponsesBody,
    WriteAnswer,
)

Scope = Literal["score", "read", "write", "admin", "any"]
"""What a key must allow; `any` is content with every key."""
Setting = Literal["metrics", "docs"]
Handler = Callable[[Api, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a query: `kind` is `string`, `integer`, `number` or `boolean`."""

    name: str
    kind: str
    description: str


@dataclass(frozen=True)
class Endpoint:
    """One method on one path.

    Attributes
    ----------
    path
        Starlette's template, such as `/v1/accounts/{account:path}`.
    operation
        Name in the specs and in metrics, unique.
    scope
        What a caller's key must allow; None for open endpoints.
    writes
        Whether a repeated call must be answered like the first (see `once`).
    body, answer
        Shapes of the JSON body and of the good answer, for the specs; None for no JSON.
    parameters
        What may stand in the query.
    setting
        Which setting of `project.service` opens the endpoint, or takes it away.
    status
        Of a good answer.
    body_bytes
        The longest body that is read.
    conflicts
        Whether what is sent may contradict what is kept (409).
    """

    method: str
    path: str
    operation: str
    scope: Scope | None
    handler: Handler
    writes: bool = False
    body: type[Shape] | None = None
    answer: type[Shape] | None = None
    parameters: tuple[Parameter, ...] = ()
    setting: Setting | None = None
    status: int = 200
    body_bytes: int = MAX_BODY_BYTES
    conflicts: bool = False


def _parameters(descriptions: Mapping[str, str]) -> tuple[Parameter, ...]:
    """Parameters that are texts, unless `KINDS` says otherwise."""
    return tuple(Parameter(name, KINDS.get(name, "string"), t) for name, t in descriptions.items())


KINDS = {"limit": "integer", "listed": "boolean", "min_risk": "number"}

ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/score",
        "score",
        "score",
        reading.score,
        body=ScoreBody,
        answer=ScoreAnswer,
    ),
    Endpoint(
        "POST",
        "/v1/score/features",
        "scoreFeatures",
        "score",
        whatif.score_features,
        body=FeaturesBody,
        answer=FeaturesAnswer,
    ),
    Endpoint(
        "POST",
        "/v1/jobs/score",
        "startJob",
        "score",
        jobs.start,
        writes=True,
        body=JobBody,
        answer=JobAnswer,
        status=202,
        body_bytes=jobs.MAX_BODY_BYTES,
    ),
    Endpoint(
        "GET",
        "/v1/jobs/{id}",
        "job",
        "score",
        jobs.job,
        answer=JobResultsAnswer,
        parameters=_parameters(jobs.PARAMETERS),
    ),
    Endpoint(
        "GET",
        "/v1/accounts",
        "accounts",
        "read",
        listing.accounts,
        answer=AccountsAnswer,
        parameters=_parameters(listing.PARAMETERS),
    ),
    Endpoint(
        "GET",
        "/v1/accounts/{account:path}",
        "account",
        "read",
        reading.account,
        answer=AccountAnswer,
    ),
    Endpoint(
        "POST",
        "/v1/responses",
        "addResponses",
        "write",
        writing.responses,
        writes=True,
        body=ResponsesBody,
        answer=WriteAnswer,
    ),
    Endpoint(
        "POST",
        "/v1/responses/one",
        "addResponse",
        "write",
        onefact.response,
        writes=True,
        body=OneResponse,
        answer=OneWriteAnswer,
        conflicts=True,
    ),
    Endpoint(
        "POST",
        "/v1/facts",
        "addFacts",
        "write",
        writing.facts,
        writes=True,
        body=FactsBody,
        answer=WriteAnswer,
    ),
    Endpoint(
        "POST",
        "/v1/facts/one",
        "addFact",
        "write",
        onefact.fact,
        writes=True,
        body=OneFact,
        answer=OneWriteAnswer,
        conflicts=True,
    ),
    Endpoint(
        "GET",
        "/v1/follow-ups",
        "followUps",
        "read",
        followups.follow_ups,
        answer=FollowUpsAnswer,
        parameters=_parameters(followups.PARAMETERS),
    ),
    Endpoint(
        "POST",
        "/v1/follow-ups",
        "takeFollowUpStep",
        "write",
        followupsteps.take_step,
        writes=True,
        body=FollowUpStep,
        answer=FollowUpAnswer,
        conflicts=True,
    ),
    Endpoint("GET", "/v1/model", "model", "read", reading.model, answer=ModelAnswer),
    Endpoint("GET", "/healthz", "live", None, reading.live, answer=HealthAnswer),
    Endpoint("GET", "/readyz", "ready", None, readiness.ready, answer=ReadyAnswer),
    Endpoint("GET", "/metrics", "metrics", "admin", reading.metrics, setting="metrics"),
    Endpoint(
        "GET",
        "/openapi.json",
        "openapi",
        "any",
        documents.openapi,
        answer=OpenApiDocument,
        setting="docs",
    ),
    Endpoint(
        "GET",
        "/swagger.json",
        "swagger",
        "any",
        documents.swagger,
        answer=SwaggerDocument,
        setting="docs",
    ),
    Endpoint(
        "GET",
        "/problems/{code}",
        "problem",
        "any",
        documents.problem,
        answer=Explanation,
        setting="docs",
    ),
)
