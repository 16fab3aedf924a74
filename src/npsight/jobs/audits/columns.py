"""What the suspicion tests of columns look at, fetched from the facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from npsight.audit.findings import Check
from npsight.audit.newest import marks_the_newest
from npsight.audit.written import (
    Ending,
    Happened,
    changes_pile_up,
    one_sided,
    written_at_the_end,
)
from npsight.config.specs import FeatureSpec
from npsight.jobs.building.frames import FeatureBuilder

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class ReadColumns:
    """The columns that declared features read, told apart by how they are dated.

    `undated` and `dated` are attributes; `measures` the numbers of each source, `of_facts` all
    columns of each source.
    """

    undated: tuple[str, ...]
    dated: tuple[str, ...]
    categories: tuple[str, ...]
    measures: dict[str, tuple[str, ...]]
    of_facts: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, builder: FeatureBuilder) -> ReadColumns:
        """Those of the builder's project."""
        project = builder.project
        table = project.tables.accounts
        specs = [s for s in project.features if s.source == "accounts" and s.measure]
        names = list(dict.fromkeys(str(s.measure) for s in specs))
        versioned = table is not None and table.valid_from is not None
        static = set(table.static) if table is not None else set()
        dated = [name for name in names if versioned and name not in static]
        return cls(
            undated=tuple(name for name in names if name not in dated),
            dated=tuple(dated),
            categories=tuple(str(s.measure) for s in specs if s.dtype == "category"),
            measures=_measures(builder, project.features),
            of_facts=_of_facts(builder, project.features),
        )


