"""The catalogue: the aggregations a project file may name, and what each means, as data.

`npsight.features.aggregations` and `npsight.features.attributes` bind every name here to an
expression, `npsight.audit.oracle` to a plain loop; tests hold the three equal, and run every
example. R below are the rows of the window: facts that match `where`, with `occurred_at` in
`[as_of − w, as_of)` (all before as_of without a window), as they were known before as_of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Missing = Literal["zero", "unknown"]
Need = Literal["window", "where", "per", "category", "end", "scheduled", "expression", "renewal"]


@dataclass(frozen=True)
class Aggregation:
    """One way to turn the facts of a window into one number.

    `measure` says whether a measure is needed ("yes"), allowed ("maybe") or refused ("no");
    `on` which kind of source it reads; `missing` what no fact in the window means by default;
    `needs` what else a feature line must give. `example` is a feature line over the facts of
    `npsight.jobs.building.catalogue`, without its aggregate.
    """

    name: str
    meaning: str
    measure: Literal["yes", "maybe", "no"]
    on: Literal["facts", "accounts"]
    missing: Missing
    needs: tuple[Need, ...] = ()
    windowed: bool = True
    example: str = ""


def _facts(
    name: str,
    meaning: str,
    measure: Literal["yes", "maybe", "no"],
    missing: Missing,
    example: str,
    *needs: Need,
    windowed: bool = True,
) -> Aggregation:
    return Aggregation(name, meaning, measure, "facts", missing, needs, windowed, example)


_LOGINS = "source: usage, measure: logins, windows: 30"

_CATALOGUE = (
    _facts("count", "number of facts", "no", "zero", "source: tickets, windows: [7, 30]"),
    _facts("sum", "sum of the measure", "yes", "zero", "source: usage, measure: logins"),
    _facts(
        "mean",
        "mean of the measure over the facts that have one",
        "yes",
        "unknown",
        _LOGINS,
    ),
    _facts(
        "std",
        "sample standard deviation of the measure (n − 1); unknown with fewer than two values",
        "yes",
        "unknown",
        _LOGINS,
    ),
    _facts("min", "smallest value of the measure", "yes", "unknown", _LOGINS),
    _facts("max", "largest value of the measure", "yes", "unknown", _LOGINS),
    _facts(
        "first",
        "value of the measure in the earliest fact that has one; of facts at the same instant "
        "the one known first, then the smallest",
        "yes",
        "unknown",
        "source: usage, measure: logins",
    ),
    _facts(
        "last",
        "value of the measure in the latest fact that has one; of facts at the same instant "
        "the one known last, then the largest",
        "yes",
        "unknown",
        "source: usage, measure: logins",
    ),
    _facts(
        "ratio",
        "sum of the measure over the sum of the measure named by `per`",
        "yes",
        "unknown",
        "source: usage, measure: errors, per: logins, windows: 30",
        "per",
    ),
    _facts(
        "share",
        "share of the facts that match `where`, of all facts of the window; with a measure, "
        "their share of its sum; unknown where there is none of either",
        "maybe",
        "unknown",
        "source: tickets, where: {severity: high}",
        "where",
    ),
    _facts(
        "distinct",
        "number of different values of the category named by `category`; facts where it is blank "
        "are left out",
        "no",
        "zero",
        "source: tickets, category: severity",
        "category",
    ),
    _facts(
        "distinct_days",
        "UTC days with at least one fact",
        "no",
        "zero",
        "source: usage, windows: 30",
    ),
    _facts(
        "days_since_first",
        "days from the earliest fact to as_of",
        "no",
        "unknown",
        "source: usage",
    ),
    _facts(
        "days_since_last", "days from the latest fact to as_of", "no", "unknown", "source: usage"
    ),
    _facts(
        "longest_gap",
        "longest silence in days: between a fact and the next, from the last fact to as_of and, "
        "with a window, from its start to the first fact; unknown without a fact",
        "no",
        "unknown",
        "source: usage, windows: 30",
    ),
    _facts(
        "mean_gap",
        "mean days from a fact to the next; unknown with fewer than two facts",
        "no",
        "unknown",
        "source: usage, windows: 30",
    ),
    _facts(
        "trend",
        "this window against the one before it, (now − before) / (|now| + |before|) of the "
        "sums, or of the counts without a measure: from −1 to 1; unknown where both are 0",
        "maybe",
        "unknown",
        "source: usage, measure: logins, windows: 14",
        "window",
    ),
    _facts(
        "mean_trend",
        "this window against the one before it, (now − before) / (|now| + |before|) of the means "
        "of the measure: from −1 to 1, and the right one for a level that is noted once a week or "
        "month, of which two windows may hold unequal numbers; unknown where a window has no "
        "value, or both means are 0",
        "yes",
        "unknown",
        "source: usage, measure: logins, windows: 14",
        "window",
    ),
    _facts(
        "slope",
        "slope of the measure by least squares against the UTC date of its fact, per day; "
        "unknown where all values are of one date",
        "yes",
        "unknown",
        _LOGINS,
    ),
    _facts(
        "vs_usual",
        "this window against the account's own usual, (now − usual) / (|now| + |usual|): now is "
        "the sum of the measure (the count without one) a day of the window; usual the same a "
        "day from the first fact to the window's start; unknown where no fact lies before the "
        "window, or both are 0",
        "maybe",
        "unknown",
        "source: usage, measure: logins, windows: 7",
        "window",
    ),
    _facts(
        "open",
        "facts whose end (`ended_at`) had not happened, or was not known, before as_of",
        "no",
        "zero",
        "source: tickets",
        "end",
    ),
    _facts(
        "oldest_open",
        "days since the earliest fact that is still open began",
        "no",
        "unknown",
        "source: tickets",
        "end",
    ),
    _facts(
        "mean_duration",
        "mean days that the facts begun in the window had lasted: to their end where it had "
        "happened and was known before as_of, else to as_of",
        "no",
        "unknown",
        "source: tickets, windows: 30",
        "end",
    ),
    _facts(
        "max_duration",
        "the longest that a fact begun in the window had lasted, counted as for `mean_duration`",
        "no",
        "unknown",
        "source: tickets, windows: 30",
        "end",
    ),
    _facts(
        "days_until_end",
        "days from as_of to the nearest end at or after as_of that was known before it, of facts "
        "that had begun",
        "no",
        "unknown",
        "source: subscriptions",
        "end",
        windowed=False,
    ),
    _facts(
        "days_until_next",
        "days from as_of to the nearest scheduled fact at or after as_of that was known before it",
        "no",
        "unknown",
        "source: meetings",
        "scheduled",
        windowed=False,
    ),
    _facts(
        "own",
        "what your own Python function makes of the rows of the window, as an Ibis expression",
        "no",
        "unknown",
        "source: usage, expression: 'own_features.py:weekend_share', windows: 30",
        "expression",
    ),
    Aggregation(
        "value",
        "the attribute as of the day",
        "yes",
        "accounts",
        "unknown",
        windowed=False,
        example="source: accounts, measure: seats",
    ),
    Aggregation(
        "age",
        "days since the account began",
        "no",
        "accounts",
        "unknown",
        windowed=False,
        example="source: accounts",
    ),
    Aggregation(
        "days_until_renewal",
        "days from as_of to the renewal known on the day (negative once past)",
        "no",
        "accounts",
        "unknown",
        ("renewal",),
        windowed=False,
        example="source: accounts",
    ),
)

AGGREGATIONS: dict[str, Aggregation] = {a.name: a for a in _CATALOGUE}

AGAINST_SEGMENT = (
    "share of the accounts of its segment on that day whose value is lower, equal ones counting "
    "half (0 to 1); accounts whose value is missing are left out, and have none themselves"
)
"""What `against: segment` makes of any number."""
