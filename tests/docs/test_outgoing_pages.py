"""The pages on write-back and webhooks say what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
import yaml
from standardwebhooks import WebhookVerificationError

from npsight.config import outside
from npsight.config.schema import HubspotWriteback, SalesforceWriteback, Writeback
from npsight.config.schema.writeback import WrittenValue
from npsight.outgoing.deliver import KEEP_DELIVERED, DeliverySettings
from npsight.outgoing.signing import secret_of, signed_headers
from npsight.store import EVENTS, ScoreChange, new_endpoint
from npsight.store.outbox import _data, _row

DOCS = Path(__file__).parents[2] / "docs"
WRITEBACK = (DOCS / "writeback.md").read_text("utf-8")
WEBHOOKS = (DOCS / "webhooks.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> Iterator[str]:
    return (text for kind, text in FENCE.findall(page) if kind == language)


def test_the_table_of_fields_is_the_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|", WRITEBACK, re.MULTILINE)
    assert {value: field for value, field, _ in rows} == SalesforceWriteback().fields
    assert {value: name for value, _, name in rows} == HubspotWriteback().fields


def test_every_value_is_named() -> None:
    assert [v for v in get_args(WrittenValue) if f"`{v}`" not in WRITEBACK] == []


@pytest.mark.parametrize("text", list(blocks(WRITEBACK, "yaml")))
def test_the_settings_are_valid(text: str) -> None:
    Writeback.model_validate(yaml.safe_load(text)["writeback"])


def test_every_variable_is_explained() -> None:
    names = {value for name, value in vars(outside).items() if str(value).startswith("NPSIGHT_")}
    assert {name for name in names if name not in WRITEBACK + WEBHOOKS} == set()
    assert set(re.findall(r"NPSIGHT_\w+", WRITEBACK + WEBHOOKS)) <= names


def test_every_event_is_explained() -> None:
    assert [event for event in EVENTS if f"| `{event}` |" not in WEBHOOKS] == []


def test_the_figures_are_those_of_the_code() -> None:
    settings = DeliverySettings()
    assert f"within {settings.answer_seconds:g} seconds" in WEBHOOKS
    assert f"{settings.tries} times over about two days" in WEBHOOKS
    waits = [min(settings.longest_wait_seconds, settings.first_wait_seconds
                 * settings.wait_factor**n) for n in range(settings.tries - 1)]  # fmt: skip
    # Each wait is three quarters of its full length on average.
    assert 1.5 <= 0.75 * sum(waits) / 86_400 <= 2.5
    assert f"kept for {KEEP_DELIVERED.days} days" in WEBHOOKS


def test_the_example_message_has_the_fields_of_a_real_one() -> None:
    [text] = blocks(WEBHOOKS, "json")
    shown = json.loads(text)
    endpoint = new_endpoint("demo", "crm", "https://crm.example.com", ["risk_band_changed"])
    data = shown["data"]
    change = ScoreChange("A000123", data["before"], data["after"])
    made = _row(endpoint, "A000123", shown["type"], _data("demo", "run", change), datetime.now(UTC))
    assert {**json.loads(made["body"]), "timestamp": shown["timestamp"]} == shown


def test_the_receiver_of_the_page_takes_ours_once_and_refuses_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [code] = blocks(WEBHOOKS, "python")
    space: dict[str, object] = {}
    exec(code, space)
    receive = space["receive"]
    assert callable(receive)
    endpoint = new_endpoint("demo", "crm", "https://crm.example.com", ["risk_band_changed"])
    master = b"a-master-secret-of-enough-characters"
    secret = secret_of(master, endpoint.id, 1)
    change = ScoreChange("A1", {"risk_level": "low"}, {"risk_level": "high"})
    now = datetime.now(UTC)
    row = _row(endpoint, "A1", "risk_band_changed", _data("demo", "run", change), now)
    headers = signed_headers(master, endpoint, row["message_id"], row["body"], now)
    seen: set[str] = set()
    assert [receive(row["body"].encode(), headers, secret, seen) for _ in range(2)] == [204, 204]
    assert capsys.readouterr().out == "A1 high\n"
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        receive(row["body"].replace("A1", "A2").encode(), headers, secret, seen)
