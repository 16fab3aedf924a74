"""Where a table lies, and how it becomes rows of an account and a time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from npsight.config.schema.base import Section, as_list

PERIOD = "{period}"
"""Stands in `path` or `table` where the name of a file or a sheet tells a period."""
PERIOD_OVER = "period_over"
"""The column that such a name adds to each row."""


class Place(Section):
    """Where rows lie, and how the file is written."""

    path: str | None = Field(
        None,
        description="File or glob, relative to the project file; `${VAR}` is taken from the "
        "environment; `**` stands for folders at any depth. `{period}` stands for a "
        "day, week, month, quarter or year that only the name tells, such as in "
        "`usage_{period}.csv`: each row gets a column `period_over`, the midnight that ends it, to "
        "be mapped as `time`. CSV, JSON, Parquet, Excel and DuckDB "
        "files are told apart by their ending. JSON holds objects, or one list of "
        'them, also in an envelope: `{"tickets": [{…}, {…}]}`.',
    )
    format: Literal["csv", "json", "parquet", "excel", "duckdb", "fixed_width"] | None = Field(
        None, description="Overrides what the ending of `path` says."
    )
    connection: str | None = Field(
        None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Name of the environment variable that holds the Ibis connection string "
        "(PostgreSQL, SQLite, Snowflake, BigQuery …). The string itself never stands in this file.",
    )
    table: str | None = Field(
        None,
        description="Table or view inside a DuckDB file or a connection, or sheet of a workbook; "
        "a workbook with one sheet needs none. A star stands for a period or a number: `Usage *` "
        "reads the sheets `Usage Jan 2025`, `Usage 2025-02` and `Usage Q1` as one table. "
        "`{period}` in its place dates their rows as in `path`.",
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="CSV field separator.")
    encoding: Literal["utf-8", "latin-1", "utf-16", "windows-1252"] = Field(
        "utf-8", description="CSV encoding; Excel in Western Europe writes `windows-1252`."
    )
    fixed_width: dict[str, tuple[int, int]] | None = Field(
        None,
        description="For `format: fixed_width`: column name to first and last character, counted "
        "from 1. Blanks around a value are dropped.",
    )
    skip_rows: int = Field(
        0,
        ge=0,
        description="Lines of a CSV file or a sheet before its header, such as a title; of a "
        "fixed-width file, those before the data.",
    )
    header_rows: int = Field(
        1,
        ge=1,
        le=10,
        description="Lines of the header of a CSV file or a sheet: 2 where the second one holds "
        "subtitles (SurveyMonkey), 3 where question and import id follow the name (Qualtrics). A "
        "column is called as in the first of them; one that has no name there, by the name to its "
        "left and its own subtitle, such as `Reason - Comment`.",
    )


class Wide(Section):
    """Columns that each hold one period, such as a month, to be turned into rows."""

    columns: Annotated[list[str], BeforeValidator(as_list)] = Field(
        min_length=1,
        description="The columns, by pattern: in `NPS *` the star stands for the period in a "
        "column's name: a day, week, month, quarter or year, such as `2024-05-31`, `2024-W22`, "
        "`2024-05`, `May 2024`, `Q2 2024` or `2024`. `*` alone fits every column that is "
        "called so.",
    )
    time: str = Field(
        "period_end",
        min_length=1,
        description="What the new column with the last day of the period is called, to be mapped "
        "as `time`.",
    )
    value: str = Field(
        "value", min_length=1, description="What the new column with the value is called."
    )


class Lookup(Place):
    """A column of another table, found by a key."""

    by: str = Field(
        description="Column of this table with the key. Of several look-ups, it may be what an "
        "earlier one took."
    )
    key: str | None = Field(
        None,
        description="Column of the other table with the same key, where it is called otherwise, "
        "such as `id` for a `customer`. Default: as in `by`. Addresses with an `@` are found in "
        "any case. A key that has several values of `take` there finds nothing; the table is "
        "refused where more than 5 % of the keys have.",
    )
    match: Literal["value", "domain"] = Field(
        "value",
        description="`domain`: `by` and `key` hold e-mail or web addresses, and what has the same "
        "domain belongs together: `ada@acme.com` and `https://www.ACME.com/en`. A cell of `key` "
        "may list several. Subdomains count as other domains. Addresses at public mail providers "
        "(gmail.com) and domains that several rows of the other table share find nothing; each "
        "is a reason of its own.",
    )
    take: str = Field(
        description="Column of the other table that is added to this one. It is read as it stands "
        "today: take only what never changes for a key, such as the customer of an order."
    )

    called: str | None = Field(
        None,
        description="What the new column is called, where this table has one of that name itself. "
        "Default: as in `take`.",
    )

    @property
    def column(self) -> str:
        """The column that is added."""
        return self.called or self.take

    @property
    def other_key(self) -> str:
        """Column of the other table with the key."""
        return self.key or self.by
