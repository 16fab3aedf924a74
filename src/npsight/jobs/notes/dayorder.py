"""Whether the times of a table name the day or the month first, told by columns that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from npsight.tables.profiletimes import turned

if TYPE_CHECKING:
    from npsight.tables.profile import ColumnProfile, TableProfile

_DAY_FIRST, _MONTH_FIRST = "%d/%m/", "%m/%d/"


def with_one_order(tables: Sequence[TableProfile]) -> list[TableProfile]:
    """The tables, all times of each that are written with `/` read in one order.

    A column with a day above 12 tells the order of its table, else of all tables, by majority.
    Where none tells it, the day is read first, and the table says that this is to be verified.
    """
    everywhere = Counter(_order(c) for t in tables for c in _telling(t.columns))
    return [_settled(table, tables, everywhere) for table in tables]


def _telling(columns: Iterable[ColumnProfile]) -> list[ColumnProfile]:
    return [c for c in columns if _order(c) and not c.is_either_way]


def _order(column: ColumnProfile) -> str:
    """How its times begin, where that is a matter of order; else empty."""
    written = column.time_format or ""
    return written[:6] if written.startswith((_DAY_FIRST, _MONTH_FIRST)) else ""


def _settled(
    table: TableProfile, tables: Sequence[TableProfile], everywhere: Counter[str]
) -> TableProfile:
    written = [c for c in table.columns if _order(c)]
    if not written:
        return table
    own = Counter(_order(c) for c in _telling(table.columns))
    order = _most(own) or _most(everywhere) or _DAY_FIRST
    said = "day" if order == _DAY_FIRST else "month"
    untold = [c.name for c in written if c.is_either_way]
    against = [c.name for c in _telling(written) if _order(c) != order]
    unsure = ""
    if against:
        unsure = f"VERIFY: read {said} first, but {', '.join(against)} is written the other way: "
        unsure += "export it in the order of the others"
    elif untold and own:
        unsure = f"VERIFY: no day above 12 in {', '.join(untold)}: read {said} first, as is "
        unsure += _telling(table.columns)[0].name
    elif untold and _most(everywhere):
        other = next(t for t in tables if any(_order(c) == order for c in _telling(t.columns)))
        unsure = f"VERIFY: day first or month first? No day above 12 tells; read {said} first, "
        unsure += f"as in {other.name}"
    elif untold:
        unsure = f"VERIFY: day first or month first? No day above 12 tells; read {said} first"
    columns = tuple(_turned(c, order) for c in table.columns)
    return replace(table, columns=columns, unsure=unsure)


def _most(orders: Counter[str]) -> str:
    """The order of most columns; empty where there is none, or as many of each."""
    found = orders.most_common(2)
    if not found or (len(found) == 2 and found[0][1] == found[1][1]):
        return ""
    return found[0][0]


def _turned(column: ColumnProfile, order: str) -> ColumnProfile:
    """A column that is written otherwise is read in the table's order all the same."""
    if _order(column) in ("", order):
        return column
    return replace(column, time_format=turned(str(column.time_format)))
