"""The `engine` sections that tests use."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from npsight.config.schema import Engine

# Of tables of a few hundred rows, compiling queries takes far longer than running them; and so
# does planning them anew after each step, which would also bring all rows into one partition.
# So nothing is compiled, and no filter is looked for that could be inferred from another.
SPARK: dict[str, Any] = {
    "kind": "spark",
    "address": "local[2]",
    "memory": "1GB",
    "options": {
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.constraintPropagation.enabled": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    },
}
VARIABLE = "NPSIGHT_TEST_PG"
POSTGRES: dict[str, Any] = {"kind": "postgres", "connection": VARIABLE}


def project_of(folder: Path, engine: dict[str, Any]) -> Any:
    """What an engine reads of a project."""
    state, file = folder / "state", folder / "project.yaml"
    return SimpleNamespace(name="test", file=file, state_dir=state, engine=Engine(**engine))
