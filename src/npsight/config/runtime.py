"""What a running process is told by its environment rather than by the project file."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from npsight.errors import ConfigError, Problem

CONFIG_VARIABLE = "NPSIGHT_CONFIG"
WORKERS_VARIABLE = "NPSIGHT_WORKERS"
REGISTRY_VARIABLE = "NPSIGHT_TRACKING_URI"
HUBSPOT_VARIABLE = "NPSIGHT_HUBSPOT_SECRET"
WAITING = ("OMP_WAIT_POLICY", "passive")


def serving_config(environment: Mapping[str, str] | None = None) -> Path:
    """The project file that a service process serves.

    Raises
    ------
    ConfigError
        The variable is not set.
    """
    remedy = f"start with `npsight serve -c FILE`, or export {CONFIG_VARIABLE}=FILE"
    return Path(_needed(CONFIG_VARIABLE, environment, "no project to serve", remedy))


def registry_uri(environment: Mapping[str, str] | None = None) -> str | None:
    """Address of the team's MLflow; None for the project's own database."""
    return _lookup(environment).get(REGISTRY_VARIABLE) or None


def hubspot_secret(environment: Mapping[str, str] | None = None) -> str | None:
    """Client secret of the HubSpot app whose signed requests are taken; None for no such app."""
    return _lookup(environment).get(HUBSPOT_VARIABLE) or None


def connection_string(variable: str, environment: Mapping[str, str] | None = None) -> str:
    """The connection string that an environment variable holds.

    Raises
    ------
    ConfigError
        The variable is not set.
    """
    remedy = f"export {variable}=postgresql://user:password@host/name"
    return _needed(variable, environment, "the database cannot be opened", remedy)


def let_threads_sleep() -> None:
    """Have LightGBM's idle threads sleep instead of spin, unless the environment says otherwise.

    Measured with as many other busy processes as cores, training took a quarter of the time.
    Must be called before LightGBM is loaded.
    """
    os.environ.setdefault(*WAITING)


@contextmanager
def cycles_left_alone() -> Iterator[None]:
    """Without the search for cycles of unused objects, as long as something short is built.

    Ibis makes many small objects, all of them in use; each search among them also goes through all
    that the libraries have loaded. Without it features of many dates take a twentieth less time.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


def serving_workers(environment: Mapping[str, str] | None = None) -> int:
    """How many processes serve the project; 1 unless told."""
    value = _lookup(environment).get(WORKERS_VARIABLE, "")
    return int(value) if value.isdecimal() and int(value) > 0 else 1


def serving_environment(config: Path, workers: int = 1) -> dict[str, str]:
    """The environment of a service process for `config`, made from this one's."""
    return {
        WAITING[0]: WAITING[1],
        **os.environ,
        CONFIG_VARIABLE: str(config.resolve()),
        WORKERS_VARIABLE: str(workers),
        "BENTOML_DO_NOT_TRACK": "true",
        "PYTHONUNBUFFERED": "1",
    }


def _lookup(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environment is None else environment


def _needed(
    variable: str, environment: Mapping[str, str] | None, headline: str, remedy: str
) -> str:
    value = _lookup(environment).get(variable, "")
    if not value:
        problem = Problem(f"the environment variable `{variable}` is not set", remedy)
        raise ConfigError(headline, [problem])
    return value
