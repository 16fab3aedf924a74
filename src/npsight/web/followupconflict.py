"""Two people changed one follow-up: both versions, field by field, and a way to have both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from npsight.store.followuprows import Event, shown_fields
from npsight.store.followups import event_of
from npsight.web.followupforms import Wanted, etag
from npsight.web.followuppanel import LABELS, Panel, entry_of, shown_value
from npsight.web.page import Page
from npsight.worklist.followups import FollowUp, Step, steps_of

FIELDS = ("owner", "reason", "driver", "due_on", "notes")


@dataclass(frozen=True)
class Difference:
    """A field: what it is now, and what was asked for; `differs` where the two are not one."""

    label: str
    theirs: str
    yours: str
    differs: bool


def conflict_page(
    page: Page, panel: Panel, wanted: Wanted, current: FollowUp, version: int | None
) -> Response:
    """412, with a form that takes the step on top of what there is now.

    Only the fields that were changed on the form are asked for again: what it merely showed is
    left as the others have it.
    """
    project = page.project.name
    seen = event_of(page.store, project, current.id, version) if version else None
    base = seen.after or {} if seen is not None else {}
    asked = changed_fields(wanted, base)
    possible = _step(current, wanted.action)
    zone, drivers = panel.rules.zone, dict(panel.drivers)
    now = shown_fields(current)
    rows = [
        Difference(
            LABELS[name],
            shown_value(name, now, drivers, zone),
            shown_value(name, asked, drivers, zone) if name in asked else "left as it is",
            name in asked and asked[name] != now[name],
        )
        for name in FIELDS
    ]
    target = possible.target if possible is not None else None
    rows.insert(0, Difference("State", current.state, target or "left as it is", bool(target)))
    last = event_of(page.store, project, current.id, current.version)
    names = {one.at: one for one in panel.entries}
    entry = names.get(last.at) if last is not None else None
    if last is not None and entry is None:
        entry = entry_of(last, {}, drivers, zone)
    worthwhile = bool(asked) or (possible is not None and possible.name != "change")
    response = page.html(
        "followup_conflict.html",
        412,
        panel=panel,
        current=current,
        rows=rows,
        entry=entry,
        note=wanted.note,
        asked=asked,
        step=possible,
        action=wanted.action,
        contacted_at=page.form.get("contacted_at", ""),
        can_apply=possible is not None and worthwhile,
        next=page.form.get("next", ""),
    )
    response.headers["ETag"] = etag(current.id, current.version)
    return response


def changed_fields(wanted: Wanted, base: dict[str, Any]) -> dict[str, Any]:
    """Fields that were given another value than the form had shown, as JSON."""
    given = {name: wanted.changes[name] for name in FIELDS if name in wanted.changes}
    if "due_on" in given:
        given["due_on"] = given["due_on"].isoformat()
    return {name: value for name, value in given.items() if value != base.get(name)}


def is_repeated(made: Event, wanted: Wanted, actor: str) -> bool:
    """Whether an event is what the form asks for: it was sent twice."""
    asked = changed_fields(wanted, made.after or {})
    return (made.actor, made.kind, made.note) == (actor, wanted.action, wanted.note) and not asked


def _step(current: FollowUp, action: str) -> Step | None:
    """What the form asks for, where it can still be done; opening becomes changing."""
    name = "change" if action == "open" else action
    return next((step for step in steps_of(current.state) if step.name == name), None)
