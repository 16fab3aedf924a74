"""What each column and table of unmapped data probably is, by its name and its values.

Guesses only: whatever cannot be told safely is left out rather than guessed, and `propose` says
in the file what the author is to verify.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from npsight.config.schema import PERIOD_OVER
from npsight.jobs.notes.words import ACCOUNT_WORDS, is_id, words
from npsight.jobs.proposal.vocabulary import (
    CANCEL_WORDS,
    CHURN_WORDS,
    COMMENT_WORDS,
    CONTRACT_END_PHRASES,
    DOMAIN_WORDS,
    END_WORDS,
    FROM_WORDS,
    INVITED_WORDS,
    JOINED_WORDS,
    KIND_WORDS,
    KNOWN_WORDS,
    LATER_WORDS,
    LOSS_WORDS,
    NAME_WORDS,
    NO_SCORE_WORDS,
    OF_A_CHANGE,
    OWNER_WORDS,
    PARTS_OF_DAYS,
    PERIOD_WORDS,
    PROGRAMME_WORDS,
    RATING_WORDS,
    RECEIVED_WORDS,
    RENEWAL_WORDS,
    REVENUE_PHRASES,
    REVENUE_WORDS,
    SAID_WORDS,
    SCORE_IN_A_SURVEY,
    SCORE_WORDS,
    START_WORDS,
    SURVEY_WORDS,
    TODAY_WORDS,
    VALID_WORDS,
)
from npsight.tables.profile import ColumnProfile, TableProfile

_OF_THE_NEWEST = {"current", "latest"}
_NO_FACTS = ("__index_level_", "unnamed")
"""How names of columns begin that pandas made for the numbers of its rows."""
ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_NEARLY_ONCE = 0.9
LEAVING_VALUES = ("Yes", "yes", "True", "true", "1", "churned", "Churned", "left", "lost", "Y", "y")
_LEAVING = re.compile(
    r"(?i)^(yes|y|true|t|1|1\.0|churn.*|left|lost|exit.*|attrited.*|cancel.*)\.?$"
)
_HAS_LEFT = re.compile(
    r"(?i)^(churn(ed)?|left|lost|cancell?ed|terminated|former( customer)?|inactive|gek[uü]ndigt|"
    r"inaktiv|ehemalig|r[ée]sili[ée]|inactivo|baja)$"
)
_CATEGORY_VALUES = 30
_ENOUGH_TO_COUNT = 50
_FEW_LEFT_OUT = 1.5


def pick(
    columns: Iterable[ColumnProfile], wanted: Collection[str], *, time: bool | None = None
) -> ColumnProfile | None:
    """The first column with one of the words in its name, a time or not as asked."""
    for column in columns:
        if words(column.name) & set(wanted) and time in (None, column.is_time):
            return column
    return None


def says_today(column: ColumnProfile) -> bool:
    """Whether it is named as what is so today, rather than as one side of a change."""
    named = words(column.name)
    return bool(named & TODAY_WORDS) and not named & OF_A_CHANGE


def is_leaving(text: str) -> bool:
    """Whether a status says that the account has left."""
    return bool(_HAS_LEFT.match(text))


def is_category(column: ColumnProfile) -> bool:
    """Text with few values that repeat."""
    few = 2 <= column.distinct <= _CATEGORY_VALUES and column.distinct < column.filled
    return few and not column.is_number and not column.is_time


def left_out_because(table: TableProfile, key: str | None) -> str:
    """Why nothing is proposed for a table, and what would help."""
    if not table.rows:
        return "it holds no rows"
    left = pick([c for c in table.columns if c.distinct == 2], CHURN_WORDS, time=False)
    if left is not None and not any(c.is_time for c in table.columns):
        return (
            f"`{left.name}` says who left, but not when: bring the day of each loss, or propose "
            "from a folder with this table alone, as a snapshot"
        )
    if key is None:
        return "no column with an account was recognised"
    return "no column with the time of an event was recognised"


def guess_score(table: TableProfile) -> ColumnProfile | None:
    """A column of numbers within 0–10 that is named as a score, the likeliest name first.

    In a survey, numbers from 0 to 100 may be a score, too, or such with parts. Words may stand
    behind the numbers, and the name may stand in a further line of the header.
    """
    survey = is_survey(table)
    fitting = [
        c
        for c in table.columns
        if (c.is_number or c.is_scored)
        and not words(c.name) & NO_SCORE_WORDS
        and (c.share_on_ten >= 0.95 or (survey and (c.is_percent or c.is_scored)))
    ]
    for word in (*SCORE_WORDS, *(SCORE_IN_A_SURVEY if survey else ())):
        named = [c for c in fitting if word in words(c.name) | words(c.label)]
        overall = [c for c in named if "overall" in words(c.name) or words(c.name) == {word}]
        if overall or named:
            return (overall or named)[0]
    return None


def guess_comment(table: TableProfile, taken: Collection[str]) -> ColumnProfile | None:
    """The longest free text that is named as a comment."""
    texts = [
        c
        for c in table.columns
        if c.mean_length > 8 and not (c.is_time or c.is_number or is_id(c) or c.name in taken)
    ]
    named = [c for c in texts if (words(c.name) | words(c.label)) & COMMENT_WORDS]
    # Tools of product analytics call each answer a response.
    named = named or [
        c for c in texts if "response" in words(c.name) | words(c.label) and not is_category(c)
    ]
    return max(named, key=lambda c: c.mean_length, default=None)


def guess_programme(columns: Iterable[ColumnProfile]) -> ColumnProfile | None:
    """The column that says of which survey an answer is, such as `survey_type`."""
    for column in columns:
        named = words(column.name)
        if named & PROGRAMME_WORDS and named <= KIND_WORDS:
            return column
    return None


def guess_ratings(table: TableProfile, taken: Collection[str]) -> list[ColumnProfile]:
    """Further scores of a table of answers, such as of staff or cleanliness."""
    return [
        c
        for c in table.columns
        if c.name not in taken
        and c.is_number
        and c.distinct > 1
        and words(c.name) & RATING_WORDS
        and not words(c.name) & NO_SCORE_WORDS
    ]


@dataclass(frozen=True)
class Times:
    """The time columns of a table, by what they seem to say."""

    occurred: ColumnProfile | None
    known: ColumnProfile | None
    ended: ColumnProfile | None
    ended_known: ColumnProfile | None


def guess_times(table: TableProfile) -> Times:
    """When a fact happened, was known, ended, and its end was known."""
    columns = [c for c in table.columns if c.is_time]
    known = [c for c in columns if words(c.name) & KNOWN_WORDS]
    received = [c for c in columns if words(c.name) & RECEIVED_WORDS]
    if any(_says_when(c) for c in columns if c not in (*known, *received)):
        known += received
    of_end = [c for c in known if words(c.name) & (END_WORDS | {"resolution", "end"})]
    ended = pick([c for c in columns if c not in known], END_WORDS)
    rest = [c for c in columns if c not in known and c is not ended]
    first = [c for c in rest if _says_when(c)]
    candidates = first or rest
    occurred = candidates[0] if candidates else None
    if occurred is None and ended is not None:
        occurred, ended = ended, None
    plain = [c for c in known if c not in of_end]
    if occurred is None and plain:
        occurred = plain.pop(0)
    return Times(
        occurred, plain[0] if plain else None, ended, of_end[0] if of_end and ended else None
    )


def _says_when(column: ColumnProfile) -> bool:
    """Whether a time may be that of the fact itself: not of its end, nor one before or after."""
    return not words(column.name) & (END_WORDS | LATER_WORDS | INVITED_WORDS)


def guess_measures(
    table: TableProfile, taken: Collection[str]
) -> tuple[list[ColumnProfile], list[ColumnProfile]]:
    """Number columns and text columns with few values, without those that mean something else."""
    free = [
        c
        for c in table.columns
        if c.name not in taken
        and not c.is_time
        and not is_id(c)
        and not is_running_number(c)
        and c.filled
        and (c.distinct > 1 or c.filled < _ENOUGH_TO_COUNT)
        and not c.name.lower().startswith(_NO_FACTS)
        and c.name.lower() not in PARTS_OF_DAYS
    ]
    return [c for c in free if c.is_number], [c for c in free if is_category(c)]


def is_running_number(column: ColumnProfile) -> bool:
    """Whether its values are whole numbers that count the rows: each another one, few left out."""
    if column.distinct < _ENOUGH_TO_COUNT or column.distinct < column.filled or column.decimal:
        return False
    if not all(text.isdecimal() for text in column.sample):
        return False
    numbers = [int(text) for text in column.sample]
    return max(numbers) - min(numbers) < _FEW_LEFT_OUT * column.filled


def guess_accounts(
    tables: Sequence[TableProfile], keys: Mapping[str, str], taken: Collection[str]
) -> TableProfile | None:
    """The table with one row an account, or with versions of accounts (`valid_from`)."""
    found: list[tuple[bool, bool, bool, int, TableProfile]] = []
    for table in tables:
        key = table.column(keys.get(table.name, ""))
        if key is None or table.name in taken:
            continue
        of_table = words(table.name) | {word.rstrip("s") for word in words(table.name)}
        named = bool(of_table & ACCOUNT_WORDS)
        versioned = pick(table.columns, VALID_WORDS, time=True) is not None
        # One list of accounts for each month: what each says was so when the month was over.
        versioned = versioned or (named and table.column(PERIOD_OVER) is not None)
        if key.distinct == table.rows or versioned:
            # One that says since when each is an account lists them, whatever it is called.
            joined = len(tables) > 1 and guess_joined(table) is not None
            found.append((named, versioned, joined, len(table.columns), table))
    if not found:
        return None
    named, versioned, joined, _, best = max(found, key=lambda item: item[:4])
    dated = any(c.is_time for c in best.columns)
    # A table of events in which every account happens to occur once is not one of accounts.
    return best if named or versioned or joined or not dated else None


def marks_the_newest(column: ColumnProfile) -> bool:
    """Whether it says which of an account's versions is the newest: what only later days know."""
    return bool(words(column.name) & _OF_THE_NEWEST) and column.distinct <= 2


