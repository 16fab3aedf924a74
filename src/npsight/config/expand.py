"""Feature lines of the project file -> one `FeatureSpec` for each feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Literal

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.own import own_source
from npsight.config.schema import NPS_0_10, Accounts, Bands, Driver, Feature, Project, Tables
from npsight.config.specs import NPS_HISTORY, DriverSpec, FeatureSpec
from npsight.config.themes import themes_of

_SIGNS: dict[str | None, Literal[-1, 0, 1]] = {"increasing": 1, "decreasing": -1, None: 0}


def expand(
    feature: Feature, accounts: Accounts | None, digests: Mapping[str, str] | None = None
) -> Iterator[FeatureSpec]:
    """One spec for each aggregate, window and value of `by`, in the order written.

    `digests` gives the SHA-256 of the file of each own expression.
    """
    for aggregate in feature.aggregate:
        aggregation = AGGREGATIONS[aggregate]
        windows = feature.windows if aggregation.windowed and feature.windows else [None]
        for window, where in product(windows, _conditions(feature)):
            own = feature.expression if aggregate == "own" else None
            yield FeatureSpec(
                source=feature.source,
                aggregation=aggregate,
                measure=feature.measure if aggregation.measure != "no" else None,
                per=feature.per if aggregate == "ratio" else None,
                category=feature.category if aggregate == "distinct" else None,
                expression=own or "",
                expression_digest=(digests or {}).get(own or "", ""),
                against=feature.against or "",
                window_days=window,
                where=where,
                driver=feature.driver or feature.source,
                label=_label(feature, aggregate, where),
                unit=feature.unit,
                missing=feature.missing or aggregation.missing,
                monotone=_SIGNS[feature.monotone],
                dtype=_dtype(feature, aggregate, accounts),
            )


def _conditions(feature: Feature) -> Iterator[tuple[tuple[str, str], ...]]:
    """`where` with each combination of the values that `by` lists."""
    for values in product(*feature.by.values()):
        chosen = feature.where | dict(zip(feature.by, values, strict=True))
        yield tuple(sorted(chosen.items()))


def _label(feature: Feature, aggregate: str, where: tuple[tuple[str, str], ...]) -> str:
    """The label as written, behind the values of `by`; else made from what is aggregated."""
    each = " ".join(value for column, value in where if column in feature.by)
    if feature.label:
        return f"{each} {feature.label}".strip()
    values = " ".join(value for _, value in where)
    return f"{values} {_made_of(feature, aggregate).replace('_', ' ')}".strip()


def _made_of(feature: Feature, aggregate: str) -> str:
    if aggregate == "own" and feature.expression:
        return feature.expression.rpartition(":")[2]
    if aggregate == "distinct":
        return f"kinds of {feature.source} by {feature.category}"
    per = f" per {feature.per}" if aggregate == "ratio" else ""
    return f"{feature.measure or feature.source}{per}"


def _dtype(
    feature: Feature, aggregate: str, accounts: Accounts | None
) -> Literal["number", "category"]:
    if aggregate == "value" and accounts and feature.measure:
        return accounts.attributes[feature.measure]
    return "number"


def history_features(tables: Tables, themes: Mapping[str, tuple[str, ...]]) -> list[FeatureSpec]:
    """What is always read from the account's own answers, with driver `nps_history`."""
    if not tables.responses:
        return []

    scale = only_scale([bands for table in tables.responses for bands in table.bands])
    asked = None if scale == NPS_0_10.scale else scale

    def own(aggregation: str, label: str, **rest: object) -> FeatureSpec:
        missing = AGGREGATIONS[aggregation].missing
        return FeatureSpec(
            aggregation=aggregation,
            label=label,
            driver=NPS_HISTORY,
            missing=missing,
            **{"source": "responses", **rest},  # type: ignore[arg-type]
        )

    specs = [
        own("last", "last score", measure="score", scale=asked),
        own("mean", "mean score in a year", measure="score", window_days=365, scale=asked),
        own("days_since_last", "days since the last answer"),
        own("count", "answers in a year", window_days=365),
        own("count", "detractor answers", where=(("band", "detractor"),), window_days=365),
    ]
    if any(r.comment for r in tables.responses):
        specs += [
            own("last", "length of the last comment", measure="comment_length", unit="characters"),
            own("last", "sentiment of the last comment", measure="sentiment"),
            own("mean", "sentiment of comments", measure="sentiment", window_days=365),
        ]
        specs += [
            own("sum", f"comments on {theme}", measure=f"theme_{theme}", window_days=365)
            for theme in themes
        ]
    if any(r.invited_at for r in tables.responses):
        specs += [
            own("count", "survey invitations", source="invitations", window_days=365),
            own("open", "invitations without an answer", source="invitations", window_days=365),
        ]
    return specs


def only_scale(bands: Iterable[Bands]) -> tuple[float, float] | None:
    """Lowest and highest possible score, as it is asked; None where surveys differ in it."""
    scales = {one.scale for one in bands}
    return scales.pop() if len(scales) == 1 else None


def all_drivers(
    declared: Mapping[str, Driver], features: tuple[FeatureSpec, ...], has_responses: bool
) -> tuple[DriverSpec, ...]:
    """Declared drivers first, then those that features name without declaring them."""
    used = dict.fromkeys(spec.driver for spec in features)
    if has_responses:
        used[NPS_HISTORY] = None
    specs = [DriverSpec(key, d.label, d.actionable, d.play) for key, d in declared.items()]
    for key in used:
        if key not in declared:
            label = "NPS history" if key == NPS_HISTORY else key.replace("_", " ").capitalize()
            actionable = key not in (NPS_HISTORY, "accounts")
            specs.append(DriverSpec(key, label, actionable))
    return tuple(spec for spec in specs if spec.key in used)


def all_features(project: Project, tables: Tables, base: Path) -> tuple[FeatureSpec, ...]:
    """Every feature of a project, those of the answers first; own files lie beside `base`."""
    named = {f.expression for f in project.features if f.expression}
    digests = {name: own_source(base, name).digest for name in named}
    declared = [s for f in project.features for s in expand(f, tables.accounts, digests)]
    declared_names = {s.name for s in declared}
    from_history = history_features(tables, themes_of(project.comments))
    return tuple([s for s in from_history if s.name not in declared_names] + declared)
