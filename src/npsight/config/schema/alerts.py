"""Who is told of what, where and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from npsight.config.schema.base import Name, Section
from npsight.config.schema.pages import Variable

Event = Literal["high_risk", "detractor_answer", "follow_up_due"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


def _events() -> list[Event]:
    return ["high_risk", "detractor_answer", "follow_up_due"]


class QuietHours(Section):
    """Hours in which nothing is sent; what happens in them is sent when they end."""

    start: Clock = Field("20:00", description="From this time of the day …")
    end: Clock = Field("07:00", description="… until this one, the next day if it is earlier.")
    weekends: bool = Field(True, description="Whether Saturday and Sunday are quiet altogether.")


class Digest(Section):
    """One message a week, of everything that matters."""

    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday"] = Field(
        "monday", description="The day it is sent."
    )
    at: Clock = Field("08:00", description="The time of the day.")


class Alerts(Section):
    """Messages to Slack, Teams, e-mail and others, sent by `npsight alerts run`."""

    channels: dict[Name, Variable] = Field(
        default_factory=dict,
        description="Name of a channel to the environment variable that holds its address, as "
        "Apprise writes it (`slack://…`, `workflows://…` for Teams, `mailtos://…`). See "
        "docs/alerts.md.",
    )
    default: list[Name] = Field(
        default_factory=list, description="Channels of every owner that `owners` does not name."
    )
    owners: dict[str, list[Name]] = Field(
        default_factory=dict, description="Owner of accounts to their channels."
    )
    events: list[Event] = Field(
        default_factory=_events,
        description="`high_risk`: an account's risk became high. `detractor_answer`: a detractor "
        "answered on a large account. `follow_up_due`: a follow-up's due day has come.",
    )
    large_revenue: float | None = Field(
        None,
        ge=0,
        description="Revenue from which an account is large. Default: that of the top fifth.",
    )
    timezone: str | None = Field(
        None, description="IANA zone of quiet hours and digest. Default: the project's, else UTC."
    )
    quiet: QuietHours | None = Field(None, description="Hours in which nothing is sent.")
    digest: Digest | None = Field(None, description="The weekly digest. Default: none.")
    link: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+[^\s?#/]$",
        description="Address of the pages, for links in messages. Default: `service.public_url`.",
    )
