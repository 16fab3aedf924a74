"""What is made otherwise in one model than in another, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from npsight.config.specs import FeatureSpec
from npsight.models.model import Model

MEANING = (
    "source",
    "aggregation",
    "measure",
    "per",
    "category",
    "where",
    "window_days",
    "against",
    "missing",
    "dtype",
)
"""What decides a feature's numbers; its words and its driver may change."""
MOST_NAMED = 8


def changed(before: FeatureSpec, now: FeatureSpec) -> str:
    """What else the feature's numbers mean now; "" where they mean the same."""
    if before.expression_digest != now.expression_digest:
        return f"the file of {before.expression} has changed"
    for what in MEANING:
        was, became = getattr(before, what), getattr(now, what)
        if was != became:
            return f"`{what}` was {_shown(was)}, now it is {_shown(became)}"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{column}: {wanted}" for column, wanted in value) + "}"
    return str(value)


def differences(before: Model, now: Model) -> Iterator[str]:
    """A sentence for everything that was decided or found otherwise: windows, peers, features,
    the day it learned through, what was chosen.
    """
    if before.trained_through != now.trained_through:
        yield f"learned through {now.trained_through[:10]}, before {before.trained_through[:10]}"
    for target in sorted(before.windows.keys() | now.windows.keys()):
        was, became = before.windows.get(target), now.windows.get(target)
        if was != became:
            yield f"{target} looks at {_window(became)}, before at {_window(was)}"
    if before.segment != now.segment:
        yield f"peers are by {now.segment or 'nothing'}, before by {before.segment or 'nothing'}"
    yield from _features(before.specs, now.specs)


def _window(window: Any) -> str:
    if window is None:
        return "nothing"
    return f"{window.horizon_days} days after a gap of {window.gap_days}"


def _features(before: Sequence[FeatureSpec], now: Sequence[FeatureSpec]) -> Iterator[str]:
    was, became = ({spec.name: spec for spec in specs} for specs in (before, now))
    for said, names in (
        ("new", sorted(became.keys() - was.keys())),
        ("no longer read", sorted(was.keys() - became.keys())),
    ):
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            count = "1 feature" if len(names) == 1 else f"{len(names)} features"
            yield f"{count} {said}: {', '.join(names[:MOST_NAMED])}{more}"
    for name in sorted(was.keys() & became.keys()):
        if how := changed(was[name], became[name]):
            yield f"{name}: {how}"