def guess_loss(table: TableProfile, key: str) -> ColumnProfile | None:
    """The time of the loss in a table with a row for each account that left."""
    column = table.column(key)
    if column is None or column.distinct < _NEARLY_ONCE * table.rows:
        return None
    times = guess_times(table)
    filled = [c for c in table.columns if c.filled >= _NEARLY_ONCE * table.rows]
    timed = [c for c in filled if c.is_time and c is not times.known]
    if len(timed) == 1 and words(table.name) & LOSS_WORDS:
        return timed[0]
    return pick(timed, LOSS_WORDS)


def guess_joined(table: TableProfile) -> ColumnProfile | None:
    """The time since when the account is one."""
    timed = [c for c in table.columns if c.is_time]
    from_on = (c for c in timed if words(c.name) & ACCOUNT_WORDS and words(c.name) & FROM_WORDS)
    return pick(timed, JOINED_WORDS) or next(from_on, None)


def guess_renewal(table: TableProfile) -> ColumnProfile | None:
    """The next day on which the contract may end: nearly every account has one."""
    timed = [c for c in table.columns if c.is_time]
    ends = (c for c in timed if any(p <= words(c.name) for p in CONTRACT_END_PHRASES))
    known = (c for c in ends if c.filled >= _NEARLY_ONCE * table.rows)
    return pick(timed, RENEWAL_WORDS) or next(known, None)


