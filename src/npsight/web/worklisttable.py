"""The worklist's accounts as rows of a table, read a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from npsight.store import ScoreRow, ScoreRun, Store
from npsight.store.worklistquery import Wanted
from npsight.store.worklistread import Listed, every_row

AT_ONCE = 500
COLUMNS = (
    *("rank", "account", "name", "owner", "segment", "band_now", "expected_band"),
    *("detractor_risk", "risk_low_80", "risk_high_80", "risk_level"),
    *("predicted_nps", "nps_low_80", "nps_high_80", "churn_risk"),
    *("revenue", "renewal_at", "driver", "second_driver", "driver_sentence"),
    *("second_driver_sentence", "last_contact_at", "follow_up", "due_on"),
    *("steps_back", "steps_back_until", "priority", "priority_reason"),
)


def some_rows(
    store: Store, run: ScoreRun, wanted: Wanted | Iterable[Listed], zone: ZoneInfo
) -> Iterator[list[list[Any]]]:
    """At most `AT_ONCE` rows of `COLUMNS` at a time; instants are told by their day in the zone."""
    rows = wanted if not isinstance(wanted, Wanted) else every_row(store, run, wanted, AT_ONCE)
    iterator = iter(rows)
    while some := list(islice(iterator, AT_ONCE)):
        scores = store.scores_of(run.id, [row.account for row in some])
        yield [cells(row, scores[row.account], zone) for row in some if row.account in scores]


def cells(row: Listed, score: ScoreRow, zone: ZoneInfo) -> list[Any]:
    """A value for each of `COLUMNS`; None where there is none."""
    notes = {str(n.get("driver")): n for n in score.drivers or score.churn_drivers}
    told = {
        "driver": _of(notes, row.driver, "label"),
        "second_driver": _of(notes, row.second_driver, "label"),
        "driver_sentence": _of(notes, row.driver, "sentence"),
        "second_driver_sentence": _of(notes, row.second_driver, "sentence"),
        "follow_up": row.state,
        # A renewal is a day already, written as its midnight.
        "renewal_at": None if row.renewal_at is None else row.renewal_at.date(),
        "last_contact_at": _day(row.last_contact_at, zone),
        "steps_back": row.stands_back_why if row.stands_back else None,
        "steps_back_until": _day(row.stands_back_until, zone),
    }
    shown = {name: getattr(row, name, getattr(score, name, None)) for name in COLUMNS}
    return list({**shown, **told}.values())


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return None if at is None else at.astimezone(zone).date()


def _of(notes: dict[str, Any], key: str | None, what: str) -> str | None:
    note = notes.get(key or "")
    return None if note is None else str(note.get(what, ""))
