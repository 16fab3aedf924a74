"""`npsight monitor`: forecasts kept while nobody knew, and judged when their window has ended."""

from __future__ import annotations

import copy
import shutil
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import npsight
from small_company import FIRST_DAY, SmallCompany
from state_of import state_of

from npsight.config.load import load_project
from npsight.jobs.monitor import Monitored, TargetFound, monitor
from npsight.jobs.scoring.came import Came
from npsight.jobs.scoring.forecasts import FOLDER, kept_forecasts
from npsight.store import open_project_store
from npsight.store.runpages import run_page

CONFIG, NOT_FOUND, STATE, MISSED = 2, 7, 8, 12
GAP, HORIZON = timedelta(days=7), timedelta(days=53)
WINDOW = GAP + HORIZON
BEGIN = datetime.combine(FIRST_DAY, time())
SCORED = (330, 333, 337, 346, 480, 540, 541)
"""Days of the company's life on which it was scored; 333 and 541 lie within a week of another."""
PNG = b"\x89PNG\r\n\x1a\n"


def known_before(company: SmallCompany, whole: dict, day: int) -> None:
    """The tables as they were that many days into the company's life."""
    end = FIRST_DAY + timedelta(days=day)
    company.tables = copy.deepcopy(whole)
    for name, column in (("answers", 2), ("usage", 1)):
        head, *rows = company.tables[name]
        company.tables[name] = [head, *(row for row in rows if row[column] < end)]
    # Something became known on the last day, so that the next midnight is scored.
    company.tables["usage"].append(["a000", end - timedelta(days=1), 9])
    company.write()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Trained with 330 days, scored on `SCORED`, and then 600 days became known."""
    company = SmallCompany(tmp_path_factory.mktemp("monitored"), accounts=120, days=600, seed=4)
    company.project["targets"]["detractor"] = {"gap_days": 7, "horizon_days": 53}
    whole = company.tables
    for day in SCORED:
        known_before(company, whole, day)
        if day == SCORED[0]:
            npsight("train", "-c", company.config).succeeded()
        npsight("score", "-c", company.config).succeeded()
    company.tables = whole
    company.write()
    return company


@pytest.fixture(scope="module")
def found(company: SmallCompany) -> Monitored:
    return monitor(load_project(company.config))


def day(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


def test_one_forecast_a_week_is_kept(found):
    """333 is three days after 330; 337 a week, to the hour; 541 a day after 540."""
    assert found.kept == tuple(day(n) for n in (330, 337, 346, 480, 540))


def test_those_are_judged_whose_window_has_ended(found):
    came = the_only(found)[1]
    assert found.data_end < day(600)
    assert [d.as_of for d in came.days] == [day(n) for n in (330, 337, 346, 480)]
    assert day(540) + WINDOW > found.data_end
    assert found.next_day == {}


def the_only(found: Monitored) -> tuple[TargetFound, Came]:
    (target,) = found.targets
    return target, target.came


def answers_of(company: SmallCompany) -> dict[tuple[str, datetime], list[int]]:
    """The oracle: scores in `[D + 7 days, D + 60 days)` of each account and day, read in a loop."""
    found: dict[tuple[str, datetime], list[int]] = {}
    for _, account, at, score in company.tables["answers"][1:]:
        answered = datetime.combine(at, time())
        for number in (330, 337, 346, 480):
            if day(number) + GAP <= answered < day(number) + GAP + HORIZON:
                found.setdefault((account, day(number)), []).append(int(score))
    return found


def test_forecast_and_outcome_stand_side_by_side(company, found):
    project = load_project(company.config)
    answers = answers_of(company)
    rows = found.outcomes
    assert set(rows["target"]) == {"detractor"}
    assert list(zip(rows["account"], rows["as_of"].dt.to_pydatetime(), strict=True)) == sorted(
        answers, key=lambda key: (key[1], key[0])
    )
    for row in rows.itertuples():
        scores = answers[row.account, row.as_of.to_pydatetime()]
        assert row.came == pytest.approx(sum(s <= 6 for s in scores) / len(scores))
    store = open_project_store(project)
    for run in store.runs(project.name):
        at = run.as_of.replace(tzinfo=None)
        of_day = rows[rows["as_of"] == at]
        stored = store.scores_of(run.id, list(of_day["account"]))
        for row in of_day.itertuples():
            assert row.risk == pytest.approx(stored[row.account].detractor_risk, abs=1e-9)
            assert row.version == run.model_version
    store.close()
    assert not np.allclose(rows["risk"], rows["prior"])


def test_the_figures_are_those_of_the_rows(company, found):
    came = the_only(found)[1]
    rows = found.outcomes
    assert came.rows == len(rows) > 150
    assert came.accounts == rows["account"].nunique()
    assert came.forecast == pytest.approx(rows["risk"].mean())
    assert came.came == pytest.approx(rows["came"].mean())
    assert came.between.low < came.came < came.between.high
    for told, (at, of_day) in zip(came.days, rows.groupby("as_of"), strict=True):
        assert (told.as_of, told.rows) == (at, len(of_day))
        assert told.forecast == pytest.approx(of_day["risk"].mean())
        assert told.came == pytest.approx(of_day["came"].mean())
    worklist = load_project(company.config).worklist
    high, medium = worklist.high_risk, worklist.medium_risk
    limits = ((high, 2.0), (medium, high), (-1.0, medium))
    names = ("high", "medium", "low")
    for level, name, (low, high) in zip(came.levels, names, limits, strict=True):
        held = rows[(rows["risk"] >= low) & (rows["risk"] < high)]
        assert (level.found.level, level.found.rows) == (name, len(held))
        if len(held):
            assert level.found.observed == pytest.approx(held["came"].mean())
            assert level.forecast == pytest.approx(held["risk"].mean())


def auc(risk: np.ndarray, came: np.ndarray) -> float:
    """Pairs of an event and a non-event, ties half; a row of share q is q events."""
    above = (risk[:, None] > risk) + 0.5 * (risk[:, None] == risk)
    pairs = came[:, None] * (1 - came)
    return float((above * pairs).sum() / pairs.sum())


def test_the_ranking_is_judged_within_days(found):
    target = the_only(found)[0]
    of_days = [
        auc(rows["risk"].to_numpy(), rows["came"].to_numpy())
        for _, rows in found.outcomes.groupby("as_of")
    ]
    pair = target.against_level.figures["auc"]
    assert pair.candidate == pytest.approx(np.mean(of_days))
    assert pair.gain == pytest.approx(pair.candidate - 0.5)
    assert target.ranks is (pair.interval.low > 0)
    assert target.promised is not None


def test_nps_weighs_by_answers(company, found):
    project = load_project(company.config)
    answers = answers_of(company)
    kept = {forecast.as_of: forecast.rows for forecast in kept_forecasts(project)}
    assert [n.as_of for n in found.nps] == [day(n) for n in (330, 337, 346, 480)]
    for told in found.nps:
        mine = {account: s for (account, at), s in answers.items() if at == told.as_of}
        scores = [s for of_account in mine.values() for s in of_account]
        net = sum(s >= 9 for s in scores) - sum(s <= 6 for s in scores)
        assert (told.answers, told.came) == (len(scores), pytest.approx(100 * net / len(scores)))
        rows = kept[told.as_of].set_index("account")
        foreseen = sum(rows.loc[account, "nps"] * len(s) for account, s in mine.items())
        assert told.forecast == pytest.approx(foreseen / len(scores))


def test_the_command_says_it(company, found, tmp_path):
    target, came = the_only(found)
    plot, file = tmp_path / "monitor.png", tmp_path / "monitor.parquet"
    before = state_of(company.state, "small")
    out = npsight("monitor", "-c", company.config, "--plot", plot, "-o", file).succeeded().out
    assert state_of(company.state, "small") == before
    assert f"Detractor risk: {came.rows} forecasts of {came.accounts} accounts, on 4 days" in out
    assert f"forecast {100 * came.forecast:.0f} %, came {100 * came.came:.0f} %" in out
    assert came.verdict in out
    assert f"AUC {target.against_level.figures['auc'].candidate:.3f}" in out
    assert f"the backtest said {target.promised:.3f}" in out
    assert plot.read_bytes().startswith(PNG)
    pd.testing.assert_frame_equal(pd.read_parquet(file), found.outcomes)


def moved(found: Monitored, by: float) -> Monitored:
    """The same judged as if so much more had come."""
    import dataclasses

    target, came = the_only(found)
    bounds = came.between
    other = dataclasses.replace(
        came,
        came=came.forecast + by,
        between=type(bounds)(came.forecast + by - 0.01, came.forecast + by + 0.01),
    )
    return dataclasses.replace(found, targets=(dataclasses.replace(target, came=other),))


@pytest.mark.parametrize(
    ("by", "verdict"),
    [
        (0.0, "as forecast"),
        (0.029, "as forecast"),
        (0.031, "more than forecast"),
        (-0.031, "less than forecast"),
    ],
)
def test_a_difference_counts_beyond_chance_and_tolerance(found, by, verdict):
    _, came = the_only(moved(found, by))
    assert came.tolerance == 0.03
    assert came.verdict == verdict


def unranking(found: Monitored) -> Monitored:
    """The same with an AUC whose interval begins at chance."""
    import dataclasses

    target, _ = the_only(found)
    auc = target.against_level.figures["auc"]
    bounds = type(auc.interval)(0.0, 0.2)
    figures = {**target.against_level.figures, "auc": dataclasses.replace(auc, interval=bounds)}
    against = dataclasses.replace(target.against_level, figures=figures)
    other = dataclasses.replace(target, against_level=against)
    return dataclasses.replace(found, targets=(other,))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda found: moved(found, 0.0), ""),
        (lambda found: moved(found, -0.031), ""),
        (lambda found: moved(found, 0.031), "more came than forecast"),
        (unranking, "ranks accounts no better than chance"),
    ],
    ids=["as forecast", "less", "more", "ranks no more"],
)
def test_strict_ends_with_a_code_where_the_model_is_not_right(
    company, found, monkeypatch, changed, words
):
    monkeypatch.setattr("npsight.jobs.monitor.monitor", lambda *_: changed(found))
    npsight("monitor", "-c", company.config).succeeded()
    said = npsight("monitor", "-c", company.config, "--strict")
    if words:
        said.failed(MISSED, words, "train again")
        assert "Forecasts of" in said.out
    else:
        said.succeeded()


# --- Boundaries -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Trained after 330 days; to be copied."""
    company = SmallCompany(tmp_path_factory.mktemp("trained") / "company", accounts=60, days=330)
    company.project["targets"]["detractor"] = {"gap_days": 7, "horizon_days": 53}
    company.write()
    npsight("train", "-c", company.config).succeeded()
    return company


