"""`npsight compare`: two versions on days that neither has seen, in their backtests, and today."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import npsight
from small_company import FIRST_DAY, SmallCompany
from state_of import state_of

from npsight.config.load import load_project
from npsight.jobs.compare import Comparison, compare
from npsight.jobs.training.trainingdata import examples_of, open_tables, training_days
from npsight.tracking import Tracking

CONFIG, NOT_FOUND, STATE = 2, 7, 8
WINDOW = timedelta(days=60)
"""Two steps of the grid, so that a day lies on the boundary."""
NEW = {
    "source": "usage", "aggregate": "days_since_last", "driver": "product_use",
    "label": "silence",
}  # fmt: skip


def known_before(company: SmallCompany, day: int) -> None:
    """Keep what happened before a day of the company's life."""
    end = FIRST_DAY + timedelta(days=day)
    for name, column in (("answers", 2), ("usage", 1)):
        head, *rows = company.tables[name]
        company.tables[name] = [head, *(row for row in rows if row[column] < end)]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Version 1 knew 330 days; version 2 knew 390 and reads one feature more; 600 days came."""
    company = SmallCompany(tmp_path_factory.mktemp("compared"), accounts=90, days=600)
    company.project["targets"]["detractor"] = {"gap_days": 7, "horizon_days": 53}
    whole = copy.deepcopy(company.tables)
    known_before(company, 330)
    npsight("train", "-c", company.write()).succeeded()
    company.tables = copy.deepcopy(whole)
    known_before(company, 390)
    company.project["features"].append(NEW)
    npsight("train", "-c", company.write()).succeeded()
    company.tables = whole
    company.write()
    return company


@pytest.fixture(scope="module")
def found(company: SmallCompany) -> Comparison:
    return compare(load_project(company.config))


def test_the_challenger_is_held_against_the_champion(found):
    assert (found.candidate.version, found.other.version) == (2, 1)
    assert found.candidate.info.aliases == ("challenger",)
    learned, feature = found.differences
    assert learned.startswith("learned through ")
    assert feature == "1 feature new: usage__days_since_last"


def test_the_days_are_those_that_neither_has_seen(company, found):
    """A day counts from the very moment when the last outcome that either learned from was over."""
    through = max(
        datetime.fromisoformat(side.model.trained_through)
        for side in (found.candidate, found.other)
    )
    over = through + WINDOW
    project = load_project(company.config)
    with open_tables(project, lambda _: None) as (builder, _):
        grid = training_days(builder)
    expected = [f"{day:%Y-%m-%d}" for day in grid if day >= over]
    assert over in grid, "the boundary itself is a day of the grid"
    assert len([day for day in grid if day < over]) >= 5
    for versus in found.unseen:
        assert list(versus.days) == expected
    assert [versus.part for versus in found.unseen] == ["detractor", "promoter"]


def test_figures_are_those_of_each_model_on_those_rows(company, found):
    project = load_project(company.config)
    versus = found.unseen[0]
    with open_tables(project, lambda _: None) as (builder, _):
        days = [day for day in training_days(builder) if f"{day:%Y-%m-%d}" in versus.days]
        rows = examples_of(builder, builder.spine(days), builder.features_at(days))["detractor"]
    assert versus.rows == len(rows)
    for side, name in ((found.candidate, "candidate"), (found.other, "other")):
        part = dict(side.model.parts())["detractor"]
        predicted = part.probability(rows.frame)
        loss = np.average(
            -(rows.share * np.log(predicted) + (1 - rows.share) * np.log(1 - predicted)),
            weights=rows.weight,
        )
        assert getattr(versus.figures["log_loss"], name) == pytest.approx(loss)


def test_today_is_what_scoring_with_each_would_say(company, found, tmp_path):
    today = found.today
    assert today is not None
    for version in (1, 2):
        npsight("promote", "-c", company.config, "--version", str(version), "--force").succeeded()
        file = tmp_path / f"{version}.csv"
        npsight("score", "-c", company.config, "-o", file).succeeded()
        scores = pd.read_csv(file).sort_values("account", ignore_index=True)
        assert list(scores["account"]) == list(today.accounts["account"])
        np.testing.assert_allclose(
            scores["detractor_risk"], today.accounts[f"detractor_risk_v{version}"], atol=1e-12
        )
        calls = int(scores["within_capacity"].fillna(False).astype(bool).sum())
        assert calls == (today.listed.other if version == 1 else today.listed.candidate)
    npsight("promote", "-c", company.config, "--version", "1", "--force").succeeded()
    (moves,) = today.moves
    assert sum(moves.levels.values()) == 90
    sizes = [abs(mover.candidate - mover.other) for mover in moves.movers]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == max(
        abs(today.accounts["detractor_risk_v2"] - today.accounts["detractor_risk_v1"])
    )


def test_the_command_tells_and_writes_and_stores_nothing(company, tmp_path):
    before = state_of(company.state, "small")
    table, plot = tmp_path / "both.csv", tmp_path / "both.png"
    done = npsight(
        "compare",
        "-c",
        company.config,
        "--version",
        "2",
        "--with",
        "1",
        "-o",
        table,
        "--plot",
        plot,
    ).succeeded()
    for words in (
        "Version 2", "held against Version 1", "On days whose outcomes neither had seen",
        "On the 90 accounts of", "change their risk level", "Whose detractor risk moves most",
    ):  # fmt: skip
        assert words in done.out
    assert list(pd.read_csv(table)) == [
        "account", "name", "owner", "detractor_risk_v1", "detractor_risk_v2",
    ]  # fmt: skip
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert state_of(company.state, "small") == before


def test_the_other_way_round_says_the_opposite(company, found):
    back = compare(load_project(company.config), version=1, other=2)
    assert back.differences[1] == "1 feature no longer read: usage__days_since_last"
    for ours, theirs in zip(found.unseen, back.unseen, strict=True):
        assert ours.figures["log_loss"].gain == pytest.approx(-theirs.figures["log_loss"].gain)


def test_a_feature_that_the_project_no_longer_lists_is_computed_all_the_same(company, found):
    """A column that is no longer declared cannot be read, and the reason is told."""
    project = company.project
    features = project["features"]
    project["features"] = [line for line in features if line is not NEW]
    try:
        again = compare(load_project(company.write()))
        assert again.today is not None
        pd.testing.assert_frame_equal(again.today.accounts, found.today.accounts)
        measures = project["tables"]["activity"]["usage"].pop("measures")
        project["features"] = [
            {"source": "usage", "aggregate": "count", "windows": 30, "driver": "product_use"}
        ]
        told = compare(load_project(company.write()))
        assert told.today is None
        assert "version 1: it reads logins of usage, no longer declared" in told.today_why_not
        out = npsight("compare", "-c", company.config).succeeded().out
        assert "Not shown on today's accounts: version 1: it reads logins" in out
        project["tables"]["activity"]["usage"]["measures"] = measures
    finally:
        project["features"] = features
        company.write()


def test_wrong_versions_are_refused_with_the_way_out(company, tmp_path: Path):
    both = ("compare", "-c", company.config)
    npsight(*both, "--version", "1", "--with", "1").failed(
        CONFIG, "compared with itself", "--with M"
    )
    npsight(*both, "--version", "99").failed(NOT_FOUND, "npsight models")
    npsight(*both, "-o", tmp_path / "x.txt").failed(CONFIG, "`.txt` is no known format")
    npsight(*both, "--as-of", "2031-01-01").failed(CONFIG, "--as-of", "lies ahead of now")


def test_one_version_alone_is_not_compared(small):
    assert len(Tracking("small", small.state).versions()) == 1
    npsight("compare", "-c", small.config).failed(NOT_FOUND, "one version only", "train another")
