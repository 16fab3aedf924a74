"""Bands of scores and predictions."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.schema import Bands, Worklist
from npsight.worklist.bands import Band, BandNow, band_move, band_of, predicted_band, risk_level

NAN = float("nan")
FIVE_STARS = Bands(scale=(1, 5), detractor=(1, 3), passive=(4, 4), promoter=(5, 5))
THUMBS = Bands(scale=(0, 1), detractor=(0, 0), promoter=(1, 1))


@pytest.mark.parametrize(
    ("score", "band"),
    [(0, "detractor"), (6, "detractor"), (7, "passive"), (8, "passive"), (9, "promoter"),
     (10, "promoter"), (None, "silent"), (NAN, "silent")],
)  # fmt: skip
def test_bands_of_0_to_10(score, band):
    assert band_of(score) == band


@pytest.mark.parametrize(
    ("scale", "score", "band"),
    [(FIVE_STARS, 3, "detractor"), (FIVE_STARS, 4, "passive"), (FIVE_STARS, 5, "promoter"),
     (THUMBS, 0, "detractor"), (THUMBS, 1, "promoter")],
)  # fmt: skip
def test_bands_of_other_scales(scale, score, band):
    assert band_of(score, scale) == band


@pytest.mark.parametrize("score", [6.5, -1, 11])
def test_a_score_in_no_band_is_refused(score):
    with pytest.raises(
        ValueError, match=f"score {score:g} lies in no band: detractor 0–6, passive"
    ):
        band_of(score)


@pytest.mark.parametrize(
    ("detractor", "promoter", "band"),
    [(0.5, 0.2, "detractor"), (0.2, 0.2, "passive"), (0.2, 0.5, "promoter"),
     (0.4, 0.4, "detractor"), (0.2, 0.4, "passive"), (NAN, 0.4, None), (0.4, NAN, None)],
)  # fmt: skip
def test_the_predicted_band_is_the_most_probable_and_of_equals_the_worse(detractor, promoter, band):
    assert predicted_band(detractor, promoter) == band


@given(st.floats(0, 1), st.floats(0, 1))
def test_no_band_is_more_probable_than_the_predicted(detractor, share):
    promoter = (1 - detractor) * share
    chances = {
        "detractor": detractor,
        "passive": 1 - detractor - promoter,
        "promoter": promoter,
    }
    assert chances[predicted_band(detractor, promoter)] == max(chances.values())


@pytest.mark.parametrize(
    ("risk", "level"),
    [(0.5, "high"), (0.4999, "medium"), (0.25, "medium"), (0.2499, "low"), (0.0, "low"),
     (None, None), (NAN, None)],
)  # fmt: skip
def test_risk_levels_begin_at_their_thresholds(risk, level):
    assert risk_level(risk, Worklist()) == level


def test_risk_levels_follow_the_project_file():
    assert risk_level(0.15, Worklist(high_risk=0.2, medium_risk=0.1)) == "medium"


@pytest.mark.parametrize(
    ("now", "expected", "words"),
    [("passive", "detractor", "passive sliding"), ("promoter", "passive", "promoter slipping"),
     ("detractor", "passive", "detractor recovering"),
     ("silent", "detractor", "silent, likely detractor"), ("passive", None, "passive")],
)  # fmt: skip
def test_moves_have_words(now, expected, words):
    assert band_move(now, expected) == words


def test_every_move_has_words_of_its_own():
    moves = [band_move(n, e) for n, e in product(get_args(BandNow), get_args(Band))]
    assert len(set(moves)) == len(moves) == 12
