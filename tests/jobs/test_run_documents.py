"""What a scoring run leaves for pages, on the trained demo company: one truth with the commands."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
import yaml
from browsed import Browsed

from npsight.config.load import load_project
from npsight.jobs.segments import segments
from npsight.models.bundle import figures_of, gates_of, reference_of_bundle
from npsight.service.state import Live, load_state
from npsight.store.runpages import run_page
from npsight.store.store import open_project_store
from npsight.tracking.cache import read_cached
from npsight.web.app import build_pages
from npsight.web.rendering import signed


@pytest.fixture(scope="module")
def documents(demo_config):
    """Of the newest run, by name."""
    project = load_project(demo_config)
    store = open_project_store(project)
    run = store.latest_run(project.name)
    found = {n: run_page(store, run.id, n) for n in ("segments", "themes", "drift", "model")}
    store.close()
    return found


@pytest.fixture(scope="module")
def report(demo_config):
    """What the command says of the same day."""
    return segments(load_project(demo_config))


@pytest.fixture(scope="module")
def browser(demo_config, tmp_path_factory):
    """Somebody signed in to pages over a copy of the state."""
    folder = tmp_path_factory.mktemp("pages") / "demo"
    shutil.copytree(
        demo_config.parent, folder, ignore=shutil.ignore_patterns("mlartifacts", "data")
    )
    config = folder / demo_config.name
    content = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**content, "state": "state"}, sort_keys=False))
    live = Live(load_state(config))
    return Browsed(build_pages(live), live).sign_in("viewer")


def plain(page: str) -> str:
    inline = re.sub(r"</?(?:span|strong|bdi|a)\b[^>]*>", "", page)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", inline)))


def test_the_page_and_the_command_have_the_same_numbers(documents, report):
    told = json.loads(json.dumps(report.to_json()))
    del told["losses_by_band"]
    shown = documents["segments"]
    assert shown.pop("left_out") == dict.fromkeys(report.groups, 0)
    assert shown == told


def test_the_page_shows_them(browser, report):
    words = plain(browser.get("/segments?by=plan").text)
    for one in report.groups["plan"]:
        low, high = one.now.interval(95)
        ahead = one.next_reported
        assert (
            f"{one.value} {one.accounts} {one.now.answers} {signed(one.now.nps)} "
            f"({signed(low)} to {signed(high)}) {signed(ahead.nps)} "
            f"({signed(ahead.low_95)} to {signed(ahead.high_95)})"
        ) in words


def test_comments_are_those_of_the_survey(documents, demo_config, report):
    """Oracle: the survey file, read without npsight."""
    file = yaml.safe_load(demo_config.read_text())["tables"]["responses"]["path"]
    survey = pd.read_csv(file, dtype=str).drop_duplicates("survey_id")
    for column in ("answered_at", "synced_at"):
        survey[column] = pd.to_datetime(survey[column], utc=True, errors="coerce").dt.tz_localize(
            None
        )
    score = pd.to_numeric(survey["score"], errors="coerce")
    survey = survey[score.between(0, 10) & (survey["synced_at"] < report.as_of)]
    company = documents["themes"]["company"]
    for place, period in list(enumerate(report.company.history))[-3:]:
        inside = survey["answered_at"].between(period.start, period.end, inclusive="left")
        comments = survey[inside]["comment"].dropna()
        # A few planted faults (merged or unknown accounts) are judged by `npsight check` alone.
        assert company["periods"][place]["answers"] == pytest.approx(len(comments), abs=3)
        naming = comments.str.contains(r"\b(?:support|helpdesk|ticket)", case=False).sum()
        found = next(t for t in company["themes"] if t["theme"] == "support")
        assert found["answers"][place] >= naming - 3


def test_no_example_tells_who_answered(documents):
    examples = documents["themes"]["examples"]
    assert examples
    assert {key for example in examples for key in example} == {
        "theme", "text", "band", "at", "account", "name", "owner", "groups",
    }  # fmt: skip
    assert max(len(example["text"]) for example in examples) <= 240


def test_the_model_is_told_of_as_its_bundle_does(documents, demo_config):
    project = load_project(demo_config)
    version, files = read_cached(project.state_dir)
    told = documents["model"]
    assert told["version"] == version
    assert told["gates"] == json.loads(json.dumps(gates_of(files).to_json()))
    assert told["figures"] == figures_of(files)
    assert told["card"] == files["card.md"].decode()
    assert documents["drift"]["reference"]["day"] == reference_of_bundle(files).day
    evaluation = json.loads(
        (project.state_dir / "models" / f"v{version}" / "evaluation.json").read_text()
    )
    curve = [p for p in evaluation["targets"]["detractor"]["curve"] if p["contender"] == "chosen"]
    assert told["figures"]["targets"]["detractor"]["curve"] == curve


def test_levels_came_true_as_the_backtests_rows_say(documents):
    levels = documents["model"]["figures"]["targets"]["detractor"]["levels"]
    chosen = next(
        s
        for s in documents["model"]["figures"]["targets"]["detractor"]["standings"]
        if (s["origin"], s["contender"]) == ("all", "chosen")
    )
    assert sum(level["rows"] for level in levels) == chosen["rows"]
    events = sum(level["rows"] * (level["observed"] or 0) for level in levels)
    assert events == pytest.approx(chosen["events"], abs=1e-6)


def test_drivers_of_the_page_are_those_of_the_segments(documents, report):
    means = {d.driver: d.points for d in report.company.drivers}
    told = documents["model"]["drivers"]["detractor"]
    assert {d["driver"]: d["mean"] for d in told} == pytest.approx(means)
    sizes = [d["size"] for d in told]
    assert sizes == sorted(sizes, reverse=True)


def test_the_drift_of_every_feature_is_told(documents, demo_config):
    project = load_project(demo_config)
    drift = documents["drift"]
    assert {m["feature"] for m in drift["features"]} == {s.name for s in project.features}
    assert {t["source"] for t in drift["tables"]} >= {"accounts", "responses", "usage"}
    assert all(t["rows"] for t in drift["tables"])
    assert sum(drift["scores"]["churn"]["bins"]) == drift["accounts"]


def test_the_pages_of_a_trained_company_open(browser):
    for path in ("/segments?by=industry", "/segments?by=plan&segment=team", "/model",
                 "/model/figures"):  # fmt: skip
        response = browser.get(path)
        assert response.status_code == 200, path
        assert "StrictUndefined" not in response.text
    words = plain(browser.get("/model").text)
    assert re.search(r"high risk 50 % and more (?:\d+ of ten answered|too few)", words)


def test_the_small_company_without_comments_or_churn_has_pages_too(small):
    project = load_project(Path(small.config))
    store = open_project_store(project)
    run = store.latest_run(project.name)
    found = run_page(store, run.id, "segments")
    themes = run_page(store, run.id, "themes")
    store.close()
    assert [s["value"] for s in found["groups"]["plan"]]
    assert found["company"]["churn_risk"] is None
    assert not any(period["answers"] for period in themes["company"]["periods"])
    assert found["period_days"] == 60
