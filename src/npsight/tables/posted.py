"""Facts that came over HTTP, as further rows of the user's own tables.

They go through the contract of their table, like its own rows. What the table has itself counts
once, and the table's row is the one that counts:

- rows of one id in a table with an `id` and a `known_at` are versions of one fact, wherever they
  came from; of two that were known at the same instant the table's counts;
- in a table with an `id` alone, a fact whose id the table has is left out;
- in a table without an `id`, a fact that equals a row of the table in account, times and values
  is left out (`duplicates: keep` counts both).

An invitation that waits in the table under the id of an answer is the invitation of that answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pyarrow as pa

from npsight.config.schema import Activity, Responses, VersionedSource
from npsight.tables.contract import FACT_ID, STATED
from npsight.tables.engine import name_literal, text_literal
from npsight.tables.raw import FAULTS, ROW, UNREAD

if TYPE_CHECKING:
    pass

Versioned = TypeVar("Versioned", bound=Activity | Responses)

RESPONSES = "responses"
INSTANT_TYPE = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("id", pa.string()),
        ("account", pa.string()),
        ("occurred_at", INSTANT_TYPE),
        ("ended_at", INSTANT_TYPE),
        ("known_at", INSTANT_TYPE),
        ("content", pa.string()),
    ]
)
"""Of the facts of one source; `content` is a JSON object of texts by name."""
ANSWER_FIELDS = ("score", "respondent", "role", "seniority", "touchpoint", "comment")
SAME_ANSWER = ("account", "occurred_at", "respondent", "raw_score", "touchpoint")
KNOWN = ("known_at", "ended_known_at", STATED, FACT_ID)
"""Columns in which two rows may differ and still tell of one fact."""


@dataclass(frozen=True)
class Posted:
    """Facts by source (`responses`, or the name of an activity table), as in `SCHEMA`.

    `through` is the number of the newest fact that there was when they were read.
    """

    facts: Mapping[str, pa.Table] = field(default_factory=dict)
    through: int = 0


def own_names(table: Activity | Responses) -> tuple[str, ...]:
    """Names of the values that a fact of this table may have."""
    if isinstance(table, Responses):
        return ANSWER_FIELDS
    return (*table.measures, *table.categories)


def as_posted(table: Versioned) -> Versioned:
    """The table as it would be mapped if its rows lay in `raw_columns`."""
    mapped: dict[str, Any] = {
        "account": "account",
        "id": "id",
        "time": "occurred_at",
        "known_at": "known_at",
        "retracted": None,
        "delay_hours": 0.0,
        "timezone": "UTC",
        "time_format": None,
        "decimal": None,
        "blanks": [],
        "only": {},
        "without": {},
    }
    if isinstance(table, Responses):
        mapped |= {"score": column("score"), "invited_at": None}
        told = [n for n in ANSWER_FIELDS if n != "score" and getattr(table, n)]
        mapped |= {name: column(name) for name in told}
    else:
        ends = table.ended_at is not None
        mapped |= {
            "ended_at": "ended_at" if ends else None,
            # An end is known when the version is that tells of it.
            "ended_known_at": "known_at" if ends else None,
            "measures": {name: column(name) for name in table.measures},
            "categories": {name: column(name) for name in table.categories},
        }
    return cast(Versioned, table.model_copy(update=mapped))


def column(name: str) -> str:
    """The raw column of a value; no time or key is called so."""
    return f"values.{name}"


def raw_columns(table: Activity | Responses, facts: str) -> str:
    """The query that makes raw rows of a table of `SCHEMA`: each value a text of its own.

    Rows are numbered downwards from −1, so that none has the number of a row of the table.
    """
    values = "".join(
        f", json_extract_string(content, {text_literal(f'$.{name}')}) AS "
        f"{name_literal(column(name))}"
        for name in own_names(table)
    )
    return (
        f"SELECT -seq AS {ROW}, id, account, occurred_at, ended_at, known_at{values} "
        f"FROM {name_literal(facts)}"
    )


def table_of(tables: Sequence[Responses], touchpoint: str | None) -> int | None:
    """Place of the table that an answer belongs to, by where it was asked.

    The first one that is all of that touchpoint; else the first that is not all of one; None
    where every table is all of some other touchpoint.
    """
    for place, table in enumerate(tables):
        if table.touchpoint_name is not None and table.touchpoint_name == touchpoint:
            return place
    for place, table in enumerate(tables):
        if table.touchpoint_name is None:
            return place
    return None


def of_table(tables: Sequence[Responses], place: int) -> str:
    """The condition (SQL over `SCHEMA`) that an answer belongs to the table at a place."""
    said = "json_extract_string(content, '$.touchpoint')"
    names = list(dict.fromkeys(t.touchpoint_name for t in tables if t.touchpoint_name is not None))
    own = tables[place].touchpoint_name
    if own is not None:
        first = table_of(tables, own) == place
        return f"{said} IS NOT DISTINCT FROM {text_literal(own)}" if first else "false"
    if table_of(tables, None) != place:
        return "false"
    others = ", ".join(text_literal(name) for name in names)
    return f"({said} IS NULL OR {said} NOT IN ({others}))" if names else "true"


def add_rows(
    name: str, added: str, table: VersionedSource, versioned: bool, columns: Iterable[str]
) -> list[str]:
    """The statements that add checked facts to the checked rows of their table.

    Parameters
    ----------
    name, added
        The table's own good rows, and the good ones of the facts; both as a contract makes them.
    versioned
        Whether the table's own rows are versions.
    columns
        All columns of `name`; `added` has them, too.
    """
    shared = list(columns)
    listed = ", ".join(name_literal(c) for c in shared)
    wanted = f"SELECT {listed} FROM {name_literal(added)} AS f"
    own = f"SELECT 1 FROM {name_literal(name)} AS t WHERE t.{ROW} > 0"
    keys = _identity(table, versioned, shared)
    statements = []
    if isinstance(table, Responses) and table.invited_at and FACT_ID in shared:
        statements = _answered_invitations(name, added, versioned)
        own += " AND t.raw_score IS NOT NULL"
    if keys:
        same = " AND ".join(
            f"t.{name_literal(c)} IS NOT DISTINCT FROM f.{name_literal(c)}" for c in keys
        )
        wanted += f" WHERE NOT EXISTS ({own} AND {same})"
    return [*statements, f"INSERT INTO {name_literal(name)} ({listed}) {wanted}"]


def _identity(table: VersionedSource, versioned: bool, columns: Sequence[str]) -> list[str]:
    """Columns in which a row of the table and a fact agree that are one; empty: never one."""
    if versioned:
        return [FACT_ID, STATED]
    if FACT_ID in columns:
        return [FACT_ID]
    if table.duplicates == "keep":
        return []
    if isinstance(table, Responses):
        return list(SAME_ANSWER)
    return [c for c in columns if c not in (ROW, FAULTS, UNREAD, *KNOWN)]


def _answered_invitations(name: str, added: str, versioned: bool) -> list[str]:
    """Give each answer the invitation that waits under its id, in the table or among facts."""
    t, f = name_literal(name), name_literal(added)
    newest = f"arg_max({{}}, {STATED})" if versioned else "any_value({})"
    sent = ", ".join(
        f"{newest.format(c)} AS {c}" for c in ("invited_at", "invitation_known_at", "touchpoint")
    )
    carried = (
        f"UPDATE {f} AS f SET invited_at = i.invited_at, "
        "invitation_known_at = i.invitation_known_at, "
        "touchpoint = coalesce(f.touchpoint, i.touchpoint) "
        f"FROM (SELECT {FACT_ID}, {sent} FROM {t} WHERE invited_at IS NOT NULL GROUP BY {FACT_ID}) "
        f"AS i WHERE f.{FACT_ID} = i.{FACT_ID}"
    )
    if versioned:
        return [carried]
    # Without versions the answer takes the place of the invitation.
    waiting = f"SELECT {FACT_ID} FROM {f}"
    return [
        carried,
        f"DELETE FROM {t} WHERE raw_score IS NULL AND {FACT_ID} IN ({waiting})",
    ]
