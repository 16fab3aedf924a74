"""The settings of the engine: what fits together, and where its paths and secrets come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from npsight.config.checks import Finding
from npsight.config.schema import Engine

_BELONGS = {"address": "spark", "exchange": "spark", "options": "spark", "connection": "postgres"}


def check_engine(engine: Engine, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Every setting belongs to the kind of engine, and what that kind needs is there."""
    for setting, kind in _BELONGS.items():
        if getattr(engine, setting) and engine.kind != kind:
            yield Finding(
                ("engine", setting),
                f"belongs to `kind: {kind}`, and the kind is `{engine.kind}`",
                f"write `kind: {kind}`, or drop `{setting}`",
            )
    if engine.kind != "postgres":
        return
    if engine.connection is None:
        yield Finding(
            ("engine", "kind"),
            "`postgres` needs `connection`",
            "name the environment variable that holds the connection string",
        )
    elif not environment.get(engine.connection):
        yield Finding(
            ("engine", "connection"),
            f"the environment variable `{engine.connection}` is not set",
            f"export {engine.connection}=postgresql://user:password@host/database",
        )


def located(engine: Engine, base: Path) -> Engine:
    """The engine with an absolute `exchange`, which is written relative to the project file."""
    if engine.exchange is None:
        return engine
    folder = (base / Path(engine.exchange).expanduser()).resolve()
    return engine.model_copy(update={"exchange": str(folder)})
