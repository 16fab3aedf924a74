"""What an engine leaves behind, and how it says that it cannot be used."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from engine_settings import POSTGRES, SPARK, VARIABLE, project_of
from handmade import fact, facts_of, world_of

from npsight.errors import ConfigError
from npsight.jobs.building.frames import silent
from npsight.tables.handover import open_engine


@pytest.fixture(scope="module")
def facts(duckdb: Any) -> Any:
    return facts_of(duckdb, world_of(("a",), usage=[fact(datetime(2024, 1, 1), logins=1)]))


@pytest.fixture
def server(postgres_url: str) -> Iterator[Any]:
    """An own connection to the server, to look at it from outside."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def schemas(server: Any) -> list[str]:
    found = server.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'npsight%'")
    return sorted(name for (name,) in found.fetchall())


# --- PostgreSQL ---------------------------------------------------------------------------------


def test_a_run_has_a_schema_of_its_own_and_drops_it(
    duckdb, facts, server, postgres_variable, tmp_path
):
    with open_engine(project_of(tmp_path, POSTGRES), duckdb) as engine:
        engine.take(facts, silent)
        [schema] = schemas(server)
        assert schema.startswith("npsight_test_")
        query = "SELECT count(*) FROM pg_indexes WHERE schemaname = %s"
        assert server.execute(query, (schema,)).fetchone() == (2,)
        query = "SELECT DISTINCT collation_name FROM information_schema.columns "
        query += "WHERE table_schema = %s AND collation_name IS NOT NULL"
        assert server.execute(query, (schema,)).fetchall() == [("C",)]
    assert schemas(server) == []


def fail_within(project: Any, duckdb: Any, look: Callable[[Any], None]) -> None:
    """Open the engine, look at what there is, and fail."""
    with open_engine(project, duckdb) as engine:
        look(engine)
        raise RuntimeError("on the way")


def test_the_schema_is_dropped_after_a_failure_too(duckdb, server, postgres_variable, tmp_path):
    project = project_of(tmp_path, POSTGRES)
    seen: list[str] = []
    with pytest.raises(RuntimeError, match="on the way"):
        fail_within(project, duckdb, lambda _: seen.extend(schemas(server)))
    assert len(seen) == 1
    assert schemas(server) == []


def test_what_a_killed_run_left_is_dropped_and_a_running_one_is_let_be(
    duckdb, server, postgres_variable, tmp_path
):
    server.execute("CREATE SCHEMA npsight_killed")
    server.execute("COMMENT ON SCHEMA npsight_killed IS 'session 1 since 1700000000.5'")
    server.execute("CREATE SCHEMA npsight_of_somebody")  # no run of ours made this
    first = project_of(tmp_path, POSTGRES)
    with open_engine(first, duckdb), open_engine(first, duckdb):
        found = schemas(server)
        assert "npsight_killed" not in found
        assert sum(name.startswith("npsight_test_") for name in found) == 2
    assert schemas(server) == ["npsight_of_somebody"]
    server.execute("DROP SCHEMA npsight_of_somebody")


def test_names_longer_than_postgresql_keeps_stay_apart(duckdb, postgres_variable, tmp_path):
    name = "usage__count__" + "a_rather_long_category_" * 4
    names = [f"{name}{end}" for end in ("30d", "90d")]
    with open_engine(project_of(tmp_path, POSTGRES), duckdb) as engine:
        table = engine.backend.create_table("one", pa.table({"n": [1]}), temp=True)
        both = table.mutate(**{names[0]: table.n, names[1]: table.n + 1})
        kept = engine.backend.create_table("kept", both, temp=True)
        again = kept.filter(kept[names[1]] > 0).select(*names)
        found = engine.backend.to_pyarrow(again)
    assert found.to_pydict() == {names[0]: [1], names[1]: [2]}


def test_zero_characters_which_postgresql_cannot_store_are_replaced(
    duckdb, postgres_variable, tmp_path
):
    told = facts_of(duckdb, world_of(("a",), usage=[fact(datetime(2024, 1, 1), kind="a\0b")]))
    with open_engine(project_of(tmp_path, POSTGRES), duckdb) as engine:
        moved = engine.take(told, silent)
        found = engine.backend.to_pyarrow(moved.sources["usage"])
    assert found["kind"].to_pylist() == ["a\ufffdb"]


def test_rounding_and_casting_are_exact(duckdb, postgres_variable, tmp_path):
    """By PostgreSQL's own rules the last digits would be lost: it makes 15 of 17."""
    values = [0.1234567890125, -0.7071067811865476, 2.5, -2.5, 123456789.1234565, None]
    with open_engine(project_of(tmp_path, POSTGRES), duckdb) as engine:
        frames = []
        for backend in (duckdb, engine.backend):
            name = ibis.util.gen_name("floats")
            backend.create_table(name, pa.table({"x": values}), temp=True)
            x = backend.table(name).x
            table = x.as_table().select(
                twelve=x.round(12), none=x.round(0), exact=x.cast("decimal(18, 6)")
            )
            frames.append(backend.to_pyarrow(table).to_pydict())
    assert frames[0] == frames[1]


