"""`/worklist`: which accounts to call, in which order, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from starlette.responses import Response

from npsight.errors import StateError
from npsight.store import ScoreRow, ScoreRun
from npsight.store.savedviews import (
    LONGEST_NAME,
    remove_view,
    rename_view,
    save_view,
    views_of,
)
from npsight.store.worklistmoves import came_ahead, newest_change
from npsight.store.worklistquery import Wanted
from npsight.store.worklistread import (
    Count,
    Listed,
    Sheet,
    choices,
    contacted_since,
    count_of,
    owns_accounts,
    place_of,
    sheet,
    step_forward,
    within_capacity,
)
from npsight.web.late import late_tables
from npsight.web.page import Page, PageError, PageRoute
from npsight.web.visible import latest_run
from npsight.web.worklistaddress import (
    LEVELS,
    MOVES,
    NONE,
    SORTS,
    STATES,
    Asked,
    Begun,
    begun_in,
    place_in,
    read_address,
    token_of,
    wanted_of,
)
from npsight.web.worklistbook import as_workbook
from npsight.web.worklistcsv import as_csv
from npsight.web.worklistwords import (
    Line,
    Week,
    capacity_line,
    chips,
    columns_of,
    leaving_line,
    line_of,
    nothing_line,
    policy_sentence,
)


def worklist_page(page: Page) -> Response:
    """The list."""
    run = latest_run(page)
    step_forward(page.store, page.now)
    if not page.query:
        return _first(page, run)
    asked = read_address(page.query)
    return _shown(page, run, asked)


def _first(page: Page, run: ScoreRun) -> Response:
    """What opens: a CSM's own week where they have accounts, else everybody's list."""
    owner = page.user.owner
    own = page.user.role == "csm" and owner and owns_accounts(page.store, run.id, owner)
    return _shown(page, run, Asked(list="week", owner=owner or "") if own else Asked())


def _shown(page: Page, run: ScoreRun, asked: Asked) -> Response:
    week = _week(page, run, asked)
    if asked.list == "week":
        found = _week_sheet(page, run, asked, week)
    else:
        found = _all_sheet(page, run, asked)
    scores = page.store.scores_of(run.id, [row.account for row in found.rows])
    stepped_back = _stepped_back(page, run, asked, week)
    columns = columns_of(page.project, found.rows)
    begun = _begun(page, run, asked)
    return page.html(
        "worklist.html",
        run=run,
        asked=asked,
        week=week,
        capacity=capacity_line(week, page.user.owner),
        lines=_lines(page, found, scores),
        sheet=found,
        stepped_back=stepped_back,
        nothing=nothing_line(asked, week, run, stepped_back, page.only_owner),
        earlier=_turn(asked, found, "before", begun),
        later=_turn(asked, found, "after", begun),
        is_of_older_run=begun.run_id != run.id,
        came_ahead=_came_ahead(page, run, asked, begun),
        chips=chips(asked, page.project),
        policy=policy_sentence(page.project),
        views=views_of(page.store, page.project.name, page.user.login),
        offered=_offered(page, run),
        longest_name=LONGEST_NAME,
        late=late_tables(page.store, run),
        age_days=(page.now - run.as_of).days,
        sorts={name: sort for name, sort in SORTS.items() if _is_shown(sort[0], asked, columns)},
        columns=columns,
        leaving=leaving_line(found.rows),
    )


def _is_shown(column: str, asked: Asked, columns: frozenset[str]) -> bool:
    """Whether the list may be sorted by a column: one that is shown, or that it is sorted by."""
    return column in (*columns, "rank", "last_contact_at", asked.order)


def _all_sheet(page: Page, run: ScoreRun, asked: Asked) -> Sheet:
    if asked.q and not asked.words:
        return Sheet((), earlier=False, later=False)
    after, before = place_in(asked, asked.after), place_in(asked, asked.before)
    wanted = _wanted(page, asked)
    rows = page.project.pages.rows
    return sheet(page.store, run, wanted, rows, after, before, counted=True)


def _wanted(page: Page, asked: Asked) -> Wanted:
    today = page.now.astimezone(ZoneInfo(page.user.time_zone)).date()
    return wanted_of(asked, today, page.only_owner)


def _week_sheet(page: Page, run: ScoreRun, asked: Asked, week: Week) -> Sheet:
    """The first accounts that the owner can still call; the team's are as the run chose them."""
    wanted = _of_week(page, week)
    if week.owner is None:
        after, before = place_in(Asked(), asked.after), place_in(Asked(), asked.before)
        return sheet(page.store, run, wanted, page.project.pages.rows, after, before)
    if week.left == 0:
        return Sheet((), earlier=False, later=False)
    found = sheet(page.store, run, wanted, min(week.left, 200))
    return Sheet(found.rows, earlier=False, later=False)


def _of_week(page: Page, week: Week) -> Wanted:
    """Whom the week's calls are chosen from: the owner's accounts, or those the run chose."""
    is_team = week.owner is None
    return Wanted(owner=week.owner, within_capacity=is_team, visible_to=page.only_owner)


def _week(page: Page, run: ScoreRun, asked: Asked) -> Week:
    """Of the owner that is asked for, or of the user where nobody is."""
    owner = page.only_owner or asked.owner or None
    if owner is None and asked.list == "all":
        mine = page.user.owner
        owner = mine if mine and owns_accounts(page.store, run.id, mine) else None
    if owner == NONE:
        owner = None
    capacity = page.project.worklist.capacity
    if owner is None:
        capacity = within_capacity(page.store, run.id)
    since = week_start(page.now, ZoneInfo(page.user.time_zone))
    done = contacted_since(page.store, run, since, owner, capacity)
    week = Week(owner, capacity, done)
    if owner is not None:
        return week
    back = count_of(page.store, run, replace(_of_week(page, week), stepped_back="only"))
    return replace(week, back=back.accounts)


