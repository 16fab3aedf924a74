"""Webhooks added, rotated and tested: where the store, the master secret and the policy meet."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from npsight.errors import ConfigError, OutgoingError, Problem
from npsight.outgoing.deliver import filled
from npsight.outgoing.http import Sender, SendError
from npsight.outgoing.signing import check_master, master_check, secret_of, signed_headers
from npsight.outgoing.targets import RefusedTargetError, TargetPolicy
from npsight.store import (
    Store,
    WebhookEndpoint,
    add_endpoint,
    endpoint_named,
    new_endpoint,
    rotate_endpoint,
    trial_message,
)


def add_webhook(
    store: Store,
    project: str,
    name: str,
    url: str,
    events: Sequence[str],
    master: bytes,
    environment: Mapping[str, str] | None = None,
) -> tuple[WebhookEndpoint, str]:
    """Keep a new endpoint whose target was judged; with it the secret, which is kept nowhere.

    Raises
    ------
    ConfigError
        The URL may not be called, or names a variable that is not set; the name is taken.
    """
    found = os.environ if environment is None else environment
    endpoint = new_endpoint(project, name, url, events)
    try:
        TargetPolicy.from_environment(found).check(filled(url, found))
    except SendError as error:
        remedy = (
            "export it with the part of the URL that it stands for, here and for npsight deliver"
        )
        raise _not_added(error, remedy) from None
    except RefusedTargetError as error:
        raise _not_added(error, "give another URL") from None
    kept = replace(endpoint, master_check=master_check(master, endpoint.id))
    add_endpoint(store, kept)
    return kept, secret_of(master, kept.id, kept.secret_version)


def _not_added(error: Exception, remedy: str) -> ConfigError:
    return ConfigError("the webhook was not added", [Problem(str(error), remedy, key="URL")])


def rotate_webhook(
    store: Store, project: str, name: str, overlap: timedelta, master: bytes
) -> tuple[WebhookEndpoint, str]:
    """A new secret for an endpoint; raises as `rotate_endpoint` and `check_master` do."""
    check_master(master, endpoint_named(store, project, name))
    rotated = rotate_endpoint(store, project, name, overlap)
    return rotated, secret_of(master, rotated.id, rotated.secret_version)


def send_test(
    store: Store,
    project: str,
    name: str,
    sender: Sender,
    master: bytes,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Send a signed test message at once, past the outbox; returns the receiver's status.

    Raises
    ------
    NotFoundError
        There is no such webhook.
    OutgoingError
        There was no answer, or the master secret is another one.
    """
    found = os.environ if environment is None else environment
    endpoint = endpoint_named(store, project, name)
    check_master(master, endpoint)
    now = datetime.now(UTC)
    message_id, body = trial_message(endpoint, now)
    headers = signed_headers(master, endpoint, message_id, body, now)
    try:
        url = filled(endpoint.url, found)
        return sender.send("POST", url, headers, body.encode(), max_bytes=None).status
    except SendError as error:
        raise OutgoingError(
            f"webhook {name} gave no answer: {error}\n  → check the URL and the receiver"
        ) from None
