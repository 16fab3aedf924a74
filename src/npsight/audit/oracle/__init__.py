"""The rules of time once more, as plain loops over lists: slow, obvious, and nobody's library.

Written from the meanings in `npsight.config.aggregations` and the docstrings of `temporal` and
`targets`; it imports none of their code. Every function takes a `World` of rows.
"""

from npsight.audit.oracle.features import Own, Value, feature, placed
from npsight.audit.oracle.history import (
    asked_at,
    decayed,
    last_answer,
    one_vote_each,
    peers_of,
    segment_of,
)
from npsight.audit.oracle.outcomes import answers, churn, in_spine, is_complete
from npsight.audit.oracle.rows import (
    DAY,
    Row,
    World,
    between,
    days,
    is_known,
    is_open,
    is_owned,
    is_seen,
    seen_rows,
    version_in_force,
)

__all__ = [
    "DAY",
    "Own",
    "Row",
    "Value",
    "World",
    "answers",
    "asked_at",
    "between",
    "churn",
    "days",
    "decayed",
    "feature",
    "in_spine",
    "is_complete",
    "is_known",
    "is_open",
    "is_owned",
    "is_seen",
    "last_answer",
    "one_vote_each",
    "peers_of",
    "placed",
    "seen_rows",
    "segment_of",
    "version_in_force",
]
