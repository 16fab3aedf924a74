"""How scores are served over HTTP."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from npsight.config.schema.base import Section

Access = Literal["key", "open", "off"]


class Service(Section):
    """The HTTP service (`npsight serve`)."""

    rate_per_minute: int = Field(
        6000,
        ge=1,
        description="Requests a minute that one key may make, unless the key has a limit of its "
        "own. More are answered 429 with the seconds to wait.",
    )
    metrics: Access = Field(
        "key", description="Who reads `/metrics`: callers with scope `admin`, anybody, nobody."
    )
    docs: Access = Field(
        "key", description="Who reads `/openapi.json`: callers with any key, anybody, nobody."
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#/]+(/[^\s?#]*[^\s?#/])?$",
        description="Address under which CRMs call the service, without a slash at its end, such "
        "as `https://nps.example.com`. Needed to check HubSpot's signatures, which sign it.",
    )
    deadline_seconds: float = Field(
        25.0,
        gt=0,
        le=110,
        description="Longest time for one answer; then 503. CRMs wait 10 to 120 seconds.",
    )
    replay_hours: int = Field(
        24, ge=24, le=24 * 30, description="How long a repeated write gets its first answer again."
    )
    score_ahead: bool = Field(
        True,
        description="Whether scores are made before anybody asks (after a start, a new run, a new "
        "model), up to 64 MB of them in each worker; a first request is then as fast as a second.",
    )
    watch_seconds: float = Field(
        5.0, gt=0, le=3600, description="How often a new champion or a new score run is looked for."
    )
