"""What a user may write in a project file: one pydantic model a section.

The descriptions below are the reference page (`docs/project-file.md`), which is generated from
them. Nothing here knows an engine; `specs.py` holds what the rest of npsight reads.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

IDENTIFIER = r"^[a-z][a-z0-9_]{0,62}$"
Days = Annotated[int, Field(ge=1, le=36_500)]
Name = Annotated[str, Field(pattern=IDENTIFIER)]
ListedBand = Literal["detractor", "passive", "promoter", "silent"]


class Section(BaseModel):
    """Unknown keys are refused; nothing is converted that the author did not write."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)


def _as_mapping(value: Any) -> Any:
    """Accept `[logins, errors]` as short for `{logins: logins, errors: errors}`."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: item for item in value}
    return value


def _as_list(value: Any) -> Any:
    """Accept one item where a list of items is meant."""
    return [value] if isinstance(value, dict | str | int) else value


ColumnMap = Annotated[dict[Name, str], BeforeValidator(_as_mapping)]


class Source(Section):
    """Where a table lies and how its times are to be read. Every table has these keys."""

    path: str | None = Field(
        None,
        description="File or glob, relative to the project file; `${VAR}` is taken from the "
        "environment. CSV, Parquet and DuckDB files are told apart by their ending.",
    )
    format: Literal["csv", "parquet", "duckdb", "fixed_width"] | None = Field(
        None, description="Overrides what the ending of `path` says."
    )
    connection: str | None = Field(
        None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Name of the environment variable that holds the Ibis connection string "
        "(PostgreSQL, SQLite, Snowflake, BigQuery …). The string itself never stands in this file.",
    )
    table: str | None = Field(
        None, description="Table or view inside a DuckDB file or a connection."
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="CSV field separator.")
    encoding: Literal["utf-8", "latin-1", "utf-16"] = Field("utf-8", description="CSV encoding.")
    fixed_width: dict[str, tuple[int, int]] | None = Field(
        None,
        description="For `format: fixed_width`: column name to first and last character, counted "
        "from 1. Blanks around a value are dropped.",
    )
    skip_rows: int = Field(0, ge=0, description="Lines before the data (fixed-width files).")
    timezone: str | None = Field(
        None,
        description="IANA zone of times written without one. Default: the project's `timezone`; "
        "without either, such times are refused.",
    )
    time_format: str | None = Field(
        None,
        description="strptime pattern of this table's times, such as `%Y%m%d`. Default: ISO 8601.",
    )
    earliest: date = Field(
        date(1980, 1, 1),
        description="Facts dated before this day are quarantined: exports write 1970-01-01 or "
        "1900-01-01 where a date is missing.",
    )


class FactSource(Source):
    """A table of things that happened to an account at a time."""

    account: str = Field(description="Column with the account's key.")
    known_at: str | None = Field(
        None, description="Column with the instant we could first have read the row."
    )
    delay_hours: float = Field(
        0.0,
        ge=0,
        description="Where there is no `known_at` column: how long after it happened a row can "
        "first be read. 24 for a table loaded once a night.",
    )


class Accounts(Source):
    """The accounts and what is known of them."""

    key: str = Field(description="Column that identifies the account in every table.")
    valid_from: str | None = Field(
        None, description="Column: from when the row's values were true (and known)."
    )
    valid_to: str | None = Field(
        None, description="Column: until when they were true; empty while they still are."
    )
    attributes: dict[Name, Literal["number", "category"]] = Field(
        default_factory=dict,
        description="Columns usable as features and segments, each `number` or `category`.",
    )
    columns: dict[Name, str] = Field(
        default_factory=dict,
        description="Attribute to its column, where the column is called otherwise, such as "
        "`{contract: Contract}`.",
    )
    static: list[str] = Field(
        default_factory=list,
        description="Attributes that never change. Without `valid_from`, only these may be used: "
        "today's value of anything else would leak.",
    )
    segments: list[Name] = Field(
        default_factory=list,
        description="Category attributes to report by. The first one also gives an account its "
        "peers and the level that the history prior shrinks to.",
    )
    name: str | None = Field(None, description="Column with the name to show.")
    owner: str | None = Field(None, description="Column with the CS manager in charge.")
    revenue: str | None = Field(None, description="Column with the yearly revenue of the account.")
    renewal_at: str | None = Field(
        None,
        description="Column with the date of the next renewal: scheduled, so it may lie ahead.",
    )
    created_at: str | None = Field(
        None, description="Column with the instant the account began. Default: its first fact."
    )


class Bands(Section):
    """How scores of one scale become detractor, passive and promoter."""

    scale: tuple[float, float] = Field(description="Lowest and highest possible score.")
    detractor: tuple[float, float] = Field(description="Scores from … to … are detractors.")
    passive: tuple[float, float] | None = Field(
        None, description="Scores from … to … are passives; omit where the scale has none."
    )
    promoter: tuple[float, float] = Field(description="Scores from … to … are promoters.")
    valid_from: date | None = Field(
        None, description="First day of this scale (inclusive). Default: always."
    )
    valid_to: date | None = Field(None, description="First day of the next scale (exclusive).")


NPS_0_10 = Bands(
    scale=(0, 10),
    detractor=(0, 6),
    passive=(7, 8),
    promoter=(9, 10),
    valid_from=None,
    valid_to=None,
)


class Responses(FactSource):
    """Survey answers; a row without a score but with `invited_at` is an unanswered invitation."""

    id: str | None = Field(
        None, description="Column that identifies the answer; a second row with it is quarantined."
    )
    time: str = Field(description="Column: when the answer was given.")
    score: str = Field(description="Column with the score.")
    bands: Annotated[list[Bands], BeforeValidator(_as_list)] = Field(
        default_factory=lambda: [NPS_0_10],
        description="Scale and bands; several with validity where the scale changed. Default: "
        "0–10 with 0–6, 7–8, 9–10.",
    )
    respondent: str | None = Field(None, description="Column with the person who answered.")
    comment: str | None = Field(None, description="Column with the free text.")
    touchpoint: str | None = Field(None, description="Column: where it was asked.")
    touchpoint_name: str | None = Field(
        None, description="Where it was asked, when the whole table is one touchpoint."
    )
    invited_at: str | None = Field(None, description="Column: when the invitation was sent.")


class Activity(FactSource):
    """Usage, tickets, invoices, orders, touches: an account, a time, measures and categories."""

    time: str = Field(description="Column: when it happened.")
    id: str | None = Field(
        None, description="Column that identifies the fact; a second row with it is quarantined."
    )
    measures: ColumnMap = Field(
        default_factory=dict, description="Number columns: a list, or `{name: column}`."
    )
    categories: ColumnMap = Field(
        default_factory=dict, description="Text columns: a list, or `{name: column}`."
    )
    ended_at: str | None = Field(
        None,
        description="Column: when the thing ended (a ticket's resolution), empty while open. A "
        "feature sees an end only from when it was known.",
    )
    ended_known_at: str | None = Field(
        None, description="Column: when the end was known. Default: `ended_at` plus `delay_hours`."
    )


class Subscriptions(Source):
    """From when to when an account pays."""

    account: str = Field(description="Column with the account's key.")
    started_at: str = Field(description="Column: first instant of the subscription.")
    ended_at: str = Field(description="Column: its end, empty while it runs; may lie ahead.")
    ended_known_at: str | None = Field(
        None,
        description="Column: when the end was known (the cancellation was booked). Default: "
        "`ended_at` plus `delay_hours`.",
    )
    delay_hours: float = Field(0.0, ge=0, description="See `known_at` of activity tables.")


class ChurnEvents(FactSource):
    """One row for each account that left."""

    time: str = Field(description="Column: when it left.")


class Tables(Section):
    """The user's tables, mapped to npsight's words."""

    accounts: Accounts | None = Field(
        None, description="Default: the accounts are whoever appears in the other tables."
    )
    responses: Annotated[list[Responses], BeforeValidator(_as_list)] = Field(
        default_factory=list, description="One table or a list of them (one per touchpoint, say)."
    )
    activity: dict[Name, Activity] = Field(
        default_factory=dict, description="Any number of activity tables by name."
    )
    subscriptions: Subscriptions | None = Field(None, description="Needed for churn by contract.")
    churn: ChurnEvents | None = Field(None, description="Needed for churn by event.")


class Quarantine(Section):
    """How many bad rows are tolerated."""

    max_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="A job stops when a larger share of a table's rows is bad (0.05 = 5 %).",
    )


class Comments(Section):
    """What is read out of comments."""

    language: str = Field(
        "en",
        pattern=r"^[a-z]{2}$",
        description="Sentiment is scored for `en` only; other languages switch it off.",
    )
    themes: dict[Name, list[str]] | None = Field(
        None,
        description="Theme to the word beginnings that reveal it. Default: six English themes "
        "(support, price, reliability, usability, features, onboarding); none otherwise.",
    )


class DetractorTarget(Section):
    """Share of detractors among an account's next answers."""

    gap_days: int = Field(
        14,
        ge=0,
        description="The team's time to act: answers in `[as_of, as_of+gap)` are not used.",
    )
    horizon_days: Days = Field(90, description="The outcome window is `gap_days` on, this long.")
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
    column: str | None = Field(None, description="For `snapshot`: the outcome column.")
    positive: Annotated[list[str], BeforeValidator(_as_list)] = Field(
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


class Feature(Section):
    """One line declares a feature for each aggregate and window named in it."""

    source: Name = Field(
        description="`accounts`, `responses`, `invitations`, `subscriptions`, or an activity table."
    )
    aggregate: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        description="One or several aggregations; see the list below."
    )
    measure: Name | None = Field(
        None, description="Measure (or attribute of `accounts`) that is aggregated."
    )
    per: Name | None = Field(None, description="For `ratio`: the measure to divide by.")
    windows: Annotated[list[Days], BeforeValidator(_as_list)] = Field(
        default_factory=list,
        description="Window lengths in days: a window of w days is `[as_of − w, as_of)`. Without "
        "one, all history before as_of.",
    )
    where: dict[Name, str] = Field(
        default_factory=dict, description="Only facts whose categories have these values."
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
    play: str = Field("", description="What to do about it, in one sentence.")


def _listed_bands() -> list[ListedBand]:
    return ["detractor", "passive", "silent"]


class Worklist(Section):
    """How accounts are ranked for the week."""

    policy: Literal["revenue_at_risk", "risk"] = Field(
        "revenue_at_risk",
        description="`revenue_at_risk`: risk × revenue × renewal nearness. `risk`: risk alone.",
    )
    target: Literal["detractor", "churn"] | None = Field(
        None, description="Which risk ranks. Default: detractor where there is one, else churn."
    )
    bands: list[ListedBand] = Field(
        default_factory=_listed_bands,
        description="Bands (by the last answer) that are listed; `silent` never answered.",
    )
    high_risk: float = Field(0.5, gt=0, lt=1, description="Risk from which it is called high.")
    medium_risk: float = Field(0.25, gt=0, lt=1, description="… and from which medium.")
    renewal_within_days: Days = Field(
        120, description="Nearness of renewal counts from this many days ahead."
    )
    renewal_weight: float = Field(
        1.0, ge=0, description="An account that renews today counts (1 + this) times."
    )
    capacity: Days = Field(12, description="Accounts an owner can call in a week.")


class Training(Section):
    """How models are trained and compared."""

    first_as_of: date | None = Field(
        None, description="First training day. Default: one period after the first fact."
    )
    period_days: Days = Field(
        90, description="The survey rhythm; backtest origins are this far apart."
    )
    step_days: Days = Field(30, description="Days between training as_of dates.")
    origins: int = Field(4, ge=1, le=24, description="Backtest origins (periods looked back at).")
    seed: int = Field(7, ge=0, description="Seed of everything random.")
    threads: int = Field(
        2, ge=1, le=256, description="Threads; part of what makes a run repeatable."
    )
    max_trees: int = Field(200, ge=10, le=5000, description="Most trees a model may have.")
    min_events: int = Field(
        20,
        ge=2,
        description="Fewer positives (or negatives) than this and a target is not learned.",
    )


class Engine(Section):
    """Where features are computed."""

    memory: str = Field(
        "4GB", pattern=r"^\d+(\.\d+)?(MB|GB)$", description="Most memory DuckDB may take."
    )
    threads: int = Field(2, ge=1, le=256, description="Threads DuckDB may use.")


class Project(Section):
    """The whole file."""

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")] = Field(
        description="Short name; models are registered as `npsight-<project>`."
    )
    timezone: str | None = Field(
        None, description="IANA zone of all times written without one, such as `Europe/Berlin`."
    )
    state: str = Field(
        "",
        description="Folder for the database, runs and outputs, relative to this file. Default: "
        "`var/<project>`.",
    )
    tables: Tables = Field(description="The user's tables.")
    targets: Targets = Field(description="What is foreseen.")
    features: list[Feature] = Field(
        default_factory=list,
        description="What is computed from facts before as_of. NPS history is always included "
        "where there are responses.",
    )
    drivers: dict[Name, Driver] = Field(
        default_factory=dict, description="Groups of features, by name."
    )
    worklist: Worklist = Field(default_factory=Worklist, description="Ranking.")
    training: Training = Field(default_factory=Training, description="Training and backtest.")
    comments: Comments = Field(default_factory=Comments, description="Comment analysis.")
    quarantine: Quarantine = Field(default_factory=Quarantine, description="Bad rows.")
    engine: Engine = Field(default_factory=Engine, description="Feature engine.")
