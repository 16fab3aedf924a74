"""Rows of a write request -> facts of a table, or every fault of the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError

from npsight.config.schema import Activity, Bands, Responses, VersionedSource
from npsight.config.specs import ProjectSpec
from npsight.service.accountkeys import account_fault
from npsight.service.instants import instant_of
from npsight.service.problems import MOST_FAULTS
from npsight.service.shapes.base import Shape
from npsight.service.shapes.saying import said
from npsight.service.shapes.writing import PostedFact as FactShape
from npsight.service.shapes.writing import PostedResponse as ResponseShape
from npsight.store import PostedFact
from npsight.tables.posted import RESPONSES, table_of
from npsight.tables.times import NEVER_YEAR

Model = TypeVar("Model", bound=Shape)

MAX_ID = 512
MAX_TEXT = 1_000
MAX_COMMENT = 20_000
MAX_PLACE = 100
TOO_LARGE = 1e12
"""Numbers are kept with twelve digits before the point and six behind it."""


@dataclass(frozen=True)
class RowFault:
    """What is wrong at a place within a row, in words that show no value."""

    place: tuple[str | int, ...]
    what: str

    def __str__(self) -> str:
        """A sentence; a name that is the sender's own may be of any length."""
        whole = ".".join(map(str, self.place)) or "the row"
        return f"{whole if len(whole) <= MAX_PLACE else f'{whole[:MAX_PLACE]}…'} {self.what}"


class RowError(Exception):
    """A row with faults; the text tells the first."""

    def __init__(self, faults: Iterable[RowFault]) -> None:
        self.faults = tuple(faults)
        shown = list(map(str, self.faults[:MOST_FAULTS]))
        if len(shown) < len(self.faults):
            shown.append(f"{len(self.faults) - len(shown):,} more faults; mend these first")
        super().__init__("; ".join(shown))


@dataclass
class _Faults:
    """What is wrong with one row so far."""

    found: list[RowFault] = field(default_factory=list)

    def add(self, name: str | tuple[str | int, ...], what: str) -> None:
        self.found.append(RowFault((name,) if isinstance(name, str) else name, what))

    def check(self) -> None:
        if self.found:
            raise RowError(self.found)


def read_answer(row: Any, project: ProjectSpec, now: datetime) -> PostedFact:
    """A survey answer; raises RowError."""
    shape = _shaped(ResponseShape, row)
    faults = _Faults()
    texts = {
        name: _text(faults, name, getattr(shape, name), MAX_COMMENT if name == "comment" else None)
        for name in ("respondent", "role", "seniority", "touchpoint", "comment")
    }
    place = table_of(project.tables.responses, texts["touchpoint"])
    if place is None:
        names = ", ".join(str(table.touchpoint_name) for table in project.tables.responses)
        faults.add("touchpoint", f"is none of the project's: {names}")
        raise RowError(faults.found)
    table = project.tables.responses[place]
    times = _times(faults, shape, table, project, now, scheduled=False)
    if times.occurred_at is not None:
        _check_score(faults, table, shape.score, times.occurred_at)
    content = {"score": _number(shape.score), **texts}
    return _fact(faults, shape, RESPONSES, table, times, content)


def read_fact(
    row: Any, name: str, table: Activity, project: ProjectSpec, now: datetime
) -> PostedFact:
    """A fact of an activity table; raises RowError."""
    shape = _shaped(FactShape, row)
    faults = _Faults()
    times = _times(faults, shape, table, project, now, scheduled=table.scheduled)
    content = _content(faults, shape, table)
    ended = None
    if shape.ended_at is not None:
        ended = _ended(faults, shape.ended_at, table, project, times.occurred_at)
    return _fact(faults, shape, name, table, times, content, ended)


def versioned(table: VersionedSource) -> bool:
    """Whether several rows of one id are versions of one fact."""
    return table.id is not None and table.known_at is not None


@dataclass(frozen=True)
class _Times:
    occurred_at: datetime | None
    known_at: datetime | None


def _shaped(model: type[Model], row: Any) -> Model:
    try:
        return model.model_validate(row)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RowError(RowFault(e["loc"], said(e)) for e in found) from None


def _fact(
    faults: _Faults,
    shape: ResponseShape | FactShape,
    source: str,
    table: VersionedSource,
    times: _Times,
    content: Mapping[str, str | None],
    ended_at: datetime | None = None,
) -> PostedFact:
    _key(faults, "id", shape.id)
    _key(faults, "account", shape.account)
    faults.check()
    assert times.occurred_at is not None
    return PostedFact(
        source=source,
        id=shape.id,
        account=shape.account,
        occurred_at=times.occurred_at,
        ended_at=ended_at,
        known_at=times.known_at,
        content=dict(content),
        versioned=versioned(table),
    )


