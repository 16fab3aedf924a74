"""The aggregations a project file may name: what each means, as data.

`npsight.features.aggregations` binds every name here to an expression; a test holds the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Missing = Literal["zero", "unknown"]


@dataclass(frozen=True)
class Aggregation:
    """One way to turn the facts of a window into one number.

    `measure` says whether a measure is needed ("yes"), allowed ("maybe") or refused ("no");
    `on` which kind of source it reads; `missing` what no fact in the window means by default.
    """

    name: str
    meaning: str
    measure: Literal["yes", "maybe", "no"]
    on: Literal["facts", "accounts"]
    missing: Missing
    windowed: bool = True


AGGREGATIONS: dict[str, Aggregation] = {
    a.name: a
    for a in (
        Aggregation("count", "number of facts", "no", "facts", "zero"),
        Aggregation("sum", "sum of the measure", "yes", "facts", "zero"),
        Aggregation("mean", "mean of the measure over the facts", "yes", "facts", "unknown"),
        Aggregation(
            "ratio",
            "sum of the measure over the sum of the measure named by `per`",
            "yes",
            "facts",
            "unknown",
        ),
        Aggregation("min", "smallest value of the measure", "yes", "facts", "unknown"),
        Aggregation("max", "largest value of the measure", "yes", "facts", "unknown"),
        Aggregation(
            "last",
            "value of the measure in the latest fact that has one; of facts at the same instant "
            "the one known last, then the largest",
            "yes",
            "facts",
            "unknown",
        ),
        Aggregation(
            "days_since_last", "days from the latest fact to as_of", "no", "facts", "unknown"
        ),
        Aggregation("distinct_days", "UTC days with at least one fact", "no", "facts", "zero"),
        Aggregation(
            "trend",
            "this window against the one before it, (now − before) / (|now| + |before|) of the "
            "sums, or of the counts without a measure: from −1 to 1",
            "maybe",
            "facts",
            "unknown",
        ),
        Aggregation(
            "open",
            "facts whose end (`ended_at`) had not happened, or was not known, before as_of",
            "no",
            "facts",
            "zero",
        ),
        Aggregation(
            "value", "the attribute as of the day", "yes", "accounts", "unknown", windowed=False
        ),
        Aggregation(
            "age", "days since the account began", "no", "accounts", "unknown", windowed=False
        ),
        Aggregation(
            "days_until_renewal",
            "days from as_of to the renewal known on the day (negative once past)",
            "no",
            "accounts",
            "unknown",
            windowed=False,
        ),
    )
}
