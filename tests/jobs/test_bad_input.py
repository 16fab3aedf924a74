"""Bad input through the command line: what is said, the exit code, and nothing is harmed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import npsight
from small_company import SmallCompany
from state_of import state_of

CONFIG, DATA, NOTHING_TO_LEARN, INTEGRITY, NOT_FOUND, STATE = 2, 3, 4, 6, 7, 8


@pytest.fixture
def company(tmp_path: Path, small: SmallCompany) -> Iterator[SmallCompany]:
    """A company to spoil, whose state is that of the trained one: it must stay as it is."""
    before = state_of(small.state, "small")
    spoilt = SmallCompany(tmp_path)
    spoilt.project["state"] = str(small.state)
    spoilt.project["engine"] = {"threads": 1}
    yield spoilt
    assert state_of(small.state, "small") == before


def both(company: SmallCompany, code: int, *words: str) -> None:
    """Training and scoring both refuse."""
    refused(company, code, *words)
    npsight("score", "-c", company.config).failed(code, *words)


def refused(company: SmallCompany, code: int, *words: str) -> None:
    """Training refuses; scoring reads the tables in the same way."""
    npsight("train", "-c", company.write()).failed(code, *words)


def scores(company: SmallCompany, *given: object) -> None:
    """Give the answers these scores, over and over."""
    for place, row in enumerate(company.tables["answers"][1:]):
        row[3] = given[place % len(given)]


# --- Tables -------------------------------------------------------------------------------------


def test_missing_file(company):
    config = company.write()
    company.table("usage").rename(company.folder / "usages.csv")
    words = ("tables.activity.usage", "no such file", "usages.csv", str(company.table("usage")))
    npsight("train", "-c", config).failed(DATA, *words)
    npsight("score", "-c", config).failed(DATA, *words)


def test_all_missing_files_are_named_at_once(company):
    config = company.write()
    for name in company.tables:
        company.table(name).unlink()
    said = npsight("train", "-c", config).failed(DATA, "accounts.csv", "answers.csv", "usage.csv")
    assert "3 problems" in said.err


def test_missing_column(company):
    company.tables["answers"][0][3] = "Score"
    both(company, DATA, "score", "did you mean `Score`?", "answers.csv", "available: id")


def test_wrong_type(company):
    for row in company.tables["usage"][1:]:
        row[2] = "many"
    refused(company, DATA, "usage.csv", "`many`", "not a number", "quarantine")


def test_wrong_type_of_time(company):
    for row in company.tables["usage"][1:]:
        row[1] = "last week"
    refused(company, DATA, "`last week`", "not a time")


@pytest.mark.parametrize("table", ["accounts", "answers", "usage"])
def test_table_with_header_only(company, table):
    del company.tables[table][1:]
    refused(company, DATA, f"{table}.csv", "holds no rows")


def test_empty_file(company):
    company.tables["usage"] = []
    config = company.write()
    company.table("usage").write_text("")
    npsight("train", "-c", config).failed(DATA, "usage.csv", "holds no rows")


def test_no_csv_at_all(company):
    config = company.write()
    company.table("usage").write_bytes(os.urandom(4096))
    npsight("train", "-c", config).failed(DATA, "usage.csv")


def test_damaged_parquet(company):
    company.project["tables"]["activity"]["usage"]["path"] = "usage.parquet"
    config = company.write()
    (company.folder / "usage.parquet").write_bytes(b"PAR1 no PAR1")
    npsight("train", "-c", config).failed(DATA, "usage.parquet", "cannot be read as parquet")


def test_all_scores_blank(company):
    scores(company, "")
    refused(company, DATA, "no score", "are bad")


def test_invitations_but_no_answer(company):
    company.project["tables"]["responses"]["invited_at"] = "invited_at"
    company.tables["answers"][0].append("invited_at")
    for row in company.tables["answers"][1:]:
        row[2], row[3] = "", row.append(row[2]) or ""
    words = ("targets.detractor", "no answers", "champion stays")
    npsight("train", "-c", company.write()).failed(NOTHING_TO_LEARN, *words)


def test_a_single_response(company):
    del company.tables["answers"][2:]
    company.tables["answers"][1][2] = "2024-09-01"
    words = ("targets.detractor", "champion stays")
    npsight("train", "-c", company.write()).failed(NOTHING_TO_LEARN, *words)


@pytest.mark.parametrize(("given", "said"), [((9, 10), "no detractors"), ((2,), "detractors")])
def test_one_class_only(company, given, said):
    scores(company, *given)
    words = ("targets.detractor", "one class", said)
    npsight("train", "-c", company.write()).failed(NOTHING_TO_LEARN, *words)


def test_all_answers_on_one_day(company):
    for row in company.tables["answers"][1:]:
        row[2] = "2024-09-01"
    outcome = npsight("train", "-c", company.write())
    outcome.failed(NOTHING_TO_LEARN, "targets.detractor", "on one day (2024-09-01)")


def test_too_few_detractors(company):
    scores(company, 9)
    for row in company.tables["answers"][100:104]:
        row[3] = 2
    words = ("targets.detractor", "detractors", "at least 20")
    npsight("train", "-c", company.write()).failed(NOTHING_TO_LEARN, *words)


def test_future_dates(company):
    for row in company.tables["answers"][1:60]:
        row[2] = "2999-01-01"
    refused(company, DATA, "answers.csv", "`2999-01-01`", "lies in the future")


def test_scores_out_of_scale(company):
    scores(company, 7, 11, -1, 3)
    refused(company, DATA, "answers.csv", "`11`", "scale")


def test_unknown_account_ids(company):
    for row in company.tables["usage"][1:]:
        row[0] = f"x-{row[0]}"
    refused(company, DATA, "usage.csv", "not in tables.accounts")


def test_duplicated_ids(company):
    company.tables["answers"] += [[*row[:3], 0] for row in company.tables["answers"][1:]]
    refused(company, DATA, "answers.csv", "id in column id occurs a second time", "conflicting")


def test_duplicated_accounts(company):
    again = [[row[0], "Another name", *row[2:]] for row in company.tables["accounts"][1:]]
    company.tables["accounts"] += again
    refused(company, DATA, "accounts.csv", "second row")


def test_naive_times_without_zone(company):
    del company.project["timezone"]
    refused(company, DATA, "no time zone", "timezone: Europe/Berlin", "3 problems")


def test_quarantine_share_exceeded(company):
    company.project["quarantine"] = {"max_share": 0.001}
    company.tables["usage"][5][2] = "?"
    company.tables["usage"][6][2] = "?"
    company.tables["usage"] = company.tables["usage"][:1000]
    both(company, DATA, "2 of 999 rows are bad (0.2%, at most 0.1% allowed)", "usage.parquet")


def test_history_too_short(company):
    company.tables["answers"] = [company.tables["answers"][0]] + [
        row for row in company.tables["answers"][1:] if str(row[2]) < "2024-02-20"
    ]
    company.tables["usage"] = [company.tables["usage"][0]] + [
        row for row in company.tables["usage"][1:] if str(row[1]) < "2024-02-20"
    ]
    words = ("training.first_as_of", "days", "longer history")
    npsight("train", "-c", company.write()).failed(NOTHING_TO_LEARN, *words)


def test_as_of_before_any_account(company):
    for row in company.tables["accounts"][1:]:
        row[5] = "2025-02-20"
    npsight("score", "-c", company.write(), "--as-of", "2025-02-01").failed(
        NOT_FOUND, "no account exists before 2025-02-01", "--as-of"
    )


def test_as_of_before_any_fact(company):
    config = company.write()
    npsight("score", "-c", config, "--as-of", "2001-01-01").failed(
        NOT_FOUND, "no fact lies before as_of 2001-01-01", "2024-01-02", "--as-of"
    )


def test_as_of_ahead_of_now(company):
    npsight("score", "-c", company.write(), "--as-of", "2999-01-01").failed(
        CONFIG, "2999-01-01", "lies ahead of now", "2025-02-24"
    )


@pytest.mark.parametrize("given", ["soon", "2024-02-30", "2024-09-01T00:00:00Z", "1725148800"])
def test_as_of_that_is_no_utc_date(company, given):
    outcome = npsight("score", "-c", company.write(), "--as-of", given)
    assert outcome.code == 2
    assert given in outcome.err
    assert "%Y-%m-%d" in outcome.err


# --- Project file -------------------------------------------------------------------------------

TEN_FAULTS = """\
project: Ten Faults
timezone: Mars/Olympus
tables:
  accounts:
    path: accounts.csv
    key: account
    attributes: {plan: category, seats: number}
    static: [plan]
  responses: {path: answers.csv, account: account, time: at, score: score,
              bands: {scale: [0, 10], detractor: [0, 7], passive: [7, 8], promoter: [9, 10]}}
  activity:
    usage: {path: usage.csv, account: account, time: day, measures: [logins]}
