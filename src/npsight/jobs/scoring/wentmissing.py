"""Features that most accounts lack now and hardly any lacked when the model learned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from npsight.config.specs import FeatureSpec
from npsight.errors import Problem
from npsight.models.reference import Moved

MOST_THEN = 0.1
LEAST_NOW = 0.5
NAMED = 3


def missing_by_source(
    found: Iterable[Moved], specs: Iterable[FeatureSpec]
) -> dict[str, list[Moved]]:
    """The features that went missing, by the source they read: at most a tenth of the accounts
    lacked them on the model's newest day, and at least half of them do now.
    """
    sources = {spec.name: spec.source for spec in specs}
    gone: dict[str, list[Moved]] = {}
    for feature in found:
        if feature.missing_then <= MOST_THEN and feature.missing_now >= LEAST_NOW:
            gone.setdefault(sources[feature.feature], []).append(feature)
    return gone


def went_missing(
    gone: Mapping[str, Sequence[Moved]], newest: Mapping[str, datetime | None], as_of: datetime
) -> Iterator[Problem]:
    """A warning for each source of `missing_by_source`; `newest` says when the newest fact of a
    source that as_of sees occurred (UTC, without a zone).
    """
    for source, features in gone.items():
        then = max(feature.missing_then for feature in features)
        now = min(feature.missing_now for feature in features)
        names = ", ".join(sorted(feature.feature for feature in features)[:NAMED])
        more = f" and {len(features) - NAMED} more" if len(features) > NAMED else ""
        at = newest.get(source)
        age = "" if at is None else f": its newest row is of {at:%Y-%m-%d}, as_of {as_of:%Y-%m-%d}"
        yield Problem(
            f"{names}{more} {'are' if len(features) > 1 else 'is'} missing for {now:.0%} of the "
            f"accounts, and {'were' if len(features) > 1 else 'was'} for {then:.0%} when the model "
            f"learned{age}; scores made without what they tell are not to be relied on",
            f"load the newest rows of `{source}` and score again; until then score a day that it "
            "reaches to, with --as-of",
            key=source,
        )