def _key(faults: _Faults, name: str, value: str) -> None:
    fault = account_fault(value)
    if fault:
        faults.add(name, fault)


def _times(
    faults: _Faults,
    shape: ResponseShape | FactShape,
    table: VersionedSource,
    project: ProjectSpec,
    now: datetime,
    scheduled: bool,
) -> _Times:
    """When it happened and was known: `occurred_at ≤ known_at ≤ now`, or booked ahead."""
    zone = table.timezone or project.timezone
    occurred = _instant(faults, "occurred_at", shape.occurred_at, zone)
    known = None
    if shape.known_at is not None:
        known = _instant(faults, "known_at", shape.known_at, zone)
    if occurred is not None:
        if occurred > now and not scheduled:
            faults.add("occurred_at", "lies after now; only a `scheduled` table has such facts")
        if occurred.year >= NEVER_YEAR:
            faults.add("occurred_at", f"lies in the year {NEVER_YEAR} or later")
        if occurred.date() < table.earliest:
            faults.add("occurred_at", f"lies before `earliest` ({table.earliest})")
    if known is not None:
        if known > now:
            faults.add("known_at", "lies after now")
        if occurred is not None and known < occurred and not scheduled:
            faults.add("known_at", "lies before occurred_at: nothing is known before it happens")
        if known.date() < table.earliest - timedelta(days=1):
            faults.add("known_at", f"lies before `earliest` ({table.earliest})")
    return _Times(occurred, known)


def _instant(faults: _Faults, name: str, text: str, zone: str | None) -> datetime | None:
    try:
        return instant_of(text, zone)
    except ValueError as error:
        faults.add(name, str(error))
        return None


def _ended(
    faults: _Faults, text: str, table: Activity, project: ProjectSpec, occurred: datetime | None
) -> datetime | None:
    if table.ended_at is None:
        faults.add("ended_at", "is not a time of this table: its facts do not last")
        return None
    ended = _instant(faults, "ended_at", text, table.timezone or project.timezone)
    if ended is not None and occurred is not None and ended < occurred:
        faults.add("ended_at", "lies before occurred_at")
    return ended


def _text(
    faults: _Faults, name: str | tuple[str, ...], value: str | None, limit: int | None = None
) -> str | None:
    limit = limit or MAX_TEXT
    if value is None or not value.strip():
        return None
    if len(value) > limit:
        faults.add(name, f"has more than {limit:,} characters")
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        faults.add(name, "holds characters that no text has")
    return value.strip()


def _number(value: float) -> str:
    """Exact decimal text, the same for 9 and 9.0."""
    return format(Decimal(repr(float(value))).normalize(), "f")


def _content(faults: _Faults, shape: FactShape, table: Activity) -> dict[str, str | None]:
    """Values by name: numbers of measures, texts of categories."""
    known = (*table.measures, *table.categories)
    content: dict[str, str | None] = {}
    for place, value in enumerate(shape.values):
        name = value.name
        if name not in known:
            names = ", ".join(known) or "none"
            faults.add(("values", place, "name"), f"is not known; the table has {names}")
        elif name in content:
            faults.add(("values", name), "is given twice")
        elif name in table.measures:
            if value.text is not None:
                faults.add(("values", name), "is a measure: give `number`, not `text`")
            elif value.number is not None and abs(value.number) >= TOO_LARGE:
                faults.add(("values", name), "is not below 10^12")
            content[name] = None if value.number is None else _number(value.number)
        else:
            if value.number is not None:
                faults.add(("values", name), "is a category: give `text`, not `number`")
            content[name] = _text(faults, ("values", name), value.text)
    return content


def _check_score(faults: _Faults, table: Responses, score: float, at: datetime) -> None:
    """The score is on the scale of its day, and in one of its bands."""
    valid = [bands for bands in table.bands if _is_valid(bands, at)]
    if not valid:
        faults.add("score", "is of a day for which no scale is given")
    for bands in valid:
        low, high = bands.scale
        spans = (bands.detractor, bands.passive, bands.promoter)
        if not low <= score <= high:
            faults.add("score", f"is outside its scale {low:g}–{high:g}")
        elif not any(span is not None and span[0] <= score <= span[1] for span in spans):
            faults.add("score", f"is in no band of {low:g}–{high:g}")


def _is_valid(bands: Bands, at: datetime) -> bool:
    """Whether the scale holds on the UTC day, `[valid_from, valid_to)`."""
    day = at.date()
    begun = bands.valid_from is None or day >= bands.valid_from
    return begun and (bands.valid_to is None or day < bands.valid_to)
