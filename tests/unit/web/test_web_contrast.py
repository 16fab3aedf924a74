"""Colours are told apart by everybody: WCAG AA of every pair of tokens that is used."""

from __future__ import annotations

import re

import pytest

from npsight.web.statics import FOLDER

CSS = (FOLDER / "npsight.css").read_text(encoding="utf-8")
TOKEN = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TOKENS = {name: {"light": light, "dark": dark} for name, light, dark in TOKEN.findall(CSS)}
GROUNDS = ("ground", "card", "raised")
TEXT = [
    *((ink, ground) for ink in ("ink", "dim", "accent", "bad", "warn", "good") for ground in GROUNDS),
    *((band, ground) for band in ("detractor", "passive", "promoter") for ground in ("card", "ground")),
    ("accent-ink", "accent"),
    ("ink", "accent-soft"), ("dim", "accent-soft"), ("accent", "accent-soft"),
    ("bad", "bad-soft"), ("warn", "warn-soft"), ("good", "good-soft"),
    ("ink", "bad-soft"), ("ink", "warn-soft"), ("ink", "good-soft"),
]  # fmt: skip
SHAPES = [(shape, ground) for shape in ("edge", "accent") for ground in GROUNDS]


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_the_ratio_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT, ids=lambda name: name)
def test_text_can_be_read(ink, ground, theme):
    assert contrast(TOKENS[ink][theme], TOKENS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES, ids=lambda name: name)
def test_edges_of_fields_and_the_focus_can_be_seen(shape, ground, theme):
    assert contrast(TOKENS[shape][theme], TOKENS[ground][theme]) >= 3


def test_every_colour_is_a_token_with_a_light_and_a_dark_value():
    used = set(re.findall(r"var\(--([a-z-]+)\)", CSS))
    other = {"radius", "radius-small", "gap", "shadow", "shadow-high"}
    assert used <= set(TOKENS) | other
    rules = CSS[CSS.index(":root[data-theme") :]
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", rules)) <= {"#000", "#fff"}
