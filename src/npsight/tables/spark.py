"""Spark as an engine: Ibis's Spark backend with tables that are computed once.

Facts are handed over as Parquet files. Instants are Spark's `TIMESTAMP_NTZ` throughout (UTC,
microseconds, without a zone), so that no session's zone can shift them. Results come as Arrow.
"""

from __future__ import annotations

import secrets
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend as IbisSpark
from pyspark.sql import DataFrame, SparkSession

from npsight.config.specs import ProjectSpec
from npsight.tables.engine import fresh_name
from npsight.tables.handover import Progress, engine_error, handed_over
from npsight.tables.spark_session import SETTINGS, session_of
from npsight.temporal.facts import Facts

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend


@contextmanager
def sockets_left_open() -> Iterator[None]:
    """PySpark leaves closing the sockets of its results to the garbage collector."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed", ResourceWarning)
        yield


class SparkBackend(IbisSpark):  # type: ignore[misc]
    """Ibis's Spark backend, with temporary tables and typed results."""

    _kept: dict[str, DataFrame]

    @classmethod
    def over(cls, session: SparkSession) -> SparkBackend:
        """A backend with the settings of ours, over a session that it neither starts nor stops."""
        _ = ibis.pyspark  # the options that the compiler looks up are registered by this
        backend = cls()
        backend.do_connect(session, **SETTINGS)
        backend._kept = {}
        return backend

    def create_table(
        self, name: str, /, obj: Any = None, *, temp: bool | None = None, **rest: Any
    ) -> ir.Table:
        """With `temp`: computed once, kept in memory or on local disk, gone with `forget`."""
        if not temp:
            return super().create_table(name, obj, temp=temp, **rest)
        if isinstance(obj, ir.Table):
            self._run_pre_execute_hooks(obj)
            frame = self._session.sql(self.compile(obj)).persist()
            frame.count()
            self._kept[name] = frame
        else:
            with sockets_left_open():
                frame = self._session.createDataFrame(obj)
        frame.createOrReplaceTempView(name)
        return self.table(name)

    def drop_table(self, name: str, /, **options: Any) -> None:
        """A temporary table gives back its memory; any other is dropped as Ibis does."""
        frame = self._kept.pop(name, None)
        if frame is None:
            super().drop_table(name, **options)
            return
        self._session.catalog.dropTempView(name)
        frame.unpersist()

    def forget(self) -> None:
        """Drop all temporary tables."""
        for name in list(self._kept):
            self.drop_table(name)

    def read_view(self, uri: str, name: str) -> ir.Table:
        """Parquet files as a view of this session."""
        self._session.read.parquet(uri).createOrReplaceTempView(name)
        return self.table(name)

    def to_pyarrow(self, expr: ir.Expr, /, **options: Any) -> Any:
        """The result as Arrow, in the types of the expression."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        with sockets_left_open():
            found = self._session.sql(self.compile(table, **options)).toArrow()
        schema = table.schema().to_pyarrow()
        return expr.__pyarrow_result__(found.rename_columns(schema.names).cast(schema))

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        data: pa.Table = op.data.to_pyarrow(op.schema)
        with sockets_left_open():
            self._session.createDataFrame(data).createOrReplaceTempView(op.name)


@dataclass(frozen=True)
class SparkEngine:
    """An open session, and the folder in which facts reach it."""

    backend: SparkBackend
    project: ProjectSpec
    duckdb: Backend
    folder: Path

    def take(self, facts: Facts, progress: Progress) -> Facts:
        """The facts as views over Parquet files in `folder`."""

        def move(name: str, table: ir.Table) -> ir.Table:
            progress(f"handing {name} over to {self.project.engine.title}")
            file = self.folder / f"{fresh_name(name)}.parquet"
            self.duckdb.to_parquet(table, file)
            moved = self.backend.read_view(file.as_uri(), file.stem)
            self._prove_readable(moved)
            return moved

        return handed_over(facts, move)

    def _prove_readable(self, table: ir.Table) -> None:
        """The driver runs here and sees every folder; workers elsewhere may not."""
        if self.project.engine.master.startswith("local"):
            return
        try:
            self.backend.to_pyarrow(table.count())
        except Exception as error:  # Java's exceptions have no common base here
            what = f"Spark's workers cannot read `{self.folder.parent}` ({type(error).__name__})"
            remedy = "name a folder that every worker sees under this path, such as a network mount"
            raise engine_error(self.project, what, remedy, "exchange") from error


@contextmanager
def open_spark(project: ProjectSpec, duckdb: Backend) -> Iterator[SparkEngine]:
    """A Spark session of the project's own, and a folder for its facts; both end with the block."""
    base = Path(project.engine.exchange or project.state_dir / "exchange")
    folder = base / f"{project.name}-{secrets.token_hex(6)}"
    folder.mkdir(parents=True)
    try:
        with session_of(project, folder) as session:
            backend = SparkBackend.over(session)
            try:
                yield SparkEngine(backend, project, duckdb, folder)
            finally:
                backend.forget()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