def known_until(trained: SmallCompany, folder: Path, last: datetime) -> SmallCompany:
    """A copy with one more fact, known at exactly `last`."""
    company = copy.deepcopy(trained)
    company.folder = folder / "company"
    shutil.copytree(trained.folder, company.folder)
    company.tables["usage"].append(["a000", last.isoformat(), 9])
    company.write()
    return company


@pytest.mark.parametrize(
    ("last", "kept"),
    [
        (day(330) + GAP, True),
        (day(330) + GAP + timedelta(microseconds=1), False),
    ],
    ids=["at the window's start", "behind it"],
)
def test_a_forecast_is_kept_while_nothing_of_its_window_is_known(trained, tmp_path, last, kept):
    company = known_until(trained, tmp_path, last)
    npsight("score", "-c", company.config, "--as-of", f"{day(330):%Y-%m-%d}").succeeded()
    forecasts = kept_forecasts(load_project(company.config))
    assert [f.as_of for f in forecasts] == ([day(330)] if kept else [])


@pytest.mark.parametrize(
    ("end", "judged"),
    [
        (day(330) + WINDOW, True),
        (day(330) + WINDOW - timedelta(microseconds=1), False),
    ],
    ids=["at the window's end", "before it"],
)
def test_a_forecast_is_judged_once_its_window_has_ended(trained, tmp_path, end, judged):
    company = known_until(trained, tmp_path, day(330) - timedelta(hours=1))
    npsight("score", "-c", company.config).succeeded()
    inside = (day(330) + GAP, day(330) + WINDOW - timedelta(microseconds=2))
    outside = (day(330) + GAP - timedelta(microseconds=1), end)
    for n, at in enumerate((*inside, *outside)):
        company.tables["answers"].append([f"new{n}", f"a{n:03d}", at.isoformat(), 3])
    company.write()
    found = monitor(load_project(company.config))
    assert found.data_end == end
    if judged:
        assert list(found.outcomes["account"]) == ["a000", "a001"]
        assert found.next_day == {}
    else:
        assert found.targets == ()
        assert found.next_day == {"detractor": (day(330), day(330) + WINDOW)}
        out = npsight("monitor", "-c", company.config).succeeded().out
        assert "nothing to judge yet" in out
        assert f"{day(330) + WINDOW:%Y-%m-%d}" in out


