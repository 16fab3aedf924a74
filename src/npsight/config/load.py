"""Project file -> `ProjectSpec`, or one report of everything that is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from npsight.config import checks
from npsight.config.alertchecks import check_alerts
from npsight.config.checks import Finding, suggest
from npsight.config.engine import check_engine, located
from npsight.config.expand import all_drivers, expand, history_features
from npsight.config.featurechecks import check_feature
from npsight.config.outlookchecks import check_benchmarks, check_goals
from npsight.config.own import own_source
from npsight.config.schema import (
    Alerts,
    Benchmark,
    Feature,
    Goal,
    Project,
    Section,
    Source,
    Tables,
    Targets,
    Worklist,
)
from npsight.config.specs import FeatureSpec, ProjectSpec
from npsight.config.yamlfile import KeyPath, YamlFile, read_yaml
from npsight.errors import ConfigError, Problem

SectionT = TypeVar("SectionT", bound=Section)
SourceT = TypeVar("SourceT", bound=Source)
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
    project, invalid = _validate(file)
    findings += invalid
    findings += _cross_check(file, project)
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


def _validate(file: YamlFile) -> tuple[Project | None, list[Finding]]:
    try:
        return Project.model_validate(file.content), []
    except ValidationError as error:
        return None, [_finding(file, detail) for detail in error.errors(include_url=False)]


def _finding(file: YamlFile, detail: Any) -> Finding:
    key = _as_written(tuple(detail["loc"]), file.content)
    kind, context = detail["type"], detail.get("ctx", {})
    name = str(key[-1]) if key else ""
    if kind == "extra_forbidden":
        section = _section_at(key[:-1])
        known = section.model_fields if section else ()
        return Finding(key, f"unknown key `{name}`", suggest(name, known))
    if kind == "missing":
        return Finding(key, f"`{name}` is missing", _describe(key))
    if kind == "literal_error":
        return Finding(key, f"must be one of {context['expected']}", "choose one of these")
    if kind == "string_pattern_mismatch":
        return Finding(
            key,
            "is not of the form asked for",
            f"must match {context['pattern']}; {_describe(key)}",
        )
    if isinstance(detail.get("input"), bool) and kind in ("string_type", "list_type"):
        return Finding(
            key, "YAML reads an unquoted yes, no, on or off as true or false", 'quote it: "Yes"'
        )
    message = str(detail["msg"]).replace("Input should", "should")
    return Finding(key, message[0].lower() + message[1:], _describe(key))


def _as_written(key: KeyPath, content: Any) -> KeyPath:
    """Drop the index 0 that pydantic gives to one item written where a list may stand."""
    written: list[str | int] = []
    for part in key:
        if isinstance(part, int) and not isinstance(content, list):
            continue
        written.append(part)
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            content = None if isinstance(part, str) else content
    return tuple(written)


def _section_at(key: KeyPath) -> type[BaseModel] | None:
    """The model that describes the mapping at `key`, found by walking the declarations."""
    model: type[BaseModel] = Project
    for part in key:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        found = _model_in(model.model_fields[part].annotation)
        if found is None:
            return None
        model = found
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _describe(key: KeyPath) -> str:
    """The documentation of the setting, as the remedy."""
    for depth in range(len(key), 0, -1):
        model = _section_at(key[: depth - 1])
        field = model.model_fields.get(str(key[depth - 1])) if model else None
        if field is not None and field.description:
            return field.description
    return "see docs/project-file.md"


def _part(model: type[SectionT], content: Any) -> SectionT | None:
    """A section that is valid by itself, so that its neighbours' faults hide nothing of it."""
    try:
        return model.model_validate(content)
    except ValidationError:
        return None


