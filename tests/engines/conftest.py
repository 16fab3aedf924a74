"""Three real engines. Spark and PostgreSQL are started once for the whole run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres_server import postgres_server

sys.path[:0] = [str(Path(__file__).parents[1] / "time"), str(Path(__file__).parent)]

from engine_settings import POSTGRES, SPARK, VARIABLE, project_of
from handmade import handmade_engine


@pytest.fixture(scope="session")
def duckdb() -> Iterator[Any]:
    with handmade_engine() as backend:
        yield backend


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres_server("engines") as url:
        yield url


@pytest.fixture
def postgres_variable(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, postgres_url)
    return VARIABLE


@pytest.fixture(scope="session")
def spark_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Spark in this process, in which jobs open sessions of their own."""
    pytest.importorskip("pyspark", reason="needs the dev extra")
    from npsight.tables.spark_session import java_problem, session_of

    if java_problem() is not None:
        pytest.skip(f"{java_problem()}; Spark tests not run")
    folder = tmp_path_factory.mktemp("spark")
    with session_of(project_of(folder, SPARK), folder):
        yield


@pytest.fixture(params=["spark", "postgres"])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The `engine` section of a project file, for each engine that is not DuckDB."""
    if request.param == "spark":
        request.getfixturevalue("spark_running")
        return SPARK
    request.getfixturevalue("postgres_variable")
    return POSTGRES


@pytest.fixture
def engine(settings: dict[str, Any], tmp_path: Path, duckdb: Any) -> Iterator[Any]:
    """An open engine beside DuckDB."""
    from npsight.tables.handover import open_engine

    with open_engine(project_of(tmp_path, settings), duckdb) as opened:
        yield opened