def week_start(now: datetime, zone: ZoneInfo) -> datetime:
    """The midnight with which the ISO week of an instant begins in a zone, in UTC."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return datetime(monday.year, monday.month, monday.day, tzinfo=zone).astimezone(UTC)


def _lines(page: Page, found: Sheet, scores: dict[str, ScoreRow]) -> list[Line]:
    zone = ZoneInfo(page.user.time_zone)
    return [line_of(row, scores[row.account], page.project, page.now, zone) for row in found.rows]


def _stepped_back(page: Page, run: ScoreRun, asked: Asked, week: Week) -> Count | None:
    """How many accounts are hidden because they step back; None where none are hidden."""
    if asked.stepped_back != "hidden":
        return None
    wanted = _of_week(page, week) if asked.list == "week" else _wanted(page, asked)
    return count_of(page.store, run, replace(wanted, stepped_back="only"))


def _begun(page: Page, run: ScoreRun, asked: Asked) -> Begun:
    """Since when these pages are turned; a first page is where it begins."""
    token = asked.after or asked.before
    known = begun_in(token) if token else None
    return known or Begun(run.id, newest_change(page.store))


def _came_ahead(
    page: Page, run: ScoreRun, asked: Asked, begun: Begun
) -> list[tuple[str, str | None]]:
    """Accounts that the pages up to this one did not have, and those behind have no more."""
    place = place_in(asked, asked.after) if asked.list == "all" else None
    if place is None or begun.run_id != run.id:
        return []
    return came_ahead(page.store, run, _wanted(page, asked), place, begun.change)


def _turn(asked: Asked, found: Sheet, name: str, begun: Begun) -> str | None:
    """The address of the page before or behind this one; None where there is none."""
    if not found.rows or not (found.earlier if name == "before" else found.later):
        return None
    row = found.rows[0] if name == "before" else found.rows[-1]
    order = Wanted() if asked.list == "week" else Wanted(order=asked.order)
    return asked.link(**{name: token_of(place_of(row, order), begun)})


def _offered(page: Page, run: ScoreRun) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: value and label."""
    known = choices(page.store, run.id)
    labels = {driver.key: driver.label for driver in page.project.drivers}
    owners = known["owner"] if page.only_owner is None else (page.only_owner,)
    moves = [move for move in MOVES if move in known["move"]]
    days = sorted({30, 60, page.project.pages.renewal_within_days, 180})
    return {
        "owner": [(name, name) for name in owners if name],
        "segment": [(name, name) for name in known["segment"]],
        "move": [(move, move.capitalize()) for move in moves],
        "driver": [(key, labels.get(key, key)) for key in known["driver"]],
        "level": [(level, level.capitalize()) for level in LEVELS if level in known["risk_level"]],
        "state": [(NONE, "No follow-up"), *((state, state.capitalize()) for state in STATES)],
        "renewal": [(str(count), f"Within {count} days") for count in days],
    }


def csv_file(page: Page) -> Response:
    """The accounts of the address as a table for programs and spreadsheets."""
    run = latest_run(page)
    return as_csv(page, run, _everything(page, run))


def workbook_file(page: Page) -> Response:
    """The accounts of the address as a workbook."""
    run = latest_run(page)
    return as_workbook(page, run, _everything(page, run))


def _everything(page: Page, run: ScoreRun) -> Wanted | Sequence[Listed]:
    """All accounts of the address, not only those of a page of it."""
    asked = read_address(page.query)
    if asked.list == "week":
        week = _week(page, run, asked)
        return (
            _of_week(page, week) if week.owner is None else _week_sheet(page, run, asked, week).rows
        )
    return () if asked.q and not asked.words else _wanted(page, asked)


def keep_view(page: Page) -> Response:
    """Keep the filters of an address under a name."""
    name = _name(page)
    asked = read_address(dict(parse_qsl(page.form.get("query", ""))))
    query = asked.query()
    try:
        save_view(page.store, page.project.name, page.user.login, name, query, page.now)
    except StateError as error:
        raise _refused(error) from None
    return page.go(asked.link())


def rename(page: Page) -> Response:
    """Give a view of one's own another name."""
    name, view = _name(page), page.form.get("view", "")
    try:
        rename_view(page.store, page.project.name, page.user.login, view, name, page.now)
    except StateError as error:
        raise _refused(error) from None
    return page.go("/worklist?list=all")


def _name(page: Page) -> str:
    name = " ".join(page.form.get("name", "").split())
    if not name or len(name) > LONGEST_NAME or "\0" in name:
        raise PageError(
            422, "A view needs a name.", f"Give one of at most {LONGEST_NAME} characters."
        )
    return name


def _refused(error: StateError) -> PageError:
    what, _, remedy = str(error).partition("\n  → ")
    return PageError(422, f"{what}.", f"{remedy.capitalize()}.")


def drop_view(page: Page) -> Response:
    """Forget a view of one's own."""
    view = page.form.get("view", "")
    remove_view(page.store, page.project.name, page.user.login, view, page.now)
    return page.go("/worklist?list=all")


ROUTES = (
    PageRoute("GET", "/worklist", worklist_page),
    PageRoute("GET", "/worklist.csv", csv_file),
    PageRoute("GET", "/worklist.xlsx", workbook_file),
    PageRoute("POST", "/worklist/views", keep_view),
    PageRoute("POST", "/worklist/views/rename", rename),
    PageRoute("POST", "/worklist/views/remove", drop_view),
)
