"""What a forecast is held against: goals of one's own, and what others report."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from npsight.config.schema.base import Name, Section

Points = Annotated[float, Field(ge=-100, le=100)]
NotBlank = Annotated[str, Field(pattern=r"\S")]


class Benchmark(Section):
    """An NPS that somebody published, shown beside the segment it belongs to."""

    attribute: Name = Field(description="Category attribute of the accounts, such as `industry`.")
    value: NotBlank = Field(description="Its value, as it stands in the table.")
    nps: Points = Field(description="The published NPS.")
    source: NotBlank = Field(
        description="Who published it, and where: a name or an address. Shown beside the figure."
    )
    year: int = Field(ge=2003, le=2200, description="The year it was measured in.")


class Goal(Section):
    """An NPS to reach by a day: `npsight segments` says how likely that is."""

    nps: Points = Field(description="The NPS to reach, or to exceed.")
    by: date = Field(description="A day of the period that is to reach it.")
    attribute: Name | None = Field(
        None, description="Category attribute of the accounts. Default: the whole company."
    )
    value: NotBlank | None = Field(None, description="The attribute's value.")
    version: Literal["reported", "everyone"] = Field(
        "reported",
        description="`reported`: the NPS as the survey will report it. `everyone`: as if every "
        "account answered.",
    )
