"""One table being read: canonical expressions on one side, the faults of its rows on the other.

A `Sheet` only builds expressions; nothing runs here. Every fault is a condition over the row, so
that one pass over the table finds all faults of all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import Source
from npsight.errors import Problem
from npsight.tables import times
from npsight.tables.bydomain import reasons_of
from npsight.tables.cells import cell_text
from npsight.tables.engine import MEASURE
from npsight.tables.months import has_month_name, is_june_or_july
from npsight.tables.numbers import currency_of, plain_number, without_words
from npsight.tables.raw import WHY
from npsight.tables.report import NO_COUNT
from npsight.tables.workbooks import CELL_TIMES, is_workbook
from npsight.temporal.instants import INSTANT

SHOWN_CHARACTERS = 40
YES = ("true", "yes", "1")
NO = ("false", "no", "0")
NOT_LISTED = "is not in tables.accounts"
OTHER_CASE = "is in tables.accounts in another case only"
TIME_REMEDY = "name the zone of these times: `timezone: Europe/Berlin` on the table or the project"


@dataclass(frozen=True)
class Fault:
    """A reason to quarantine a row; `{}` in `reason` stands for the offending value.

    With `kept` the row stays, and only the value is missing.
    """

    reason: str
    when: ir.BooleanValue
    value: ir.StringValue | None = None
    kept: bool = False

    @property
    def kind(self) -> str:
        """The reason without any row's value, to count by."""
        return self.reason.replace("`{}` ", "")


@dataclass(frozen=True)
class Probe:
    """A text column without a named zone: unusable as a whole if no value brings its own."""

    column: str
    setting: str
    present: ir.BooleanValue
    naive: ir.BooleanValue
    text: ir.StringValue


