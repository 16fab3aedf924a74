"""The board: follow-ups by state, whose they are, and what is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from npsight.store.followupboard import (
    BoardCounts,
    BoardFilter,
    Card,
    board_counts,
    board_owners,
    cards,
)
from npsight.web.followuppanel import due_words, rules_of
from npsight.web.page import Page
from npsight.web.visible import latest_run
from npsight.worklist.followups import ENDED, OPEN, STATES, Rules, State, Step, steps_of

IN_COLUMN = 30
ON_PAGE = 100
DUES = {"": "Any day", "overdue": "Overdue", "soon": "Due soon"}
MINE, ALL = "mine", "all"


@dataclass(frozen=True)
class Column:
    """A state, how many there are, and those that are shown."""

    state: State
    count: int
    cards: tuple[Card, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Asked:
    """What the address asks for; anything it cannot mean counts as not given."""

    owner: str
    due: str
    state: State | None
    page: int

    def address(self, **changes: str | int) -> str:
        """The board, asked for with changes."""
        given = {"owner": self.owner, "due": self.due, "state": self.state or ""}
        told = {name: value for name, value in {**given, **changes}.items() if value != ""}
        return f"/follow-ups?{urlencode(told)}"


def board(page: Page) -> Response:
    """The page."""
    rules = rules_of(page)
    today = rules.day(page.now)
    asked = _asked(page)
    wanted = _filter(page, asked, rules, today)
    store, project = page.store, page.project.name
    soon = today + timedelta(days=rules.soon_days)
    everything = BoardFilter(
        wanted.run_id, wanted.owners, wanted.account_owner, ended_from=wanted.ended_from
    )
    all_counts = board_counts(store, project, everything, today, soon)
    counts = all_counts if not asked.due else board_counts(store, project, wanted, today, soon)
    columns = [_column(page, state, wanted, counts, asked) for state in _states(asked)]
    return page.html(
        "followups.html",
        columns=columns,
        counts=all_counts,
        asked=asked,
        owners=board_owners(store, project, wanted.account_owner, wanted.run_id or ""),
        dues=DUES,
        rules=rules,
        today=today,
        due_words=due_words,
        ended=ENDED,
        on_page=ON_PAGE,
        here=asked.address(**({"page": asked.page} if asked.page > 1 else {})),
    )


def _asked(page: Page) -> Asked:
    query = page.query
    default = MINE if page.user.role == "csm" else ALL
    due = query.get("due", "")
    state = next((one for one in STATES if one == query.get("state")), None)
    number = query.get("page", "1")
    return Asked(
        query.get("owner") or default,
        due if due in DUES else "",
        state,
        max(1, int(number)) if number.isascii() and number.isdecimal() and len(number) < 5 else 1,
    )


def _filter(page: Page, asked: Asked, rules: Rules, today: date) -> BoardFilter:
    own = tuple({name for name in (page.user.owner, page.user.name) if name})
    named = {MINE: own, ALL: None}
    soon = today + timedelta(days=rules.soon_days)
    limits = {"overdue": (None, today - timedelta(days=1)), "soon": (today, soon)}
    first, last = limits.get(asked.due, (None, None))
    return BoardFilter(
        latest_run(page).id,
        named.get(asked.owner, (asked.owner,)),
        page.only_owner,
        first,
        last,
        page.now - timedelta(days=rules.period_days),
    )


def _states(asked: Asked) -> tuple[State, ...]:
    if asked.state is not None:
        return (asked.state,)
    return OPEN if asked.due else STATES


def _column(
    page: Page, state: State, wanted: BoardFilter, counts: BoardCounts, asked: Asked
) -> Column:
    alone = asked.state is not None
    limit = ON_PAGE if alone else IN_COLUMN
    offset = (asked.page - 1) * limit if alone else 0
    found = cards(page.store, page.project.name, state, wanted, limit, offset)
    steps = tuple(step for step in steps_of(state) if step.name != "change")
    return Column(state, counts.states.get(state, 0), tuple(found), steps)
