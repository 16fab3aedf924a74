"""The instant an account is scored at again: it sees every fact, and never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.jobs.scoring.rescore import TICK, as_ofs
from npsight.store import ScoreRow, ScoreRun

RUN_AT = datetime(2026, 6, 30, tzinfo=UTC)
RUN = ScoreRun("r", "p", RUN_AT, RUN_AT, 1, "digest")
around = st.timedeltas(timedelta(days=-400), timedelta(days=400)).map(lambda d: RUN_AT + d)


def scored_at(row_at: datetime, known_at: datetime | None) -> datetime:
    newest = {} if known_at is None else {"a": known_at}
    return as_ofs(RUN, {"a": ScoreRow("a", row_at)}, newest)["a"].replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("known_at", "expected"),
    [
        (None, RUN_AT),
        (RUN_AT - timedelta(hours=12), RUN_AT),
        (RUN_AT - TICK, RUN_AT),
        (RUN_AT, RUN_AT + TICK),
        (RUN_AT + timedelta(days=2), RUN_AT + timedelta(days=2) + TICK),
    ],
)
def test_the_examples_of_the_page(known_at: datetime | None, expected: datetime) -> None:
    assert scored_at(RUN_AT, known_at) == expected


def test_a_later_score_is_not_taken_back_by_an_older_fact() -> None:
    later = RUN_AT + timedelta(days=9)
    assert scored_at(later, RUN_AT) == later


@given(around, around)
def test_every_fact_is_seen_and_the_instant_is_the_first_that_does(
    row_at: datetime, known_at: datetime
) -> None:
    at = scored_at(row_at, known_at)
    assert known_at < at
    assert at >= max(RUN_AT, row_at)
    assert at in (RUN_AT, row_at, known_at + TICK)
