"""What a proposal says of the list of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from npsight.config.schema import PERIOD_OVER
from npsight.jobs.notes.trials import trial_notes
from npsight.jobs.notes.words import words
from npsight.jobs.proposal import guess
from npsight.jobs.proposal.kinds import Kinds
from npsight.jobs.proposal.lines import ProposedLines
from npsight.jobs.proposal.yamltext import flow, scalar

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_FEW_SEGMENTS, _MOST_OF_A_SEGMENT = 3, 20
Attribute = tuple["ColumnProfile", Literal["category", "number"]]


class ProposedAccounts:
    """Writes `tables.accounts` into the lines of a proposal."""

    def __init__(self, out: ProposedLines, kinds: Kinds) -> None:
        self.out = out
        self.outcome = kinds.snapshot[1].name if kinds.snapshot else None

    def write(self, table: TableProfile) -> None:
        """The list of accounts, or all of a snapshot."""
        out, key = self.out, self.out.keys[table.name]
        out.lines.add(2, "accounts:")
        out.where(table, 4)
        out.lines.add(4, f"key: {scalar(key)}")
        valid = [c for c in table.columns if c.is_time and words(c.name) & guess.VALID_WORDS]
        valid_from = guess.pick(valid, guess.FROM_WORDS) or table.column(PERIOD_OVER)
        out.column(4, "valid_from", valid_from)
        out.column(4, "valid_to", guess.pick(valid, guess.TO_WORDS) if valid_from else None)
        self._display(table, key)
        named = [c for c in (table.column(key), guess.guess_name(table, key)) if c]
        for note in trial_notes(named, filter(guess.is_category, table.columns)):
            out.lines.comment(4, note)
        self._attributes(table, key, has_history=valid_from is not None)

    def _display(self, table: TableProfile, key: str) -> None:
        timed = [c for c in table.columns if c.is_time]
        plain = [c for c in table.columns if not c.is_time]
        self.out.column(4, "created_at", guess.guess_joined(table))
        self.out.column(4, "renewal_at", guess.pick(timed, guess.RENEWAL_WORDS))
        self.out.column(4, "name", guess.guess_name(table, key))
        self.out.column(4, "owner", guess.pick(plain, guess.OWNER_WORDS))
        self.out.column(4, "revenue", guess.guess_revenue(plain))

    def _attributes(self, table: TableProfile, key: str, has_history: bool) -> None:
        found = self._candidates(table, key)
        if has_history:
            newest = [c.name for c, _ in found if guess.marks_the_newest(c)]
            self._leave_out("only later days know which version is the newest", newest)
            found = [(c, kind) for c, kind in found if c.name not in newest]
        stable = [
            c for c, kind in found if words(c.name) & guess.STABLE_WORDS and kind == "category"
        ]
        if not has_history and self.outcome is None:
            shown = guess.guess_revenue(c for c in table.columns if not c.is_time)
            today = [c.name for c, _ in found if c not in stable and c is not shown]
            self._leave_out("only today's value is known", today)
            found = [(c, "category") for c in stable]
        if found:
            self._write_attributes(found, stable if self.outcome is None else [])

    def _candidates(self, table: TableProfile, key: str) -> list[Attribute]:
        shown = guess.NAME_WORDS | guess.OWNER_WORDS
        told = {c.name for c in table.columns if words(c.name) & guess.CHURN_WORDS}
        # The outcome itself is told in `targets`.
        told = told - {self.outcome} if self.outcome is not None else set()
        self._leave_out("they tell the outcome", sorted(told))
        measures, categories = guess.guess_measures(table, {key, self.outcome or "", *told})
        return [
            *((c, "category") for c in categories if not words(c.name) & shown),
            *((c, "number") for c in measures),
        ]

    def _leave_out(self, why: str, names: Sequence[str]) -> None:
        if names:
            self.out.lines.comment(4, f"left out, because {why}: {', '.join(names)}")

    def _write_attributes(
        self, found: Sequence[Attribute], stable: Sequence[ColumnProfile]
    ) -> None:
        add = self.out.lines.add
        named = {guess.config_name(c.name): (c, kind) for c, kind in found}
        kinds = {name: kind for name, (_, kind) in named.items()}
        add(4, f"attributes: {flow(kinds)}")
        renamed = {name: c.name for name, (c, _) in named.items() if name != c.name}
        if renamed:
            add(4, f"columns: {flow(renamed)}")
        static = [guess.config_name(c.name) for c in stable]
        if static:
            add(4, f"static: {flow(static)}", "VERIFY: these never change")
        segments = [
            name
            for name, (c, kind) in named.items()
            if kind == "category" and c.distinct <= _MOST_OF_A_SEGMENT
        ]
        if segments:
            add(4, f"segments: {flow(segments[:_FEW_SEGMENTS])}")
        self.out.features += [
            f"{{source: accounts, aggregate: value, measure: {name}}}" for name in kinds
        ]
