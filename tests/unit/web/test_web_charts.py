"""Charts are inert, alike each time, readable without seeing them, and follow the page's colours."""

from __future__ import annotations

import re
import threading
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npsight.web import charts
from npsight.web.chartdrawing import day_ticks, nice_ticks
from npsight.web.charts import (
    Band,
    Bar,
    Dots,
    Goal,
    Line,
    Mark,
    bar_chart,
    bar_numbers,
    line_chart,
    line_numbers,
    sparkline,
    xy_chart,
)
from npsight.web.svg import color, cut

START = date(2025, 1, 5)
DAYS = [START + timedelta(days=91 * i) for i in range(6)]
LINE = Line("NPS", tuple(zip(DAYS, [30, 42, None, 10, 35, 28], strict=True)))
BAND = Band("95 % interval", tuple((day, 5.0, 45.0) for day in DAYS))
MARK = Mark("expected", DAYS[-1] + timedelta(days=90), 22, (15, 30), (5, 44))
HOSTILE = "<script>alert(1)</script> $\\frac{1}{0}$ =cmd() \u202eevil\u0000 👩‍🚀 & \" '"


def _line(**more):
    return line_chart([LINE], title="NPS over time", description="It fell.", **more)


EVERY = {
    "line": _line(band=BAND, marks=[MARK], goal=Goal("goal", 40), y_range=(-100, 100)),
    "no points": line_chart([], title="Nothing", description="Nothing yet."),
    "one point": line_chart([Line("a", ((START, 4.0),))], title="One", description="One."),
    "bars": bar_chart(
        [Bar("base", 31.0, "31.0"), Bar("Support", 9, "+9", 31, "bad"), Bar("c", -1, "−1", 40)],
        title="Why",
        description="Support raises it.",
    ),
    "no bars": bar_chart([], title="Why", description="Nothing."),
    "interval": bar_chart([Bar("a", 3, "3", low=-1, high=7)], title="A", description="A."),
    "xy": xy_chart(
        [Dots("model", ((10, 12, 100), (40, 35, 20))), Dots("prior", ((5, 20, 1),), "dim")],
        title="Calibration",
        description="Close to the diagonal.",
        x_label="predicted",
        y_label="happened",
        unit="%",
    ),
    "spark": sparkline([1, None, 3, 2], title="Logins a week"),
    "empty spark": sparkline([], title="Nothing"),
    "hostile": bar_chart([Bar(HOSTILE, 1, HOSTILE)], title=HOSTILE, description=HOSTILE),
    "hostile line": line_chart(
        [Line(HOSTILE, ((START, 1.0),)), Line("b", ((START, 2.0),))],
        title=HOSTILE,
        description=HOSTILE,
        marks=[Mark(HOSTILE, START, 2)],
        goal=Goal(HOSTILE, 1),
        unit=HOSTILE[:10],
    ),
}


def _parsed(chart):
    return ElementTree.fromstring(f"<div>{chart}</div>")


@pytest.mark.parametrize("name", EVERY)
def test_a_chart_obeys_the_policy_of_the_pages(name):
    root = _parsed(EVERY[name])
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        assert tag not in ("style", "script", "metadata", "image", "foreignObject", "a")
        assert "style" not in element.attrib
        assert not any(key.lower().startswith("on") for key in element.attrib)
        for key, value in element.attrib.items():
            assert "font-family" not in key
            if key.endswith("href"):
                assert value.startswith("#")
            assert "http" not in value
    assert "<!DOCTYPE" not in EVERY[name]
    assert "<?xml" not in EVERY[name]


@pytest.mark.parametrize("name", EVERY)
def test_every_colour_is_one_of_the_page(name):
    for element in _parsed(EVERY[name]).iter():
        for key in ("fill", "stroke"):
            value = element.attrib.get(key, "none")
            assert value == "none" or value.startswith("var(--"), (element.tag, key, value)


@pytest.mark.parametrize("name", EVERY)
def test_a_chart_is_told_in_words_and_scales(name):
    for picture in _parsed(EVERY[name]):
        assert picture.attrib["role"] == "img"
        assert picture.attrib["aria-label"]
        assert picture.attrib["viewBox"].startswith("0 0 ")
        assert "width" not in picture.attrib
        assert [child.tag.rpartition("}")[2] for child in picture][:2] == ["title", "desc"]


@pytest.mark.parametrize("name", EVERY)
def test_what_is_referred_to_is_there_once(name):
    ids = [e.attrib["id"] for e in _parsed(EVERY[name]).iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"#([\w-]+)", re.sub(r">[^<]*<", "><", EVERY[name]))) <= set(ids)


