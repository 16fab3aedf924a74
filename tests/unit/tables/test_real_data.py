"""The three project files in configs/ on real data, dirty as it is."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.tables.engine import connect
from npsight.tables.prepare import prepare

from .conftest import reasons, rows

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("NPSIGHT_DATA") or ROOT.parent / "shared" / "data")
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no real data at {DATA}: set NPSIGHT_DATA to their folder"
)


@pytest.fixture
def prepared(request, tmp_path):
    file = ROOT / "configs" / f"{request.param}.yaml"
    project = load_project(file, {"NPSIGHT_DATA": str(DATA.resolve())})
    with connect(project) as backend:
        yield prepare(project, backend, tmp_path, now=datetime(2026, 1, 1))


@pytest.mark.parametrize("prepared", ["cdnow"], indirect=True)
def test_cdnow(prepared):
    (report,) = prepared.reports
    assert (report.rows, report.good, report.quarantined) == (69_659, 69_659, 0)
    assert (report.first_at, report.last_at) == (datetime(1997, 1, 1), datetime(1998, 6, 30))
    assert int(prepared.facts.accounts.count().to_pyarrow().as_py()) == 23_570
    purchases = prepared.facts.sources["purchases"]
    first = purchases.filter(purchases.account == "00002")
    assert [(int(n), float(usd)) for n, usd in rows(first, "cds", "dollars")] == [
        (1, 12.0),
        (5, 77.0),
    ]


@pytest.mark.parametrize("prepared", ["skytrax"], indirect=True)
def test_skytrax(prepared):
    by_key = {report.key: i for i, report in enumerate(prepared.reports)}
    assert reasons(prepared, by_key["tables.responses[0]"]) == {"no score": 5}
    assert reasons(prepared, by_key["tables.responses[1]"]) == {
        "time in column date lies before `earliest` (1980-01-01)": 26,
        "no score": 1,
    }
    answers = prepared.facts.sources["responses"]
    lounge = answers.filter(answers.touchpoint == "lounge")
    change = datetime(2015, 6, 9)
    old = rows(lounge.filter(lounge.occurred_at < change), "raw_score", "score", "band")
    new = rows(lounge.filter(lounge.occurred_at >= change), "raw_score", "score", "band")
    assert {(int(raw), float(score), band) for raw, score, band in old} == {
        (1, 0.0, "detractor"), (2, 2.5, "detractor"), (3, 5.0, "detractor"),
        (4, 7.5, "passive"), (5, 10.0, "promoter"),
    }  # fmt: skip
    assert {int(raw) for raw, _, _ in new} == set(range(1, 11))
    assert {band for raw, _, band in new if raw == 5} == {"detractor"}
    assert {answer for (answer,) in rows(answers, "sentiment") if answer is None} == set()


@pytest.mark.parametrize("prepared", ["telco"], indirect=True)
def test_telco(prepared):
    versions = prepared.facts.versions
    assert int(versions.count().to_pyarrow().as_py()) == 7_043
    assert int(versions.outcome_.sum().to_pyarrow().as_py()) == 1_869
    assert int(versions.total_charges.isnull().sum().to_pyarrow().as_py()) == 11
    assert prepared.reports[0].quarantined == 0
