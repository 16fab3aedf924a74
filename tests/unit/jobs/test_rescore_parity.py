"""A fact that was posted gives the same features as the same fact in the user's files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from api_client import TestClient
from written_company import END, WrittenCompany, write_company

from npsight.features.history import history_columns_of
from npsight.jobs.audits.oracle import check_oracle
from npsight.service.app import build_app
from npsight.service.state import Live, load_state
from npsight.service.writing import close
from npsight.store import create_key

AFTER = END + timedelta(days=2)
"""Facts known after the run move their account's as_of."""


def text(at: datetime) -> str:
    return f"{at.isoformat()}Z"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> WrittenCompany:
    return write_company(tmp_path_factory.mktemp("written") / "company")


class Sent:
    """Facts that are posted and written to the files of a copy, side by side."""

    def __init__(self, live: Live, copy: WrittenCompany, client: TestClient) -> None:
        self.live, self.copy, self.client = live, copy, client
        self.state = live.state
        run = self.state.store.latest_run(self.state.project)
        self.accounts = sorted(row.account for row in self.state.store.scores(run.id))

    def answer(
        self, account: str, id: str, score: float, at: datetime, known: datetime, **more: Any
    ) -> Any:
        body = {"id": id, "account": account, "score": score, "occurred_at": text(at),
                "known_at": text(known), **more}  # fmt: skip
        row = {
            "survey_id": id, "account_id": account, "contact_id": more.get("respondent"),
            "answered_at": text(at), "synced_at": text(known), "score": score,
            "comment": more.get("comment"), "touchpoint": more.get("touchpoint"),
        }  # fmt: skip
        self.copy.append("responses", [row])
        return self._post("/v1/responses", {"responses": [body]})

    def fact(self, table: str, body: dict[str, Any], row: dict[str, Any]) -> Any:
        if row:
            self.copy.append(table, [row])
        return self._post("/v1/facts", {"table": table, "facts": [body]})

    def _post(self, path: str, body: Any) -> Any:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        return result

    def stored(self, account: str) -> tuple[datetime, dict[str, Any], dict[str, Any]]:
        """as_of, features and past features of an account's score."""
        run = self.state.store.latest_run(self.state.project)
        row = self.state.store.scores_of(run.id, [account])[account]
        inputs = self.state.store.inputs(run.id, [account])[account]
        return row.as_of.replace(tzinfo=None), inputs.features, inputs.past


@pytest.fixture
def sent(company: WrittenCompany, tmp_path: Path) -> Iterator[Sent]:
    served = company.copy(tmp_path / "served", state=True)
    copy = company.copy(tmp_path / "files")
    live = Live(load_state(served.config))
    key, _ = create_key(live.state.store, live.state.project, "crm", ["write"])
    headers = {"Authorization": f"Bearer {key}"}
    with TestClient(build_app(live), headers=headers, raise_server_exceptions=False) as client:
        yield Sent(live, copy, client)
    close(live)
    live.state.store.close()


def assert_same_features(sent: Sent, accounts: list[str]) -> int:
    """Stored features equal those of the batch builder over the files; how many were compared."""
    compared = 0
    frames: dict[datetime, pd.DataFrame] = {}
    with sent.copy.builder() as builder:
        for account in accounts:
            as_of, features, past = sent.stored(account)
            period = timedelta(days=builder.project.training.period_days)
            for at, stored in ((as_of, features), (as_of - period, past)):
                if at not in frames:
                    frames[at] = builder.features(builder.spine([at]))
                frame = frames[at]
                mine = frame[frame["account"] == account]
                expected = mine.to_dict("records")[0] if len(mine) else {}
                columns = [s.name for s in builder.project.features]
                columns += [*history_columns_of(frame.columns), "segment_"]
                for column in columns:
                    compared += 1
                    assert_same(stored[column], expected.get(column), f"{account} {at} {column}")
    return compared


def assert_same(found: Any, expected: Any, where: str) -> None:
    missing = expected is None or (isinstance(expected, float) and np.isnan(expected))
    if missing or isinstance(expected, str):
        assert found == (None if missing else expected), where
    else:
        assert found == pytest.approx(expected, rel=0, abs=1e-9), where


def usage(account: str, day: datetime, known: datetime, **values: float) -> tuple[dict, dict]:
    names = ("active_users", "adoption", "logins", "reports", "api_calls", "integrations", "errors")
    numbers = dict.fromkeys(names, 1.0) | values
    body = {
        "id": f"u-{account}-{day:%Y%m%d}", "account": account, "occurred_at": text(day),
        "known_at": text(known),
        "values": [{"name": n, "number": v, "text": None} for n, v in numbers.items()],
    }  # fmt: skip
    row = {"account_id": account, "day": pd.Timestamp(day, tz="UTC"),
           "known_at": pd.Timestamp(known, tz="UTC"), **numbers}  # fmt: skip
    return body, row


