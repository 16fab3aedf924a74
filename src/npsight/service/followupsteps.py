"""`POST /v1/follow-ups`: what was done elsewhere is written back, by the rules of the pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from npsight.service.access import Caller
from npsight.service.accountkeys import account_fault, as_stored
from npsight.service.api import Api
from npsight.service.body import read_json
from npsight.service.call import call_of
from npsight.service.followuprules import driver_changes, fresh, owners_known, rules_of, text_of
from npsight.service.followups import shown, zone_of
from npsight.service.instants import day_of, instant_of
from npsight.service.problems import ApiError, Fault, Json, request_id
from npsight.service.scoring import JsonObject
from npsight.service.shapes.base import checked, invalid_body
from npsight.service.shapes.followups import CLEARABLE, OPEN_STEP, STEP_NAMES, FollowUpStep
from npsight.service.state import ServingState
from npsight.store import ScoreRow
from npsight.store.followupboard import Card
from npsight.store.followups import (
    EditConflictError,
    before_call,
    follow_up,
    follow_ups_of,
    open_follow_up,
    record,
)
from npsight.store.users import users_of
from npsight.worklist.followups import (
    TAKE_BACK,
    Done,
    FollowUp,
    FollowUpError,
    NotNowError,
    Rules,
    opened,
    step,
    taken_back,
)

TRIES = 3
TEXTS = ("owner", "reason", "notes")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A checked body. `changes` are fields of a follow-up to their new values."""

    account: str
    step: str
    note: str | None
    contacted_at: datetime | None
    changes: dict[str, Any]
    driver: str | None
    id: str | None
    version: int | None


async def take_step(api: Api, request: Request) -> Response:
    """`POST /v1/follow-ups`: one step, by the rules that the pages have."""
    wanted = read_step(await read_json(request), api.state)
    caller = call_of(request).caller
    answer = await api.writing(taken, api.state, wanted, actor_of(caller), datetime.now(UTC))
    return Json({"request_id": request_id(request), "follow_up": answer})


def actor_of(caller: Caller) -> str:
    """Who the history says it was; no login of a user holds a blank."""
    return f"API key {caller.name.removeprefix('key:')}" if caller.id != "hubspot" else "HubSpot"


def read_step(body: Any, state: ServingState) -> Wanted:
    """The checked body; 422 with every fault."""
    read = checked(FollowUpStep, body)
    faults: list[Fault] = []
    fault = account_fault(read.account)
    if fault:
        faults.append(Fault("/account", fault))
    name = read.step.strip()
    if name not in STEP_NAMES:
        faults.append(Fault("/step", f"is no step; {', '.join(STEP_NAMES)} are"))
    changes: dict[str, Any] = {}
    for field in TEXTS:
        value = getattr(read, field)
        if value is not None:
            changes[field] = text_of(value)
    cleared, faults_of_clear = _cleared(read)
    faults += faults_of_clear
    changes |= dict.fromkeys(cleared)
    contacted_at = None
    try:
        if read.due_on is not None:
            changes["due_on"] = day_of(read.due_on, zone_of(state))
    except ValueError as error:
        faults.append(Fault("/due_on", str(error)))
    try:
        if read.contacted_at is not None:
            contacted_at = instant_of(read.contacted_at, state.spec.timezone)
    except ValueError as error:
        faults.append(Fault("/contacted_at", str(error)))
    if faults:
        raise invalid_body(faults)
    return Wanted(
        as_stored(read.account, state.spec),
        name,
        None if read.note is None else text_of(read.note),
        contacted_at,
        changes,
        read.driver,
        read.id,
        read.version,
    )


def _cleared(read: FollowUpStep) -> tuple[list[str], list[Fault]]:
    """Fields that the body has emptied, a driver together with its play; and what is wrong."""
    names = [name.strip() for name in (read.clear or "").split(",") if name.strip()]
    faults = []
    for name in dict.fromkeys(names):
        if name not in CLEARABLE:
            fields = ", ".join(CLEARABLE)
            faults.append(Fault("/clear", f"“{name}” cannot be emptied; {fields} can"))
        elif getattr(read, name) is not None:
            faults.append(Fault("/clear", f"{name} is given and emptied at once"))
    return [*names, *(["play"] if "driver" in names else [])], faults


