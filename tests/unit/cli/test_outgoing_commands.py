"""The commands that send, against servers on loopback."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from crm_servers import HubSpot, Receiver, Salesforce
from standardwebhooks import Webhook
from tiny_project import CONFIG
from typer.testing import CliRunner, Result

from npsight.cli.app import app
from npsight.errors import ConfigError, NpsightError
from npsight.store import ScoreRow, ScoreRun, open_store

DAY = datetime(2026, 6, 1, tzinfo=UTC)
MASTER = "a-master-secret-of-enough-characters"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPSIGHT_ALLOW_TARGETS", "http://127.0.0.1")
    monkeypatch.setenv("NPSIGHT_WEBHOOK_MASTER", MASTER)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(
        CONFIG
        + "writeback: {salesforce: {fields: {detractor_risk: Risk__c, risk_level: Level__c}}}\n"
    )
    (tmp_path / "accounts.csv").write_text("account\n")
    (tmp_path / "responses.csv").write_text("account,at,score\n")
    return file


def scored(config: Path, number: int, rows: dict[str, str]) -> None:
    store = open_store(config.parent / "state" / "npsight.db")
    day = DAY + timedelta(days=number)
    run = ScoreRun(f"r{number}", "tiny", day, day, 1, "digest")
    risk = {"low": 0.1, "high": 0.9}
    made = [ScoreRow(a, day, risk_level=v, detractor_risk=risk[v]) for a, v in rows.items()]
    store.write_run(run, made, [])
    store.close()


def run(config: Path, *words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [*words, "-c", str(config)])
    if result.exception is not None and isinstance(result.exception, NpsightError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as opened:
        yield opened


def test_a_webhook_from_adding_to_removing(config: Path, receiver: Receiver) -> None:
    scored(config, 1, {"1": "low"})
    url = f"{receiver.url}/canary-path"
    added = run(config, "webhooks", "add", url, "--name", "crm")
    secret = added.stdout.splitlines()[-1]
    assert secret.startswith("whsec_")
    assert "canary-path" not in added.output
    tried = run(config, "webhooks", "test", "crm")
    assert "crm answered 200" in tried.output
    scored(config, 2, {"1": "high"})
    assert "1 " in run(config, "webhooks", "list").output
    assert "Delivered 1; 0 failed" in run(config, "deliver").output
    for got in receiver.received:
        Webhook(secret).verify(got.body, got.headers)
    listed = run(config, "webhooks", "list").output
    assert "127.0.0.1" in listed
    assert "canary-path" not in listed
    assert secret not in listed
    rotated = run(config, "webhooks", "rotate", "crm").stdout.splitlines()[-1]
    assert rotated.startswith("whsec_")
    assert rotated != secret
    receiver.status_of = lambda _: 410
    scored(config, 3, {"1": "low"})
    assert "1 are dead" in run(config, "deliver").output
    assert "http_410" in run(config, "webhooks", "dead").output
    assert "disabled" in run(config, "webhooks", "list").output
    receiver.status_of = lambda _: 200
    run(config, "webhooks", "enable", "crm")
    assert "1 messages wait again" in run(config, "webhooks", "retry").output
    assert "Delivered 1" in run(config, "deliver").output
    run(config, "webhooks", "remove", "crm")
    assert "no webhook yet" in run(config, "webhooks", "list").output


def test_a_receiver_that_refuses_a_trial_is_told(config: Path, receiver: Receiver) -> None:
    run(config, "webhooks", "add", receiver.url, "--name", "crm")
    receiver.status_of = lambda _: 403
    assert "crm answered 403" in run(config, "webhooks", "test", "crm", code=1).output


def test_a_private_target_is_not_added(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NPSIGHT_ALLOW_TARGETS")
    with pytest.raises(ConfigError, match="not public") as caught:
        run(config, "webhooks", "add", "https://127.0.0.1/canary-path", "--name", "crm")
    assert "canary-path" not in str(caught.value)


def test_without_a_master_nothing_is_added(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NPSIGHT_WEBHOOK_MASTER")
    with pytest.raises(ConfigError, match="NPSIGHT_WEBHOOK_MASTER"):
        run(config, "webhooks", "add", "https://crm.example.com/", "--name", "crm")


def test_files_for_salesforce(config: Path, tmp_path: Path) -> None:
    ids = [f"001{i:012d}AAA" for i in range(3)]
    scored(config, 1, {**dict.fromkeys(ids, "high"), "no-id": "low"})
    out = run(config, "writeback", "salesforce", "--to", str(tmp_path / "bulk")).output
    assert "Wrote 3 records in 1 files" in out
    assert "Not written: 1 accounts have no usable id" in out
    assert "`writeback.salesforce.id_column`" in out
    [part] = json.loads((tmp_path / "bulk" / "manifest.json").read_text())["parts"]
    lines = list(csv.reader((tmp_path / "bulk" / part["file"]).read_text().splitlines()))
    assert lines == [["Id", "Risk__c", "Level__c"], *([i, "0.9", "high"] for i in ids)]
    run(config, "writeback", "salesforce", code=2)
    run(config, "writeback", "salesforce", "--send", "--to", "x", code=2)


def test_salesforce_is_sent_what_changed(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"001{i:012d}AAA" for i in range(3)]
    scored(config, 1, dict.fromkeys(ids, "high"))
    with Salesforce(ids) as server:
        monkeypatch.setenv("NPSIGHT_SALESFORCE_URL", server.url)
        monkeypatch.setenv("NPSIGHT_SALESFORCE_CLIENT_ID", "the-id")
        monkeypatch.setenv("NPSIGHT_SALESFORCE_CLIENT_SECRET", "the-secret")
        assert "3 records updated" in run(config, "writeback", "salesforce", "--send").output
        scored(config, 2, {ids[0]: "low", ids[1]: "high", ids[2]: "high"})
        again = run(config, "writeback", "salesforce", "--send").output
        assert "1 records updated" in again
        assert "2 accounts are as they were sent before" in again
        assert (
            "3 records updated" in run(config, "writeback", "salesforce", "--send", "--all").output
        )
        assert server.records[ids[0]]["Level__c"] == "low"


def test_hubspot_is_sent_what_changed(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(config, 1, {str(i): "high" for i in range(1, 151)})
    names = {"nps_detractor_risk", "nps_predicted", "nps_churn_risk", "nps_risk_level",
             "nps_top_driver", "nps_scored_as_of"}  # fmt: skip
    with HubSpot([str(i) for i in range(1, 150)], names, "canary-token") as server:
        monkeypatch.setenv("NPSIGHT_HUBSPOT_URL", server.url)
        monkeypatch.setenv("NPSIGHT_HUBSPOT_TOKEN", "canary-token")
        refused = tmp_path / "refused.csv"
        out = run(config, "writeback", "hubspot", "--failures", str(refused), code=1).output
        assert "149 records updated, 1 refused" in out
        assert "1 OBJECT_NOT_FOUND" in out
        assert "canary" not in out
        assert refused.read_text() == "account,id,reason\n150,150,OBJECT_NOT_FOUND\n"
        assert server.companies["1"]["nps_scored_as_of"] == "2026-06-02T00:00:00.000Z"
        again = run(config, "writeback", "hubspot", code=1).output
        assert "0 records updated, 1 refused" in again
        assert "149 accounts are as they were sent before" in again
