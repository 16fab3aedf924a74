"""`GET` and `POST /v1/follow-ups`: what a team does about an account."""

from __future__ import annotations

from pydantic import Field

from npsight.service.accountkeys import Key
from npsight.service.instants import Day, Instant
from npsight.service.shapes.base import FIRST, IdempotencyKey, Shape
from npsight.worklist.followups import STATES, STEPS, TAKE_BACK

OPEN_STEP = "open"
STEP_NAMES = (OPEN_STEP, *dict.fromkeys(step.name for step in STEPS), TAKE_BACK.name)

CLEARABLE = ("owner", "reason", "driver", "notes")


class FollowUpStep(Shape):
    """One step with an account's follow-up. What is not given stays as it is."""

    account: Key = Field(
        description="Key of the account, as in the project's tables. A whole number of at most 15 "
        "digits is taken as the text it prints as."
    )
    step: str = Field(
        description=f"What is done: {', '.join(STEP_NAMES)}. open begins a follow-up; call tells "
        "of a contact, and begins one where the account has none; plan, recovered, not recovered, "
        "close and reopen need a note; change sets fields alone; take back undoes a call that "
        "was the last step."
    )
    note: str | None = Field(
        None,
        json_schema_extra=FIRST,
        description="What was done, promised or found, for the history. At most 4,000 characters.",
    )
    contacted_at: Instant | None = Field(
        None,
        json_schema_extra=FIRST,
        description="When the account was contacted, not after now: ISO 8601 with an offset, such "
        "as 2026-06-01T09:30:00Z, or milliseconds since 1970. With another step than call, the "
        "contact is logged first. Null: now, for a call.",
    )
    owner: str | None = Field(
        None, description="Whose task it is: the name of an owner or of somebody who may write."
    )
    reason: str | None = Field(
        None, description="One of `pages.reasons` of the project file, by its own words."
    )
    driver: str | None = Field(
        None, description="Key of the driver that it is about; the account has it."
    )
    due_on: Day | None = Field(
        None,
        description="The day by which something is to be done, such as 2026-06-30, or an instant "
        "on it. Today or later, within the survey period.",
    )
    notes: str | None = Field(
        None, description="Notes that stay beside the follow-up. At most 4,000 characters."
    )
    clear: str | None = Field(
        None,
        description=f"Fields to empty, with commas between: {', '.join(CLEARABLE)}. A null or "
        "blank field stays as it is instead.",
    )
    id: str | None = Field(
        None,
        description="Id of the follow-up, as the list gives it. Null: the open one; to reopen, the "
        "newest.",
    )
    version: int | None = Field(
        None,
        description="The version that you saw: where somebody was quicker, nothing is done (409). "
        "Null: whatever there is now.",
    )
    idempotency_key: IdempotencyKey = None


class FollowUpShown(Shape):
    """A follow-up, and its account as it is scored now."""

    id: str = Field(description="Its id.")
    version: int = Field(description="Counts its steps, from 1.")
    account: str = Field(description="Key of the account.")
    name: str | None = Field(description="The account's name; null where the tables give none.")
    state: str = Field(description=f"{', '.join(STATES)}.")
    is_open: bool = Field(description="Whether something is left to be done.")
    owner: str | None = Field(description="Whose task it is; null for nobody's.")
    reason: str | None = Field(description="Why it was begun; null where nobody said.")
    driver: str | None = Field(description="Key of the driver that it is about; null for none.")
    play: str | None = Field(description="What that driver suggests; null for none.")
    due_on: str = Field(description="The day by which something is to be done.")
    notes: str | None = Field(description="Notes that stay beside it; null for none.")
    opened_at: str = Field(description="When it was begun, in UTC.")
    opened_by: str = Field(description="Who began it.")
    contacted_at: str | None = Field(
        description="The first contact since it was begun or reopened, in UTC; null for none."
    )
    closed_at: str | None = Field(description="When it ended, in UTC; null while it is open.")
    closed_by: str | None = Field(description="Who or what ended it; null while it is open.")
    revenue: float | None = Field(description="Yearly revenue of the account; null if unknown.")
    detractor_risk: float | None = Field(
        description="Chance of a detractor answer, 0 to 1; null where the account is not scored."
    )


class FollowUpAnswer(Shape):
    """The follow-up after the step."""

    request_id: str = Field(description="Id of this request, for support.")
    follow_up: FollowUpShown = Field(description="It, as it is now.")


class FollowUpsAnswer(Shape):
    """One page of follow-ups, by due day."""

    request_id: str = Field(description="Id of this request, for support.")
    follow_ups: list[FollowUpShown] = Field(description="Those that were asked for.")
    next_cursor: str | None = Field(
        description="Ask for the next page with it; null on the last page."
    )