def taken(state: ServingState, wanted: Wanted, actor: str, now: datetime) -> JsonObject:
    """The follow-up after the step, which is written down.

    Raises
    ------
    ApiError
        404 there is no such account or follow-up; 409 its state does not allow the step, or
        somebody was quicker; 422 what is given breaks a rule.
    """
    store, project = state.store, state.project
    run = store.latest_run(project)
    row = store.scores_of(run.id, [wanted.account]).get(wanted.account)
    for _ in range(TRIES):
        current = _current(state, wanted)
        if row is None and current is None:
            raise ApiError(404, "not-found", "the latest run does not have the account")
        _check_version(wanted, current)
        try:
            steps = _steps(state, wanted, row, current, actor, now)
            days = state.spec.worklist.contacted_days
            kept = record(store, project, steps, actor, now, days)
        except NotNowError as error:
            raise _conflict(str(error)) from None
        except FollowUpError as error:
            raise invalid_body([Fault("", reason) for reason in error.reasons]) from None
        except EditConflictError:
            # What was seen is old already; without a version what there is now is meant.
            continue
        return shown(_card(kept, row))
    raise _conflict("others change the follow-up at this moment; send the same again")


def _current(state: ServingState, wanted: Wanted) -> FollowUp | None:
    """The follow-up that is meant; None where there is none to be found."""
    store, project = state.store, state.project
    if wanted.id is not None and wanted.step != OPEN_STEP:
        found = follow_up(store, project, wanted.id)
        if found.account != wanted.account:
            raise ApiError(404, "not-found", "the account has no follow-up of this id")
        return found
    found_open = open_follow_up(store, project, wanted.account)
    if found_open is None and wanted.step == "reopen":
        return next(iter(follow_ups_of(store, project, wanted.account, limit=1)), None)
    return found_open


def _check_version(wanted: Wanted, current: FollowUp | None) -> None:
    if current is not None and wanted.version not in (None, current.version):
        raise _conflict(
            f"the follow-up is version {current.version} now, “{current.state}”; read it again"
        )


def _steps(
    state: ServingState,
    wanted: Wanted,
    row: ScoreRow | None,
    current: FollowUp | None,
    actor: str,
    now: datetime,
) -> list[Done]:
    """What is done, in order: begun if need be, contacted if told, then the step."""
    project = state.spec
    if wanted.step == TAKE_BACK.name:
        return [_taken_back(state, wanted, current)]
    rules = rules_of(project, zone_of(state))
    known = owners_known(users_of(state.store, state.project), row.owner if row else None)
    changes = dict(wanted.changes)
    if wanted.driver is not None:
        try:
            changes |= driver_changes(wanted.driver, row)
        except KeyError:
            raise FollowUpError(["The account has no such driver."]) from None
    tells = wanted.step == "call" or wanted.contacted_at is not None
    done: list[Done] = []
    if current is None or wanted.step == OPEN_STEP:
        done.append(_begun(wanted, row, current, changes, rules, actor, now, known))
        current, changes = done[0].after, {}
        if wanted.step == OPEN_STEP and not tells:
            return done
    if tells:
        last = wanted.step in ("call", OPEN_STEP)
        note = wanted.note if last else None
        given = changes if last else {}
        done.append(
            step(current, "call", given, rules, now, actor, note, wanted.contacted_at, known)
        )
        current = done[-1].after
        if last:
            return done
    done.append(step(current, wanted.step, changes, rules, now, actor, wanted.note, known=known))
    return done


def _taken_back(state: ServingState, wanted: Wanted, current: FollowUp | None) -> Done:
    if wanted.contacted_at is not None:
        raise invalid_body([Fault("/contacted_at", "a call is told or taken back, not both")])
    if wanted.changes or wanted.driver is not None:
        raise invalid_body([Fault("/step", "take back sets no field; change does")])
    if current is None:
        raise ApiError(404, "not-found", "the account has no open follow-up")
    return taken_back(current, before_call(state.store, state.project, current), wanted.note)


def _begun(
    wanted: Wanted,
    row: ScoreRow | None,
    current: FollowUp | None,
    changes: dict[str, Any],
    rules: Rules,
    actor: str,
    now: datetime,
    known: Sequence[str],
) -> Done:
    if current is not None:
        raise _conflict(f"the account has a follow-up that is open, “{current.state}”")
    tells = wanted.step == "call" or wanted.contacted_at is not None
    if wanted.step != OPEN_STEP and not tells:
        raise ApiError(
            404,
            "not-found",
            "the account has no open follow-up; the step `open` begins one, and so does `call`",
        )
    if row is None:
        raise ApiError(404, "not-found", "the latest run does not have the account")
    new = dataclasses.replace(fresh(row, rules, now, actor), **changes)
    return opened(new, rules, None if tells else wanted.note, known)


def _conflict(detail: str) -> ApiError:
    return ApiError(409, "follow-up-conflict", detail)


def _card(one: FollowUp, row: ScoreRow | None) -> Card:
    if row is None:
        return Card(one, None, None, None, False)
    return Card(one, row.name, row.revenue, row.detractor_risk, True)
