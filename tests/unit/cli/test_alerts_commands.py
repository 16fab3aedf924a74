"""`npsight alerts`, against a receiver on loopback."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alert_company import (
    account,
    alert_project,
    compile_once,
    follow_up,
    rise,
    write_run,
)
from canary import canary, shown
from command_line import Outcome, npsight
from crm_servers import Fault, LocalServer, Reply

from npsight.cli import alerts as commands
from npsight.store import Store, open_project_store
from npsight.store.alertmessages import messages

ALERTS = """\
alerts:
  channels: {team: TEAM_URL, ada: ADA_URL}
  default: [team]
  owners: {Ada: [ada]}
  digest: {day: wednesday, at: "09:00"}
"""
MONDAY, WEDNESDAY = datetime(2026, 6, 8, 10, tzinfo=UTC), datetime(2026, 6, 10, 9, tzinfo=UTC)
SECRET = canary()


class Company:
    """A project, its store, and a receiver of both its channels."""

    def __init__(self, folder: Path, server: LocalServer) -> None:
        self.project = alert_project(folder, ALERTS)
        self.store: Store = open_project_store(self.project)
        self.server = server
        self.run = write_run(
            self.store, 0, [account("A", rank=1), account("B", rank=2, owner="Bo")]
        )
        url = f"json://u:{SECRET}@127.0.0.1:{server.port}/{SECRET}"
        self.environment = {
            "TEAM_URL": url,
            "ADA_URL": url,
            "NPSIGHT_ALLOW_TARGETS": "http://127.0.0.1",
        }

    def __call__(self, *words: str) -> Outcome:
        outcome = npsight("alerts", *words, "-c", self.project.file, environment=self.environment)
        assert shown(outcome.out + outcome.err, [SECRET]) == []
        return outcome

    def told(self) -> list[str]:
        return [str(request.json()["title"]) for request in self.server.received]

    def states(self) -> list[str]:
        with self.store.reading() as connection:
            return sorted(m.status for m in messages(connection, "tiny"))


@pytest.fixture
def company(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Company]:
    compile_once(tmp_path_factory.getbasetemp(), monkeypatch)
    monkeypatch.setattr(commands, "_now", lambda: MONDAY)
    with LocalServer() as server:
        made = Company(tmp_path, server)
        yield made
        made.store.close()


def risen(company: Company, *keys: str) -> None:
    for key in keys or ("A", "B"):
        rise(company.store, key, company.run, MONDAY)


def test_what_is_new_is_sent_once(company: Company) -> None:
    first = company("run").succeeded().out
    assert "First look: alerts start from now." in first
    assert "0 accounts at high risk" in first
    risen(company)
    follow_up(company.store, "A", "contacted", date(2026, 6, 8))
    dry = company("run", "--dry-run").succeeded().out
    assert "New: 2 risks that became high, 1 follow-up that is due." in dry
    assert "• Company A (A): risk 63 %, was 10 %" in dry
    assert "to ada" in dry
    assert "2 messages; nothing was sent or changed." in dry
    assert company.told() == []
    out = company("run").succeeded().out
    assert "New: 2 risks that became high, 1 follow-up that is due." in out
    assert "Sent 2." in out
    assert sorted(company.told()) == ["Ada: 2 alerts", "Bo: 1 alert"]
    assert "Nothing new.\nSent 0.\n" in company("run").succeeded().out
    listed = company("list").succeeded().out
    assert "2 sent." in listed


def test_what_a_dry_run_prints_is_what_is_sent(company: Company) -> None:
    company("run")
    risen(company, "A")
    dry = company("run", "--dry-run").succeeded().out
    company("run").succeeded()
    [request] = company.server.received
    assert f"{request.json()['title']}\n{request.json()['message']}\n" in dry


def test_a_failure_is_an_error_with_its_own_code(company: Company) -> None:
    company("run")
    risen(company)
    company.server.faults.append(Fault(Reply(503), times=2))
    company("run").failed(11, "2 failed and will be tried again", "http_503", "alerts list")
    assert company.states() == ["waiting", "waiting"]
    listed = company("list").succeeded().out
    assert "http_503" in listed
    # Their turn comes later.
    assert company("run").succeeded().out.endswith("Sent 0.\n")


def test_a_channel_without_an_address_waits_and_the_others_do_not(company: Company) -> None:
    company("run")
    risen(company)
    del company.environment["TEAM_URL"]
    company("run").failed(11, "team: the environment variable `TEAM_URL` is not set")
    assert company.told() == ["Ada: 1 alert"]
    company.environment["TEAM_URL"] = company.environment["ADA_URL"]
    company("run").succeeded()
    assert sorted(company.told()) == ["Ada: 1 alert", "Bo: 1 alert"]


def test_an_uncertain_message_is_sent_again_by_a_person_only(company: Company) -> None:
    company("run")
    risen(company, "A")
    company.server.faults.append(Fault(Reply(breaks=0)))
    company("run").failed(11, "1 perhaps not received, and not sent again")
    company("run").succeeded()
    with company.store.reading() as connection:
        [lost] = messages(connection, "tiny")
    assert lost.status == "uncertain"
    listed = company("list").succeeded().out
    assert lost.id in listed
    assert "no answer came after the message was sent" in listed
    company("retry", "nosuch").failed(7, "no message of that id")
    assert "waits again" in company("retry", lost.id).succeeded().out
    company("run").succeeded()
    assert company.states() == ["sent"]
    assert [r.headers["idempotency-key"] for r in company.server.received] == [lost.id] * 2


def test_the_digest_waits_for_its_day_and_comes_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company("run")
    waits = company("digest").succeeded().out
    assert "from Wednesday 09:00 on (UTC)" in waits
    dry = company("digest", "--now", "--dry-run").succeeded().out
    assert "Ada: week 24, 8 to 14 Jun 2026" in dry
    assert "Calls of this week (1)" in dry
    assert company.told() == []
    monkeypatch.setattr(commands, "_now", lambda: WEDNESDAY)
    assert "Sent 2." in company("digest").succeeded().out
    assert "Sent 0." in company("digest", "--now").succeeded().out
    assert sorted(company.told()) == [f"{o}: week 24, 8 to 14 Jun 2026" for o in ("Ada", "Bo")]


def test_a_channel_is_tried(company: Company) -> None:
    assert company("test", "team").succeeded().out == "team took the message.\n"
    assert company.told() == ["A test of npsight"]
    company.server.faults.append(Fault(Reply(404)))
    company("test", "team").failed(11, "team: http_404", "TEAM_URL")
    company("test", "teem").failed(7, "no channel 'teem'", "did you mean `team`?")
    company.environment["TEAM_URL"] = f"nosuch://{SECRET}"
    company("test", "team").failed(11, "none that Apprise knows")
    del company.environment["TEAM_URL"]
    company("test", "team").failed(2, "`TEAM_URL` is not set")
    assert company.states() == []


def test_a_project_without_channels_cannot_tell(company: Company, tmp_path: Path) -> None:
    project = alert_project(tmp_path / "bare", "")
    for words in (["run"], ["digest"], ["list"], ["test", "team"], ["retry", "x"]):
        outcome = npsight("alerts", *words, "-c", project.file)
        outcome.failed(2, "there is no channel", "alerts.channels")


def test_a_digest_needs_a_day_or_to_be_asked_for(company: Company, tmp_path: Path) -> None:
    file = company.project.file
    file.write_text(file.read_text().replace('  digest: {day: wednesday, at: "09:00"}\n', ""))
    company("digest").failed(2, "no day is set", "--now")
    assert "Sent 2." in company("digest", "--now").succeeded().out


def test_a_watch_looks_again_sends_the_digest_and_ends_when_told(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company("run")
    looked = commands._look_and_send
    looks: list[int] = []

    def look(*arguments: Any, **more: Any) -> None:
        looks.append(1)
        if len(looks) == 2:
            company.server.faults.append(Fault(Reply(503)))
            risen(company, "A")
        if len(looks) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        looked(*arguments, **more)

    monkeypatch.setattr(commands, "_now", lambda: WEDNESDAY)
    monkeypatch.setattr(commands, "_look_and_send", look)
    outcome = company("run", "--watch", "1").succeeded()
    assert len(looks) == 3
    assert "error: not everything could be sent: 1 failed" in outcome.out
    assert len([title for title in company.told() if "week 24" in title]) == 2
    assert company.states() == ["sent", "sent", "waiting"]