# --- What is kept, and what is not ----------------------------------------------------------------


def test_scoring_a_day_again_replaces_its_forecast(trained, tmp_path):
    company = known_until(trained, tmp_path, day(330) - timedelta(hours=1))
    npsight("score", "-c", company.config).succeeded()
    npsight("score", "-c", company.config).succeeded()
    (file,) = (company.state / FOLDER).iterdir()
    assert file.name == f"{day(330):%Y-%m-%d}T000000Z.parquet"
    table = pd.read_parquet(file)
    assert list(table) == ["account", "as_of", "risk_detractor", "prior_detractor", "nps"]
    assert table["account"].is_unique


def test_another_window_is_left_out_and_said(trained, tmp_path):
    company = known_until(trained, tmp_path, day(330) - timedelta(hours=1))
    npsight("score", "-c", company.config).succeeded()
    company.project["targets"]["detractor"]["horizon_days"] = 60
    company.write()
    out = npsight("monitor", "-c", company.config).succeeded().out
    assert "1 of 1 forecasts have another window (gap 7, horizon 53 days)" in out


def test_the_next_run_tells_the_page_what_came(company, found):
    """In a copy: what the run of today leaves for the page is what the command says."""
    copied = SmallCompany(company.folder.parent / "copied")
    shutil.copytree(company.folder, copied.folder)
    (copied.state / FOLDER / "2020-01-01T000000Z.parquet").write_text("damaged")
    npsight("score", "-c", copied.config).succeeded()
    project = load_project(copied.config)
    with closing(open_project_store(project)) as store:
        page = run_page(store, store.latest_run(project.name).id, "came")
    assert page == {"targets": {}, "unreadable": True}
    (copied.state / FOLDER / "2020-01-01T000000Z.parquet").unlink()
    npsight("score", "-c", copied.config).succeeded()
    with closing(open_project_store(project)) as store:
        page = run_page(store, store.latest_run(project.name).id, "came")
    came = the_only(found)[1]
    told = page["targets"]["detractor"]
    assert (told["rows"], told["days"], told["verdict"]) == (came.rows, 4, came.verdict)
    assert (told["forecast"], told["came"]) == pytest.approx((came.forecast, came.came))
    assert [level["rows"] for level in told["levels"]] == [lv.found.rows for lv in came.levels]


