"""`npsight backtest`: the page, its figures, and that nothing else changes."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from command_line import npsight
from report_page import Page, read_page
from small_company import SmallCompany

from npsight.jobs.reports.tables import MINUS, NOT_DEFINED, at
from npsight.tracking import Tracking

SCRIPT = "<script>alert(1)</script>"
FORMULA = "=HYPERLINK(1)&<b>"
LABEL = "<img src=x onerror=alert(2)> {{ 7*7 }} $x$"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """The small company with plans and labels that a careless page would run; backtested."""
    company = SmallCompany(tmp_path_factory.mktemp("backtest"))
    names = {"pro": SCRIPT, "basic": FORMULA}
    for row in company.tables["accounts"][1:]:
        row[2] = f'"{names[str(row[2])]}"'
    company.project["drivers"]["product_use"]["label"] = LABEL
    company.project["features"][0]["label"] = LABEL
    company.project["training"]["origins"] = 2
    done = npsight("backtest", "-c", company.write()).succeeded()
    (company.folder / "backtest.out").write_text(done.out)
    return company


def page_file(company: SmallCompany) -> Path:
    return company.state / "backtest" / "report.html"


@pytest.fixture(scope="module")
def page(company: SmallCompany) -> Page:
    return read_page(page_file(company).read_text("utf-8"))


@pytest.fixture(scope="module")
def figures(company: SmallCompany) -> dict:
    return json.loads((company.state / "backtest" / "evaluation.json").read_text("utf-8"))


def test_the_terminal_says_the_verdict_first_and_where_the_page_lies(company):
    out = (company.folder / "backtest.out").read_text()
    said = out[out.index("Detractor risk:") :]
    assert re.match(r"Detractor risk: (worth using|not shown to be worth using)\. It is", said)
    assert str(page_file(company)) in said.splitlines()[-1]


def test_the_page_says_first_whether_the_model_is_worth_using(page, figures):
    text = "".join(page.text)
    headline = figures["verdicts"][0]["headline"]
    assert headline in text
    assert text.index(headline) < text.index("What was chosen, and why")
    for sentence in figures["verdicts"][0]["sentences"]:
        assert sentence in text


def test_every_number_has_its_unit_and_its_n(page):
    assert len(page.cells) > 300
    for cell in page.cells:
        assert cell.unit, cell
        assert cell.n is not None
        assert re.fullmatch(r"[\d,]+", cell.n), cell
        assert len(cell.numbers) in (1, 3), cell
        assert {number.unit for number in cell.numbers} == {cell.unit}


def test_every_table_shows_an_n(page):
    """Beside the attribute of each cell: a column of its own, or the caption says it."""
    assert len(page.captions) > 10
    for table, caption in page.captions.items():
        heads = page.heads[table]
        shown = any(re.search(r"\bn\b", head) for head in heads)
        assert shown or re.search(r"\bn = [\d,]+", caption), (table, caption, heads)


def test_the_json_says_the_same_figures(page, figures):
    for cell in page.cells:
        for number in cell.numbers:
            value = at(figures, number.key)
            if value is None:
                assert number.text == NOT_DEFINED, number
                continue
            scale = 100.0 if number.unit in ("%", "percentage points") else 1.0
            if number.unit == "%" and number.key.endswith("level"):
                scale = 1.0
            shown = float(number.text.replace(",", "").replace(MINUS, "-"))
            digits = len(number.text.partition(".")[2])
            assert shown == pytest.approx(value * scale, abs=0.5000001 * 10**-digits), number


def test_names_are_only_ever_text(page, company):
    html = page_file(company).read_text("utf-8")
    text = "".join(page.text)
    assert SCRIPT in text
    assert FORMULA in text
    assert LABEL in text
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "b"}
    for tag, given in page.tags:
        assert not [name for name in given if name.startswith("on")], tag
        for name in ("src", "href", "data", "action"):
            assert (given.get(name) or "#").startswith("#"), (tag, given)
    assert "49" not in [part.strip() for part in page.text]
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    assert "url(http" not in html


def test_the_page_can_be_read_without_seeing_it(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    tables = [given["id"] for tag, given in page.tags if tag == "table"]
    assert len(tables) == len(set(tables))
    assert all(page.captions[table].strip() for table in tables)
    assert all(given.get("scope") in ("col", "row") for tag, given in page.tags if tag == "th")
    figures = [given for tag, given in page.tags if tag == "figure"]
    assert len(figures) >= 4
    assert all(given["role"] == "img" and len(given["aria-label"]) > 40 for given in figures)
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    html = [given for tag, given in page.tags if tag == "html"]
    assert html == [{"lang": "en"}]


def runs(company: SmallCompany) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(company.state / "mlflow.db")) as connection:
        return connection.execute("SELECT name, status FROM runs ORDER BY start_time").fetchall()


def test_nothing_is_registered_and_the_run_is_kept(company, figures):
    assert runs(company) == [("backtest", "FINISHED")]
    assert Tracking("small", company.state).versions() == []
    with closing(sqlite3.connect(company.state / "mlflow.db")) as connection:
        query = (
            "SELECT m.key, m.value FROM metrics m JOIN runs r ON m.run_uuid = r.run_uuid "
            "WHERE r.name = 'backtest'"
        )
        logged = dict(connection.execute(query).fetchall())
        tags = dict(connection.execute("SELECT key, value FROM tags").fetchall())
    assert tags["npsight.kind"] == "backtest"
    chosen = next(
        s
        for s in figures["targets"]["detractor"]["standings"]
        if s["contender"] == "chosen" and s["origin"] == "all"
    )
    assert logged["eval_detractor_auc"] == pytest.approx(chosen["figures"]["auc"])
    low = chosen["intervals"]["auc"]["low"]
    assert logged["eval_detractor_auc_low"] == pytest.approx(low)
    gap = chosen["against"]["prior"]["log_loss"]["value"]
    assert logged["eval_detractor_log_loss_vs_prior"] == pytest.approx(gap)
    assert logged["eval_nps_company_error"] > 0
    (kept,) = (company.state / "mlartifacts").rglob("report/report.html")
    assert kept.read_bytes() == page_file(company).read_bytes()


def test_training_writes_the_same_page_beside_the_card(company):
    """Also shows that the same data give the same page."""
    out = npsight("train", "-c", company.config).succeeded().out
    written = company.state / "models" / "v1"
    assert str(written / "report.html") in out
    assert (written / "report.html").read_bytes() == page_file(company).read_bytes()
    before = page_file(company).with_name("evaluation.json").read_bytes()
    assert (written / "evaluation.json").read_bytes() == before


def test_too_little_to_learn_from_is_said(tmp_path):
    company = SmallCompany(tmp_path, accounts=4, days=200)
    npsight("backtest", "-c", company.write()).failed(4, "nothing was trained")
    assert not page_file(company).exists()
