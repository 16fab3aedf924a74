"""The user's tables: where each lies, and what its columns mean."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from npsight.config.schema.base import ColumnMap, Name, Section, Texts, as_list
from npsight.config.schema.places import Lookup, Place, Wide


class Source(Place):
    """Where a table lies and how its times are to be read. Every table has these keys."""

    lookup: Annotated[list[Lookup], BeforeValidator(as_list)] = Field(
        default_factory=list,
        description="Columns to take over from other tables, one after the other, where the "
        "account's key stands only there: review to order, order to customer. A key with several "
        "values finds nothing.",
    )
    wide: Wide | None = Field(
        None,
        description="For a table with a column for each month or wave: each filled cell becomes "
        "a row.",
    )
    timezone: str | None = Field(
        None,
        description="IANA zone of times written without one. Default: the project's `timezone`; "
        "without either, such times are refused.",
    )
    time_format: Annotated[list[str] | None, BeforeValidator(as_list)] = Field(
        None,
        description="strptime pattern of this table's times, such as `%Y%m%d`, or `epoch_s`, "
        "`epoch_ms`, `epoch_us` for numbers since 1970; of several, the first that fits a value "
        "reads it. `%B` and `%b` read months in English, German, French and Spanish: `%d. %B %Y` "
        "is for `12. März 2025`. Default: ISO 8601.",
    )
    decimal: Literal[".", ","] | None = Field(
        None,
        description="Decimal sign of numbers written for people: with `,`, `1.234,50 €` is read as "
        "1234.5; with `.`, `$1,234.50` is. Default: plain numbers only, such as `1234.5`.",
    )
    blanks: Annotated[list[str], BeforeValidator(as_list)] = Field(
        default_factory=list,
        description="Texts that mean that there is no value, such as `[N/A, '-']`, in any case. An "
        "empty cell always does.",
    )
    earliest: date = Field(
        date(1980, 1, 1),
        description="Facts dated before this day are quarantined: exports write 1970-01-01 or "
        "1900-01-01 where a date is missing.",
    )
    duplicates: Literal["drop", "keep"] = Field(
        "drop",
        description="What becomes of a row that equals another one in every column of the source: "
        "`drop` counts it once, so that a file loaded twice changes nothing; `keep` is for logs "
        "without an id in which two equal rows are two facts.",
    )
    only: dict[str, Texts] = Field(
        default_factory=dict,
        description="Only rows whose columns hold these values are read, such as "
        "`{page: [Cancel, Downgrade]}`. Values are compared as text, whole and in their case; `*` "
        "stands for anything, `''` for no value.",
    )
    without: dict[str, Texts] = Field(
        default_factory=dict,
        description="Rows in which one of these columns holds one of its values are not read, "
        "such as `{Account: 'Grand Totals*', CustomerID: ''}`.",
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


class VersionedSource(FactSource):
    """A table of facts that may be corrected or withdrawn later, by further rows of one id."""

    id: str | None = Field(
        None,
        description="Column that identifies the fact. With `known_at`, rows of one id are its "
        "versions, each true until the next was known; without, a second row is quarantined.",
    )
    retracted: str | None = Field(
        None,
        description="Column that says the fact was withdrawn: `true`, `yes` or `1` in any case. "
        "Such a row ends the earlier rows of its id from its `known_at`, and is no fact itself. "
        "Needs `id` and `known_at`.",
    )


class Accounts(Source):
    """The accounts and what is known of them."""

    key: str = Field(description="Column that identifies the account in every table.")
    valid_from: str | None = Field(
        None,
        description="Column: from when the row's values were true; where that lies ahead, they "
        "count from then on.",
    )
    valid_to: str | None = Field(
        None, description="Column: until when they were true; empty while they still are."
    )
    known_at: str | None = Field(
        None,
        description="Column with the instant we could first have read the row. With it, several "
        "rows of one account and `valid_from` are corrections: the newest one known by a day "
        "counts on it. Needs `valid_from`.",
    )
    delay_hours: float = Field(
        0.0,
        ge=0,
        description="Where there is no `known_at` column: how long after `valid_from`, "
        "`valid_to` and `created_at` each could first be read.",
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
        None,
        description="Column with the instant the account began. Default: its first fact. An "
        "account that begins in the future is scored from then on.",
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


class Responses(VersionedSource):
    """Survey answers; a row without a score but with `invited_at` is an unanswered invitation."""

    time: str = Field(description="Column: when the answer was given.")
    score: str = Field(
        description="Column with the score. Words behind a number, such as in "
        "`10 - Extremely likely` or `4 stars`, are not read."
    )
    scores: dict[str, float] = Field(
        default_factory=dict,
        description="What answers in words count, such as `{Very satisfied: 5, Satisfied: 4}`, in "
        "any case.",
    )
    unscored: Literal["bad", "skip"] = Field(
        "bad",
        description="What a row with neither a score nor an invitation is: `bad` quarantines it; "
        "`skip` leaves it out, for forms on which the score may be left blank.",
    )
    bands: Annotated[list[Bands], BeforeValidator(as_list)] = Field(
        default_factory=lambda: [NPS_0_10],
        description="Scale and bands; several with validity where the scale changed. Default: "
        "0–10 with 0–6, 7–8, 9–10.",
    )
    respondent: str | None = Field(None, description="Column with the person who answered.")
    comment: str | None = Field(None, description="Column with the free text.")
    role: str | None = Field(
        None, description="Column with the respondent's role, such as `admin` or `end user`."
    )
    seniority: str | None = Field(
        None, description="Column with the respondent's seniority, such as `executive`."
    )
    touchpoint: str | None = Field(None, description="Column: where it was asked.")
    touchpoint_name: str | None = Field(
        None, description="Where it was asked, when the whole table is one touchpoint."
    )
    invited_at: str | None = Field(None, description="Column: when the invitation was sent.")


class Activity(VersionedSource):
    """Usage, tickets, invoices, orders, touches: an account, a time, measures and categories."""

    time: str = Field(description="Column: when it happened.")
    scheduled: bool = Field(
        False,
        description="Whether `time` may lie ahead (a booked meeting, a due date). Such a row is "
        "known from `known_at`, which must then be mapped, though it happens later.",
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


class Subscriptions(FactSource):
    """From when to when an account pays."""

    started_at: str = Field(
        description="Column: first instant of the subscription. One that was signed for a day "
        "ahead is left out until then; that it was known before is usual."
    )
    ended_at: str = Field(description="Column: its end, empty while it runs; may lie ahead.")
    ended_known_at: str | None = Field(
        None,
        description="Column: when the end was known (the cancellation was booked). Default: "
        "`ended_at` plus `delay_hours`.",
    )


class ChurnEvents(FactSource):
    """One row for each account that left."""

    time: str = Field(description="Column: when it left.")


class Merges(FactSource):
    """One row for each account that was merged into another one, and ended so."""

    account: str = Field(description="Column with the key of the account that ended.")
    into: str = Field(description="Column with the key of the account that goes on.")
    time: str = Field(description="Column: when they were merged.")


class Tables(Section):
    """The user's tables, mapped to npsight's words."""

    account_case: Literal["keep", "lower"] = Field(
        "keep",
        description="`lower`: keys of accounts are read in lower case in every table, so that "
        "`ACME Ltd` and `Acme Ltd` are one account, called `acme ltd` in files, pages and the API, "
        "which takes it in any case. Keys of a `lookup` are found in any case, too. "
        "For names and addresses that people typed. Blanks around a key never count.",
    )
    accounts: Accounts | None = Field(
        None, description="Default: the accounts are whoever appears in the other tables."
    )
    responses: Annotated[list[Responses], BeforeValidator(as_list)] = Field(
        default_factory=list, description="One table or a list of them (one per touchpoint, say)."
    )
    activity: dict[Name, Activity] = Field(
        default_factory=dict, description="Any number of activity tables by name."
    )
    subscriptions: Subscriptions | None = Field(None, description="Needed for churn by contract.")
    churn: ChurnEvents | None = Field(None, description="Needed for churn by event.")
    merges: Merges | None = Field(
        None,
        description="Which accounts were merged into which. From when that was known, what "
        "happened to the one counts for the other.",
    )