def test_two_charts_on_a_page_share_no_id():
    found = [set(re.findall(r'\bid="([^"]+)"', EVERY[name])) for name in ("line", "bars", "xy")]
    assert len(set.union(*found)) == sum(len(ids) for ids in found)


def test_hostile_words_are_text_only():
    chart = EVERY["hostile"]
    assert "<script" not in chart
    assert "&lt;script&gt;" in chart
    texts = "".join(_parsed(chart).itertext())
    assert "\\frac{1}{0}" in texts
    assert "\x00" not in texts


def test_text_stays_text_and_long_names_are_cut():
    chart = bar_chart([Bar("x" * 10_000, 1, "1")], title="t", description="d")
    assert len(chart) < 20_000
    assert "…" in chart
    assert cut("a  b\nc", 5) == "a b c"
    assert cut("abcdef", 4) == "abc…"


def test_a_chart_is_the_same_each_time():
    first = _line(band=BAND)
    charts._drawn.cache_clear()
    assert _line(band=BAND) == first


def test_a_chart_that_was_drawn_is_kept():
    _line()
    before = charts._drawn.cache_info().hits
    _line()
    assert charts._drawn.cache_info().hits == before + 2


def test_threads_draw_the_same():
    charts._drawn.cache_clear()
    expected = [str(_line(height=200 + i)) for i in range(4)]
    charts._drawn.cache_clear()
    found = [""] * 4

    def draw(i):
        found[i] = str(_line(height=200 + i))

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_higher_values_are_drawn_higher():
    line = Line("a", ((START, 1.0), (START + timedelta(days=90), 9.0)))
    chart = line_chart([line], title="t", description="d", y_range=(0, 10))
    wide = _parsed(chart)[0]
    path = next(
        e.attrib["d"]
        for e in wide.iter()
        if e.tag.endswith("path") and e.attrib.get("stroke-width") == "2"
    )
    x1, y1, x2, y2 = (float(n) for n in re.findall(r"-?[\d.]+", path))
    assert x1 < x2
    assert y1 > y2


def test_a_bar_starts_where_it_is_told_to():
    chart = bar_chart(
        [Bar("a", 10, "10"), Bar("b", 10, "10", start=10)],
        title="t",
        description="d",
        x_range=(0, 20),
    )
    fills = [
        [float(n) for n in re.findall(r"-?[\d.]+", e.attrib["d"])]
        for e in _parsed(chart)[0].iter()
        if e.tag.endswith("path") and e.attrib.get("fill") == "var(--accent)"
    ]
    first, second = ((min(p[0::2]), max(p[0::2])) for p in fills)
    assert first[1] == pytest.approx(second[0])
    assert first[1] - first[0] == pytest.approx(second[1] - second[0])


def test_an_unknown_colour_is_an_error():
    with pytest.raises(KeyError, match="pink"):
        color("pink")


def test_numbers_of_a_line_chart_say_what_it_shows():
    numbers = line_numbers([LINE], band=BAND, marks=[MARK], goal=Goal("goal", 40), unit="%")
    assert numbers.columns == ("Day", "NPS", "95 % interval")
    assert numbers.rows[0] == ("2025-01-05", "30 %", "5 % to 45 %")
    assert numbers.rows[2][1] == "–"
    assert numbers.rows[-2][1:] == ("22 %", "5 % to 44 %")
    assert numbers.rows[-1] == ("goal", "40 %", "–")
    plain = line_numbers([LINE, Line("other", ((START, -3.0),))], marks=[MARK])
    assert plain.columns == ("Day", "NPS", "other", "80 %", "95 %")
    assert plain.rows[0] == ("2025-01-05", "30", "−3", "–", "–")
    assert {len(row) for row in plain.rows} == {5}


def test_numbers_of_a_bar_chart_are_what_is_written_beside_the_bars():
    numbers = bar_numbers([Bar("a", 1, "+1.0")], name="Driver", value="Points")
    assert numbers == charts.Numbers(("Driver", "Points"), (("a", "+1.0"),))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(3, 8))
def test_ticks_are_few_and_inside(low, span, most):
    ticks = nice_ticks(low, low + span, most)
    assert 1 <= len(ticks) <= most
    assert len(ticks) < 2 or all(low - span / 50 <= t <= low + span * 1.02 for t in ticks)


@settings(max_examples=60)
@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 9000), st.integers(3, 7))
def test_day_ticks_are_few_and_name_each_year_once(first, days, most):
    begin = float(first.toordinal())
    ticks = list(day_ticks(begin, begin + days, most))
    assert len(ticks) <= most + 1
    years = [year for _, _, year in ticks if year]
    assert len(years) == len(set(years))
    assert all(begin - 1 <= at <= begin + days + 1 for at, _, _ in ticks)
