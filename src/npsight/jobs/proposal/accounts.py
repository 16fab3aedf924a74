"""What a proposal says of the list of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from npsight.config.schema import PERIOD_OVER
from npsight.jobs.notes.trials import trial_notes
from npsight.jobs.notes.words import words
from npsight.jobs.proposal import guess, names, vocabulary
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
        self.are_losses_told = bool(kinds.snapshot or kinds.subscriptions or kinds.left)

    def write(self, table: TableProfile) -> None:
        """The list of accounts, or all of a snapshot."""
        out, key = self.out, self.out.keys[table.name]
        out.lines.add(2, "accounts:")
        out.where(table, 4)
        out.lines.add(4, f"key: {scalar(key)}")
        valid = [c for c in table.columns if c.is_time and words(c.name) & vocabulary.VALID_WORDS]
        valid_from = guess.pick(valid, vocabulary.FROM_WORDS) or table.column(PERIOD_OVER)
        out.column(4, "valid_from", valid_from)
        out.column(4, "valid_to", guess.pick(valid, vocabulary.TO_WORDS) if valid_from else None)
        self._display(table, key)
        named = [c for c in (table.column(key), guess.guess_name(table, key)) if c]
        for note in trial_notes(named, filter(guess.is_category, table.columns)):
            out.lines.comment(4, note)
        self._attributes(table, key, has_history=valid_from is not None)
        self._say_who_left(table)

    def _say_who_left(self, table: TableProfile) -> None:
        """Whoever left is scored and listed for ever where no table says when."""
        for column in filter(guess.says_today, filter(guess.is_category, table.columns)):
            told = sorted(text for text in column.sample if guess.is_leaving(text))
            if told and not self.are_losses_told:
                said = ", ".join(f"`{text}`" for text in told[:_FEW_SEGMENTS])
                self.out.lines.comment(
                    4,
                    f"VERIFY: {column.name} says who left ({said}), but not when: those are scored "
                    "like customers; export the day of each loss, to be mapped under `churn`",
                )

    def _display(self, table: TableProfile, key: str) -> None:
        plain = [c for c in table.columns if not c.is_time]
        self.out.column(4, "created_at", guess.guess_joined(table))
        self.out.column(4, "renewal_at", guess.guess_renewal(table))
        self.out.column(4, "name", guess.guess_name(table, key))
        self.out.column(4, "owner", guess.pick(plain, vocabulary.OWNER_WORDS))
        revenue = guess.guess_revenue(plain)
        self.out.column(4, "revenue", revenue)
        if revenue is not None and words(revenue.name) & vocabulary.SMALL_MONEY:
            self.out.lines.comment(4, f"VERIFY: {revenue.name} is shown as it stands, in cents")

    def _attributes(self, table: TableProfile, key: str, has_history: bool) -> None:
        found = self._candidates(table, key)
        if has_history:
            newest = [c.name for c, _ in found if guess.marks_the_newest(c)]
            self._leave_out("only later days know which version is the newest", newest)
            found = [(c, kind) for c, kind in found if c.name not in newest]
        stable = [
            c for c, kind in found if words(c.name) & vocabulary.STABLE_WORDS and kind == "category"
        ]
        if not has_history and self.outcome is None:
            shown = guess.guess_revenue(c for c in table.columns if not c.is_time)
            today = [c.name for c, _ in found if c not in stable and c is not shown]
            self._leave_out("only today's value is known", today)
            found = [(c, "category") for c in stable]
        if found:
            self._write_attributes(found, stable if self.outcome is None else [])

    def _candidates(self, table: TableProfile, key: str) -> list[Attribute]:
        shown = vocabulary.NAME_WORDS | vocabulary.OWNER_WORDS
        told = {c.name for c in table.columns if words(c.name) & vocabulary.CHURN_WORDS}
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
        called = names.config_names(c for c, _ in found)
        named = {called[c.name]: (c, kind) for c, kind in found}
        kinds = {name: kind for name, (_, kind) in named.items()}
        add(4, f"attributes: {flow(kinds)}")
        renamed = {name: c.name for name, (c, _) in named.items() if name != c.name}
        if renamed:
            add(4, f"columns: {flow(renamed)}")
        static = [called[c.name] for c in stable]
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
