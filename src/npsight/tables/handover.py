"""Where feature expressions run: DuckDB itself, Spark, or PostgreSQL.

Tables are read and checked in DuckDB. The canonical facts are then handed over to the engine that
the project file names, and every feature, outcome and spine is computed there, by the same
expressions. What was handed over is gone when the engine is closed, after a failure too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

import ibis.expr.types as ir

from npsight.config.specs import ProjectSpec
from npsight.errors import ConfigError, Problem
from npsight.temporal.facts import Facts

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

Progress = Callable[[str], None]
FREE_TEXT = ("comment",)
"""Columns that no feature reads: they do not leave this machine."""


class FeatureEngine(Protocol):
    """An open engine. `backend` is what `FeatureBuilder` runs expressions on."""

    @property
    def backend(self) -> Any:
        """An Ibis backend whose `create_table(…, temp=True)` computes once, and whose
        `to_pyarrow` gives the types of the expression.
        """

    def take(self, facts: Facts, progress: Progress) -> Facts:
        """The same facts as tables of this engine."""


@dataclass(frozen=True)
class DuckDbEngine:
    """The working DuckDB, in which the facts lie already."""

    backend: Any

    def take(self, facts: Facts, progress: Progress) -> Facts:
        """The facts as they are."""
        return facts


Opener = Callable[[ProjectSpec, "Backend"], AbstractContextManager[FeatureEngine]]


@contextmanager
def open_engine(project: ProjectSpec, duckdb: Backend) -> Iterator[FeatureEngine]:
    """The engine that the project names, started before any table is read.

    Raises
    ------
    ConfigError
        Its package or Java is not installed, or it does not answer.
    """
    if project.engine.kind == "duckdb":
        yield DuckDbEngine(duckdb)
        return
    with _opener(project)(project, duckdb) as engine:
        yield engine


def _opener(project: ProjectSpec) -> Opener:
    kind = project.engine.kind
    try:
        if kind == "spark":
            from npsight.tables.spark import open_spark

            return open_spark
        from npsight.tables.postgres import open_postgres

        return open_postgres
    except ImportError as error:
        what = f"what `kind: {kind}` needs is not installed ({error.name or error})"
        raise engine_error(project, what, f"pip install 'npsight[{kind}]'") from None


def engine_error(
    project: ProjectSpec, what: str, remedy: str, setting: str = "kind"
) -> ConfigError:
    """The one error of an engine that cannot be used."""
    problem = Problem(what, remedy, str(project.file), f"engine.{setting}")
    return ConfigError(f"the engine of {project.file.name} cannot be used", [problem])


def handed_over(facts: Facts, move: Callable[[str, ir.Table], ir.Table]) -> Facts:
    """The facts with every table replaced by `move(name, table)`, free text left behind."""

    def moved(name: str, table: ir.Table) -> ir.Table:
        return move(name, table.drop(*(c for c in FREE_TEXT if c in table.columns)))

    changed: dict[str, Any] = {}
    for field in fields(facts):
        value = getattr(facts, field.name)
        if isinstance(value, ir.Table):
            changed[field.name] = moved(field.name, value)
        elif isinstance(value, Mapping):
            changed[field.name] = {key: moved(key, table) for key, table in value.items()}
    return replace(facts, **changed)