def test_a_server_that_does_not_answer_is_named_without_its_address(duckdb, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "postgresql://me:hunter2@127.0.0.1:1/crm")
    with (
        pytest.raises(
            ConfigError, match=rf"PostgreSQL at `\${VARIABLE}` does not answer"
        ) as caught,
        open_engine(project_of(tmp_path, POSTGRES), duckdb),
    ):
        pass
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert "psql" in str(caught.value)


def test_a_user_who_may_create_nothing_is_told_what_to_grant(
    duckdb, server, postgres_url, monkeypatch, tmp_path
):
    from psycopg.conninfo import make_conninfo

    server.execute("CREATE ROLE reader LOGIN PASSWORD 'x'")
    monkeypatch.setenv(VARIABLE, make_conninfo(postgres_url, user="reader", password="x"))
    with (
        pytest.raises(ConfigError, match="may not create a schema") as caught,
        open_engine(project_of(tmp_path, POSTGRES), duckdb),
    ):
        pass
    assert "GRANT CREATE" in str(caught.value)


def test_a_schema_behind_the_database_is_searched(
    duckdb, server, postgres_url, monkeypatch, tmp_path
):
    """Ibis's connection strings may end in one, libpq's may not."""
    server.execute("CREATE SCHEMA crm CREATE TABLE crm_usage (n int)")
    head, mark, tail = postgres_url.partition("?")
    monkeypatch.setenv(VARIABLE, f"{head.rstrip('/')}/crm{mark}{tail}")
    with open_engine(project_of(tmp_path, POSTGRES), duckdb) as engine:
        assert engine.backend.run("SELECT count(*) FROM crm_usage") == [(0,)]
    server.execute("DROP SCHEMA crm CASCADE")


# --- Spark --------------------------------------------------------------------------------------


def test_the_exchange_folder_is_empty_again_after_a_failure_too(
    duckdb, facts, spark_running, tmp_path
):
    project = project_of(tmp_path, SPARK | {"exchange": str(tmp_path / "shared")})
    seen: list[Path] = []

    def look(engine: Any) -> None:
        moved = engine.take(facts, silent)
        assert engine.backend.to_pyarrow(moved.accounts).num_rows == 1
        seen.extend((tmp_path / "shared").glob("*/*.parquet"))

    with pytest.raises(RuntimeError, match="on the way"):
        fail_within(project, duckdb, look)
    assert len(seen) == 2
    assert list((tmp_path / "shared").iterdir()) == []


def test_another_master_in_the_same_process_is_refused(duckdb, spark_running, tmp_path):
    project = project_of(tmp_path, SPARK | {"address": "local[1]"})
    with (
        pytest.raises(ConfigError, match=r"master `local\[2\]` runs in this process"),
        open_engine(project, duckdb),
    ):
        pass


def java_that_says(home: Path, text: str) -> str:
    """A JAVA_HOME whose `java -version` says this."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    return str(home)


def start_without(tmp_path: Path) -> str:
    """Why Spark does not start."""
    pytest.importorskip("pyspark", reason="needs the dev extra")
    from npsight.tables.spark_session import start

    with pytest.raises(ConfigError, match="the engine of project.yaml cannot be used") as caught:
        start(project_of(tmp_path, SPARK), tmp_path)
    assert "engine.kind" in str(caught.value)
    assert "DuckDB computes on this machine" in str(caught.value)
    return str(caught.value)


def test_no_java_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = start_without(tmp_path)
    assert "no Java found, and Spark needs it" in said
    assert "install a Java runtime (17 or newer)" in said


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0"])
def test_a_java_too_old_is_named(monkeypatch, tmp_path, version):
    says = f'openjdk version "{version}" 2019-01-15'
    monkeypatch.setenv("JAVA_HOME", java_that_says(tmp_path / "jdk", says))
    assert f"the Java found is version {version}, and Spark needs it" in start_without(tmp_path)


def test_a_master_that_does_not_answer_is_said_at_once(monkeypatch, tmp_path):
    pytest.importorskip("pyspark", reason="needs the dev extra")
    from npsight.tables import spark_session

    monkeypatch.setattr(spark_session, "java_problem", lambda: None)
    project = project_of(tmp_path, SPARK | {"address": "spark://127.0.0.1:1"})
    with pytest.raises(ConfigError, match=r"nothing answers at `spark://127.0.0.1:1`"):
        spark_session.start(project, tmp_path)


@pytest.mark.parametrize(
    ("settings", "extra", "package"),
    [(SPARK, "spark", "pyspark"), (POSTGRES, "postgres", "psycopg")],
)
def test_a_missing_package_names_the_extra(duckdb, monkeypatch, tmp_path, settings, extra, package):
    for name in list(sys.modules):
        if name.startswith(f"npsight.tables.{extra}"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(ConfigError, match=rf"pip install 'npsight\[{extra}\]'"),
        open_engine(project_of(tmp_path, settings), duckdb),
    ):
        pass


@pytest.mark.parametrize(
    ("memory", "java"), [("4GB", "4096m"), ("1.5GB", "1536m"), ("512MB", "512m")]
)
def test_memory_as_java_writes_it(memory, java):
    pytest.importorskip("pyspark", reason="needs the dev extra")
    from npsight.tables.spark_session import megabytes

    assert megabytes(memory) == java