targets:
  detractor: {horizon_days: 10}
  churn: {event: subscription_end}
features:
  - {source: usages, aggregate: count}
  - {source: usage, aggregate: sum, measure: login}
  - {source: usage, aggregate: average, measure: logins}
training: {origins: many}
colour: blue
"""


def test_ten_faults_at_once(company):
    company.config.write_text(TEN_FAULTS)
    said = npsight("train", "-c", company.config).failed(CONFIG, "small.yaml").err
    expected = {
        1: "project: is not of the form asked for",
        2: "timezone: `Mars/Olympus` is no time zone",
        7: "tables.accounts.attributes.seats: `seats` has no history",
        10: "tables.responses.bands[0]: bands overlap",
        15: "targets.churn: `subscription_end` needs `tables.subscriptions`",
        17: "there is no source `usages`",
        18: "`usage` has no measure `login`",
        19: "there is no aggregation `average`",
        20: "training.origins",
        21: "unknown key `colour`",
    }
    assert "10 problems" in said
    for line, words in expected.items():
        assert any(f"small.yaml:{line} " in s and words in s for s in said.splitlines()), (
            f"line {line}: {words}\n{said}"
        )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"project: [unclosed\ntables: {", "not valid YAML at line"),
        (b"\ttables: {}", "not valid YAML at line 1"),
        (b"", "holds no settings"),
        (b"- a\n- list\n", "holds no settings"),
        (b"just words", "holds no settings"),
        (b"\xff\xfe\x00binary\x00", "cannot be read as text"),
        (b"project: a\x00b", "not valid YAML"),
        (b"project: a\nx: 2024-13-45\n", "not valid YAML"),
        (b"a: &a [*a]\n", "holds itself"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"{[1, 2]: 3}", "not valid YAML"),
        (b"a: !!python/object/apply:os.system ['true']", "not valid YAML"),
        (b"1: 2\nnull: 3\n", "keys should be strings"),
    ],
)
def test_no_project_file(company, content, said):
    company.config.write_bytes(content)
    npsight("check", "-c", company.config).failed(CONFIG, said, "small.yaml")
    npsight("train", "-c", company.config).failed(CONFIG, said, "small.yaml")


@pytest.mark.parametrize(
    "command",
    [["check"], ["train"], ["score"], ["worklist"], ["explain", "a001"], ["export", "o.csv"],
     ["promote"], ["models"], ["truth"], ["serve"]],
    ids=lambda command: command[0],
)  # fmt: skip
def test_missing_config(company, command):
    missing = company.folder / "nowhere" / "my.yaml"
    npsight(*command, "-c", missing).failed(CONFIG, "no such file", str(missing))


def test_config_is_a_folder(company):
    npsight("train", "-c", company.folder).failed(CONFIG, "cannot be read as text")


def test_missing_environment_variables(company):
    company.project["tables"]["activity"]["usage"]["path"] = "${NPSIGHT_NOWHERE}/usage.csv"
    del company.project["tables"]["responses"]["path"]
    company.project["tables"]["responses"] |= {"connection": "NPSIGHT_NO_DB", "table": "answers"}
    config = company.write()
    words = ("`NPSIGHT_NOWHERE` is not set", "`NPSIGHT_NO_DB` is not set", "export NPSIGHT_NO_DB=")
    npsight("train", "-c", config).failed(CONFIG, *words)


def test_a_connection_string_is_never_shown(company):
    del company.project["tables"]["responses"]["path"]
    company.project["tables"]["responses"] |= {"connection": "NPSIGHT_DB", "table": "answers"}
    secret = {"NPSIGHT_DB": "postgres://user:hunter2@127.0.0.1:1/db"}
    said = npsight("train", "-c", company.write(), environment=secret).failed(DATA, "NPSIGHT_DB")
    assert "hunter2" not in said.err + said.out


def test_attribute_without_history_that_is_not_static(company):
    company.project["tables"]["accounts"]["static"] = []
    both(company, CONFIG, "`plan` has no history", "leak the future", "`static`")


# --- State --------------------------------------------------------------------------------------


def test_worklist_explain_and_export_before_score(company, tmp_path):
    company.project["state"] = "fresh"
    config = company.write()
    for command in (["worklist"], ["explain", "a001"], ["export", str(tmp_path / "o.csv")]):
        npsight(*command, "-c", config).failed(NOT_FOUND, "no scores yet", "npsight score")
    assert not (tmp_path / "o.csv").exists()


def test_score_and_serve_and_promote_without_a_model(company):
    company.project["state"] = "fresh"
    config = company.write()
    train = f"npsight train -c {config}"
    npsight("score", "-c", config).failed(NOT_FOUND, "no champion yet", train)
    npsight("serve", "-c", config).failed(NOT_FOUND, "no champion yet", "npsight train")
    npsight("promote", "-c", config).failed(NOT_FOUND, "no challenger", "train")
    npsight("promote", "-c", config, "--version", "3").failed(NOT_FOUND, "npsight models")
    npsight("truth", "-c", config).failed(NOT_FOUND, "backtest", "npsight train")


def test_promote_without_challenger(company):
    npsight("promote", "-c", company.write()).failed(NOT_FOUND, "no challenger", "--version N")


def test_promote_a_version_that_is_not_there(company):
    npsight("promote", "-c", company.write(), "--version", "9").failed(NOT_FOUND, "npsight models")


def test_unknown_account(company):
    npsight("explain", "nobody", "-c", company.write()).failed(
        NOT_FOUND, "no account with the key 'nobody'", "none that is called so", "check the key"
    )


def test_unknown_owner(company):
    outcome = npsight("worklist", "-c", company.write(), "--owner", "Nobody")
    outcome.failed(NOT_FOUND, "'Nobody'", "Ada Park")


def test_export_to_an_unknown_format(company, tmp_path):
    outcome = npsight("export", tmp_path / "scores.xlsx", "-c", company.write())
    outcome.failed(CONFIG, "scores.xlsx", ".csv, which Excel opens too, or a .parquet file")


def test_export_where_nothing_can_be_written(company, tmp_path):
    (tmp_path / "file").touch()
    outcome = npsight("export", tmp_path / "file" / "scores.csv", "-c", company.write())
    outcome.failed(STATE, str(tmp_path / "file"), "permissions")


def test_a_state_folder_that_cannot_be_made(company, tmp_path):
    (tmp_path / "file").touch()
    company.project["state"] = "file/state"
    outcome = npsight("train", "-c", company.write())
    outcome.failed(STATE, str(tmp_path / "file"), "permissions")


@pytest.fixture
def copied(tmp_path: Path, small: SmallCompany) -> SmallCompany:
    """A copy of the trained state, to damage."""
    company = SmallCompany(tmp_path)
    company.write()
    shutil.copytree(small.state, company.state)
    return company


def test_damaged_cached_champion_is_not_served(copied):
    cache = copied.state / "champion"
    folder = cache / json.loads((cache / "current.json").read_text())["folder"]
    model = folder / "model.json"
    model.write_bytes(model.read_bytes().replace(b'"slope": 1', b'"slope": 2', 1) + b" ")
    npsight("serve", "-c", copied.config).failed(INTEGRITY, "model.json", "promote")


def test_damaged_registered_champion_is_not_used(copied, tmp_path):
    artifacts = copied.state / "mlartifacts"
    before = state_of(copied.state, "small")
    (model,) = artifacts.glob("*/artifacts/bundle/model.json")
    model.write_bytes(model.read_bytes()[:-20])
    npsight("score", "-c", copied.config).failed(INTEGRITY, "model.json", "not as written")
    npsight("promote", "-c", copied.config, "--version", "1").failed(INTEGRITY, "model.json")
    assert state_of(copied.state, "small") == before


def test_champion_whose_files_are_gone(copied):
    """This machine's copy of the same model does; without it there is nothing to score with."""
    forget_files(copied.state)
    npsight("score", "-c", copied.config).succeeded()
    shutil.rmtree(copied.state / "champion")
    npsight("score", "-c", copied.config).failed(INTEGRITY, "has no files", "restore")


def forget_files(state: Path) -> None:
    """Neither beside the registry nor where it says that they were made."""
    shutil.rmtree(state / "mlartifacts")
    with sqlite3.connect(state / "mlflow.db") as connection:
        connection.execute("UPDATE runs SET artifact_uri = ?", ((state / "nowhere").as_uri(),))
    connection.close()


def test_damaged_store(copied):
    (copied.state / "npsight.db").write_bytes(b"this is no database at all" * 100)
    for leftover in copied.state.glob("npsight.db-*"):
        leftover.unlink()
    npsight("worklist", "-c", copied.config).failed(STATE, "damaged", "npsight.db")


def test_features_the_champion_was_trained_with_are_gone(company):
    company.project["features"].pop()
    said = npsight("score", "-c", company.write())
    said.failed(INTEGRITY, "no longer declares", "accounts__value_plan")
