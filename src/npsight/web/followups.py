"""`/follow-ups`: the board, one follow-up, and every step that can be taken with it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote

from starlette.responses import Response

from npsight.service.followuprules import fresh, owners_known, text_of
from npsight.store import ScoreRow
from npsight.store.followups import (
    EditConflictError,
    SnoozeConflictError,
    before_call,
    event_of,
    follow_up,
    record,
    snooze,
)
from npsight.store.users import users_of
from npsight.web.followupboard import board
from npsight.web.followupconflict import conflict_page, is_repeated
from npsight.web.followupforms import Wanted, etag, read_form, seen_version
from npsight.web.followuppanel import Panel, panel, rules_of
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.signin import local_path
from npsight.web.visible import visible_account
from npsight.worklist.followups import (
    NAME_LIMIT,
    TAKE_BACK,
    Done,
    FollowUp,
    FollowUpError,
    opened,
    step,
    taken_back,
)

__all__ = ["Panel", "panel"]


def one(page: Page) -> Response:
    """A follow-up on a page of its own, with its version as `ETag`."""
    current, row = _visible(page)
    shown = panel(page, row, account=current.account, focus=current)
    return _shown(page, shown)


def open_one(page: Page) -> Response:
    """Open a follow-up; with `action=call` the account was called already."""
    row = visible_account(page, page.path("account"))
    rules = rules_of(page)
    actor, known = page.user.login, _known(page, row)
    try:
        wanted = read_form(page, row, rules.zone)
        called = wanted.action == "call"
        new = _new(page, row, wanted)
        steps = [opened(new, rules, None if called else wanted.note, known)]
        if called:
            steps.append(
                step(new, "call", {}, rules, page.now, actor, wanted.note, wanted.contacted_at)
            )
    except FollowUpError as error:
        return _refused(page, row, error)
    return _written(page, row, wanted, steps, None)


def update_one(page: Page) -> Response:
    """Take a step with a follow-up, or change its fields, if it still is what was seen."""
    current, row = _visible(page)
    version = seen_version(page, current.id)
    rules = rules_of(page)
    try:
        wanted = read_form(page, row, rules.zone)
        if version != current.version:
            return _conflict(page, row, wanted, current, version)
        if wanted.action == TAKE_BACK.name:
            before = before_call(page.store, page.project.name, current)
            done = taken_back(current, before, wanted.note)
        else:
            done = step(
                current,
                wanted.action,
                wanted.changes,
                rules,
                page.now,
                page.user.login,
                wanted.note,
                wanted.contacted_at,
                _known(page, row),
            )
    except FollowUpError as error:
        return _refused(page, row, error, current)
    return _written(page, row, wanted, [done], version)


def snooze_account(page: Page) -> Response:
    """Have an account step back until the start of a day in the user's zone, or wake it."""
    row = visible_account(page, page.path("account"))
    form, rules = page.form, rules_of(page)
    why = text_of(form.get("why", ""))
    try:
        until = None if form.get("action") == "wake" else _until(page, why)
        seen = datetime.fromisoformat(form["seen"]) if form.get("seen") else None
    except FollowUpError as error:
        return _refused(page, row, error)
    except ValueError:
        raise PageError(
            428, "The form does not say what it changes.", "Open the page again."
        ) from None
    try:
        snooze(
            page.store, page.project.name, row.account, until, seen, why, page.user.login, page.now
        )
    except SnoozeConflictError as error:
        if error.until != until:
            shown = panel(page, row)
            return page.html(
                "followup_snooze_conflict.html", 412, panel=shown, until=until, theirs=error.until,
                why=why, next=form.get("next", ""), zone_name=rules.zone.key,
            )  # fmt: skip
    return page.go(_after(page, f"/accounts/{quote(row.account)}"))


def _visible(page: Page) -> tuple[FollowUp, ScoreRow | None]:
    """The follow-up of the path, and its account; None for one that is gone.

    Raises
    ------
    PageError
        404: there is none, or its account is not the user's to see; the answer is the same.
    """
    missing = PageError(404, "There is no such follow-up.", "Look for it on the follow-ups page.")
    current = follow_up(page.store, page.project.name, page.path("id"))
    try:
        return current, visible_account(page, current.account)
    except PageError:
        if page.only_owner is not None:
            raise missing from None
        return current, None


