"""The demo company from tables to worklist: what a run leaves behind, and that it adds up."""

from __future__ import annotations

import csv
import json
import re
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import npsight
from demo_files import demo_project

from npsight.config.load import load_project
from npsight.config.specs import ProjectSpec
from npsight.drivers.explain import Explanation, explain
from npsight.features.history import history_columns
from npsight.jobs.building.frames import FeatureBuilder, silent
from npsight.jobs.train import train
from npsight.jobs.training.trainingdata import open_tables
from npsight.models.bundle import check_golden, unpack
from npsight.models.model import Model, Predictions
from npsight.store import ScoreRow, ScoreRun, open_store, store_file
from npsight.temporal.spine import midnight_after
from npsight.tracking import Tracking, read_cached

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Scored:
    """Everything about the latest run, aligned by row."""

    project: ProjectSpec
    run: ScoreRun
    rows: list[ScoreRow]
    frame: pd.DataFrame
    model: Model
    predicted: Predictions
    explained: Explanation


@pytest.fixture(scope="module")
def project(demo_config: Path) -> ProjectSpec:
    return load_project(demo_config)


@pytest.fixture(scope="module")
def tables(project: ProjectSpec) -> Iterator[FeatureBuilder]:
    with open_tables(project, silent) as (builder, _):
        yield builder


@pytest.fixture(scope="module")
def scored(project: ProjectSpec, tables: FeatureBuilder) -> Scored:
    with closing(open_store(store_file(project.state_dir))) as store:
        run = store.latest_run(project.name)
        rows = {row.account: row for row in store.scores(run.id)}
    frame = tables.features(tables.spine([run.as_of.replace(tzinfo=None)]))
    version, files = read_cached(project.state_dir)
    model = unpack(files)
    check_golden(model, files)
    assert version == run.model_version == 1
    in_order = [rows[account] for account in frame["account"]]
    return Scored(project, run, in_order, frame, model, model.predict(frame), explain(model, frame))


def shown(scored: Scored, name: str) -> np.ndarray:
    return np.array([getattr(row, name) for row in scored.rows], dtype=np.float64)


# --- What training leaves behind ----------------------------------------------------------------


def test_train_prints_every_contender_and_the_digest(demo_config):
    out = (demo_config.parent / "train.out").read_text()
    for title in ("Detractor risk: ", "Promoter, given no detractor: ", "Churn risk: "):
        assert title in out
    for contender in ("chosen", "prior", "logistic", "lightgbm", "rule `", "base rate"):
        assert contender in out
    assert re.search(r"Model digest  [0-9a-f]{64}\n", out)
    assert "Registered as version 1, champion" in out
    assert "Next-period NPS of those who answered" in out


def test_model_card(project):
    card = (project.state_dir / "models" / "v1" / "card.md").read_text()
    for heading in ("Detractor risk", "Promoter, given no detractor", "Churn risk",
                    "Next-period NPS", "Who answers", "Limits"):  # fmt: skip
        assert f"## {heading}\n" in card
    assert "A feature reads only facts that had happened and were known before as_of." in card
    assert "not shown to be its reason" in card
    assert "Intervals are made of: common error of a period" in card
    assert re.search(r"^\| company \| [\d+-]+ answers \| \d of 2 \(\d+%\) \|", card, re.M)
    assert re.search(r"^\| segment \| [\d+-]+ answers \| \d+ of \d+ \(\d+%\) \|", card, re.M)
    assert re.search(r"Data digest `[0-9a-f]{16}`, seed 7\.", card)
    origins = set(re.findall(r"^\| (\d{4}-\d\d-\d\d) \| chosen", card, re.M))
    assert len(origins) == 2
    assert card.count("| prior |") >= 2 * 3
    assert read_cached(project.state_dir)[1]["card.md"].decode() == card


