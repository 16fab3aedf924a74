"""The tables as data: file, columns and what each column holds; and their Arrow form."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from npsight.simulate.arrays import Floats
from npsight.simulate.chunk import Columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TABLES", "TRUTH_TABLES", "Kind", "Table", "as_arrow"]

Kind = Literal["text", "time", "number", "whole"]
"""text: strings, None is empty. time: days since the start, NaN is empty; an instant in UTC.
number: floats, NaN is empty. whole: floats or integers, NaN is empty; written as integers."""

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the demo company.

    Attributes
    ----------
    name, file : str
        Name of the table, and of its file within the directory.
    columns : dict[str, Kind]
        Columns in order.
    free_text : bool
        Whether values may need quotes in CSV.
    """

    name: str
    file: str
    columns: dict[str, Kind]
    free_text: bool = False

    @property
    def is_csv(self) -> bool:
        """Whether the table is written as CSV, else as Parquet."""
        return self.file.endswith(".csv")


_TABLES = (
    Table(
        "accounts",
        "accounts.csv",
        {
            "account_id": "text",
            "valid_from": "time",
            "valid_to": "time",
            "name": "text",
            "industry": "text",
            "region": "text",
            "plan": "text",
            "owner": "text",
            "seats": "whole",
            "arr": "whole",
            "renewal_at": "time",
            "created_at": "time",
        },
        free_text=True,
    ),
    Table(
        "contacts",
        "contacts.csv",
        {"contact_id": "text", "account_id": "text", "role": "text", "created_at": "time"},
    ),
    Table(
        "usage",
        "usage.parquet",
        {
            "account_id": "text",
            "day": "time",
            "known_at": "time",
            "active_users": "whole",
            "adoption": "number",
            "logins": "whole",
            "reports": "whole",
            "api_calls": "whole",
            "integrations": "whole",
            "errors": "whole",
        },
    ),
    Table(
        "tickets",
        "tickets.csv",
        {
            "ticket_id": "text",
            "account_id": "text",
            "opened_at": "time",
            "known_at": "time",
            "severity": "text",
            "category": "text",
            "resolved_at": "time",
            "resolution_hours": "number",
            "resolution_known_at": "time",
        },
    ),
    Table(
        "invoices",
        "invoices.csv",
        {
            "invoice_id": "text",
            "account_id": "text",
            "issued_at": "time",
            "amount": "number",
            "paid_at": "time",
            "days_late": "whole",
        },
    ),
    Table(
        "touches",
        "touches.csv",
        {
            "touch_id": "text",
            "account_id": "text",
            "occurred_at": "time",
            "known_at": "time",
            "kind": "text",
            "minutes": "whole",
        },
    ),
    Table(
        "surveys",
        "surveys.csv",
        {
            "survey_id": "text",
            "account_id": "text",
            "contact_id": "text",
            "invited_at": "time",
            "answered_at": "time",
            "synced_at": "time",
            "score": "whole",
            "comment": "text",
            "touchpoint": "text",
        },
        free_text=True,
    ),
    Table(
        "subscriptions",
        "subscriptions.csv",
        {
            "account_id": "text",
            "started_at": "time",
            "ended_at": "time",
            "cancelled_at": "time",
        },
    ),
    Table(
        "truth",
        "truth.parquet",
        {
            "account_id": "text",
            "day": "time",
            "p_detractor": "number",
            "p_promoter": "number",
            "p_detractor_next": "number",
            "p_promoter_next": "number",
            "p_churn": "number",
            "satisfaction": "number",
        },
    ),
    Table(
        "truth_answers",
        "truth_answers.parquet",
        {
            "survey_id": "text",
            "account_id": "text",
            "p_detractor": "number",
            "p_promoter": "number",
        },
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
TRUTH_TABLES = ("truth", "truth_answers")


def _instants(days: Floats, start: date, unit: str) -> "pa.Array":
    """Return naive UTC timestamps, whole seconds, null where NaN."""
    import pyarrow as pa

    epoch = int((datetime(start.year, start.month, start.day) - datetime(1970, 1, 1)).days)
    empty = np.isnan(days)
    seconds = np.rint((np.where(empty, 0.0, days) + epoch) * _DAY_SECONDS).astype(np.int64)
    return pa.array(seconds, pa.timestamp("s"), mask=empty).cast(pa.timestamp(unit))


def _column(values: Any, kind: Kind, start: date, as_text: bool) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "time" and as_text:
        return pc.strftime(_instants(values, start, "s"), format="%Y-%m-%dT%H:%M:%SZ")
    if kind == "time":
        return _instants(values, start, "us").cast(pa.timestamp("us", tz="UTC"))
    if kind == "text":
        return values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    if kind == "number":
        return pa.array(values, pa.float64(), mask=np.isnan(values))
    empty = np.isnan(values) if np.issubdtype(values.dtype, np.floating) else None
    whole = (values if empty is None else np.where(empty, 0, values)).astype(np.int64)
    return pa.array(whole, pa.int64(), mask=empty)


def as_arrow(table: Table, columns: Columns, start: date) -> "pa.Table":
    """Return the columns as Arrow: instants as ISO 8601 text for CSV, else timestamp[us, UTC]."""
    import pyarrow as pa

    return pa.table(
        {
            name: _column(columns[name], kind, start, table.is_csv)
            for name, kind in table.columns.items()
        }
    )
