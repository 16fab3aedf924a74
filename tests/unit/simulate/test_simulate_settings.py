"""What settings are refused, and that every problem is named at once."""

from datetime import date, datetime

import pytest

from npsight.errors import NpsightError
from npsight.simulate import SimulationSettings, SimulationSettingsError, recent_start


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accounts": 0}, "accounts must be at least 1, got 0"),
        ({"accounts": 2.5}, "accounts must be a whole number, got 2.5"),
        ({"days": 29}, "days must be at least 30, got 29"),
        ({"days": True}, "days must be a whole number, got True"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"chunk_accounts": 0}, "chunk_accounts must be at least 1, got 0"),
        ({"gap_days": -1}, "gap_days must be at least 0, got -1"),
        ({"horizon_days": 0}, "horizon_days must be at least 1, got 0"),
        ({"truth": "yes"}, "truth must be true or false, got 'yes'"),
        ({"start": datetime(2024, 1, 1)}, "start must be a date without a time"),
        ({"start": date(1969, 12, 31)}, "start must be 1970-01-01 or later"),
        ({"days": 10**6}, "must be before 2262-01-01"),
    ],
)
def test_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SimulationSettings(**change)


def test_names_every_problem_at_once() -> None:
    with pytest.raises(SimulationSettingsError, match=r"accounts.*; days") as caught:
        SimulationSettings(accounts=0, days=1)
    assert len(caught.value.problems) == 2
    assert isinstance(caught.value, NpsightError)


def test_least_settings_are_accepted() -> None:
    least = SimulationSettings(accounts=1, days=30, seed=0, chunk_accounts=1, gap_days=0)
    assert least.chunks == 1


def test_chunks_are_rounded_up_and_end_is_exclusive() -> None:
    settings = SimulationSettings(accounts=201, chunk_accounts=100, days=31, start=date(2024, 1, 1))
    assert settings.chunks == 3
    assert settings.end == date(2024, 2, 1)


@pytest.mark.parametrize("today", [date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 6),
                                   date(2026, 7, 7), date(2024, 2, 29), date(2031, 1, 1)])  # fmt: skip
@pytest.mark.parametrize("days", [620, 1095])
def test_a_recent_company_ends_within_a_week_on_the_same_weekday(today: date, days: int) -> None:
    usual, recent = SimulationSettings(days=days), recent_start(days, today)
    shown = SimulationSettings(days=days, start=recent)
    assert 0 <= (today - shown.end).days < 7
    assert shown.end.weekday() == usual.end.weekday()