def _new(page: Page, row: ScoreRow, wanted: Wanted) -> FollowUp:
    user = page.user
    made = fresh(row, rules_of(page), page.now, user.login, (user.owner, user.name))
    return dataclasses.replace(made, **wanted.changes)


def _known(page: Page, row: ScoreRow | None) -> tuple[str, ...]:
    users = users_of(page.store, page.project.name)
    return owners_known(users, row.owner if row else None, page.user.owner or page.user.name)


def _until(page: Page, why: str | None) -> datetime:
    """The instant until which an account is snoozed: the start of a day where the user is."""
    rules = rules_of(page)
    today = rules.day(page.now)
    faults = []
    if not why:
        faults.append("Say in a few words why the account is snoozed.")
    elif len(why) > NAME_LIMIT or "\0" in why:
        faults.append(f"The reason has more than {NAME_LIMIT} characters, or ones no text has.")
    try:
        chosen = date.fromisoformat(page.form.get("until", ""))
    except ValueError:
        raise FollowUpError([*faults, "Give the day until which the account is snoozed."]) from None
    last = today + timedelta(days=rules.period_days)
    if not today < chosen <= last:
        faults.append(
            f"An account can be snoozed until tomorrow at the least, and for {rules.period_days} "
            "days at most."
        )
    if faults:
        raise FollowUpError(faults)
    return datetime.combine(chosen, time(), rules.zone).astimezone(UTC)


def _written(
    page: Page, row: ScoreRow | None, wanted: Wanted, steps: list[Done], version: int | None
) -> Response:
    days = page.project.worklist.contacted_days
    try:
        kept = record(page.store, page.project.name, steps, page.user.login, page.now, days)
    except EditConflictError as error:
        return _conflict(page, row, wanted, error.current, version)
    response = page.go(_after(page, f"/follow-ups/{kept.id}"))
    response.headers["ETag"] = etag(kept.id, kept.version)
    return response


def _conflict(
    page: Page, row: ScoreRow | None, wanted: Wanted, current: FollowUp, version: int | None
) -> Response:
    """What somebody else left beside what is wanted now; a form sent twice was done already."""
    first = 2 if wanted.action == "call" else 1
    mine = first if version is None else version + 1
    made = event_of(page.store, page.project.name, current.id, mine)
    if made is not None and is_repeated(made, wanted, page.user.login):
        return page.go(_after(page, f"/follow-ups/{current.id}"))
    return conflict_page(page, panel(page, row, account=current.account), wanted, current, version)


def _refused(
    page: Page, row: ScoreRow | None, error: FollowUpError, focus: FollowUp | None = None
) -> Response:
    """The page again, with what was typed and what is wrong with it."""
    account = focus.account if focus else ""
    shown = panel(page, row, account=account, focus=focus, typed=page.form, problems=error.reasons)
    back = page.form.get("next", "")
    return _shown(page, dataclasses.replace(shown, back=back), 422)


def _shown(page: Page, shown: Panel, status: int = 200) -> Response:
    response = page.html("followup.html", status, panel=shown)
    if shown.current is not None:
        response.headers["ETag"] = etag(shown.current.id, shown.current.version)
    return response


def _after(page: Page, default: str) -> str:
    """Where the form leads: back to the page it was on, to the follow-up's place there."""
    given = page.form.get("next", "")
    path = local_path(given) if given else default
    return path if "#" in path or path.startswith("/follow-ups") else f"{path}#follow-up"


ROUTES = (
    PageRoute("GET", "/follow-ups", board),
    PageRoute("GET", "/follow-ups/{id}", one),
    PageRoute("POST", "/follow-ups/{id}", update_one, role="csm"),
    PageRoute("POST", "/accounts/{account:path}/follow-up", open_one, role="csm"),
    PageRoute("POST", "/accounts/{account:path}/snooze", snooze_account, role="csm"),
)