def test_answers_usage_tickets_invoices_touches_and_meetings(sent: Sent) -> None:
    a, b, c, d, e = sent.accounts[:5]
    day = timedelta(days=1)
    statuses = [
        sent.answer(a, "r1", 2, END - 3 * day, END - 2 * day, respondent="p1",
                    comment="Terrible: slow support, and an outage", touchpoint="relationship"),
        sent.answer(b, "r2", 10, AFTER - day, AFTER, touchpoint="support", comment="great"),
        sent.answer(a, "r3", 9, END - 100 * day, END - 99 * day),
    ]  # fmt: skip
    for account, at, known, logins in ((c, END - day, END - day / 2, 900), (b, AFTER, AFTER, 7)):
        body, row = usage(account, at, known, logins=logins)
        statuses.append(sent.fact("usage", body, row))
    opened, known = END - 5 * day, END - 4 * day
    values = [{"name": "severity", "text": "high"}, {"name": "category", "text": "bug"}]
    ticket = {"id": "t1", "account": d, "occurred_at": text(opened), "known_at": text(known),
              "values": values}  # fmt: skip
    row = {"ticket_id": "t1", "account_id": d, "opened_at": text(opened), "known_at": text(known),
           "severity": "high", "category": "bug"}  # fmt: skip
    statuses.append(sent.fact("tickets", ticket, row))
    paid = END - 2 * day
    statuses.append(
        sent.fact(
            "payments",
            {"id": "i1", "account": d, "occurred_at": text(paid), "known_at": text(paid),
             "values": [{"name": "amount", "number": 12.34}, {"name": "days_late", "number": 40}]},
            {"invoice_id": "i1", "account_id": d, "amount": 12.34, "paid_at": text(paid),
             "days_late": 40},
        )
    )  # fmt: skip
    statuses.append(
        sent.fact(
            "touches",
            {"id": "h1", "account": e, "occurred_at": text(paid), "known_at": text(paid + day),
             "values": [{"name": "kind", "text": "call"}, {"name": "minutes", "number": 30}]},
            {"touch_id": "h1", "account_id": e, "occurred_at": text(paid),
             "known_at": text(paid + day), "kind": "call", "minutes": 30},
        )
    )  # fmt: skip
    ahead = END + 400 * day
    statuses.append(
        sent.fact(
            "meetings",
            {"id": "m1", "account": e, "occurred_at": text(ahead), "known_at": text(paid),
             "values": [{"name": "kind", "text": "review"}]},
            {"meeting_id": "m1", "account_id": e, "takes_place_at": text(ahead),
             "booked_at": text(paid), "kind": "review"},
        )
    )  # fmt: skip
    assert [s["status"] for s in statuses] == ["rescored"] * len(statuses)
    assert {s["after"]["as_of"][:10] for s in statuses} == {"2026-06-30", "2026-07-02"}
    assert sent.stored(b)[0] == AFTER + timedelta(microseconds=1)
    assert sent.stored(a)[1]["responses__last_sentiment"] is not None
    assert assert_same_features(sent, [a, b, c, d, e]) > 900


def test_corrections_of_an_answer_and_of_an_open_ticket(sent: Sent) -> None:
    a, b, c = sent.accounts[5:8]
    day = timedelta(days=1)
    at = END - 9 * day
    sent.answer(a, "k1", 9, at, at + day)
    assert sent.answer(a, "k1", 1, at, at + 3 * day)["status"] == "rescored"
    # A correction may move the fact to another account.
    sent.answer(b, "k2", 0, at, at + day)
    assert sent.answer(c, "k2", 0, at, at + 2 * day)["status"] == "rescored"
    for ended, known in ((None, at + day), (at + 4 * day, at + 5 * day)):
        values = [{"name": "severity", "text": "low"}]
        sent.fact(
            "tickets",
            {"id": "t9", "account": a, "occurred_at": text(at), "known_at": text(known),
             "ended_at": ended and text(ended), "values": values},
            {"ticket_id": "t9", "account_id": a, "opened_at": text(at), "known_at": text(known),
             "severity": "low", "resolved_at": ended and text(ended),
             "resolution_known_at": ended and text(known), "resolution_hours": ended and 96},
        )  # fmt: skip
    solved = {
        "id": "s9", "account": a, "occurred_at": text(at + 4 * day), "known_at": text(at + 5 * day),
        "values": [{"name": "hours", "number": 96}, {"name": "severity", "text": "low"}],
    }  # fmt: skip
    sent.fact("resolutions", solved, {})
    # The account that the answer was moved away from was scored again, too.
    assert sent.stored(b)[1]["own__detractor__hl240"] == pytest.approx(before(sent, b), abs=1e-12)
    assert assert_same_features(sent, [a, b, c]) > 500


def before(sent: Sent, account: str) -> float:
    """What the files without the fact that was moved away give."""
    with sent.copy.builder() as builder:
        frame = builder.features(builder.spine([sent.stored(account)[0]]))
    return float(frame[frame["account"] == account]["own__detractor__hl240"].iloc[0])


def test_a_run_of_all_accounts_reads_what_was_posted(sent: Sent) -> None:
    account = sent.accounts[9]
    at = END - timedelta(days=3)
    sent.answer(account, "z1", 1, at, at, comment="bad", touchpoint="support")
    body, row = usage(account, at, at, logins=5)
    sent.fact("usage", body, row)
    served = WrittenCompany(sent.live.state.spec.file.parent)
    with served.builder() as posted, sent.copy.builder() as written:
        found = posted.features(posted.spine([END]))
        pd.testing.assert_frame_equal(found, written.features(written.spine([END])))
        assert posted.facts.data_end == written.facts.data_end
        # A plain loop over the same facts, which shares no code with the features.
        judged = check_oracle(posted, found, [account, sent.accounts[0]], most_answers=20_000)
        assert judged.compared > 100
        assert judged.findings == ()
