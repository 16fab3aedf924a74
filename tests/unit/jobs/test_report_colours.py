"""Text on the page can be read in light and in dark: WCAG 2.2 AA asks for 4.5 to 1."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from npsight.jobs.reports.drawings import COLOURS

TEMPLATE = files("npsight.jobs.reports").joinpath("templates", "report.html.j2").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--(\w+): (#\w{6})", block))
    for block in re.findall(r":root \{(.*?)\}", TEMPLATE, re.DOTALL)[:2]
)
TEXT = ("ink", "quiet", "link", "good", "bad", "unsure")


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_by_its_ends():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") < 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_stands_out_from_every_ground(scheme):
    for ground in ("paper", "panel", "strong"):
        for text in TEXT:
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_a_picture_is_the_pages(scheme):
    lines = [name for name in COLOURS.values() if name.startswith("line")]
    assert len(lines) == 6
    assert all(contrast(scheme[name], scheme["paper"]) >= 4.5 for name in lines)
    assert set(COLOURS.values()) <= set(scheme)