def _measures(builder: FeatureBuilder, specs: Sequence[FeatureSpec]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for source, table in builder.facts.sources.items():
        named = [m for s in specs if s.source == source for m in (s.measure, s.per) if m]
        found[source] = tuple(m for m in dict.fromkeys(named) if table[m].type().is_numeric())
    return found


def _of_facts(builder: FeatureBuilder, specs: Sequence[FeatureSpec]) -> dict[str, tuple[str, ...]]:
    found = {}
    for source, table in builder.facts.sources.items():
        read = (name for s in specs if s.source == source for name in s.columns)
        names = dict.fromkeys(name.removeprefix(f"{source}.") for name in read)
        found[source] = tuple(name for name in names if name in table.columns)
    return found


@dataclass(frozen=True)
class Columns:
    """Fetches, and judges, the columns of one project."""

    builder: FeatureBuilder

    @cached_property
    def read(self) -> ReadColumns:
        """Which columns are judged."""
        return ReadColumns.of(self.builder)

    def checks(self) -> Iterator[Check]:
        """All tests of columns but those that compare with other sources."""
        attributes = self.first_versions()
        yield self.one_sided(attributes, list(self._happened()))
        yield changes_pile_up(self._changes(), self._events(), self._span_days(), len(attributes))
        yield marks_the_newest(self.versions)
        yield written_at_the_end(list(self._endings()))

    def one_sided(self, attributes: pd.DataFrame, happened: Sequence[Happened]) -> Check:
        """Whether `attributes`, one row an account, know what became of the accounts."""
        dated = [f"accounts.{name}" for name in self.read.dated]
        categories = [f"accounts.{name}" for name in self.read.categories]
        return one_sided(attributes, categories, happened, dated)

    def fetch(self, table: ir.Table) -> pd.DataFrame:
        """A small table as a frame; exact numbers become float64."""
        frame = self.builder.backend.to_pyarrow(table).to_pandas()
        for name, kind in table.schema().items():
            if kind.is_decimal():
                frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(np.float64)
        return frame

    def first_versions(self) -> pd.DataFrame:
        """The attributes read by features, as `accounts.name`, in each account's first version."""
        names = [*self.read.undated, *self.read.dated]
        versions = self.builder.facts.versions
        if versions is None or not names:
            accounts = self.fetch(self.builder.facts.accounts.select("account"))
            return accounts.set_index("account").sort_index()
        order = ibis.row_number().over(
            group_by=versions.account, order_by=[versions.occurred_at, versions.known_at]
        )
        ranked = versions.mutate(rank_=order)
        first = ranked.filter(ranked.rank_ == 0).select("account", *names)
        frame = self.fetch(first).set_index("account").sort_index()
        return frame.rename(columns=lambda name: f"accounts.{name}")

    def first_written(self) -> pd.Series:
        """Of each account, when its first version became true."""
        versions = self.builder.facts.versions
        if versions is None:
            return pd.Series(dtype="datetime64[us]")
        first = versions.group_by("account").agg(at=versions.occurred_at.min())
        return self.fetch(first).set_index("account")["at"]

    # --- What became of the accounts --------------------------------------------------------

    def _happened(self) -> Iterator[Happened]:
        project, facts = self.builder.project, self.builder.facts
        churn = project.churn
        lost: ir.Table | None = None
        if churn is not None and churn.event == "subscription_end":
            lost = _without_contract(final(facts.sources["subscriptions"]), facts.data_end)
        elif churn is not None and churn.event == "churn_table" and facts.churn is not None:
            gone = final(facts.churn).select("account").distinct()
            every = facts.accounts.select("account")
            left = every.left_join(gone, "account")
            lost = left.select("account", came=left.account_right.notnull())
        elif churn is not None and churn.event == "no_activity" and churn.activity:
            lost = _silent(final(facts.sources[churn.activity]), facts.data_end, churn.horizon_days)
        if lost is not None:
            yield Happened("had left or given notice", _by_account(self.fetch(lost)))
        if project.detractor is not None:
            last = _last_band(final(facts.sources["responses"]))
            yield Happened("answered as detractors last", _by_account(self.fetch(last)))

    def _events(self) -> pd.DataFrame:
        """`account` and `at` of every loss; of every detractor's answer where none is foreseen."""
        project, facts = self.builder.project, self.builder.facts
        churn = project.churn
        if churn is not None and churn.event == "subscription_end":
            table = final(facts.sources["subscriptions"])
            ended = table.filter(table.ended_at < ibis.literal(facts.data_end))
            return self.fetch(ended.select("account", at=ended.ended_at))
        if churn is not None and churn.event == "churn_table" and facts.churn is not None:
            table = final(facts.churn)
            return self.fetch(table.select("account", at=table.occurred_at))
        if project.detractor is not None:
            table = final(facts.sources["responses"])
            bad = table.filter(table.band == "detractor")
            return self.fetch(bad.select("account", at=bad.occurred_at))
        return pd.DataFrame({"account": [], "at": []})

    @cached_property
    def versions(self) -> pd.DataFrame:
        """Every version with the attributes that features read and that have a `valid_from`, each
        called `accounts.name`.
        """
        versions, names = self.builder.facts.versions, self.read.dated
        if versions is None or not names:
            return pd.DataFrame({"account": [], "occurred_at": pd.to_datetime([])})
        rows = self.fetch(versions.select("account", "occurred_at", *names))
        return rows.rename(columns={name: f"accounts.{name}" for name in names})

    def _changes(self) -> dict[str, pd.DataFrame]:
        rows = self.versions.rename(columns=lambda name: name.removeprefix("accounts."))
        rows = rows.sort_values(["account", "occurred_at"], kind="stable", ignore_index=True)
        same = rows["account"].eq(rows["account"].shift())
        found = {}
        for name in self.read.dated:
            now, before = rows[name], rows[name].shift()
            differs = ~(now.eq(before) | (now.isna() & before.isna()))
            changed = rows.loc[same & differs, ["account", "occurred_at"]]
            found[f"accounts.{name}"] = changed.rename(columns={"occurred_at": "at"})
        return found

    def _span_days(self) -> float:
        facts = self.builder.facts
        return float((facts.data_end - facts.data_start).total_seconds() / 86_400)

    def _endings(self) -> Iterator[Ending]:
        for source, names in self.read.measures.items():
            table = final(self.builder.facts.sources[source])
            if "ended_at" not in table.columns or not names:
                continue
            over = table.ended_at.notnull() & (table.ended_known_at <= self.builder.facts.data_end)
            for name in names:
                counted = table.aggregate(
                    over=over.sum(),
                    open_=(~over.fill_null(False)).sum(),
                    filled_over=(over & table[name].notnull()).sum(),
                    filled_open=(~over.fill_null(False) & table[name].notnull()).sum(),
                )
                row = self.fetch(counted).fillna(0).astype(int).iloc[0]
                yield Ending(
                    f"{source}.{name}",
                    filled_open=_ones(row["filled_open"], row["open_"]),
                    filled_over=_ones(row["filled_over"], row["over"]),
                )


def final(table: ir.Table) -> ir.Table:
    """Each fact once: neither a version since corrected, nor the row of an account since merged."""
    for column in ("corrected_at", "moved_at"):
        if column in table.columns:
            table = table.filter(table[column].isnull())
    return table


def _ones(filled: int, count: int) -> Any:
    """`count` values, `filled` of them 1."""
    return (np.arange(count) < filled).astype(np.float64)


def _without_contract(subscriptions: ir.Table, end: Any) -> ir.Table:
    """Whether every subscription of the account has ended, or is known to end."""
    known = (subscriptions.ended_known_at <= ibis.literal(end)).fill_null(False)
    running = subscriptions.ended_at.isnull() | ~known
    counted = subscriptions.group_by("account").agg(running=running.sum())
    return counted.select("account", came=counted.running == 0)


def _silent(activity: ir.Table, end: Any, days: int) -> ir.Table:
    last = activity.group_by("account").agg(at=activity.occurred_at.max())
    return last.select("account", came=last.at < ibis.literal(end) - ibis.interval(days=days))


def _last_band(answers: ir.Table) -> ir.Table:
    at = ibis.struct({"o": answers.occurred_at, "k": answers.known_at})
    last = answers.group_by("account").agg(band=answers.band.argmax(at))
    return last.select("account", came=last.band == "detractor")


def _by_account(frame: pd.DataFrame) -> dict[str, bool]:
    return dict(zip(frame["account"], frame["came"].astype(bool), strict=True))