@dataclass
class Sheet:
    """Collects faults, notes and probes while a table's columns are mapped."""

    raw: ir.Table
    source: Source
    zone: str | None
    now: datetime
    key: str
    where: str
    lower_accounts: bool = False
    faults: list[Fault] = field(default_factory=list)
    notes: dict[str, ir.BooleanValue] = field(default_factory=dict)
    probes: list[Probe] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    strangers: tuple[ir.StringValue, ir.Table] | None = None
    """Keys of accounts as this table has them, and the table with those there are."""
    doubts: dict[str, tuple[ir.BooleanValue, ir.BooleanValue]] = field(default_factory=dict)
    """Column of numbers -> rows such as `1.234`, and rows with a point that means decimals."""
    currencies: dict[str, ir.StringValue] = field(default_factory=dict)
    """Column of amounts -> the currency that stands beside each."""
    day_orders: dict[tuple[str, str], ir.IntegerValue] = field(default_factory=dict)
    """Column of times and its pattern -> what is read as the day, where months stand beside it."""

    def fault(
        self, reason: str, when: ir.BooleanValue, value: ir.StringValue | None = None
    ) -> None:
        """Rows for which `when` holds are quarantined; null counts as no."""
        self.faults.append(Fault(reason, when, value))

    @contextmanager
    def missing_where_unreadable(self) -> Iterator[None]:
        """Faults found within say that a value is missing, and keep their rows."""
        before = len(self.faults)
        yield
        self.faults[before:] = [
            replace(fault, kept=True, reason=f"{fault.reason}, and counts as missing")
            for fault in self.faults[before:]
        ]

    def only_where(self, condition: ir.BooleanValue) -> None:
        """Forget the faults found so far in rows for which the condition does not hold."""
        self.faults = [replace(f, when=f.when & condition) for f in self.faults]

    def text(self, column: str | None) -> ir.StringValue:
        """Trimmed text, null where blank, or null throughout for a column that is not mapped."""
        if column is None:
            return cast(ir.StringValue, ibis.null(dt.string))
        value = self.raw[column]
        kind = value.type()
        if kind.is_nested() or kind.is_binary():
            self._wrong_type(column, str(kind), "text")
            return cast(ir.StringValue, ibis.null(dt.string))
        return cell_text(value, self.source.blanks)

    def blank(self, column: str) -> ir.BooleanValue:
        """Whether there is no value: null, or nothing but blanks."""
        value = self.raw[column]
        return self.text(column).isnull() if value.type().is_string() else value.isnull()

    def undated(self, column: str) -> ir.BooleanValue:
        """Whether there is no time: no value, or 0 where times are counted since 1970."""
        return cast(ir.BooleanValue, self.blank(column) | self._counts_nothing(column))

    def _counts_nothing(self, column: str) -> ir.BooleanValue:
        counted = not set(self._patterns()).isdisjoint(times.EPOCHS)
        if not counted or times.is_typed_time(self.raw[column]):
            return cast(ir.BooleanValue, ibis.literal(False))
        return self.text(column).isin(times.NO_COUNT).fill_null(False)

    def account(
        self,
        column: str,
        known: ir.Table | None,
        called: str = "account",
        *,
        may_be_unlisted: bool = False,
    ) -> ir.StringValue:
        """The account's key; missing or unknown keys are faults (their values are not shown)."""
        account = self.text(column)
        if self.lower_accounts:
            account = account.lower()
        missing = account.isnull()
        for reason, when in self._why_not_found(column):
            self.fault(reason, when)
            missing &= ~when.fill_null(False)
        self.fault(f"{called} is missing in column {column}", missing)
        if known is not None:
            unknown = account.notnull() & ~account.isin(known.account)
            self.strangers = self.strangers or (account, known)
            otherwise = unknown & account.lower().isin(known.account.lower())
            self.fault(f"{called} {OTHER_CASE}", otherwise)
            if not may_be_unlisted:
                self.fault(f"{called} {NOT_LISTED}", unknown & ~otherwise)
        return account

    def _why_not_found(self, column: str) -> Iterator[tuple[str, ir.BooleanValue]]:
        """Reasons why a look-up by domain, on which the column rests, found nothing."""
        for lookup in reversed(self.source.lookup):
            if lookup.column == column:
                why = self.raw[WHY + column] if WHY + column in self.raw.columns else None
                for reason, told in reasons_of(lookup.take, lookup.by).items():
                    if why is not None:
                        yield told, cast(ir.BooleanValue, why == reason)
                column = lookup.by

    def yes(self, column: str | None) -> ir.BooleanValue:
        """Whether the column says yes; blank means no, anything but yes or no is a fault.

        Returns
        -------
        Never null: false for a column that is not mapped.
        """
        if column is None:
            return cast(ir.BooleanValue, ibis.literal(False))
        text = self.text(column)
        said = text.lower()
        neither = said.notnull() & ~said.isin([*YES, *NO])
        self.fault(f"`{{}}` in column {column} is neither yes nor no", neither, text)
        return cast(ir.BooleanValue, said.isin(YES).fill_null(False))

    def number(self, column: str, words: Mapping[str, float] | None = None) -> ir.DecimalValue:
        """An exact number, null where blank; anything else that is no number is a fault.

        With `words`, a text may be one of them, or words may stand behind the number.
        """
        value = self.raw[column]
        kind = value.type()
        if kind.is_boolean():
            value = value.cast(dt.int8)
        elif not (kind.is_numeric() or kind.is_string()):
            self._wrong_type(column, str(kind), "numbers")
            return cast(ir.DecimalValue, ibis.null(MEASURE))
        shown = text = self.text(column)
        given = text if kind.is_string() else value
        if words is not None and kind.is_string():
            text = without_words(text, words)
        elif kind.is_string() and self.source.decimal is None:
            point = text.find(".")
            whole = (point == text.length() - 4) & (point >= 1) & (point <= 4) & ~text.like("0%")
            self.doubts[column] = (whole, (point >= 0) & ~whole)
        read = plain_number(text, self.source.decimal) if kind.is_string() else given
        if kind.is_string() and words is None and self.source.decimal is not None:
            amount = ibis.ifelse(read.notnull(), text, ibis.null(dt.string))
            self.currencies[column] = currency_of(amount)
        number = read.try_cast(MEASURE)
        double = read.try_cast(dt.float64)
        # The text is only made for the rows that show it: making it for all costs seconds.
        bad = given.notnull() & number.isnull()
        self.fault(
            f"number `{{}}` in column {column} is not a number", bad & double.isnull(), shown
        )
        self.fault(
            f"number `{{}}` in column {column} is not finite or not below 10^12",
            bad & double.notnull(),
            shown,
        )
        return cast(ir.DecimalValue, number)

    def time(
        self,
        column: str,
        setting: str,
        *,
        may_lie_ahead: bool = False,
        never_is_blank: bool = True,
        check_earliest: bool = False,
    ) -> ir.TimestampValue:
        """A UTC instant, null where blank; unreadable, zoneless and misplaced ones are faults.

        One that may lie ahead is null, too, where it says "never" (the year 9000 or later),
        unless `never_is_blank` is false.
        """
        parsed, text = self._parsed(column, setting)
        if parsed is None:
            return cast(ir.TimestampValue, ibis.null(INSTANT))
        unread = parsed.unreadable
        if any(map(has_month_name, self._patterns())):
            either = unread & is_june_or_july(text)
            self.fault(f"the month of time `{{}}` in column {column} is June or July", either, text)
            unread = unread & ~either
        self.fault(f"time `{{}}` in column {column} is not a time", unread, text)
        self.fault(f"time `{{}}` in column {column} has no time zone", parsed.naive, text)
        at = parsed.at
        if may_lie_ahead:
            at = times.never_is_blank(at) if never_is_blank else at
        else:
            ahead = at > ibis.literal(self.now, type=INSTANT)
            self.fault(f"time `{{}}` in column {column} lies in the future", ahead, text)
        if check_earliest:
            earliest = self.source.earliest
            midnight = datetime(earliest.year, earliest.month, earliest.day)
            floor = ibis.literal(midnight, type=INSTANT)
            self.fault(
                f"time `{{}}` in column {column} lies before `earliest` ({earliest})",
                at < floor,
                text,
            )
        return at

    def _parsed(self, column: str, setting: str) -> tuple[times.ParsedTime | None, ir.StringValue]:
        value, text = self.raw[column], self.text(column)
        if times.is_typed_time(value):
            if self.zone is None and times.is_naive_type(value):
                self._no_zone(column, setting, None)
                return None, text
            return times.parse_typed(value, self.zone), text
        readable = value.type().is_string() or (
            value.type().is_numeric() and self.source.time_format is not None
        )
        if not readable:
            self._wrong_type(column, str(value.type()), "times")
            return None, text
        patterns = self._patterns()
        ordered = next((p for p in patterns if times.is_either_way(p)), None)
        if ordered is not None and isinstance(text, ir.StringColumn):
            self.day_orders[column, ordered] = times.day_read(text, ordered)
        if not set(patterns).isdisjoint(times.EPOCHS):
            nothing = self.notes[NO_COUNT.format(column)] = self._counts_nothing(column)
            text = cast(ir.StringValue, ibis.ifelse(nothing, ibis.null(dt.string), text))
        parsed = times.parse_text(text, self.zone, patterns)
        # A pattern with an offset makes every value aware: there is no column to probe.
        if self.zone is None and isinstance(parsed.naive, ir.BooleanColumn):
            self.probes.append(Probe(column, setting, text.notnull(), parsed.naive, text))
        return parsed, text

    def _patterns(self) -> list[str]:
        """How texts are read as times; a cell of a workbook that holds one needs no pattern."""
        given = self.source.time_format or []
        return [*given, *CELL_TIMES] if given and is_workbook(self.source) else given

    def no_zone(self, probe: Probe, example: str) -> None:
        """A column in which no value has a zone is one problem, not a table full of bad rows."""
        self._no_zone(probe.column, probe.setting, example)

    def _no_zone(self, column: str, setting: str, example: str | None) -> None:
        such = f", such as `{example[:SHOWN_CHARACTERS]}`" if example else ""
        what = f"the times in column `{column}` have no time zone{such}"
        self.problems.append(Problem(what, TIME_REMEDY, self.where, f"{self.key}.{setting}"))

    def _wrong_type(self, column: str, kind: str, wanted: str) -> None:
        what = f"column `{column}` has type {kind}, where {wanted} are expected"
        remedy = "map another column, or cast it where the table is exported"
        if wanted == "times":
            remedy += "; for numbers such as 20240131 add `time_format: '%Y%m%d'`, for seconds "
            remedy += "since 1970 `epoch_s`, for milliseconds `epoch_ms`"
        self.problems.append(Problem(what, remedy, self.where, self.key))