def guess_name(table: TableProfile, key: str) -> ColumnProfile | None:
    """The name of the account; a column named as a company only where another one is the key."""
    named = [
        c
        for c in table.columns
        if not (c.is_time or c.is_number or c.name == key)
        and not words(c.name) & (DOMAIN_WORDS | OWNER_WORDS)
    ]
    return pick(named, {"name"}) or pick(named, NAME_WORDS)


def guess_revenue(columns: Iterable[ColumnProfile]) -> ColumnProfile | None:
    """The number of what an account pays, named by a word or several, such as `Contract Value`."""
    numbers = [c for c in columns if c.is_number and not c.is_time]
    phrased = (c for c in numbers if any(p <= words(c.name) for p in REVENUE_PHRASES))
    return pick(numbers, REVENUE_WORDS) or next(phrased, None)


def guess_start(table: TableProfile) -> ColumnProfile | None:
    """When a subscription began, rather than its trial or its paid period."""
    plain = [c for c in table.columns if not words(c.name) & PERIOD_WORDS]
    return pick(plain, START_WORDS, time=True) or pick(table.columns, START_WORDS, time=True)


def guess_cancelled(table: TableProfile) -> ColumnProfile | None:
    """When the end of a subscription was known: when it was cancelled, rather than for when."""
    said = pick(table.columns, SAID_WORDS, time=True)
    return said or pick(table.columns, CANCEL_WORDS | KNOWN_WORDS, time=True)


def guess_end(table: TableProfile) -> ColumnProfile | None:
    """When a subscription ended: not the end of its paid period, which comes again; rather a
    column that is blank while it runs.
    """
    ends = [c for c in table.columns if not words(c.name) & PERIOD_WORDS]
    blank = [c for c in ends if c.filled < table.rows]
    return pick(blank, END_WORDS, time=True) or pick(ends, END_WORDS, time=True)


def leaving_values(outcome: ColumnProfile) -> list[str]:
    """The values of a column of two that mean the account left; every usual one if none is told."""
    told = sorted(text for text in outcome.sample if _LEAVING.match(text))
    return told if len(told) == 1 else list(LEAVING_VALUES)


def guess_snapshot(
    tables: Sequence[TableProfile], keys: Mapping[str, str]
) -> tuple[TableProfile, ColumnProfile] | None:
    """A single table without any time, with one row an account and a column of who left."""
    if len(tables) != 1 or any(c.is_time for c in tables[0].columns):
        return None
    table = tables[0]
    key = table.column(keys[table.name])
    left = pick([c for c in table.columns if c.distinct == 2], CHURN_WORDS)
    if key is None or left is None or key.distinct != table.rows:
        return None
    return table, left


def is_survey(table: TableProfile) -> bool:
    """Whether a table with a score also has what surveys have: a name, a comment, a person."""
    named = words(table.name) & SURVEY_WORDS
    texts = [c for c in table.columns if c.mean_length > 15]
    return bool(named) or pick(texts, COMMENT_WORDS, time=False) is not None


def is_directory(table: TableProfile, key: str) -> bool:
    """Whether a table lists people or places of the accounts rather than events."""
    created = {"created", "create", "creation", "updated", "update", "modified", "added"}
    timed = [c for c in table.columns if c.is_time]
    listed = all(words(c.name) & created for c in timed)
    people = words(table.name) & {"contact", "contacts", "users", "people", "members"}
    return bool(listed and people) and table.column(key) is not None
