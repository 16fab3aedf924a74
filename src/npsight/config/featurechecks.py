"""What a feature line must fit: its source, measures, categories, and what its aggregate needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from npsight.config.aggregations import AGGREGATIONS, Aggregation, Need
from npsight.config.checks import Finding, suggest
from npsight.config.own import own_source
from npsight.config.schema import Feature, Tables
from npsight.config.yamlfile import KeyPath

RESPONSE_MEASURES = ("score", "comment_length", "sentiment")
RESPONSE_CATEGORIES = ("band", "touchpoint")
OF_RESPONDENTS = ("role", "seniority")
"""Categories of answers, where a table maps them."""


def sources_of(tables: Tables) -> dict[str, tuple[set[str], set[str]]]:
    """Feature source -> its measures and its categories."""
    found = {
        name: (set(table.measures), set(table.categories))
        for name, table in tables.activity.items()
    }
    if tables.responses:
        told = {name for name in OF_RESPONDENTS if any(getattr(r, name) for r in tables.responses)}
        found["responses"] = (set(RESPONSE_MEASURES), {*RESPONSE_CATEGORIES, *told})
        if any(r.invited_at for r in tables.responses):
            found["invitations"] = (set(), {"touchpoint"})
    if tables.subscriptions:
        found["subscriptions"] = (set(), set())
    attributes = set(tables.accounts.attributes) if tables.accounts else set()
    found["accounts"] = (attributes, set())
    return found


def check_feature(feature: Feature, key: KeyPath, tables: Tables, base: Path) -> Iterator[Finding]:
    """Source, measure, category and aggregation exist and fit each other.

    `base` is the project file's folder, where own expressions are looked for.
    """
    sources = sources_of(tables)
    if feature.source not in sources:
        yield Finding(
            (*key, "source"),
            f"there is no source `{feature.source}`",
            suggest(feature.source, sources),
        )
        return
    measures, categories = sources[feature.source]
    yield from _check_categories(feature, key, categories)
    if feature.measure is not None and feature.measure not in measures:
        yield Finding(
            (*key, "measure"),
            f"`{feature.source}` has no measure `{feature.measure}`",
            suggest(feature.measure, measures),
        )
    if feature.expression is not None:
        yield from _check_expression(feature, key, base)
    if feature.against == "segment":
        yield from _check_segment(feature, (*key, "against"), tables)
    for name in feature.aggregate:
        yield from _check_aggregate(name, feature, key, tables)
    yield from _check_unused(feature, key)


def _check_categories(feature: Feature, key: KeyPath, categories: set[str]) -> Iterator[Finding]:
    named = [(("where", c), c) for c in feature.where] + [(("by", c), c) for c in feature.by]
    if feature.category is not None:
        named.append((("category",), feature.category))  # type: ignore[arg-type]
    for place, column in named:
        if column not in categories:
            yield Finding(
                (*key, *place),
                f"`{feature.source}` has no category `{column}`",
                suggest(column, categories),
            )
    for column, values in feature.by.items():
        if column in feature.where:
            yield Finding(
                (*key, "by", column), f"`{column}` stands under `where` too", "keep one of the two"
            )
        if not values or len(set(values)) < len(values):
            yield Finding(
                (*key, "by", column), "needs different values", "list each value of interest once"
            )


def _check_unused(feature: Feature, key: KeyPath) -> Iterator[Finding]:
    """A key of one aggregation in a line that has not got it would say nothing."""
    kind = "accounts" if feature.source == "accounts" else "facts"
    fitting = [a for name in feature.aggregate if (a := AGGREGATIONS.get(name)) and a.on == kind]
    if feature.windows and fitting and not any(a.windowed for a in fitting):
        what = f"`{fitting[0].name}` is of the day itself and looks back over no window"
        yield Finding((*key, "windows"), what, "drop `windows`")
    for name, aggregate in (("per", "ratio"), ("category", "distinct"), ("expression", "own")):
        if getattr(feature, name) is not None and aggregate not in feature.aggregate:
            what = f"`{name}` is for `{aggregate}`, which the line does not aggregate by"
            yield Finding((*key, name), what, f"drop it, or add `{aggregate}` to `aggregate`")


def _check_expression(feature: Feature, key: KeyPath, base: Path) -> Iterator[Finding]:
    assert feature.expression is not None
    try:
        own_source(base, feature.expression)
    except ValueError as error:
        remedy = "write the function there, see docs/own-features.md"
        yield Finding((*key, "expression"), str(error), remedy)


def _check_segment(feature: Feature, key: KeyPath, tables: Tables) -> Iterator[Finding]:
    accounts = tables.accounts
    if accounts is None or not accounts.segments:
        yield Finding(key, "needs `accounts.segments`", "name the attribute that makes segments")
        return
    attributes = accounts.attributes if feature.source == "accounts" else {}
    if attributes.get(feature.measure or "") == "category":
        yield Finding(key, f"`{feature.measure}` is no number", "use a number attribute")


def _check_aggregate(
    name: str, feature: Feature, key: KeyPath, tables: Tables
) -> Iterator[Finding]:
    at = (*key, "aggregate")
    aggregation = AGGREGATIONS.get(name)
    if aggregation is None:
        yield Finding(at, f"there is no aggregation `{name}`", suggest(name, AGGREGATIONS))
        return
    on_accounts = feature.source == "accounts"
    if on_accounts != (aggregation.on == "accounts"):
        fitting = [a.name for a in AGGREGATIONS.values() if (a.on == "accounts") == on_accounts]
        yield Finding(at, f"`{name}` does not fit `{feature.source}`", suggest(name, fitting))
        return
    if aggregation.measure == "yes" and feature.measure is None:
        yield Finding(at, f"`{name}` needs a `measure`", "name the measure to aggregate")
    for need in aggregation.needs:
        finding = _NEEDS[need](aggregation, feature, key, tables)
        if finding is not None:
            yield finding


def _window(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    if feature.windows:
        return None
    what = f"`{aggregation.name}` needs `windows`"
    return Finding((*key, "aggregate"), what, "give the length to compare, such as [90]")


def _where(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    if feature.where or feature.by:
        return None
    what = f"`{aggregation.name}` needs `where` or `by`"
    return Finding((*key, "aggregate"), what, "say which facts the share is of")


def _per(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    measures = sources_of(tables)[feature.source][0]
    if feature.per in measures:
        return None
    what = f"`{aggregation.name}` needs a measure to divide by"
    return Finding((*key, "per"), what, suggest(feature.per or "", measures))


def _category(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    if feature.category is not None:
        return None
    categories = sources_of(tables)[feature.source][1]
    what = f"`{aggregation.name}` needs a `category`"
    remedy = suggest("", categories) if categories else "map a text column under `categories`"
    return Finding((*key, "aggregate"), what, remedy)


def _end(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    activity = tables.activity.get(feature.source)
    if feature.source in ("invitations", "subscriptions") or (activity and activity.ended_at):
        return None
    what = f"`{aggregation.name}` needs `ended_at` on `{feature.source}`"
    return Finding((*key, "aggregate"), what, "map the column of the end")


def _scheduled(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    activity = tables.activity.get(feature.source)
    if activity is not None and activity.scheduled:
        return None
    what = f"`{aggregation.name}` needs `scheduled: true` on `{feature.source}`"
    remedy = "say there that its times may lie ahead, and map `known_at`"
    return Finding((*key, "aggregate"), what, remedy)


def _expression(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    if feature.expression is not None:
        return None
    what = f"`{aggregation.name}` needs an `expression`"
    return Finding((*key, "aggregate"), what, "name your function, such as `features.py:nights`")


def _renewal(
    aggregation: Aggregation, feature: Feature, key: KeyPath, tables: Tables
) -> Finding | None:
    if tables.accounts and tables.accounts.renewal_at:
        return None
    what = f"`{aggregation.name}` needs `accounts.renewal_at`"
    return Finding((*key, "aggregate"), what, "map the renewal column")


_NEEDS: dict[Need, Callable[[Aggregation, Feature, KeyPath, Tables], Finding | None]] = {
    "window": _window,
    "where": _where,
    "per": _per,
    "category": _category,
    "end": _end,
    "scheduled": _scheduled,
    "expression": _expression,
    "renewal": _renewal,
}