def test_mlflow_run_holds_parameters_metrics_pictures_and_bundle(project):
    state = project.state_dir
    info = Tracking(project.name, state).versions()[0]
    assert (info.version, info.aliases) == (1, ("champion",))
    with warnings.catch_warnings():
        # MLflow uses what newer SQLAlchemy and pydantic deprecate.
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{state}/mlflow.db")
        run = client.get_run(info.run_id)
        artifacts = {
            file.path
            for folder in (None, "pictures", "bundle")
            for file in client.list_artifacts(info.run_id, folder)
        }
    assert run.info.status == "FINISHED"
    assert run.data.params["training.max_trees"] == "60"
    assert run.data.params["training.seed"] == "7"
    assert int(run.data.params["features"]) == len(project.features)
    window = {"detractor.gap_days": "14", "detractor.horizon_days": "90"}
    assert {"detractor.chosen", "as_of_first", "as_of_last", *window} <= set(run.data.params)
    assert window.items() <= run.data.params.items()
    for part in ("detractor", "promoter", "churn"):
        for contender in ("chosen", "prior", "logistic", "lightgbm", "base_rate"):
            for figure in ("auc", "brier", "log_loss", "calibration_error"):
                assert f"{part}_{contender}_{figure}" in run.data.metrics
        for picture in ("calibration", "lift", "beeswarm"):
            assert f"pictures/{picture}_{part}.png" in artifacts
    assert "nps_chosen_company_error" in run.data.metrics
    assert {"response_auc", "response_calibration_error"} <= set(run.data.metrics)
    assert 0 <= run.data.metrics["coverage_company_80"] <= 1
    assert {"card.md", "features.json", "bundle/manifest.json", "bundle/model.json",
            "bundle/golden.json"} <= artifacts  # fmt: skip
    assert run.data.tags["model_digest"] == info.digest
    (picture,) = state.glob("mlartifacts/*/artifacts/pictures/beeswarm_churn.png")
    assert picture.read_bytes().startswith(PNG)
    assert picture.stat().st_size > 5_000


def test_no_pickle_is_kept(project):
    kept = [f for f in project.state_dir.rglob("*") if f.is_file()]
    assert kept
    assert not [f for f in kept if f.suffix in (".pkl", ".pickle", ".joblib", ".cloudpickle")]


def test_the_same_seed_and_data_give_the_same_digests(project, demo_config, tmp_path):
    again = load_project(demo_project(tmp_path, demo_config.parent / "data"))
    result = train(again)
    first = Tracking(project.name, project.state_dir).versions()[0]
    with closing(open_store(store_file(project.state_dir))) as store:
        run = store.latest_run(project.name)
    assert (result.version, result.alias) == (1, "champion")
    assert result.digest == first.digest == run.model_digest
    assert result.data_digest == run.data_digest
    card = (project.state_dir / "models" / "v1" / "card.md").read_text()
    assert result.card == card


# --- Scores -------------------------------------------------------------------------------------


def test_every_account_alive_is_scored(scored, tables):
    as_of = scored.run.as_of.replace(tzinfo=None)
    assert as_of == midnight_after(tables.facts.data_end)
    accounts = pd.read_csv(
        scored.project.tables.accounts.path, parse_dates=["created_at"], dtype={"account_id": str}
    )
    contracts = pd.read_csv(
        scored.project.tables.subscriptions.path, parse_dates=["ended_at", "cancelled_at"]
    )
    cut = pd.Timestamp(as_of, tz="UTC")
    over = (contracts["ended_at"] < cut) & (contracts["cancelled_at"] < cut)
    alive = set(contracts.loc[~over, "account_id"]) & set(
        accounts.loc[accounts["created_at"] < cut, "account_id"]
    )
    assert {row.account for row in scored.rows} == alive
    assert scored.run.account_count == len(scored.rows) == len(alive)


def test_silent_accounts_are_scored_and_listed(scored):
    silent = [row for row in scored.rows if row.last_score is None]
    answered = [row for row in scored.rows if row.last_score is not None]
    assert len(silent) > 5
    assert len(answered) > 100
    assert {row.band_now for row in silent} == {"silent"}
    for row in silent:
        assert 0 < row.detractor_risk < 1
        assert 0 < row.churn_risk < 1
        assert row.drivers
    assert any(row.rank is not None for row in silent)


def test_bands_sum_to_one_and_nps_follows_from_them(scored):
    detractor, promoter = shown(scored, "detractor_risk"), shown(scored, "promoter_prob")
    passive = 1 - detractor - promoter
    assert ((detractor > 0) & (promoter > 0) & (passive > 0)).all()
    np.testing.assert_allclose(
        shown(scored, "predicted_nps"), 100 * (promoter - detractor), rtol=0, atol=1e-12
    )


def test_everybody_may_answer_and_answers_are_few(scored):
    chance, expected = shown(scored, "answer_prob"), shown(scored, "expected_answers")
    assert ((chance > 0) & (chance < 1)).all()
    assert (expected > 0).all()
    assert np.corrcoef(chance, expected)[0, 1] > 0.9
    assert 0.2 < chance.mean() < 0.8
    assert 0.7 * chance.mean() < expected.mean() < 2 * chance.mean()


