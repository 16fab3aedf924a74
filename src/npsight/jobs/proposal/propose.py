"""A first project file, proposed from the tables that lie in a folder or a DuckDB file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.config.schema import PERIOD_OVER
from npsight.errors import DataError, Problem
from npsight.jobs.notes.dayorder import with_one_order
from npsight.jobs.notes.rhythm import notes_levels, period_hours
from npsight.jobs.notes.trials import trial_notes
from npsight.jobs.notes.words import words
from npsight.jobs.proposal import guess
from npsight.jobs.proposal.keys import typed_in_cases
from npsight.jobs.proposal.lines import ProposedLines
from npsight.jobs.proposal.responses import ProposedResponses, answered_of, undated
from npsight.jobs.proposal.table import snapshot_target
from npsight.jobs.proposal.ways import columns_of, keys_and_ways
from npsight.jobs.proposal.yamltext import Lines, flow, scalar

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_RESERVED_SOURCES = ("accounts", "responses", "invitations", "subscriptions")
_FEW_LOST = 0.04
_ENOUGH_LOSSES = 40
"""Of fewer losses hardly anything can be learned; the table still says who has left."""
_HEAD = """\
# Proposed by `npsight init` from the tables it found. Everything here is a guess: read it through,
# correct it, then run `npsight check`. Lines marked VERIFY need someone who knows the data.
"""


def propose(
    source: Path,
    relative_to: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> str:
    """The text of a project file for the table files of a folder, or a DuckDB file.

    Parameters
    ----------
    source
        The folder or file.
    relative_to
        The folder in which the project file will lie: paths are written relative to it. Without
        one, they are absolute.
    progress
        Called with a line for each table that is looked at.

    Raises
    ------
    DataError
        There is no table to propose from.
    """
    from npsight.tables.profile import profile_tables

    tables, problems = profile_tables(source, progress)
    return _Proposal(source, relative_to, tables, problems).text()


class _Proposal(ProposedLines):
    """Collects the lines; the order of the methods is the order of the file."""

    def __init__(
        self,
        source: Path,
        relative_to: Path | None,
        tables: Sequence[TableProfile],
        problems: Sequence[Problem],
    ) -> None:
        super().__init__(relative_to)
        self.problems = problems
        self.source = source
        # The truth of a simulation lies beside its tables and would give everything away.
        self.left_out = [t.name for t in tables if t.name.startswith("truth")]
        self.tables = with_one_order([t for t in tables if t.name not in self.left_out])
        self.keys, self.hops = keys_and_ways(self.tables)
        self.taken: set[str] = set()
        self.responses: list[TableProfile] = []
        self.subscriptions: TableProfile | None = None
        self.snapshot: tuple[TableProfile, ColumnProfile] | None = None
        self.left: tuple[TableProfile, ColumnProfile] | None = None
        self.activities: dict[str, int] = {}

    def text(self) -> str:
        self._find_kinds()
        self._refuse_nothing()
        body = self.lines
        body.add(0, "tables:")
        if typed_in_cases(columns_of(self.tables, self.keys, self.hops)):
            body.add(2, "account_case: lower", "VERIFY: some keys differ in case only")
        self._accounts()
        surveys = [t for t in self.responses if t.name in self.keys]
        ProposedResponses(self, surveys, self.keys, self.hops).write()
        self._activity()
        if self.subscriptions is not None:
            self._subscriptions(self.subscriptions)
        elif self.left is not None:
            self._churn(*self.left)
        body.blank()
        self._targets()
        if self.features:
            body.blank()
            body.add(0, "features:")
            for feature in self.features:
                body.add(2, f"- {feature}")
        self._quarantine()
        head = Lines()
        head.add(0, f"project: {self._project_name()}")
        if self.naive:
            head.add(0, "timezone: UTC", "VERIFY: some times are written without a zone; name it")
        head.blank()
        return _HEAD + head.text() + body.text()

    def _quarantine(self) -> None:
        """So many answers without a time or rows without an account would stop every job."""
        lost = [(undated(t), "of the answers have no time") for t in self.responses]
        lost += [
            (hop.lost, f"of the addresses in {name} are at no domain of an account")
            for name, hops in self.hops.items()
            for hop in hops
        ]
        share, what = max(lost, default=(0.0, ""))
        if share > _FEW_LOST:
            self.lines.blank()
            self.lines.add(
                0,
                f"quarantine: {{max_share: {min(1, math.ceil(share * 20 + 0.5) / 20):g}}}",
                f"VERIFY: {share:.0%} {what} and cannot be used",
            )

    def _project_name(self) -> str:
        name = guess.config_name(self.source.resolve().stem).replace("_", "-")
        return name[:40].strip("-") or "project"

    # --- What is what -----------------------------------------------------------------------

    def _find_kinds(self) -> None:
        keyed = [t for t in self.tables if t.name in self.keys and t.rows]
        self.left_out += [t.name for t in self.tables if t not in keyed]
        self.snapshot = guess.guess_snapshot(keyed, self.keys)
        if self.snapshot is not None:
            return
        scored = [t for t in keyed if guess.guess_score(t) and guess.guess_times(t).occurred]
        surveys = [t for t in scored if guess.is_survey(t)]
        self.responses = surveys or scored[:1]
        self.taken |= {t.name for t in self.responses}
        for table in keyed:
            if table.name in self.taken:
                continue
            start = guess.pick(table.columns, guess.START_WORDS, time=True)
            end = guess.guess_end(table)
            free = guess.guess_score(table) is None
            if start and end and free and self.subscriptions is None:
                self.subscriptions = table
                self.taken.add(table.name)
        if self.subscriptions is None:
            self._find_losses([t for t in keyed if t.name not in self.taken])

    def _find_losses(self, tables: Sequence[TableProfile]) -> None:
        for table in tables:
            left = guess.guess_loss(table, self.keys[table.name])
            if left is not None and self.left is None:
                self.left = (table, left)
                self.taken.add(table.name)

    def _refuse_nothing(self) -> None:
        listed = guess.guess_accounts(self.tables, self.keys, self.taken)
        dated = [
            t
            for t in self.tables
            if t.name in self.keys
            and guess.guess_times(t).occurred
            and (t is not listed or guess.pick(t.columns, guess.LEFT_WORDS, time=True))
        ]
        if dated or self.snapshot is not None:
            return
        problems = [
            Problem(
                guess.left_out_because(table, self.keys.get(table.name)),
                "export it with an account and a time in each row, or write the project file by "
                "hand (docs/project-file.md)",
                str(table.source.path),
            )
            for table in self.tables
        ]
        raise DataError(f"{self.source}: nothing can be proposed", [*problems, *self.problems])

    # --- Sections ---------------------------------------------------------------------------

    def _accounts(self) -> None:
        table = self.snapshot[0] if self.snapshot else None
        if table is None:
            table = guess.guess_accounts(self.tables, self.keys, self.taken)
        if table is None:
            return
        self.taken.add(table.name)
        left = None if self.snapshot else guess.pick(table.columns, guess.LEFT_WORDS, time=True)
        self.left = self.left or ((table, left) if left else None)
        add = self.lines.add
        add(2, "accounts:")
        self.where(table, 4, self.keys[table.name], self.hops.get(table.name))
        add(4, f"key: {scalar(self.keys[table.name])}")
        valid = [c for c in table.columns if c.is_time and words(c.name) & guess.VALID_WORDS]
        valid_from = guess.pick(valid, guess.FROM_WORDS) or table.column(PERIOD_OVER)
        self.column(4, "valid_from", valid_from)
        self.column(4, "valid_to", guess.pick(valid, guess.TO_WORDS) if valid_from else None)
        self._display(table)
        key = self.keys[table.name]
        named = [c for c in (table.column(key), guess.guess_name(table, key)) if c]
        for note in trial_notes(named, filter(guess.is_category, table.columns)):
            self.lines.comment(4, note)
        self._attributes(table, has_history=valid_from is not None)

    def _display(self, table: TableProfile) -> None:
        timed = [c for c in table.columns if c.is_time]
        plain = [c for c in table.columns if not c.is_time]
        self.column(4, "created_at", guess.guess_joined(table))
        self.column(4, "renewal_at", guess.pick(timed, guess.RENEWAL_WORDS))
        self.column(4, "name", guess.guess_name(table, self.keys[table.name]))
        self.column(4, "owner", guess.pick(plain, guess.OWNER_WORDS))
        self.column(4, "revenue", guess.guess_revenue(plain))

    def _attributes(self, table: TableProfile, has_history: bool) -> None:
        key = self.keys[table.name]
        outcome = self.snapshot[1].name if self.snapshot else ""
        shown = guess.NAME_WORDS | guess.OWNER_WORDS
        told = {c.name for c in table.columns if words(c.name) & guess.CHURN_WORDS}
        told = told - {outcome} if self.snapshot else set()
        if told:
            self.lines.comment(4, f"left out, because they tell the outcome: {', '.join(told)}")
        measures, categories = guess.guess_measures(table, {key, outcome, *told})
        columns = [
            *((c, "category") for c in categories if not words(c.name) & shown),
            *((c, "number") for c in measures),
        ]
        newest = [c.name for c, _ in columns if has_history and guess.marks_the_newest(c)]
        if newest:
            why = "only later days know which version is the newest"
            self.lines.comment(4, f"left out, because {why}: {', '.join(newest)}")
            columns = [(c, kind) for c, kind in columns if c.name not in newest]
        stable = [
            c for c, kind in columns if words(c.name) & guess.STABLE_WORDS and kind == "category"
        ]
        if not has_history and not self.snapshot:
            shown_now = guess.guess_revenue(c for c in table.columns if not c.is_time)
            today = [c.name for c, _ in columns if c not in stable and c is not shown_now]
            if today:
                self.lines.comment(
                    4, f"left out, because only today's value is known: {', '.join(today)}"
                )
            columns = [(c, "category") for c in stable]
        if not columns:
            return
        named = {guess.config_name(c.name): (c, kind) for c, kind in columns}
        kinds = {name: kind for name, (_, kind) in named.items()}
        self.lines.add(4, f"attributes: {flow(kinds)}")
        renamed = {name: c.name for name, (c, _) in named.items() if name != c.name}
        if renamed:
            self.lines.add(4, f"columns: {flow(renamed)}")
        static = [guess.config_name(c.name) for c in stable]
        if static and not self.snapshot:
            self.lines.add(4, f"static: {flow(static)}", "VERIFY: these never change")
        segments = [
            name for name, (c, kind) in named.items() if kind == "category" and c.distinct <= 20
        ][:3]
        if segments:
            self.lines.add(4, f"segments: {flow(segments)}")
        self.features += [
            f"{{source: accounts, aggregate: value, measure: {name}}}" for name in kinds
        ]

    def _activity(self) -> None:
        written = self._ratings()
        for table in self.tables:
            if table.name in self.taken or self.snapshot or table.name not in self.keys:
                continue
            when = guess.guess_times(table)
            if when.occurred is None or guess.is_directory(table, self.keys[table.name]):
                self.left_out.append(table.name)
                continue
            if not written:
                self.lines.add(2, "activity:")
                written = True
            self._one_activity(table, when)
        for table in self.tables:
            if table.name in self.left_out:
                why = guess.left_out_because(table, self.keys.get(table.name))
                self.lines.comment(2, f"left out: {table.name} ({why})")
        for problem in self.problems:
            self.lines.comment(2, f"left out: {problem.key} ({problem.what}; {problem.remedy})")

    def _ratings(self) -> bool:
        """Further scores beside an answer's, read as facts of their own."""
        written = False
        for table in self.responses:
            score = guess.guess_score(table)
            key = self.keys[table.name]
            ratings = guess.guess_ratings(table, {key, score.name if score else ""})
            when = guess.guess_times(table)
            if not ratings or when.occurred is None:
                continue
            if not written:
                self.lines.add(2, "activity:")
                written = True
            name = f"{guess.config_name(table.name)[:50]}_ratings"
            self._activity_head(table, name, answered_of(table), when.known)
            self.columns(6, "measures", ratings)
            self.features += [
                f"{{source: {name}, measure: {guess.config_name(c.name)}, aggregate: mean, "
                "windows: 365}"
                for c in ratings
            ]
        return written

    def _one_activity(self, table: TableProfile, when: guess.Times) -> None:
        key, name = self.keys[table.name], guess.config_name(table.name)
        if name in _RESERVED_SOURCES:
            name = f"{name}_events"
        name = guess.without_day(name)
        if name in self.activities:
            name = guess.config_name(table.name)
        measures, categories = guess.guess_measures(table, {key})
        self._activity_head(table, name, when.occurred, when.known)
        today = [c for c in categories if words(c.name) & guess.TODAY_WORDS]
        if today:
            names = ", ".join(c.name for c in today)
            self.lines.comment(6, f"left out, because only today's value is known: {names}")
            categories = [c for c in categories if c not in today]
        if when.ended is None:
            self.columns(6, "measures", measures)
            self.columns(6, "categories", categories)
            levels = notes_levels(table, when.occurred, key)
            self._activity_features(name, table.rows, measures, levels)
            return
        self.column(6, "ended_at", when.ended)
        self.column(6, "ended_known_at", when.ended_known)
        self.columns(6, "categories", categories)
        self._activity_features(name, table.rows, [])
        if not measures:
            return
        # A duration or a sum may be filled in only at the end: read earlier, it would leak.
        later = f"{name}_ended"
        self.lines.comment(
            4,
            "VERIFY: numbers of the same file, read when the thing ended, because they may be "
            f"filled in only then; move those known at once to `{name}`",
        )
        self._activity_head(table, later, when.ended, when.ended_known)
        self.columns(6, "measures", measures)
        self._activity_features(later, when.ended.filled, measures)

    def _activity_head(
        self,
        table: TableProfile,
        name: str,
        occurred: ColumnProfile | None,
        known: ColumnProfile | None,
    ) -> None:
        self.lines.add(4, f"{name}:")
        self.where(table, 6, self.keys[table.name], self.hops.get(table.name))
        self.lines.add(6, f"account: {scalar(self.keys[table.name])}")
        self.column(6, "time", occurred)
        self.known_at(6, known, table, period_hours(table, occurred, self.keys[table.name]))

    def _activity_features(
        self, name: str, rows: int, measures: Sequence[ColumnProfile], levels: bool = False
    ) -> None:
        """Of `levels`, noted once a week or month, means: windows hold unequal numbers of them."""
        self.activities[name] = rows
        windows = "windows: [30, 90]"
        self.features.append(f"{{source: {name}, aggregate: count, {windows}}}")
        self.features.append(f"{{source: {name}, aggregate: days_since_last}}")
        read = "aggregate: [sum, trend], windows: [30, 90]"
        if levels:
            read = "aggregate: [mean, mean_trend], windows: [90, 180]"
        self.features += [
            f"{{source: {name}, measure: {guess.config_name(c.name)}, {read}}}" for c in measures
        ]

    def _subscriptions(self, table: TableProfile) -> None:
        self.lines.add(2, "subscriptions:")
        self.where(table, 4, self.keys[table.name], self.hops.get(table.name))
        self.lines.add(4, f"account: {scalar(self.keys[table.name])}")
        self.column(4, "started_at", guess.pick(table.columns, guess.START_WORDS, time=True))
        self.column(4, "ended_at", guess.guess_end(table))
        known = guess.pick(table.columns, guess.CANCEL_WORDS | guess.KNOWN_WORDS, time=True)
        if known is not None:
            self.column(4, "ended_known_at", known)
            # What is booked ahead tells most of all: it may be seen from the day it was known.
            self.features.append("{source: subscriptions, aggregate: days_until_end}")

    def _churn(self, table: TableProfile, left: ColumnProfile) -> None:
        self.lines.add(2, "churn:")
        self.where(table, 4, self.keys[table.name], self.hops.get(table.name))
        self.lines.add(4, f"account: {scalar(self.keys[table.name])}")
        self.column(4, "time", left)
        self.known_at(4, guess.guess_times(table).known, table)

    def _targets(self) -> None:
        add = self.lines.add
        add(0, "targets:")
        if self.snapshot is not None:
            text, comment = snapshot_target(self.snapshot[1])
            add(2, text, comment)
            return
        if self.responses:
            add(2, "detractor: {gap_days: 14, horizon_days: 90}")
            add(2, "nps: {}")
        if self.subscriptions is not None:
            add(2, "churn: {event: subscription_end, gap_days: 14, horizon_days: 90}")
        elif self.left is not None and self.left[1].filled >= _ENOUGH_LOSSES:
            add(2, "churn: {event: churn_table, gap_days: 14, horizon_days: 90}")
        elif not self.responses and self.activities:
            busiest = max(self.activities, key=lambda name: self.activities[name])
            add(
                2,
                f"churn: {{event: no_activity, activity: {busiest}, gap_days: 0, "
                "horizon_days: 90, active_within_days: 90}",
                "VERIFY: silence for this long means the account is lost, or has left already",
            )