def _valid_tables(content: Any) -> Tables:
    """The tables that are valid by themselves; the others are reported by pydantic already."""
    whole = _part(Tables, content)
    if whole is not None or not isinstance(content, dict):
        return whole or Tables()
    kept: dict[str, Any] = {}
    for name, value in content.items():
        if name == "activity" and isinstance(value, dict):
            good = {k: v for k, v in value.items() if _part(Tables, {"activity": {k: v}})}
            kept[name] = good
        elif _part(Tables, {name: value}) is not None:
            kept[name] = value
    return Tables.model_validate(kept)


def _cross_check(file: YamlFile, project: Project | None) -> list[Finding]:
    raw = file.content
    tables = project.tables if project else _valid_tables(raw.get("tables"))
    targets = project.targets if project else _part(Targets, raw.get("targets"))
    zone = raw.get("timezone")
    findings: list[Finding] = []
    if isinstance(zone, str) and not checks.known_zone(zone):
        findings.append(
            Finding(("timezone",), f"`{zone}` is no time zone", "use an IANA name such as `UTC`")
        )
    for key, source in named_sources(tables):
        findings += checks.check_source(source, key)
    # Read as written, so that another fault of `targets` does not call for a history.
    snapshot = _mapping(_mapping(raw.get("targets")).get("churn")).get("event") == "snapshot"
    if tables.accounts:
        findings += checks.check_accounts(tables.accounts, ("tables", "accounts"), snapshot)
    for name, activity in tables.activity.items():
        findings += checks.check_activity(activity, ("tables", "activity", name))
    for index, response in enumerate(tables.responses):
        key = _response_key(raw, index)
        findings += checks.check_bands(response.bands, (*key, "bands"))
        findings += checks.check_versions(response, key)
    if targets is not None and (project is not None or _part(Tables, raw.get("tables"))):
        findings += checks.check_targets(targets, tables)
    worklist = project.worklist if project else _part(Worklist, raw.get("worklist"))
    if worklist is not None and (project is not None or _part(Tables, raw.get("tables"))):
        findings += checks.check_worklist(worklist, tables)
    if tables.accounts or "accounts" not in _mapping(raw.get("tables")):
        findings += check_goals(_valid_items(Goal, raw.get("goals")), tables, targets)
        findings += check_benchmarks(_valid_items(Benchmark, raw.get("benchmarks")), tables)
    alerts = _part(Alerts, raw.get("alerts") or {})
    findings += check_alerts(alerts) if alerts else []
    for index, feature in _valid_items(Feature, raw.get("features")):
        if not _names_invalid_table(feature, raw, tables):
            findings += check_feature(feature, ("features", index), tables, file.path.parent)
    if project is not None and not findings:
        findings += _check_names(project, tables, file.path.parent)
    return findings


def _valid_items(model: type[SectionT], written: Any) -> list[tuple[int, SectionT]]:
    """The items of a list that are valid by themselves, each with its place."""
    parts = [(i, _part(model, item)) for i, item in enumerate(_listed(written))]
    return [(i, part) for i, part in parts if part is not None]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _names_invalid_table(feature: Feature, raw: Any, tables: Tables) -> bool:
    """A feature of a table that is itself at fault is judged once the table is mended."""
    written = _mapping(raw.get("tables"))
    activity = _mapping(written.get("activity"))
    if feature.source in activity and feature.source not in tables.activity:
        return True
    if feature.source in ("responses", "invitations"):
        return "responses" in written and not tables.responses
    return feature.source == "accounts" and "accounts" in written and tables.accounts is None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _response_key(raw: Any, index: int) -> KeyPath:
    single = isinstance(raw["tables"]["responses"], dict)
    return ("tables", "responses") if single else ("tables", "responses", index)


def named_sources(tables: Tables) -> Iterator[tuple[KeyPath, Source]]:
    """Every table with its key in the project file."""
    if tables.accounts:
        yield ("tables", "accounts"), tables.accounts
    for index, response in enumerate(tables.responses):
        yield ("tables", "responses", index), response
    for name, activity in tables.activity.items():
        yield ("tables", "activity", name), activity
    if tables.subscriptions:
        yield ("tables", "subscriptions"), tables.subscriptions
    if tables.churn:
        yield ("tables", "churn"), tables.churn
    if tables.merges:
        yield ("tables", "merges"), tables.merges


