"""What a proposal says of tables of what happened, and of ratings beside a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from npsight.errors import Problem
from npsight.jobs.notes.rhythm import notes_levels, period_hours
from npsight.jobs.proposal import guess, names
from npsight.jobs.proposal.lines import ProposedLines
from npsight.jobs.proposal.responses import answered_of
from npsight.jobs.proposal.yamltext import scalar

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_RESERVED_SOURCES = ("accounts", "responses", "invitations", "subscriptions")


class ProposedActivity:
    """Writes `tables.activity` into the lines of a proposal.

    `rows` has the number of rows of each table that was written.
    """

    def __init__(self, out: ProposedLines) -> None:
        self.out = out
        self.rows: dict[str, int] = {}
        self.left_out: list[TableProfile] = []
        self._begun = False

    def write(self, answers: Sequence[TableProfile], others: Sequence[TableProfile]) -> None:
        """Ratings of the tables of answers, and all other tables that have an account and a time;
        those that have not are kept in `left_out`.
        """
        for table in answers:
            self._ratings(table)
        for table in others:
            key = self.out.keys.get(table.name)
            when = guess.guess_times(table)
            if key is None or when.occurred is None or guess.is_directory(table, key):
                self.left_out.append(table)
            else:
                self._events(table, key, when)

    def say_left_out(self, further: Sequence[TableProfile], problems: Sequence[Problem]) -> None:
        """A line for each table and file that is not read, with the reason."""
        for table in [*further, *self.left_out]:
            why = guess.left_out_because(table, self.out.keys.get(table.name))
            if self._is_looked_up_in(table):
                why = f"{why}; accounts are looked up in it"
            self.out.lines.comment(2, f"left out: {table.name} ({why})")
        for problem in problems:
            said = f"left out: {problem.key} ({problem.what}; {problem.remedy})"
            self.out.lines.comment(2, said)

    def _is_looked_up_in(self, table: TableProfile) -> bool:
        return any(hop.table.name == table.name for hops in self.out.hops.values() for hop in hops)

    def _ratings(self, table: TableProfile) -> None:
        """Further scores beside an answer's, read as facts of their own."""
        score, when = guess.guess_score(table), guess.guess_times(table)
        key = self.out.keys[table.name]
        ratings = guess.guess_ratings(table, {key, score.name if score else ""})
        if not ratings or when.occurred is None:
            return
        name = f"{names.config_name(table.name)[:50]}_ratings"
        self._head(table, name, answered_of(table), when.known)
        called = names.config_names(ratings)
        self.out.columns(6, "measures", ratings, called)
        self.out.features += [
            f"{{source: {name}, measure: {called[c.name]}, aggregate: mean, windows: 365}}"
            for c in ratings
        ]

    def _events(self, table: TableProfile, key: str, when: guess.Times) -> None:
        out, name = self.out, self._free_name(table)
        measures, categories = guess.guess_measures(table, {key})
        self._head(table, name, when.occurred, when.known)
        today = [c for c in categories if guess.says_today(c)]
        if today:
            said = ", ".join(c.name for c in today)
            out.lines.comment(6, f"left out, because only today's value is known: {said}")
            categories = [c for c in categories if c not in today]
        called = names.config_names([*measures, *categories])
        if when.ended is None:
            out.columns(6, "measures", measures, called)
            out.columns(6, "categories", categories, called)
            levels = notes_levels(table, when.occurred, key)
            numbers = {c.name: called[c.name] for c in measures}
            self._features(table, name, table.rows, numbers, levels)
            return
        out.column(6, "ended_at", when.ended)
        out.column(6, "ended_known_at", when.ended_known)
        out.columns(6, "categories", categories, called)
        self._features(table, name, table.rows, {})
        if measures:
            self._at_the_end(table, name, when, when.ended, measures)

    def _at_the_end(
        self,
        table: TableProfile,
        name: str,
        when: guess.Times,
        ended: ColumnProfile,
        measures: Sequence[ColumnProfile],
    ) -> None:
        """A duration or a sum may be filled in only at the end: read earlier, it would leak."""
        later = f"{name[:56]}_ended"
        self.out.lines.comment(
            4,
            "VERIFY: numbers of the same file, read when the thing ended, because they may be "
            f"filled in only then; move those known at once to `{name}`",
        )
        self._head(table, later, ended, when.ended_known)
        called = names.config_names(measures)
        self.out.columns(6, "measures", measures, called)
        self._features(table, later, ended.filled, called)

    def _free_name(self, table: TableProfile) -> str:
        name = names.config_name(table.name)
        if name in _RESERVED_SOURCES:
            name = f"{name}_events"
        name = names.without_day(name)
        if name in self.rows:
            name = names.config_name(table.name)
        return names.free_name(name, self.rows)

    def _head(
        self,
        table: TableProfile,
        name: str,
        occurred: ColumnProfile | None,
        known: ColumnProfile | None,
    ) -> None:
        out, key = self.out, self.out.keys[table.name]
        if not self._begun:
            out.lines.add(2, "activity:")
            self._begun = True
        out.lines.add(4, f"{name}:")
        out.where(table, 6)
        out.lines.add(6, f"account: {scalar(key)}")
        out.column(6, "time", occurred)
        out.known_at(6, known, table, period_hours(table, occurred, key))

    def _features(
        self,
        table: TableProfile,
        name: str,
        rows: int,
        measures: Mapping[str, str],
        levels: bool = False,
    ) -> None:
        """Features of a table and of its `measures`, column to name. Of `levels`, noted once a week
        or month, means and no counts: windows hold unequal numbers of them.
        """
        self.rows[name] = rows
        label = _label(table.name)
        if label:
            self.out.drivers[name] = table.name
        windows = "windows: [30, 90]"
        if not levels:
            self.out.features.append(f"{{source: {name}, aggregate: count, {windows}{label}}}")
        self.out.features.append(f"{{source: {name}, aggregate: days_since_last{label}}}")
        read = "aggregate: [sum, trend], windows: [30, 90]"
        if levels:
            read = "aggregate: [mean, mean_trend], windows: [90, 180]"
        self.out.features += [
            f"{{source: {name}, measure: {measure}, {read}{_label(column)}}}"
            for column, measure in measures.items()
        ]


def _label(name: str) -> str:
    """What to call it where its name in the project file tells nothing."""
    return f", label: {scalar(name)}" if names.is_illegible(name) else ""
