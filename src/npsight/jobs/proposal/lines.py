"""The lines of a proposal, and those that every table has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.jobs.notes.rhythm import FROM_FIRST_DAY, FROM_LAST_DAY, FROM_WEEKDAY
from npsight.jobs.proposal.keys import Hop
from npsight.jobs.proposal.table import currencies_of, file_of, place_of, rows_of
from npsight.jobs.proposal.yamltext import Lines, flow, scalar
from npsight.tables.namedperiods import is_named
from npsight.tables.profiletimes import MONTH_FORMATS

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile


_PERIODS = {
    FROM_WEEKDAY: "week that begins then",
    FROM_FIRST_DAY: "month that begins then",
    FROM_LAST_DAY: "month or week that ends with that day",
}


class ProposedLines:
    """Lines and features of a proposal.

    `keys` has each table's column of the account, `hops` the look-ups that lead there. `naive`
    says whether a mapped time lacks a zone. `drivers` has what to call those whose name in the
    project file tells nothing.
    """

    def __init__(
        self,
        relative_to: Path | None,
        keys: Mapping[str, str],
        hops: Mapping[str, Sequence[Hop]],
    ) -> None:
        self.relative_to = relative_to
        self.keys = keys
        self.hops = hops
        self.lines = Lines()
        self.features: list[str] = []
        self.drivers: dict[str, str] = {}
        self.naive = False

    def where(self, table: TableProfile, indent: int) -> None:
        """Where a table lies, how and which rows of it are read, where its account is found."""
        hops = self.hops.get(table.name, ())
        own = hops[0].by if hops and hops[0].match == "value" else self.keys[table.name]
        for text, comment in (*place_of(table, self.relative_to), *rows_of(table, own)):
            self.lines.add(indent, text, comment)
        mixed = currencies_of(table)
        if mixed is not None:
            self.lines.comment(indent, mixed)
        if hops:
            by_domain = any(hop.match == "domain" for hop in hops)
            why = "; an account is taken by the domain of an address" if by_domain else ""
            said = f"VERIFY: these lead to whom you want to foresee{why}"
            self.lines.add(indent, "lookup:", said)
        for hop in hops:
            settings = [text for text, _ in file_of(hop.table, self.relative_to)]
            settings += [f"by: {scalar(hop.by)}"]
            settings += [f"key: {scalar(hop.key)}"] if hop.key != hop.by else []
            settings += [f"take: {scalar(hop.take)}"]
            settings += [f"called: {scalar(hop.called)}"] if hop.called else []
            settings += ["match: domain"] if hop.match == "domain" else []
            self.lines.add(indent + 2, f"- {{{', '.join(settings)}}}")

    def column(self, indent: int, setting: str, column: ColumnProfile | None) -> None:
        """The setting with its column, if there is one."""
        if column is not None:
            self.naive = self.naive or (column.is_time and column.is_naive)
            self.lines.add(indent, f"{setting}: {scalar(column.name)}")

    def columns(
        self, indent: int, setting: str, columns: Sequence[ColumnProfile], names: Mapping[str, str]
    ) -> None:
        """Columns with their `names` in the project file, if there are any."""
        named = {names[c.name]: c.name for c in columns}
        if named:
            same = all(name == column for name, column in named.items())
            self.lines.add(indent, f"{setting}: {flow(list(named) if same else named)}")

    def known_at(
        self, at: int, column: ColumnProfile | None, table: TableProfile, period_hours: int = 0
    ) -> None:
        """When a row could first be read; `period_hours` after its time where it tells of a period
        that begins then.
        """
        if column is not None:
            self.column(at, "known_at", column)
            return
        hours, why = 0, "hours until a row can first be read (24: loaded nightly)"
        if table.source.wide is not None:
            hours, why = 24, "what a column says of a period is complete after its last day"
        elif is_named(table.source):
            why = "hours after the end of the period until its rows can first be read"
        elif any(c.time_format in MONTH_FORMATS for c in table.columns):
            hours, why = 744, "a month is read as its first day; 31 days later it is over"
        elif period_hours:
            hours = period_hours
            why = f"each row is taken for the {_PERIODS[hours]}, complete at its end; 0 where it "
            why += "is of that day alone"
        self.lines.add(at, f"delay_hours: {hours}", f"VERIFY: {why}")
