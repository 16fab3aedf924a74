"""What is computed from facts before as_of, and the groups a CS manager sees."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from npsight.config.schema.base import Days, Name, Section, as_list


class Feature(Section):
    """One line declares a feature for each aggregate and window named in it."""

    source: Name = Field(
        description="`accounts`, `responses`, `invitations`, `subscriptions`, or an activity table."
    )
    aggregate: Annotated[list[str], BeforeValidator(as_list)] = Field(
        description="One or several aggregations, see docs/features.md."
    )
    measure: Name | None = Field(
        None, description="Measure (or attribute of `accounts`) that is aggregated."
    )
    per: Name | None = Field(None, description="For `ratio`: the measure to divide by.")
    category: Name | None = Field(
        None, description="For `distinct`: the category whose values are counted."
    )
    expression: str | None = Field(
        None,
        pattern=r"^[^:]+\.py:[a-z_][a-z0-9_]*$",
        description="For `own`: `file.py:function`, the file relative to the project file. See "
        "docs/own-features.md.",
    )
    windows: Annotated[list[Days], BeforeValidator(as_list)] = Field(
        default_factory=list,
        description="Window lengths in days: a window of w days is `[as_of − w, as_of)`. Without "
        "one, all history before as_of.",
    )
    where: dict[Name, str] = Field(
        default_factory=dict,
        description="Only facts whose categories have these values, one for each category. For "
        "several values, write a line for each, or `by`.",
    )
    by: dict[Name, Annotated[list[str], BeforeValidator(as_list)]] = Field(
        default_factory=dict,
        description="One feature for each of these values of a category, such as "
        "`{severity: [high, low]}`; the same as a line for each with `where`.",
    )
    against: Literal["segment"] | None = Field(
        None,
        description="`segment`: the account's place among the accounts of its segment on that "
        "day, 0 to 1, instead of the number itself.",
    )
    driver: Name | None = Field(None, description="Driver it belongs to. Default: the source.")
    label: str | None = Field(None, description="What a CS manager calls it, such as `logins`.")
    unit: str = Field("", description="Unit shown behind its value, such as `h` or `USD`.")
    missing: Literal["zero", "unknown"] | None = Field(
        None,
        description="What no fact means. Default: `zero` for counts and sums, else `unknown`.",
    )
    monotone: Literal["increasing", "decreasing"] | None = Field(
        None, description="The risk may only rise, or only fall, with this feature."
    )


class Driver(Section):
    """A group of features that a CS manager understands."""

    label: str = Field(description="Name to show, such as `Support experience`.")
    actionable: bool = Field(True, description="Whether customer success can change it.")
    play: str = Field(
        "",
        description="What to do about it, in one sentence. It is shown where the driver raises the "
        "risk by half a percentage point, and not by the absence of a problem: see "
        "docs/account-page.md.",
    )
