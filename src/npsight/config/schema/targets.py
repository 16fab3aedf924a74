"""What is foreseen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from npsight.config.schema.base import Days, Name, Section, Texts, as_list


class DetractorTarget(Section):
    """Share of detractors among an account's next answers."""

    gap_days: int = Field(
        14,
        ge=0,
        description="The team's time to act: answers in `[as_of, as_of+gap)` are not used.",
    )
    horizon_days: Days = Field(90, description="The outcome window is `gap_days` on, this long.")
    touchpoints: Annotated[list[str], BeforeValidator(as_list)] = Field(
        default_factory=list,
        description="Touchpoints whose answers are foreseen, such as `[relationship]`. Answers at "
        "others are no outcome; the history still reads them, with a weight that is learned. "
        "Default: all.",
    )
    rule: str | None = Field(
        None,
        description="Feature whose value alone ranks accounts: the one-rule benchmark. Default: "
        "the last score.",
    )


class NpsTarget(Section):
    """Next-period NPS; shares gap and horizon with `detractor`, so the two cannot contradict."""


class ChurnTarget(Section):
    """Whether an account is lost in the window."""

    event: Literal["subscription_end", "churn_table", "no_activity", "snapshot"] = Field(
        "subscription_end",
        description="`subscription_end`: no running subscription at the window's end. "
        "`churn_table`: a row in `tables.churn`. `no_activity`: no row of `activity` in the "
        "window. `snapshot`: a column of the accounts table, with no time in it.",
    )
    activity: Name | None = Field(None, description="For `no_activity`: the activity table.")
    active_within_days: Days | None = Field(
        None,
        description="For `no_activity`: an account without a row of `activity` for so many days "
        "has left already. It is neither learned from nor scored, for its silence is no news. "
        "Default: it is foreseen however long it has been silent.",
    )
    column: str | None = Field(
        None,
        description="For `snapshot`: the outcome column. An account without a value in it is "
        "scored, not learned from.",
    )
    positive: Texts = Field(
        default_factory=list, description="For `snapshot`: the values that mean the account left."
    )
    gap_days: int = Field(14, ge=0, description="As for `detractor`.")
    horizon_days: Days = Field(90, description="As for `detractor`.")
    rule: str | None = Field(
        None,
        description="Feature whose value alone ranks accounts. Default: days since the last fact "
        "of the first activity table that has it as a feature.",
    )


class Targets(Section):
    """What is foreseen. Each is optional; `nps` needs `detractor`."""

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any) -> Any:
        """`nps:` with nothing behind it means all defaults, not absence."""
        if isinstance(value, dict):
            return {key: {} if item is None else item for key, item in value.items()}
        return value

    detractor: DetractorTarget | None = Field(None, description="Detractor risk.")
    nps: NpsTarget | None = Field(None, description="Next-period NPS.")
    churn: ChurnTarget | None = Field(None, description="Churn risk.")