def test_errors_name_the_way_out(tmp_path):
    company = SmallCompany(tmp_path)
    company.write()
    npsight("monitor", "-c", company.config).failed(NOT_FOUND, "no forecast", "npsight score")
    folder = company.state / FOLDER
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("not a forecast")
    (folder / ".2026-01-01T000000Z.parquet.tmp").write_text("half")
    npsight("monitor", "-c", company.config).failed(NOT_FOUND, "no forecast")
    (folder / "2026-01-01T000000Z.parquet").write_text("damaged")
    npsight("monitor", "-c", company.config).failed(STATE, "cannot be read", "delete it")


def test_the_oldest_go(tmp_path, monkeypatch):
    from npsight.jobs.scoring import forecasts

    monkeypatch.setattr(forecasts, "MOST", 3)
    project = load_project(SmallCompany(tmp_path).write())
    window = {"detractor": forecasts.OutcomeWindow(7, 53)}
    rows = pd.DataFrame({"account": ["a"], "as_of": [pd.Timestamp(BEGIN)]})
    for week in range(5):
        at = BEGIN + timedelta(weeks=week)
        kept = forecasts.keep_forecast(project, forecasts.Forecast(at, 1, window, rows), at)
        assert kept
    weeks = [BEGIN + timedelta(weeks=w) for w in (2, 3, 4)]
    assert [f.as_of for f in kept_forecasts(project)] == weeks
    assert all(f.as_of.tzinfo is None for f in kept_forecasts(project))
    assert datetime.now(UTC).replace(tzinfo=None) > weeks[0]