def _expanded(project: Project, tables: Tables, base: Path) -> tuple[FeatureSpec, ...]:
    named = {f.expression for f in project.features if f.expression}
    digests = {name: own_source(base, name).digest for name in named}
    declared = [s for f in project.features for s in expand(f, tables.accounts, digests)]
    declared_names = {s.name for s in declared}
    from_history = history_features(tables, _themes(project))
    return tuple([s for s in from_history if s.name not in declared_names] + declared)


def _themes(project: Project) -> dict[str, tuple[str, ...]]:
    from npsight.config.specs import DEFAULT_THEMES

    if project.comments.themes is not None:
        return {k: tuple(v) for k, v in sorted(project.comments.themes.items())}
    return DEFAULT_THEMES if project.comments.language == "en" else {}


def _check_names(project: Project, tables: Tables, base: Path) -> Iterator[Finding]:
    """Names are unique, rules name features, drivers are used."""
    seen: dict[str, int] = {}
    for index, feature in enumerate(project.features):
        for spec in expand(feature, tables.accounts):
            if spec.name in seen:
                yield Finding(
                    ("features", index),
                    f"declares `{spec.name}` a second time",
                    "drop one of the two lines",
                )
            seen[spec.name] = index
    names = {spec.name for spec in _expanded(project, tables, base)}
    for target in ("detractor", "churn"):
        section = getattr(project.targets, target)
        rule = section.rule if section else None
        if rule is not None and rule not in names:
            yield Finding(
                ("targets", target, "rule"), f"there is no feature `{rule}`", suggest(rule, names)
            )
    used = {spec.driver for spec in _expanded(project, tables, base)}
    for key in project.drivers:
        if key not in used:
            yield Finding(("drivers", key), "no feature belongs to this driver", suggest(key, used))
    if project.worklist.medium_risk >= project.worklist.high_risk:
        yield Finding(
            ("worklist", "medium_risk"),
            "is not below `high_risk`",
            "lower it, or raise `high_risk`",
        )
    yield from _check_audit(project, _expanded(project, tables, base))
    wanted = project.worklist.target
    if wanted is not None and getattr(project.targets, wanted) is None:
        yield Finding(
            ("worklist", "target"), f"there is no target `{wanted}`", "name one under `targets`"
        )
    if project.worklist.policy == "churn_loss" and project.targets.churn is None:
        yield Finding(
            ("worklist", "policy"),
            "`churn_loss` needs the target `churn`",
            "name it under `targets`, or choose another policy",
        )
    if project.worklist.policy == "churn_loss" and wanted == "detractor":
        yield Finding(
            ("worklist", "target"),
            "`churn_loss` ranks by the risk to leave, not by `detractor`",
            "drop `target`, or choose another policy",
        )


def _check_audit(project: Project, features: tuple[FeatureSpec, ...]) -> Iterator[Finding]:
    """What is accepted exists, so that a misspelt line cannot look like a decision."""
    if project.audit.suspicious_auc > project.audit.too_good_auc:
        yield Finding(
            ("audit", "suspicious_auc"),
            "is above `too_good_auc`",
            "lower it, or raise `too_good_auc`",
        )
    known = {spec.name for spec in features} | {c for spec in features for c in spec.columns}
    for name in project.audit.accepted:
        if name not in known:
            yield Finding(
                ("audit", "accepted", name),
                f"no feature is called `{name}` or reads a column of that name",
                suggest(name, known),
            )


def _resolve_paths(
    tables: Tables, base: Path, environment: Mapping[str, str]
) -> tuple[Tables, list[Finding]]:
    """Absolute paths, `${VAR}` filled in; a variable that is not set is a finding."""
    findings: list[Finding] = []

    def resolved(source: SourceT, key: KeyPath) -> SourceT:
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
    features = _expanded(project, tables, file.parent)
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
