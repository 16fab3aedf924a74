"""Starting and stopping Spark: Java, the master, the memory, and where its log goes."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from npsight.config.schema import Engine
from npsight.config.specs import ProjectSpec
from npsight.tables.handover import engine_error

OLDEST_JAVA = 17
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.ansi.enabled": "true",
}
"""What a session must say so that an expression means what it means in DuckDB."""
_TASKS_A_THREAD = 4
_SECONDS_TO_ANSWER = 5.0


def java_problem() -> str | None:
    """Why Spark cannot run on this machine's Java, or None."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if java is None:
        return "no Java found"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "((\d+)[\d.]*)', said)
    if version is not None and int(version.group(2)) < OLDEST_JAVA:
        return f"the Java found is version {version.group(1)}"
    return None


@contextmanager
def session_of(project: ProjectSpec, folder: Path) -> Iterator[SparkSession]:
    """A session with the project's settings.

    A process has one Spark: where one runs already, on the same master, a session of its own is
    opened in it, and it is left running. `folder` is where Spark would put tables of its own.

    Raises
    ------
    ConfigError
        There is no Java, the master does not answer, or another Spark runs in this process.
    """
    running = SparkContext._active_spark_context
    if running is not None:
        yield _within(project, running)
        return
    session = start(project, folder)
    try:
        yield session
    finally:
        session.stop()


def start(project: ProjectSpec, folder: Path) -> SparkSession:
    """Start Spark; what it has to say goes to `spark.log` in the state folder."""
    engine = project.engine
    problem = java_problem()
    if problem is not None:
        remedy = f"install a Java runtime ({OLDEST_JAVA} or newer), or set JAVA_HOME"
        raise engine_error(project, f"{problem}, and Spark needs it", _or_duckdb(remedy))
    _check_answers(project)
    project.state_dir.mkdir(parents=True, exist_ok=True)
    log = project.state_dir / "spark.log"
    conf = SparkConf().setAll(list(_settings(engine, folder).items()))
    try:
        return SparkSession(SparkContext(conf=conf, gateway=_java(conf, log)))
    except Exception as error:  # Java's exceptions have no common base here
        what = f"Spark does not start on `{engine.master}` ({type(error).__name__})"
        remedy = f"read {log}; check `address` and `options`"
        raise engine_error(project, what, _or_duckdb(remedy), "address") from error


def _java(conf: SparkConf, log: Path) -> Any:
    """A Java process that writes to `log` instead of the terminal; one that runs is taken."""
    if SparkContext._gateway is not None:
        return SparkContext._gateway
    with log.open("wb") as sink:
        return launch_gateway(conf, {"stdout": sink, "stderr": sink})  # type: ignore[no-untyped-call]


def _or_duckdb(remedy: str) -> str:
    return f"{remedy}; or leave `engine.kind` out, and DuckDB computes on this machine"


def _settings(engine: Engine, folder: Path) -> dict[str, str]:
    settings = {
        "spark.app.name": "npsight",
        "spark.master": engine.master,
        "spark.driver.memory": megabytes(engine.memory),
        # All results come to the driver: its memory is the limit, not a default of 1 GB.
        "spark.driver.maxResultSize": "0",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        **SETTINGS,
    }
    if engine.master.startswith("local"):
        settings |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            # Spark's 200 is meant for a cluster; here most of them would be empty.
            "spark.sql.shuffle.partitions": str(_TASKS_A_THREAD * engine.threads),
        }
    return settings | dict(engine.options)


def megabytes(memory: str) -> str:
    """`1.5GB` as Java writes it: `1536m`."""
    number, unit = memory[:-2], memory[-2:]
    return f"{round(float(number) * (1024 if unit == 'GB' else 1))}m"


def _within(project: ProjectSpec, running: SparkContext) -> SparkSession:
    wanted = project.engine.master
    if running.master != wanted:
        raise engine_error(
            project,
            f"a Spark with master `{running.master}` runs in this process, not `{wanted}`",
            "stop it first, or name its master as `address`",
            "address",
        )
    return SparkSession(running).newSession()


def _check_answers(project: ProjectSpec) -> None:
    """Spark itself would try a dead master for a minute before it says so."""
    master = project.engine.master
    if not master.startswith("spark://"):
        return
    hosts = master.removeprefix("spark://").split(",")
    if not any(_answers(host) for host in hosts):
        what = f"nothing answers at `{master}`"
        raise engine_error(project, what, "check host and port of Spark's master", "address")


def _answers(host: str) -> bool:
    name, _, port = host.partition(":")
    try:
        socket.create_connection((name, int(port or 7077)), _SECONDS_TO_ANSWER).close()
    except (OSError, ValueError):
        return False
    return True
