"""docs/impact.md: its setting loads, and its example days are those of the rules."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from npsight.config.schema import Worklist
from npsight.config.specs import OutcomeWindow
from npsight.models.doubly_robust import OVERLAP
from npsight.models.impact import FEW_EVENTS, LEAST
from npsight.worklist.holdout import measured, measuring_days

PAGE = (Path(__file__).parents[2] / "docs" / "impact.md").read_text(encoding="utf-8")


def test_the_setting_is_one():
    piece = re.search(r"```yaml\n(.*?)```", PAGE, re.S).group(1)
    assert Worklist(**yaml.safe_load(piece)["worklist"]).hold_out == 0.1


def test_the_example_days_are_those_of_the_rules():
    window = OutcomeWindow(14, 90)
    days = measuring_days(90, [window])
    begin = datetime(2026, 3, 1)
    cut = measured(days, window)
    first = begin + timedelta(days=cut.gap_days)
    end = begin + timedelta(days=cut.gap_days + cut.horizon_days)
    assert f"from {first:%-d %B} 00:00 on, before {end:%-d %B} 00:00" in PAGE
    assert end == begin + timedelta(days=days)


def test_the_numbers_it_names_are_the_ones_used():
    assert f"Both need {LEAST} accounts that answered" in PAGE
    assert FEW_EVENTS == 5
    assert "fewer than five detractors" in PAGE
    assert f"(beyond {100 * OVERLAP:.0f} and {100 - 100 * OVERLAP:.0f} %)" in PAGE
