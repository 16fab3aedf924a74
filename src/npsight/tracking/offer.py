"""Which version the registry offers as champion, asked lightly enough to ask every few seconds.

MLflow's own client costs two seconds and 200 MB to import, and its retries cannot be bounded as a
whole. So a server is asked by its REST interface, a database by one query; the files of a new
version are then fetched by `npsight.tracking.fetch`, in a process of its own.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from npsight.errors import StateError
from npsight.tracking.client import DATABASE, reader, shown, sqlite_uri
from npsight.tracking.versions import CHAMPION, DIGEST_TAG

SECONDS = 3.0
LARGEST_ANSWER = 1_000_000


@dataclass(frozen=True)
class Offer:
    """The version that the alias `champion` points to, and the model digest it was given.

    `digest` is "" for a version that was registered without one.
    """

    version: int
    digest: str


def champion_offer(
    project: str, state_dir: Path, tracking_uri: str | None, seconds: float = SECONDS
) -> Offer | None:
    """What the registry offers; None where it has no champion, or no registry is there.

    Parameters
    ----------
    tracking_uri
        The team's registry; None for the database in `state_dir`.
    seconds
        Longest wait for each step of the answer.

    Raises
    ------
    StateError
        The registry does not answer, or not as MLflow does.
    """
    name = f"npsight-{project}"
    if tracking_uri is None:
        database = state_dir / DATABASE
        return _from_database(sqlite_uri(database), name, seconds) if database.exists() else None
    if urlsplit(tracking_uri).scheme in ("http", "https"):
        return _from_server(tracking_uri, name, seconds)
    return _from_database(tracking_uri, name, seconds)


def _from_server(uri: str, name: str, seconds: float) -> Offer | None:
    parts = urlsplit(uri)
    base = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
    query = urlencode({"name": name, "alias": CHAMPION})
    asked = Request(
        f"{base}/api/2.0/mlflow/registered-models/alias?{query}",
        headers=_authorization(uri, os.environ),
    )
    try:
        opener = build_opener(_NoRedirect, HTTPSHandler(context=_tls(os.environ)))
        with opener.open(asked, timeout=seconds) as answer:
            found = json.loads(_read(answer, seconds))["model_version"]
        return Offer(int(found["version"]), _digest(found.get("tags", ())))
    except HTTPError as error:
        with error:
            if _has_no_alias(error):
                return None
        raise _away(uri, f"it answered {error.code}") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise _away(uri, str(reason) or type(error).__name__) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _away(uri, "it does not answer as MLflow does") from None


def _read(answer: Any, seconds: float) -> bytes:
    """The body, unless it is too long or comes in drops."""
    deadline, body = time.monotonic() + seconds, b""
    while part := answer.read1(65_536):
        body += part
        if len(body) > LARGEST_ANSWER or time.monotonic() > deadline:
            raise OSError("its answer does not end")
    return body


def _has_no_alias(error: HTTPError) -> bool:
    try:
        code = json.loads(error.read(LARGEST_ANSWER)).get("error_code")
    except (OSError, HTTPException, ValueError, AttributeError):
        return False
    # What MLflow answers to an alias it does not know, and to a model it does not know.
    return code in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")


def _digest(tags: Any) -> str:
    return next((str(tag["value"]) for tag in tags if tag.get("key") == DIGEST_TAG), "")


def _authorization(uri: str, environment: Mapping[str, str]) -> dict[str, str]:
    """As MLflow's client does: a name and password, else a token, of URI or environment."""
    parts = urlsplit(uri)
    user = unquote(parts.username or "") or environment.get("MLFLOW_TRACKING_USERNAME", "")
    password = unquote(parts.password or "") or environment.get("MLFLOW_TRACKING_PASSWORD", "")
    token = environment.get("MLFLOW_TRACKING_TOKEN", "")
    if user and password:
        return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=environment.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None
    )
    if environment.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the password elsewhere; it is an error like any other."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Follow none."""
        return


def _from_database(uri: str, name: str, seconds: float) -> Offer | None:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    query = text(
        "SELECT a.version, t.value FROM registered_model_aliases a "
        "LEFT JOIN model_version_tags t "
        "ON t.name = a.name AND t.version = a.version AND t.key = :tag "
        "WHERE a.name = :name AND a.alias = :alias"
    )
    try:
        engine = reader(uri, seconds)
        try:
            with engine.connect() as connection:
                asked = {"name": name, "alias": CHAMPION, "tag": DIGEST_TAG}
                found = connection.execute(query, asked).first()
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise _away(uri, type(error).__name__) from None
    return None if found is None else Offer(int(found[0]), str(found[1] or ""))


def _away(uri: str, reason: str) -> StateError:
    return StateError(
        f"{shown(uri)}: the model registry does not answer ({reason[:200]})\n"
        "  → check that it is running and reachable; the served model stays meanwhile"
    )
