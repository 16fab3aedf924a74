"""Which table tells of accounts that were merged into others, and what a proposal says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from npsight.jobs.notes.words import ACCOUNT_WORDS, is_id, words
from npsight.jobs.proposal import guess
from npsight.jobs.proposal.lines import ProposedLines
from npsight.jobs.proposal.yamltext import scalar

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_MERGE_WORDS = {"merge", "merges", "merged", "merger", "mergers", "deduplication", "duplicates"}
_MERGE_WORDS |= {"zusammenfuhrung", "zusammenfuehrung", "zusammengefuhrt", "zusammengefuehrt"}
_MERGE_WORDS |= {"dubletten", "fusion", "fusions", "fusionne", "fusiones", "fusionado"}
_ENDED_WORDS = {"old", "from", "source", "loser", "losing", "duplicate", "merged", "previous"}
_ENDED_WORDS |= {"alt", "alte", "quelle", "von", "ancien", "ancienne", "antiguo", "antigua"}
_INTO_WORDS = {"new", "into", "to", "target", "winner", "winning", "master", "survivor"}
_INTO_WORDS |= {"surviving", "neu", "neue", "ziel", "nach", "in", "nouveau", "nouvelle", "nuevo"}
_INTO_WORDS |= {"nueva", "en"}
_ONCE = 0.9
"""An account ends once; few rows may say it twice."""


@dataclass(frozen=True)
class Merges:
    """A table of merges: the columns of the account that ended and of the one that goes on."""

    table: TableProfile
    ended: ColumnProfile
    into: ColumnProfile


def merges_among(tables: Sequence[TableProfile]) -> Merges | None:
    """The table that speaks of merges, with two columns of accounts and a time."""
    for table in tables:
        told = words(table.name).union(*(words(c.name) for c in table.columns))
        if told & _MERGE_WORDS and guess.guess_times(table).occurred is not None:
            keys = [c for c in table.columns if _may_be_key(c)]
            into = [c for c in keys if words(c.name) & _INTO_WORDS]
            ended = [c for c in keys if words(c.name) & _ENDED_WORDS and c not in into[:1]]
            ended = [c for c in ended if c.distinct >= _ONCE * table.rows]
            if into and ended:
                return Merges(table, ended[0], into[0])
    return None


def _may_be_key(column: ColumnProfile) -> bool:
    named = is_id(column) or words(column.name) & ACCOUNT_WORDS
    return bool(named and column.filled and not column.is_time)


def write_merges(out: ProposedLines, merges: Merges) -> None:
    """`tables.merges`."""
    when = guess.guess_times(merges.table)
    out.lines.add(2, "merges:")
    out.where(merges.table, 4)
    out.lines.add(4, f"account: {scalar(merges.ended.name)}", "VERIFY: the account that ended")
    out.lines.add(4, f"into: {scalar(merges.into.name)}", "VERIFY: the account that goes on")
    out.column(4, "time", when.occurred)
    out.known_at(4, when.known, merges.table)
