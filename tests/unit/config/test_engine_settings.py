"""The `engine` section: what fits together, and where its paths and secrets come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from npsight.config.load import load_project
from npsight.errors import ConfigError

HEAD = """\
project: test
tables:
  activity:
    usage: {path: usage.csv, account: account, time: day}
targets: {churn: {event: no_activity, activity: usage}}
"""


def engine_of(folder: Path, text: str, **environment: str) -> Any:
    file = folder / "project.yaml"
    file.write_text(f"{HEAD}{text}\n", encoding="utf-8")
    return load_project(file, environment).engine


@pytest.mark.parametrize("text", ["", "engine: {}", "engine: {kind: duckdb}"])
def test_duckdb_is_the_default(tmp_path, text):
    engine = engine_of(tmp_path, text)
    assert (engine.kind, engine.title, engine.memory, engine.threads) == (
        "duckdb", "duckdb", "4GB", 2
    )  # fmt: skip


def test_spark_runs_on_this_machine_with_the_threads_unless_told(tmp_path):
    assert engine_of(tmp_path, "engine: {kind: spark, threads: 3}").title == "spark local[3]"


@pytest.mark.parametrize(
    "address",
    ["local", "local[4]", "local[*]", "spark://host:7077", "yarn", "k8s://https://h:6443"],
)
def test_masters_that_spark_knows(tmp_path, address):
    engine = engine_of(tmp_path, f"engine: {{kind: spark, address: '{address}'}}")
    assert engine.master == address


@pytest.mark.parametrize(
    "address", ["host:7077", "http://host", "sc://host", "local[", "local[two]"]
)
def test_an_address_that_is_no_master_is_refused(tmp_path, address):
    with pytest.raises(ConfigError, match=r"engine.address: is not of the form asked for"):
        engine_of(tmp_path, f"engine: {{kind: spark, address: '{address}'}}")


def test_exchange_is_relative_to_the_project_file(tmp_path):
    engine = engine_of(tmp_path, "engine: {kind: spark, exchange: ../shared}")
    assert engine.exchange == str(tmp_path.parent / "shared")


def test_options_are_settings_of_spark(tmp_path):
    text = "engine: {kind: spark, options: {spark.executor.memory: 8g}}"
    assert engine_of(tmp_path, text).options == {"spark.executor.memory": "8g"}
    with pytest.raises(ConfigError, match="is not of the form asked for"):
        engine_of(tmp_path, text.replace("spark.executor", "executor"))


def test_postgres_names_its_variable_and_shows_no_more(tmp_path):
    text = "engine: {kind: postgres, connection: CRM_PG}"
    engine = engine_of(tmp_path, text, CRM_PG="postgresql://me:hunter2@db/crm")
    assert engine.title == "postgres ($CRM_PG)"
    with pytest.raises(ConfigError, match="environment variable `CRM_PG` is not set"):
        engine_of(tmp_path, text)
    with pytest.raises(ConfigError, match="`postgres` needs `connection`"):
        engine_of(tmp_path, "engine: {kind: postgres}")


@pytest.mark.parametrize(
    ("text", "setting", "kind"),
    [
        ("address: local", "address", "spark"),
        ("kind: postgres, connection: A, exchange: here", "exchange", "spark"),
        ("options: {spark.x: y}", "options", "spark"),
        ("kind: spark, connection: A", "connection", "postgres"),
    ],
)
def test_a_setting_of_another_kind_is_a_finding(tmp_path, text, setting, kind):
    with pytest.raises(
        ConfigError, match=rf"engine.{setting}: belongs to `kind: {kind}`"
    ) as caught:
        engine_of(tmp_path, f"engine: {{{text}}}", A="x")
    assert f"drop `{setting}`" in str(caught.value)