def test_intervals_hold_the_prediction_and_each_other(scored):
    nps = shown(scored, "predicted_nps")
    bounds = [shown(scored, f"nps_{side}_{level}")
              for side, level in (("low", 95), ("low", 80), ("high", 80), ("high", 95))]  # fmt: skip
    order = np.column_stack([np.full(len(nps), -100), *bounds[:2], nps, *bounds[2:],
                             np.full(len(nps), 100)])  # fmt: skip
    assert (np.diff(order, axis=1) >= 0).all()
    assert (bounds[1] < bounds[2]).all()


def test_scores_are_the_same_after_reloading_the_bundle(scored):
    for name, values in (
        ("detractor_risk", scored.predicted.detractor),
        ("promoter_prob", scored.predicted.promoter),
        ("predicted_nps", scored.predicted.nps),
        ("churn_risk", scored.predicted.churn),
        ("answer_prob", scored.predicted.answer_prob),
        ("expected_answers", scored.predicted.expected_answers),
    ):
        np.testing.assert_array_equal(shown(scored, name), values)


@pytest.mark.parametrize(
    ("number", "points"),
    [("detractor_risk", "risk"), ("predicted_nps", "nps"), ("churn_risk", "churn")],
)
def test_driver_points_of_all_accounts_add_up(scored, number, points):
    found = getattr(scored.explained, points)
    total = found.base + found.values.sum(axis=1)
    assert np.abs(total - shown(scored, number)).max() < 1e-9
    moved = found.values.any(axis=1).mean()
    if points == "churn" and not scored.model.churn.has_skill:
        # Nobody is told apart: the base rate is all there is to explain.
        assert moved == 0.0
    else:
        assert moved > 0.9


def test_contributions_of_all_accounts_add_up(scored):
    assert set(scored.explained.contributions) == {"detractor", "promoter", "churn"}
    for name, split in scored.explained.contributions.items():
        part = getattr(scored.model, name)
        gap = np.abs(split.base + split.values.sum(axis=1) - part.raw(scored.frame)).max()
        assert gap < 1e-6


def test_stored_drivers_add_up_to_the_displayed_numbers(scored):
    for row in scored.rows:
        risk = row.base_risk + sum(d["points"] for d in row.drivers)
        nps = row.base_nps + sum(d["nps_points"] for d in row.drivers)
        churn = row.base_churn + sum(d["points"] for d in row.churn_drivers)
        assert risk == pytest.approx(row.detractor_risk, abs=1e-9)
        assert nps == pytest.approx(row.predicted_nps, abs=1e-7)
        assert churn == pytest.approx(row.churn_risk, abs=1e-9)
        assert all(d["sentence"].strip() for d in [*row.drivers, *row.churn_drivers])
        assert not any(re.search(r"\bcause|\bnan\b|\bNone\b", d["sentence"]) for d in row.drivers)


def test_ranks_are_whole_and_promoters_are_not_called(scored):
    ranks = sorted(row.rank for row in scored.rows if row.rank is not None)
    assert ranks == list(range(1, len(ranks) + 1))
    assert not [row for row in scored.rows if row.rank is not None and row.band_now == "promoter"]


# --- Time ---------------------------------------------------------------------------------------


def test_an_earlier_as_of_sees_nothing_later(project, demo_config, tables, tmp_path):
    """Scoring as of D on all data is scoring on data that were cut at D."""
    cut = pd.Timestamp("2024-10-13", tz="UTC")
    assert cut.tz_localize(None) < tables.facts.data_end - pd.Timedelta(days=100)
    cut_data(demo_config.parent / "data", tmp_path / "data", cut)
    file = demo_project(tmp_path, tmp_path / "data")
    as_of = cut.tz_localize(None).to_pydatetime()
    whole = tables.features(tables.spine([as_of]))
    with open_tables(load_project(file), silent) as (builder, _):
        assert builder.facts.data_end < as_of
        known = builder.features(builder.spine([as_of]))
    assert len(whole) > 150
    assert {spec.name for spec in project.features} | set(history_columns()) <= set(whole)
    pd.testing.assert_frame_equal(known, whole, check_exact=True)
    later = tables.features(tables.spine([as_of + pd.Timedelta(days=60)]))
    assert not whole["responses__count__365d"].equals(later["responses__count__365d"])
    model = unpack(read_cached(project.state_dir)[1])
    np.testing.assert_array_equal(model.predict(known).nps, model.predict(whole).nps)


