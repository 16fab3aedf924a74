"""The pages that CS teams open: who signs in, what they see, how follow-ups are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from npsight.config.schema.base import Days, Section

Role = Literal["viewer", "csm", "admin"]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]


def _reasons() -> list[str]:
    return ["Product", "Support", "Price", "Relationship", "Onboarding", "Other"]


class OpenIdConnect(Section):
    """Sign-in with the company's own accounts."""

    issuer: str = Field(
        pattern=r"^https?://[^\s?#]+$",
        description="Address of the issuer, such as `https://login.example.com/realms/acme`.",
    )
    client_id: str = Field(min_length=1, description="What the issuer calls this application.")
    client_secret: Variable = Field(
        description="Name of the environment variable that holds the client's secret."
    )
    role_claim: str = Field("roles", description="Claim of the identity token that names roles.")
    roles: dict[str, Role] = Field(
        default_factory=dict,
        description="Value of that claim to `viewer`, `csm` or `admin`; of several the highest.",
    )
    default_role: Role | None = Field(
        None, description="Role of everybody else the issuer knows. Default: they are refused."
    )
    owner_claim: str = Field(
        "name", description="Claim that equals the `owner` of an account in the tables."
    )


class Pages(Section):
    """The worklist and the pages beside it, served by `npsight serve`."""

    enabled: bool = Field(True, description="Whether pages are served beside the API.")
    oidc: OpenIdConnect | None = Field(
        None, description="Sign-in with OpenID Connect. Default: users of `npsight users`."
    )
    csm_sees: Literal["own", "all"] = Field(
        "all", description="Whether a CSM sees every account, or only those they own."
    )
    session_hours: int = Field(
        12, ge=1, le=24 * 30, description="A session ends so long after its last use."
    )
    session_days: Days = Field(7, description="… and so long after the sign-in in any case.")
    rows: int = Field(25, ge=5, le=200, description="Accounts on one page of the worklist.")
    currency: str = Field("", max_length=4, description="Shown beside revenue, such as `€`.")
    renewal_within_days: Days = Field(90, description="What the filter for near renewals means.")
    due_days: Days = Field(14, description="Proposed days from a follow-up's start to its due day.")
    soon_days: Days = Field(3, description="A due day so near is shown as near.")
    reasons: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default_factory=_reasons,
        min_length=1,
        max_length=30,
        description="Reason codes of follow-ups, to choose from.",
    )
    mlflow_url: str | None = Field(
        None, pattern=r"^https?://\S+$", description="Where the team's MLflow is, to link to."
    )
