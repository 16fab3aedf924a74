"""The `engine` sections that tests use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from npsight.config.schema import Engine

# Compiling code for each query costs more than it saves on tables of a few hundred rows.
SPARK: dict[str, Any] = {
    "kind": "spark",
    "address": "local[2]",
    "memory": "1GB",
    "options": {"spark.sql.codegen.wholeStage": "false"},
}
VARIABLE = "NPSIGHT_TEST_PG"
POSTGRES: dict[str, Any] = {"kind": "postgres", "connection": VARIABLE}


def project_of(folder: Path, engine: dict[str, Any]) -> Any:
    """What an engine reads of a project."""
    state, file = folder / "state", folder / "project.yaml"
    return SimpleNamespace(name="test", file=file, state_dir=state, engine=Engine(**engine))