def cut_data(source: Path, target: Path, cut: pd.Timestamp) -> None:
    """Copy the tables without anything that happened, or became known, at or after `cut`."""
    target.mkdir()

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(source / name, dtype=str, keep_default_na=False)

    def before(column: pd.Series) -> pd.Series:
        at = pd.to_datetime(column.replace("", None), utc=True, errors="coerce", format="ISO8601")
        return at.isna() | (at < cut)

    def write(frame: pd.DataFrame, name: str) -> None:
        frame.to_csv(target / name, index=False)

    accounts = read("accounts.csv")
    write(accounts[before(accounts["valid_from"])], "accounts.csv")
    surveys = read("surveys.csv")
    surveys = surveys[before(surveys["invited_at"])]
    answered = before(surveys["answered_at"]) & before(surveys["synced_at"])
    surveys.loc[~answered, ["answered_at", "synced_at", "score", "comment"]] = ""
    write(surveys, "surveys.csv")
    tickets = read("tickets.csv")
    tickets = tickets[before(tickets["opened_at"]) & before(tickets["known_at"])]
    resolved = before(tickets["resolved_at"]) & before(tickets["resolution_known_at"])
    late = ["resolved_at", "resolution_known_at", "resolution_hours"]
    tickets.loc[~resolved, late] = ""
    write(tickets, "tickets.csv")
    invoices = read("invoices.csv")
    invoices = invoices[before(invoices["issued_at"])]
    invoices.loc[~before(invoices["paid_at"]), ["paid_at", "days_late"]] = ""
    write(invoices, "invoices.csv")
    touches = read("touches.csv")
    write(touches[before(touches["occurred_at"]) & before(touches["known_at"])], "touches.csv")
    contracts = read("subscriptions.csv")
    contracts = contracts[before(contracts["started_at"])]
    contracts.loc[~before(contracts["cancelled_at"]), ["ended_at", "cancelled_at"]] = ""
    write(contracts, "subscriptions.csv")
    usage = pd.read_parquet(source / "usage.parquet")
    kept = before(usage["day"].astype(str)) & before(usage["known_at"].astype(str))
    usage[kept].to_parquet(target / "usage.parquet", index=False)


# --- What people see ----------------------------------------------------------------------------


def test_worklist_shows_names_reasons_and_numbers(scored, demo_config):
    wide = {"COLUMNS": "600"}
    out = npsight("worklist", "-c", demo_config, "--top", "5", environment=wide).succeeded().out
    listed = sorted((r for r in scored.rows if r.rank is not None), key=lambda r: r.rank)
    for row in listed[:5]:
        assert row.name in out
        assert row.account in out
        assert f"{100 * row.detractor_risk:.0f} %" in out
        assert f"{row.predicted_nps:+.0f}" in out
        raising = [d for d in row.drivers if d["points"] > 0][:2]
        for driver in raising:
            assert f"{100 * driver['points']:+.0f}\u00a0point" in out
            assert driver["sentence"] in out
    assert listed[5].account not in out
    assert f"{len(listed)} accounts are listed" in out
    assert "npsight explain ACCOUNT" in out


def test_worklist_of_one_owner(scored, demo_config):
    owners = {r.owner for r in scored.rows if r.rank is not None and r.owner}
    owner = sorted(owners)[0]
    theirs = [r for r in scored.rows if r.rank is not None and r.owner == owner]
    out = npsight("worklist", "-c", demo_config, "--owner", owner, "--top", "500").succeeded().out
    assert all(row.account in out for row in theirs)
    assert sum(row.account in out for row in scored.rows) == len(theirs)


def test_explain_shows_one_account(scored, demo_config, tmp_path):
    row = min((r for r in scored.rows if r.rank is not None), key=lambda r: r.rank)
    plot = tmp_path / "plots" / "why.png"
    arguments = ("explain", row.account, "-c", demo_config, "--plot", plot)
    out = npsight(*arguments).succeeded().out
    assert row.name in out
    assert f"Detractor risk {100 * row.detractor_risk:.0f} %" in out
    assert f"{100 * row.base_risk:.0f} % on average" in out
    assert f"Churn risk {100 * row.churn_risk:.0f} %" in out
    assert f"Next-period NPS {row.predicted_nps:+.0f} (80 %: {row.nps_low_80:+.0f}" in out
    for driver in [*row.drivers, *row.churn_drivers]:
        assert f"{100 * driver['points']:+.1f}" in out
        assert driver["label"] in out
    assert max(row.drivers, key=lambda d: d["points"])["sentence"][:40] in out
    assert plot.read_bytes().startswith(PNG)
    assert plot.stat().st_size > 5_000
    assert list(plot.parent.iterdir()) == [plot]


