"""The worklist's address: what is asked for, and the addresses of what is one click away.

Everything the page shows is in its address, so that a link, a bookmark and a saved view show the
same again. What nobody can have meant (an order that is none, a place that was not given out) is
refused with a sentence; a filter without a value is no filter.
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, cast
from urllib.parse import urlencode

from npsight.store.searchwords import words_of
from npsight.store.worklist import ORDERS
from npsight.store.worklistquery import Place, SteppedBack, Wanted
from npsight.web.page import PageError
from npsight.worklist.followups import OPEN

PATH = "/worklist"
NONE = "none"
LEVELS = ("high", "medium", "low")
STATES = OPEN
"""Of a follow-up that is open: one that has ended is no state of the account."""
SILENT = ("silent", *(f"silent, likely {band}" for band in ("detractor", "passive", "promoter")))
MOVES = (
    "passive sliding",
    "promoter falling",
    "promoter slipping",
    "detractor staying",
    "passive staying",
    "promoter staying",
    "detractor recovering",
    "detractor won back",
    "passive rising",
    *SILENT[1:],
)
SORTS = {
    "rank": ("rank", False, "Rank"),
    "risk": ("detractor_risk", True, "Risk"),
    "nps": ("predicted_nps", False, "Expected NPS"),
    "churn": ("churn_risk", True, "Risk to leave"),
    "revenue": ("revenue", True, "Revenue"),
    "renewal": ("renewal_at", False, "Renewal"),
    "contact": ("last_contact_at", False, "Last contact"),
}
"""Name in the address to column, whether it begins with the largest, and what people call it."""
INSTANTS = ("renewal_at", "last_contact_at")
LONGEST = 200
MOST_DAYS = 3650


@dataclass(frozen=True)
class Asked:
    """What an address asks for; empty text for what it does not.

    `list` is `week` (the week's calls of an owner, or of the team) or `all`. `turned` is whether
    the order is the other way round than `SORTS` says.
    """

    list: Literal["week", "all"] = "all"
    q: str = ""
    owner: str = ""
    segment: str = ""
    move: str = ""
    silent: str = ""
    driver: str = ""
    renewal: str = ""
    state: str = ""
    level: str = ""
    back: str = ""
    sort: str = "rank"
    turned: str = ""
    after: str = ""
    before: str = ""

    @property
    def order(self) -> str:
        """The column that orders."""
        return SORTS[self.sort][0]

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return SORTS[self.sort][1] is not bool(self.turned)

    @property
    def words(self) -> tuple[str, ...]:
        """What is searched for."""
        return tuple(words_of(self.q))

    @property
    def stepped_back(self) -> SteppedBack:
        """Those that step back are found by who asks for them: by name, by state, or at all."""
        if self.back:
            return cast(SteppedBack, {"show": "shown", "only": "only", "hide": "hidden"}[self.back])
        return "shown" if self.q or self.state not in ("", NONE) else "hidden"

    @property
    def is_filtered(self) -> bool:
        """Whether anything but list, order and place is asked for."""
        return bool(self.filters())

    def filters(self) -> dict[str, str]:
        """The filters that are set."""
        apart = ("list", "sort", "turned", "after", "before")
        return {name: value for name, value in self.values().items() if name not in apart}

    def values(self) -> dict[str, str]:
        """What is not as it is anyway."""
        mine = {field.name: getattr(self, field.name) for field in fields(self)}
        return {n: v for n, v in mine.items() if v and (n, v) != ("sort", "rank")}

    def query(self, **changes: str) -> str:
        """The query of the same address but for these; from the first page on."""
        fresh: dict[str, Any] = {"after": "", "before": "", **changes}
        return urlencode(replace(self, **fresh).values())

    def link(self, **changes: str) -> str:
        """The address of it."""
        return f"{PATH}?{self.query(**changes)}"

    def sorted_by(self, name: str) -> str:
        """The address that sorts by something, or turns the order where it does already."""
        turned = "" if name != self.sort or self.turned else "1"
        return self.link(sort=name, turned=turned)


def read_address(query: Mapping[str, str]) -> Asked:
    """What a query asks for; names that are none of ours are left alone.

    Raises
    ------
    PageError
        422: a value that is none.
    """
    names = {field.name for field in fields(Asked)}
    given = {name: text.strip() for name, text in query.items() if name in names and text.strip()}
    for name, value in given.items():
        if len(value) > LONGEST and name not in ("after", "before"):
            raise PageError(422, f"“{name}” is too long.", f"Give at most {LONGEST} characters.")
        if "\0" in value:
            raise PageError(422, f"“{name}” holds what is no text.", "Leave it out.")
    _one_of(given, "list", ("week", "all"))
    _one_of(given, "sort", tuple(SORTS))
    _one_of(given, "level", LEVELS)
    _one_of(given, "back", ("show", "only", "hide"))
    _one_of(given, "silent", ("1",))
    _one_of(given, "turned", ("1",))
    _one_of(given, "state", (NONE, *STATES))
    days = given.get("renewal", "1")
    if not (days.isascii() and days.isdecimal() and 1 <= int(days[:6]) <= MOST_DAYS):
        raise PageError(422, "“renewal” is a number of days.", f"Give one from 1 to {MOST_DAYS}.")
    return Asked(**given)  # type: ignore[arg-type]


def wanted_of(asked: Asked, today: date, visible_to: str | None) -> Wanted:
    """The rows that are asked for; the renewal's days begin with today, as a day of UTC."""
    start = datetime.combine(today, time(), UTC)
    renewal = (start, start + timedelta(days=int(asked.renewal) + 1)) if asked.renewal else None
    moves: tuple[str, ...] = (asked.move,) if asked.move else ()
    if asked.silent:
        moves = tuple(m for m in SILENT if not moves or m in moves) or ("no move",)
    return Wanted(
        order=asked.order,
        descending=asked.descending,
        owner=_value(asked.owner),
        segment=_value(asked.segment),
        driver=_value(asked.driver),
        state=_value(asked.state),
        risk_level=asked.level or None,
        moves=moves,
        renewal=renewal,
        words=asked.words,
        stepped_back=asked.stepped_back,
        visible_to=visible_to,
    )


@dataclass(frozen=True)
class Begun:
    """What was the newest when somebody opened the first page: the run, and the last change."""

    run_id: str
    change: int


def token_of(place: Place, begun: Begun) -> str:
    """A place as text for an address, and since when its reader turns pages."""
    value = place.value.isoformat() if isinstance(place.value, datetime) else place.value
    text = json.dumps([value, place.account, begun.run_id, begun.change], ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_in(asked: Asked, token: str) -> Place | None:
    """The place that a token tells of; None for no token.

    Raises
    ------
    PageError
        422: it was not given out for this order.
    """
    if not token:
        return None
    try:
        value, account, *_ = _content(token)
        return Place(_typed(asked.order, value), _text(account))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _no_page() from None


def begun_in(token: str) -> Begun | None:
    """Since when the reader of a token turns pages; None where it does not say.

    Raises
    ------
    PageError
        422: it was not given out.
    """
    try:
        _, _, *begun = _content(token)
        if not begun:
            return None
        run_id, change = begun
        if type(change) is not int or not 0 <= change < 2**53:
            raise ValueError("no number of a change")
        return Begun(_text(run_id), change)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _no_page() from None


def _content(token: str) -> list[Any]:
    text = urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4)).decode()
    content = json.loads(text)
    if not isinstance(content, list):
        raise ValueError("no list")
    return content


def _no_page() -> PageError:
    return PageError(
        422, "This address does not lead to a page of the list.", "Begin at its first page."
    )


def _typed(order: str, value: Any) -> Any:
    if value is None:
        return None
    if order in INSTANTS:
        return datetime.fromisoformat(_text(value))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e300:
        raise ValueError("no number")
    if order == "rank" and not (isinstance(value, int) and abs(value) < 2**31):
        raise ValueError("no rank")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("no text")
    value.encode()
    return value


def _value(given: str) -> str | None:
    return "" if given == NONE else given or None


def _one_of(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> None:
    if name in given and given[name] not in known:
        said = f"There is no “{name}” of that name."
        raise PageError(422, said, f"Use one of: {', '.join(known)}.")


assert {column for column, _, _ in SORTS.values()} == set(ORDERS)
