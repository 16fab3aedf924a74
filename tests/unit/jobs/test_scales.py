"""Answers of two scales that are read as of one, in the words of `npsight check`."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.jobs.check import check

FIRST = date(2024, 1, 1)
ON_TEN = (10, 9, 8, 7, 3, 9, 10, 5, 6, 8)
ON_FIVE = (5, 4, 3, 5, 1)
ON_SEVEN = (7, 6, 7, 5, 2, 6)


def said(folder: Path, answers: list[tuple[int, str]], bands: str = "") -> str:
    """What check says of scores with their touchpoint, one a day."""
    lines = "".join(
        f"{'abc'[n % 3]},{FIRST + timedelta(days=n)},{score},{asked}\n"
        for n, (score, asked) in enumerate(answers)
    )
    (folder / "answers.csv").write_text("who,at,score,asked\n" + lines)
    (folder / "p.yaml").write_text(
        "project: test\ntimezone: UTC\nstate: state\ntables:\n  responses: {path: answers.csv, "
        f"account: who, time: at, score: score, touchpoint: asked{bands}}}\n"
        "targets: {detractor: {gap_days: 0, horizon_days: 30}}\n"
    )
    found = check(load_project(folder / "p.yaml"))
    return "\n".join(str(warning) for warning in found.warnings if "read as of one" in str(warning))


def drawn(scale: tuple[int, ...], count: int, asked: str = "mail") -> list[tuple[int, str]]:
    return [(scale[n % len(scale)], asked) for n in range(count)]


def test_a_scale_that_became_longer_is_told_with_its_day_and_both_bands(tmp_path):
    text = said(tmp_path, drawn(ON_FIVE, 40) + drawn(ON_TEN, 40))
    assert "of the 40 answers before 2024-02-10 none is above 5, of those since 80%" in text
    assert (
        "`bands: [{scale: [1, 5], detractor: [1, 3], passive: [4, 4], promoter: [5, 5], valid_to: "
        "2024-02-10}, {scale: [0, 10], detractor: [0, 6], passive: [7, 8], promoter: [9, 10], "
        "valid_from: 2024-02-10}]`" in text
    )


def test_what_is_told_can_be_written_down_and_ends_the_warning(tmp_path):
    answers = drawn(ON_FIVE, 40) + drawn(ON_TEN, 40)
    told = said(tmp_path, answers).split("`bands: ")[1].split("`")[0]
    assert said(tmp_path, answers, f", bands: {told}") == ""


def test_a_scale_that_became_shorter_is_told_too(tmp_path):
    text = said(tmp_path, drawn(ON_TEN, 40) + drawn(ON_SEVEN, 40))
    assert "of the 40 answers since 2024-02-10 none is above 7, of those before 60%" in text
    assert "promoter: [9, 10], valid_to: 2024-02-10}, {scale: [1, 7]" in text


def test_a_touchpoint_of_another_scale_is_told_rather_than_a_day(tmp_path):
    mixed = [pair for n in range(40) for pair in ((ON_TEN[n % 10], "nps"), (n % 6, "csat"))]
    text = said(tmp_path, mixed)
    assert "of the 40 answers at touchpoint `csat` none is above 5, of the others 80%" in text
    assert "`bands: {scale: [0, 5], detractor: [0, 3]" in text


@pytest.mark.parametrize(("before", "warns"), [(29, False), (30, True)])
def test_few_answers_tell_no_scale(tmp_path, before, warns):
    assert bool(said(tmp_path, drawn(ON_FIVE, before) + drawn(ON_TEN, 60))) is warns


@pytest.mark.parametrize(("slips", "warns"), [(1, True), (2, False)])
def test_one_slip_in_fifty_is_forgiven(tmp_path, slips, warns):
    first = [*drawn(ON_FIVE, 20), *[(9, "mail")] * slips, *drawn(ON_FIVE, 50 - 20 - slips)]
    text = said(tmp_path, first + drawn(ON_TEN, 60))
    assert bool(text) is warns
    assert not warns or "only 1 is above 5" in text


def test_one_scale_and_a_bad_year_are_no_two_scales(tmp_path):
    assert said(tmp_path, drawn(ON_TEN, 120)) == ""
    assert said(tmp_path, drawn((6, 2, 8, 5, 3), 60) + drawn(ON_TEN, 60)) == ""
    assert said(tmp_path, drawn(ON_FIVE, 60) + drawn((5, 4, 6, 3), 60)) == ""
