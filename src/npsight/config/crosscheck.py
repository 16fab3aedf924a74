"""Checks of a project file across its sections; a section's own fault hides no other's."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from npsight.config import checks
from npsight.config.alertchecks import check_alerts
from npsight.config.checks import Finding, suggest
from npsight.config.expand import all_features, expand
from npsight.config.featurechecks import check_feature
from npsight.config.named import named_sources
from npsight.config.outlookchecks import check_benchmarks, check_goals
from npsight.config.schema import (
    Alerts,
    Benchmark,
    Feature,
    Goal,
    Project,
    Section,
    Tables,
    Targets,
    Worklist,
)
from npsight.config.specs import FeatureSpec
from npsight.config.yamlfile import KeyPath, YamlFile

SectionT = TypeVar("SectionT", bound=Section)


_MISTYPED = 0.8
"""How alike two names are, from 0 to 1, of which one is taken for the other."""


def cross_checked(file: YamlFile, project: Project | None) -> list[Finding]:
    """What is wrong between sections, `project` being None where some are wrong themselves."""
    raw = file.content
    tables = project.tables if project else _valid_tables(raw.get("tables"))
    targets = project.targets if project else _part(Targets, raw.get("targets"))
    zone = raw.get("timezone")
    findings: list[Finding] = []
    if isinstance(zone, str) and not checks.known_zone(zone):
        what = f"`{zone}` is no time zone"
        findings.append(Finding(("timezone",), what, checks.near_zone(zone)))
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


def _valid_items(model: type[SectionT], written: Any) -> list[tuple[int, SectionT]]:
    """The items of a list that are valid by themselves, each with its place."""
    parts = [(i, _part(model, item)) for i, item in enumerate(_listed(written))]
    return [(i, part) for i, part in parts if part is not None]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _names_invalid_table(feature: Feature, raw: Any, tables: Tables) -> bool:
    """A feature of a table that is itself at fault is judged once the table is mended."""
    if not isinstance(raw.get("tables"), dict):
        return True
    written = raw["tables"]
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
    names = {spec.name for spec in all_features(project, tables, base)}
    for target in ("detractor", "churn"):
        section = getattr(project.targets, target)
        rule = section.rule if section else None
        if rule is not None and rule not in names:
            yield Finding(
                ("targets", target, "rule"), f"there is no feature `{rule}`", suggest(rule, names)
            )
    used = {spec.driver for spec in all_features(project, tables, base)}
    for key in project.drivers:
        if key not in used:
            yield Finding(("drivers", key), "no feature belongs to this driver", suggest(key, used))
    for index, feature in enumerate(project.features):
        yield from _check_driver(feature.driver, project, ("features", index, "driver"))
    if project.worklist.medium_risk >= project.worklist.high_risk:
        yield Finding(
            ("worklist", "medium_risk"),
            "is not below `high_risk`",
            "lower it, or raise `high_risk`",
        )
    yield from _check_audit(project, all_features(project, tables, base))
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


def _check_driver(name: str | None, project: Project, key: KeyPath) -> Iterator[Finding]:
    """A driver need not be declared, but one that is nearly called as another was mistyped."""
    if name is None or name in project.drivers:
        return
    meant = difflib.get_close_matches(name, project.drivers, n=1, cutoff=_MISTYPED)
    if meant:
        remedy = f"did you mean `{meant[0]}`? If not, declare `{name}` under `drivers`, too"
        yield Finding(key, f"`{name}` is not declared under `drivers`", remedy)


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
