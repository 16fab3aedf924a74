"""Project file -> `ProjectSpec`, or one report of everything that is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from npsight.config.checks import Finding
from npsight.config.crosscheck import cross_checked
from npsight.config.engine import check_engine, located
from npsight.config.expand import all_drivers, all_features
from npsight.config.faults import validated
from npsight.config.schema import (
    Place,
    Project,
    Section,
    Source,
    Tables,
)
from npsight.config.specs import ProjectSpec
from npsight.config.yamlfile import KeyPath, YamlFile, read_yaml
from npsight.errors import ConfigError, Problem

SectionT = TypeVar("SectionT", bound=Section)
SourceT = TypeVar("SourceT", bound=Source)
PlaceT = TypeVar("PlaceT", bound=Place)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def load_project(path: Path | str, environment: Mapping[str, str] | None = None) -> ProjectSpec:
    """Read, check and expand a project file.

    Parameters
    ----------
    path
        The YAML file.
    environment
        Where `${VAR}` in paths is looked up; the process environment unless given.

    Raises
    ------
    ConfigError
        With every fault found, each with file, line, key and remedy.
    """
    file = read_yaml(Path(path).resolve())
    findings = [
        Finding(key, "is written twice; YAML would silently keep the second", "keep one of them")
        for key in file.duplicates
    ]
    project, invalid = validated(file)
    findings += invalid
    findings += cross_checked(file, project)
    lookup = os.environ if environment is None else environment
    tables = None
    if project is not None:
        tables, missing = _resolve_paths(project.tables, file.path.parent, lookup)
        findings += missing
        findings += check_engine(project.engine, lookup)
    if findings or project is None or tables is None:
        raise _report(file, findings)
    return _spec(project, tables, file.path)


def _report(file: YamlFile, findings: list[Finding]) -> ConfigError:
    findings = sorted(dict.fromkeys(findings), key=lambda f: _line(file, f.key))
    problems = [Problem(f.what, f.remedy, file.where(f.key), _dotted(f.key)) for f in findings]
    count = len(problems)
    noun = "problem" if count == 1 else "problems"
    return ConfigError(f"{file.path}: {count} {noun} in the project file", problems)


def _line(file: YamlFile, key: KeyPath) -> int:
    return int(file.where(key).rpartition(":")[2])


def _dotted(key: KeyPath) -> str:
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _resolve_paths(
    tables: Tables, base: Path, environment: Mapping[str, str]
) -> tuple[Tables, list[Finding]]:
    """Absolute paths, `${VAR}` filled in; a variable that is not set is a finding."""
    findings: list[Finding] = []

    def resolved(source: SourceT, key: KeyPath) -> SourceT:
        lookup = [placed(item, (*key, "lookup", i)) for i, item in enumerate(source.lookup)]
        return placed(source, key).model_copy(update={"lookup": lookup})

    def placed(source: PlaceT, key: KeyPath) -> PlaceT:
        if source.connection and source.connection not in environment:
            findings.append(
                Finding(
                    (*key, "connection"),
                    f"the environment variable `{source.connection}` is not set",
                    f"export {source.connection}=… with the Ibis connection string",
                )
            )
        if source.path is None:
            return source
        for name in _VARIABLE.findall(source.path):
            if name not in environment:
                findings.append(
                    Finding(
                        (*key, "path"),
                        f"the environment variable `{name}` is not set",
                        f"export {name}=… or write the path out",
                    )
                )
        filled = _VARIABLE.sub(lambda m: environment.get(m.group(1), ""), source.path)
        return source.model_copy(update={"path": str(base / Path(filled).expanduser())})

    return tables.model_copy(
        update={
            "accounts": tables.accounts and resolved(tables.accounts, ("tables", "accounts")),
            "responses": [
                resolved(r, ("tables", "responses", i)) for i, r in enumerate(tables.responses)
            ],
            "activity": {
                name: resolved(a, ("tables", "activity", name))
                for name, a in tables.activity.items()
            },
            "subscriptions": tables.subscriptions
            and resolved(tables.subscriptions, ("tables", "subscriptions")),
            "churn": tables.churn and resolved(tables.churn, ("tables", "churn")),
            "merges": tables.merges and resolved(tables.merges, ("tables", "merges")),
        }
    ), findings


def _spec(project: Project, tables: Tables, file: Path) -> ProjectSpec:
    features = all_features(project, tables, file.parent)
    state = project.state or f"var/{project.project}"
    return ProjectSpec(
        name=project.project,
        file=file,
        state_dir=(file.parent / Path(state).expanduser()).resolve(),
        timezone=project.timezone,
        tables=tables,
        detractor=project.targets.detractor,
        nps=project.targets.nps is not None,
        churn=project.targets.churn,
        features=features,
        drivers=all_drivers(project.drivers, features, bool(tables.responses)),
        worklist=project.worklist,
        service=project.service,
        writeback=project.writeback,
        pages=project.pages,
        alerts=project.alerts,
        database=project.database,
        training=project.training,
        audit=project.audit,
        comments=project.comments,
        quarantine=project.quarantine,
        engine=located(project.engine, file.parent),
        goals=tuple(project.goals),
        benchmarks=tuple(project.benchmarks),
    )
