"""`GET /v1/follow-ups`: what is to be done, for those who do it elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.accountkeys import as_stored, key_of
from npsight.service.api import Api
from npsight.service.cursors import content_of, cursor_of, digest_of
from npsight.service.instants import day_of, instant_text, text_or_none
from npsight.service.problems import Json, request_id
from npsight.service.query import Query
from npsight.service.scoring import JsonObject
from npsight.service.state import ServingState
from npsight.store.followupboard import BoardFilter, Card, cards_by_due
from npsight.store.values import rounded
from npsight.worklist.followups import OPEN, STATES

MAX_LIMIT = 200
LIMIT = 50
KIND = "follow-ups"
PARAMETERS = {
    "owner": "Only those of this owner.",
    "account": "Only those of this account.",
    "state": f"Only those in this state: {', '.join(STATES)}. Those that are open unless said.",
    "due_until": "Only those that are due on this day, such as 2026-06-30, or before it.",
    "limit": f"Follow-ups a page, 1 to {MAX_LIMIT}; {LIMIT} unless said.",
    "cursor": "`next_cursor` of the page before, with the same filters.",
}


async def follow_ups(api: Api, request: Request) -> Response:
    """`GET /v1/follow-ups`: a page of them, by due day."""
    state = api.state
    query = Query(request, tuple(PARAMETERS))
    account, until = query.text("account"), query.text("due_until")
    chosen = query.choice("state", STATES)
    day = None
    try:
        day = None if until is None else day_of(until, zone_of(state))
    except ValueError as error:
        query.fault("due_until", str(error))
    owner = query.text("owner")
    wanted = BoardFilter(
        None,
        None if owner is None else (owner,),
        due_until=day,
        account=None if account is None else as_stored(key_of(account), state.spec),
    )
    limit = query.whole("limit", 1, MAX_LIMIT) or LIMIT
    states = OPEN if chosen is None else tuple(one for one in STATES if one == chosen)
    question = digest_of(state.project, states, owner, account, until)
    after, cursor = None, query.text("cursor")
    if cursor is not None and not query.faults:
        try:
            after = _place(cursor, question)
        except ValueError as error:
            query.fault("cursor", str(error))
    query.check()
    answer = await api.threaded(listed, state, states, wanted, limit, after, question)
    return Json({"request_id": request_id(request), **answer})


def _place(cursor: str, question: str) -> tuple[date, str]:
    try:
        asked, day, identity = content_of(KIND, cursor)
        place = date.fromisoformat(day), str(identity)
    except (ValueError, TypeError):
        raise ValueError(
            "is not one that this service gave; start again without a cursor"
        ) from None
    if asked != question:
        raise ValueError("is of other filters; send those it was given for")
    return place


def listed(
    state: ServingState,
    states: Sequence[Any],
    wanted: BoardFilter,
    limit: int,
    after: tuple[date, str] | None,
    question: str,
) -> JsonObject:
    """A page of the follow-ups as they are now, with accounts of the latest run."""
    run = state.store.latest_run(state.project)
    wanted = dataclasses.replace(wanted, run_id=run.id)
    # One more than asked for tells whether there is another page.
    found = cards_by_due(state.store, state.project, states, wanted, limit + 1, after)
    page = found[:limit]
    cursor = None
    if len(found) > limit:
        last = page[-1].follow_up
        cursor = cursor_of(KIND, [question, last.due_on.isoformat(), last.id])
    return {"follow_ups": [shown(card) for card in page], "next_cursor": cursor}


def shown(card: Card) -> JsonObject:
    """A follow-up as it is answered."""
    one = card.follow_up
    return {
        "id": one.id,
        "version": one.version,
        "account": one.account,
        "name": card.name,
        "state": one.state,
        "is_open": one.is_open,
        "owner": one.owner,
        "reason": one.reason,
        "driver": one.driver,
        "play": one.play,
        "due_on": one.due_on.isoformat(),
        "notes": one.notes,
        "opened_at": instant_text(one.opened_at),
        "opened_by": one.opened_by,
        "contacted_at": text_or_none(one.contacted_at),
        "closed_at": text_or_none(one.closed_at),
        "closed_by": one.closed_by,
        "revenue": rounded(card.revenue),
        "detractor_risk": rounded(card.risk),
    }


def zone_of(state: ServingState) -> str:
    """Whose days count: a caller has no zone of its own."""
    return state.spec.timezone or "UTC"
