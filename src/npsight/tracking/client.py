"""A quiet MLflow client that fails fast, and its errors as errors a user can mend."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from npsight.errors import NotFoundError, NpsightError
from npsight.tracking.lock import exclusive
from npsight.tracking.reasons import away, first_line, unusable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

DATABASE = "mlflow.db"
DATABASE_SECONDS = 10.0
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    # With MLflow's own a registry that is down holds a job for four minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}


def open_client(state_dir: Path, tracking_uri: str | None) -> MlflowClient:
    """A client of `tracking_uri`, or of the SQLite database in `state_dir`.

    Raises
    ------
    StateError
        It cannot be reached, or the folder cannot be written.
    """
    uri = tracking_uri or sqlite_uri(state_dir / DATABASE)
    with mendable(uri), warnings.catch_warnings():
        # MLflow's tables use what newer SQLAlchemy deprecates; they are mapped on first use.
        warnings.simplefilter("ignore")
        if tracking_uri is not None:
            _ensure_database_answers(uri)
            return _client(uri)
        _create_database(state_dir)
        client = _client(uri)
        client.search_experiments(max_results=1)
        return client


def quiet_mlflow() -> None:
    """Settings that MLflow reads when it is imported: call this before."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # MLflow logs failing statements, values and all.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def sqlite_uri(path: Path) -> str:
    """MLflow's way of naming a SQLite file."""
    return f"sqlite:///{path.resolve().as_posix()}"


@contextmanager
def mendable(uri: str) -> Iterator[None]:
    """MLflow's errors inside become NotFoundError or StateError, without their details' values."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except NpsightError:
        raise
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise NotFoundError(
                f"{shown(uri)}: the registry does not have it ({first_line(error)})\n"
                "  → npsight models lists what it has"
            ) from None
        raise unusable(shown(uri), error, hidden="@" in uri) from None
    except (RequestException, SQLAlchemyError, OSError) as error:
        raise unusable(shown(uri), error, hidden="@" in uri) from None


def shown(uri: str) -> str:
    """The address without user name and password."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def reader(uri: str, seconds: float) -> Engine:
    """A way to ask a registry's database directly, which gives up after `seconds`."""
    from sqlalchemy import NullPool, create_engine, make_url

    url = make_url(uri)
    if url.get_backend_name() == "sqlite":
        readonly = url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
        return create_engine(readonly, poolclass=NullPool, connect_args={"timeout": seconds})
    wait = {"connect_timeout": max(round(seconds), 1)}
    return create_engine(url, poolclass=NullPool, connect_args=wait, hide_parameters=True)


def _ensure_database_answers(uri: str) -> None:
    """MLflow itself would try for most of an hour to reach a database server that is away."""
    from sqlalchemy.exc import OperationalError

    if not uri.startswith(("postgresql", "mysql")):
        return
    engine = reader(uri, DATABASE_SECONDS)
    try:
        with engine.connect():
            pass
    except OperationalError:
        raise away(shown(uri), "its database does not let npsight in, or is not there") from None
    finally:
        engine.dispose()


def _client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _create_database(state_dir: Path) -> None:
    """Create the SQLite database aside, then put it in place: whole, or not there.

    MLflow's own creation runs dozens of migrations; processes race in it, and one that is killed
    leaves a database that no later one can open.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    target = state_dir / DATABASE
    if target.exists():
        return
    with exclusive(state_dir / f"{DATABASE}.lock"):
        if target.exists():
            return
        fresh = state_dir / f"{DATABASE}.{os.getpid()}.new"
        fresh.unlink(missing_ok=True)
        _client(sqlite_uri(fresh)).search_experiments(max_results=1)
        os.replace(fresh, target)