def test_explain_an_unknown_account(demo_config, tmp_path):
    plot = tmp_path / "why.png"
    outcome = npsight("explain", "A999999", "-c", demo_config, "--plot", plot)
    outcome.failed(7, "no account with the key 'A999999'", "check the key or the name")
    assert not plot.exists()


def test_explain_finds_an_account_by_its_name(scored, demo_config):
    rows = scored.rows
    one = next(r for r in rows if sum(r.name == other.name for other in rows) == 1)
    out = npsight("explain", f"  {one.name.upper()} ", "-c", demo_config).succeeded().out
    assert out.splitlines()[0].split() == [*one.name.split(), one.account]


def test_explain_names_the_accounts_that_are_called_so(scored, demo_config):
    outcome = npsight("explain", "a0000", "-c", demo_config)
    first = sorted((r.account, r.name) for r in scored.rows if r.account.startswith("A0000"))[:10]
    told = [f"{account} ({name})" for account, name in first]
    outcome.failed(7, "several are called so", *told, "and others")


def test_export_csv_is_safe_in_a_spreadsheet(scored, demo_config, tmp_path):
    file = tmp_path / "new" / "scores.csv"
    assert "accounts to" in npsight("export", file, "-c", demo_config).succeeded().out
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == len(scored.rows)
    number = re.compile(r"-?[\d.]+(e-?\d+)?")
    risky = [
        cell
        for row in rows
        for cell in row.values()
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not number.fullmatch(cell)
    ]
    assert risky == []
    names = {row.account: row.name for row in scored.rows}
    awkward = {a for a, name in names.items() if name and name.startswith(("=", "+", "-", "@"))}
    by_account = {row["account"]: row for row in rows}
    assert all(by_account[a]["name"] == "'" + names[a] for a in awkward)
    for row in scored.rows:
        assert float(by_account[row.account]["detractor_risk"]) == row.detractor_risk
        assert json.loads(by_account[row.account]["drivers"]) == row.drivers
    assert list(file.parent.iterdir()) == [file]


def test_export_parquet_keeps_numbers_and_names_as_they_are(scored, demo_config, tmp_path):
    file = tmp_path / "scores.parquet"
    npsight("export", file, "-c", demo_config).succeeded()
    frame = pd.read_parquet(file).set_index("account")
    assert len(frame) == len(scored.rows)
    for row in scored.rows:
        assert frame.loc[row.account, "predicted_nps"] == row.predicted_nps
        assert frame.loc[row.account, "name"] == row.name
    assert set(frame["model_version"]) == {1}


def test_truth_prints_figures(demo_config):
    arguments = ("truth", "-c", demo_config, "--truth", demo_config.parent / "data")
    out = npsight(*arguments).succeeded().out
    aucs = re.search(
        r"AUC\s+model (0\.\d{3}) · true probability on the day (0\.\d{3}) · at the moment of "
        r"the answer (0\.\d{3})",
        out,
    )
    assert aucs
    assert 0.5 < float(aucs[1]) < 1
    assert 0.5 < float(aucs[2]) <= float(aucs[3]) + 0.1
    assert re.search(r"calibration error against the true level: 0\.\d{3} over \d+ accounts", out)
    assert "silent ones" in out
    assert "nan" not in out


def test_models_lists_the_champion(demo_config):
    out = npsight("models", "-c", demo_config).succeeded().out
    assert re.search(r"1 +│ champion +│ [\d: -]+│ 20\d\d-\d\d-\d\d +│ [0-9a-f]{12} +│ passed", out)


def test_company_nps_of_the_score_command(scored, demo_config):
    out = (demo_config.parent / "score.out").read_text()
    shown_nps = re.compile(
        r"Next-period NPS (if everyone answered|as the survey will report it): ([+-]\d+) "
        r"\(80 %: ([+-]\d+) to ([+-]\d+), 95 %: ([+-]\d+) to ([+-]\d+)\)"
    )
    told = {name: [int(n) for n in numbers] for name, *numbers in shown_nps.findall(out)}
    mean = float(np.mean(scored.predicted.nps))
    weight = scored.predicted.expected_answers
    heard = float(np.average(scored.predicted.nps, weights=weight))
    assert told["if everyone answered"][0] == round(mean)
    assert told["as the survey will report it"][0] == round(heard)
    for _, low_80, high_80, low_95, high_95 in told.values():
        assert low_95 < low_80 < high_80 < high_95
    assert f"from about {weight.sum():,.0f} answers." in out
    assert f"Scored {len(scored.rows)} accounts" in out
