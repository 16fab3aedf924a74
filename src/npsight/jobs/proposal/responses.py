"""What a proposal says of the tables of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npsight.jobs.notes.words import ACCOUNT_WORDS, PERSON_WORDS, is_id, words
from npsight.jobs.proposal import guess, vocabulary
from npsight.jobs.proposal.keys import is_person, recurs
from npsight.jobs.proposal.lines import ProposedLines
from npsight.jobs.proposal.table import bands_of
from npsight.jobs.proposal.yamltext import scalar

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_SCORED = 0.98
_SHOWN = 3


def answered_of(table: TableProfile) -> ColumnProfile | None:
    """The column with the time of the answer: when a form was ended rather than begun."""
    when = guess.guess_times(table)
    answered = guess.pick(table.columns, vocabulary.ANSWERED_WORDS, time=True)
    ended = [c for c in (when.ended,) if c and words(c.name) & vocabulary.FORM_END_WORDS]
    return answered or next(iter(ended), when.occurred)


def undated(table: TableProfile) -> float:
    """Share of rows with a score that can have no place in time, at least."""
    score, when = guess.guess_score(table), answered_of(table)
    if score is None or when is None or not table.rows:
        return 0.0
    return max(0, score.filled - when.filled) / table.rows


class ProposedResponses:
    """Writes `tables.responses` into the lines of a proposal."""

    def __init__(self, out: ProposedLines, tables: Sequence[TableProfile]) -> None:
        self.out = out
        self.tables = tables

    def write(self) -> None:
        """All tables of answers, as a list where there are several."""
        several = len(self.tables) > 1
        for index, table in enumerate(self.tables):
            if index == 0:
                self.out.lines.add(2, "responses:")
            if several:
                self.out.lines.add(4, "-")
            self._one(table, 6 if several else 4, several)

    def _one(self, table: TableProfile, at: int, several: bool) -> None:
        out, key = self.out, self.out.keys[table.name]
        score = guess.guess_score(table)
        out.where(table, at)
        fact = _fact_id(table, key)
        out.column(at, "id", fact)
        out.lines.add(at, f"account: {scalar(key)}", self._unsure(table))
        others = [c for c in table.columns if c.name != key and is_person(c) and c is not fact]
        by_domain = [h.by for h in self.out.hops.get(table.name, ()) if h.match == "domain"]
        person = guess.pick(others, PERSON_WORDS, time=False)
        out.column(at, "respondent", person or table.column(by_domain[0] if by_domain else ""))
        out.column(at, "time", answered_of(table))
        out.known_at(at, guess.guess_times(table).known, table)
        invited = guess.pick(table.columns, vocabulary.INVITED_WORDS, time=True)
        out.column(at, "invited_at", invited)
        out.column(at, "score", score)
        if score is not None:
            for text, comment in bands_of(self._of_all(score), table.name):
                out.lines.add(at, text, comment)
            if invited is None and score.filled < _SCORED * table.rows:
                share = 1 - score.filled / table.rows
                why = f"VERIFY: {share:.0%} of the rows have no score; they are left out"
                out.lines.add(at, "unscored: skip", why)
        self._where_asked(table, at, key, several)

    def _of_all(self, score: ColumnProfile) -> ColumnProfile:
        """The score with the lowest and highest value of all tables that call theirs so: surveys
        of one tool have one scale, and few answers need not show all of it.
        """
        alike = [s for t in self.tables if (s := guess.guess_score(t)) and s.name == score.name]
        lows = [s.low for s in alike if s.low is not None]
        highs = [s.high for s in alike if s.high is not None]
        return replace(score, low=min(lows, default=None), high=max(highs, default=None))

    def _unsure(self, table: TableProfile) -> str:
        """What is to be verified of the account; another survey may tell of the same ones."""
        key = self.out.keys[table.name]
        others = [t.column(self.out.keys[t.name]) for t in self.tables if t is not table]
        return _unsure(table, key, any(c is not None and recurs(c) for c in others))

    def _where_asked(self, table: TableProfile, at: int, key: str, several: bool) -> None:
        out = self.out
        few = [c for c in table.columns if guess.is_category(c) and c.name != key]
        out.column(at, "role", guess.pick(few, vocabulary.ROLE_WORDS))
        out.column(at, "comment", guess.guess_comment(table, {key}))
        touchpoint = guess.pick(few, vocabulary.TOUCHPOINT_WORDS) or guess.guess_programme(few)
        out.column(at, "touchpoint", touchpoint)
        if several and touchpoint is None:
            out.lines.add(at, f"touchpoint_name: {scalar(table.name)}")


def _fact_id(table: TableProfile, key: str) -> ColumnProfile | None:
    # Survey tools call the id of an answer that of its respondent.
    unique = [
        c
        for c in table.columns
        if is_id(c) and c.name != key and (not is_person(c) or "respondent" in words(c.name))
    ]
    # Rows of one id are its versions, or but one of them counts.
    again = 0.9 if guess.guess_times(table).known else 0.98
    return next((c for c in unique if c.distinct > again * table.rows), None)


def _unsure(table: TableProfile, key: str, asked_elsewhere: bool) -> str:
    """What is to be verified of the account that was guessed, if anything."""
    column = table.column(key)
    named = words(key) & ACCOUNT_WORDS
    if words(key) & PERSON_WORDS and not named:
        return "VERIFY: each person is an account, for no other one was recognised"
    once = column is not None and column.distinct > 0.8 * column.filled > 20
    if once and not asked_elsewhere:
        told = guess.guess_comment(table, set())
        again = [
            c.name
            for c in table.columns
            if recurs(c) and guess.is_category(c) and c is not told and not is_person(c)
        ]
        such = f", such as {' or '.join(again[:_SHOWN])}" if again else ""
        return (
            "VERIFY: nearly every answer is of another account, so there is hardly a history to "
            f"learn from; name a column whose values recur{such}"
        )
    return "" if named else "VERIFY: no column was named as an account is; this one recurs"
