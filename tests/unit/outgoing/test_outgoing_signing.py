"""Signatures: the reference verifier accepts ours, and nothing that was touched."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from npsight.config.outside import webhook_master
from npsight.errors import ConfigError, OutgoingError
from npsight.outgoing.signing import check_master, master_check, secret_of, signed_headers
from npsight.store import ScoreChange, WebhookEndpoint, new_endpoint, trial_message
from npsight.store.outbox import TOLD, _data, _row

MASTER = b"a-master-secret-of-enough-characters"
ENDPOINT = new_endpoint("demo", "crm", "https://crm.example.com/", ["risk_band_changed"])
SECRET = secret_of(MASTER, ENDPOINT.id, 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
numbers = st.one_of(st.none(), st.floats(0, 1), st.floats(-100, 100))


def bodies() -> st.SearchStrategy[str]:
    def made(account: str, level: str, risk: float | None, cause: str) -> str:
        change = ScoreChange(account, {}, {"risk_level": level, "detractor_risk": risk})
        row = _row(ENDPOINT, account, "risk_band_changed", _data("demo", cause, change), now())
        return str(row["body"])

    return st.builds(made, texts, texts, numbers, texts)


def now() -> datetime:
    return datetime.now(UTC)


def headers(body: str, at: datetime | None = None, endpoint: WebhookEndpoint = ENDPOINT):
    return signed_headers(MASTER, endpoint, "msg_1", body, at or now())


@given(bodies())
def test_the_reference_verifier_accepts_all_ours(body: str) -> None:
    assert Webhook(SECRET).verify(body.encode(), headers(body)) == json.loads(body)


@given(bodies(), st.data())
def test_an_altered_body_is_refused(body: str, data: st.DataObject) -> None:
    raw = bytearray(body.encode())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 6)) if raw[place] < 128 else 0
    if bytes(raw) == body.encode():
        raw += b" "
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(SECRET).verify(bytes(raw).decode("latin-1"), headers(body))


@given(bodies())
def test_a_re_serialised_body_is_refused(body: str) -> None:
    for again in (
        json.dumps(json.loads(body)),
        json.dumps(json.loads(body), indent=1),
        body + "\n",
    ):
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Webhook(SECRET).verify(again, headers(body))


@pytest.mark.parametrize(("minutes", "why"), [(-5.1, "too old"), (5.1, "too new")])
def test_an_old_message_is_refused(minutes: float, why: str) -> None:
    made = headers("{}", now() + timedelta(minutes=minutes))
    with pytest.raises(WebhookVerificationError, match=why):
        Webhook(SECRET).verify("{}", made)
    assert Webhook(SECRET).verify("{}", headers("{}", now() - timedelta(minutes=4.9))) == {}


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_an_altered_header_is_refused(name: str) -> None:
    made = headers("{}")
    other = "msg_2" if name == "webhook-id" else str(int(made[name]) - 60)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(SECRET).verify("{}", {**made, name: other})


def test_while_a_rotation_overlaps_both_secrets_verify() -> None:
    rotated = replace(ENDPOINT, secret_version=2, previous_until=now() + timedelta(hours=1))
    made = headers("{}", endpoint=rotated)
    assert len(made["webhook-signature"].split()) == 2
    new = secret_of(MASTER, ENDPOINT.id, 2)
    for secret in (SECRET, new):
        assert Webhook(secret).verify("{}", made) == {}
    later = headers("{}", endpoint=replace(rotated, previous_until=now()))
    assert Webhook(new).verify("{}", later) == {}
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(SECRET).verify("{}", later)


def test_secrets_differ_by_endpoint_version_and_master() -> None:
    made = {
        secret_of(master, endpoint, version)
        for master in (MASTER, b"another-master-secret-of-enough-chars")
        for endpoint in (ENDPOINT.id, "ep_2")
        for version in (1, 2)
    }
    assert len(made) == 8
    assert all(secret.startswith("whsec_") for secret in made)


def test_derivation_is_hkdf_of_rfc_5869() -> None:
    hkdf = pytest.importorskip("cryptography.hazmat.primitives.kdf.hkdf", reason="the oracle")
    import base64

    from cryptography.hazmat.primitives import hashes

    oracle = hkdf.HKDF(hashes.SHA256(), 32, b"npsight webhooks", b"signing|ep_x|3").derive(MASTER)
    assert secret_of(MASTER, "ep_x", 3) == "whsec_" + base64.b64encode(oracle).decode()


def test_another_master_is_noticed_before_anything_is_signed() -> None:
    kept = replace(ENDPOINT, master_check=master_check(MASTER, ENDPOINT.id))
    check_master(MASTER, kept)
    with pytest.raises(OutgoingError, match="NPSIGHT_WEBHOOK_MASTER is not the one"):
        check_master(MASTER + b"!", kept)


def test_a_short_master_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="has 6 characters, too few") as caught:
        webhook_master({"NPSIGHT_WEBHOOK_MASTER": "canary"})
    assert "canary" not in str(caught.value)
    with pytest.raises(ConfigError, match="is not set"):
        webhook_master({})


def test_a_trial_message_tells_of_no_account() -> None:
    message_id, body = trial_message(ENDPOINT, now())
    assert message_id.startswith("msg_")
    nothing = dict.fromkeys(TOLD)
    assert json.loads(body)["data"] == {
        "project": "demo",
        "account": "",
        "cause": "test",
        "before": nothing,
        "after": nothing,
        "path": "/v1/accounts/",
    }
