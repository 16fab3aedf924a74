"""The generated facts: a hash of account and day, so that every run sees the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks.features.workloads import DAYS, DELAY, SEED, START, Workload

DAY_MICROSECONDS = 86_400_000_000
MEMORY = "4GB"
THREADS = 2

RAW = f"""
SELECT
    account,
    epoch_us(TIMESTAMP '{START}') + day * {DAY_MICROSECONDS}
        + CASE (hash(number, day, {SEED}) >> 40) % 100
            WHEN 0 THEN 0 WHEN 1 THEN {DAY_MICROSECONDS - DELAY // timedelta(microseconds=1)}
            ELSE (hash(number, day, {SEED}) % {DAY_MICROSECONDS})::BIGINT END AS at_us,
    hash(day, number, {SEED + 1}) AS bits
FROM ({{days}})
"""
"""One row for each account and day, at a hashed microsecond of that day; of a hundred rows one
happens at midnight and one becomes known at midnight, so that the edges of windows count."""

LOGINS, MINUTES, AMOUNT = "bits % 21", "(bits >> 8) % 30001", "(bits >> 32) % 100001"


def _hundredths(whole: str) -> str:
    return f"(({whole})::INTEGER * 0.01::DECIMAL(3, 2))::DECIMAL(18, 6)"


CANONICAL = f"""
SELECT
    account,
    make_timestamp(at_us) AS occurred_at,
    make_timestamp(at_us + {DELAY // timedelta(microseconds=1)}) AS known_at,
    ({LOGINS})::DECIMAL(18, 6) AS logins,
    {_hundredths(MINUTES)} AS minutes,
    {_hundredths(AMOUNT)} AS amount
FROM ({RAW})
"""
"""npsight's canonical table: measures are exact decimals."""

WHOLE = f"""
SELECT
    account,
    make_timestamp(at_us) AS occurred_at,
    make_timestamp(at_us + {DELAY // timedelta(microseconds=1)}) AS known_at,
    (({LOGINS}) * 100)::BIGINT AS logins,
    ({MINUTES})::BIGINT AS minutes,
    ({AMOUNT})::BIGINT AS amount
FROM ({RAW})
"""
"""The same for data frames: measures are whole hundredths, which these sum fastest."""


@dataclass(frozen=True)
class Dataset:
    """The files of one workload.

    `facts` and `whole` are absent where the facts are made in place. `whole` holds the measures
    as whole hundredths (int64), `facts` as decimal(18, 6).
    """

    folder: Path

    @property
    def facts(self) -> Path:
        """Canonical facts, a day after the other as a log would hold them."""
        return self.folder / "facts.parquet"

    @property
    def whole(self) -> Path:
        """The facts with whole measures, in the same order."""
        return self.folder / "whole.parquet"

    @property
    def accounts(self) -> Path:
        """`account`, `number`, `began_at`."""
        return self.folder / "accounts.parquet"

    def spine(self, workload: Workload) -> Path:
        """`account`, `as_of`."""
        return self.folder / f"spine-{workload.key}.parquet"


def dataset_of(workload: Workload, folder: Path) -> Dataset:
    """Where a workload's files lie; workloads with the same accounts share their facts."""
    return Dataset(folder / f"accounts-{workload.accounts}")


def connect(spill: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with the memory, threads and settings that npsight's engine gives itself."""
    connection = duckdb.connect(
        ":memory:",
        config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": str(spill)},
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    return connection


def generate(workload: Workload, folder: Path) -> Dataset:
    """Write what is not there yet of a workload's files."""
    data = dataset_of(workload, folder)
    data.folder.mkdir(parents=True, exist_ok=True)
    with connect(data.folder / "spill") as connection:
        connection.execute("SET preserve_insertion_order = true")
        _write(connection, _accounts(workload), data.accounts)
        _write(connection, _spine(workload, data), data.spine(workload))
        if not workload.in_place:
            days = _day_by_day(workload)
            _write(connection, CANONICAL.format(days=days), data.facts)
            _write(connection, WHOLE.format(days=days), data.whole)
    return data


def _day_by_day(workload: Workload) -> str:
    """`account`, `number`, `day`: all accounts of a day, then those of the next."""
    accounts = workload.accounts
    return (
        f"SELECT printf('a%07d', range % {accounts}) AS account, range % {accounts} AS number, "
        f"range // {accounts} AS day FROM range({workload.rows})"
    )


def _in_parallel(data: Dataset) -> str:
    """The same in no order, which DuckDB makes on all its threads."""
    return (
        "SELECT account, number, range AS day "
        f"FROM range({DAYS}) CROSS JOIN read_parquet('{data.accounts}')"
    )


def _write(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    if path.exists():
        return
    part = path.with_suffix(".part")
    connection.execute(f"COPY ({sql}) TO '{part}' (FORMAT parquet, COMPRESSION zstd)")
    part.rename(path)


def _accounts(workload: Workload) -> str:
    return (
        "SELECT printf('a%07d', range) AS account, range AS number, "
        f"TIMESTAMP '{START}' AS began_at FROM range({workload.accounts})"
    )


def _spine(workload: Workload, data: Dataset) -> str:
    days = ", ".join(f"(TIMESTAMP '{as_of}')" for as_of in workload.as_ofs)
    return (
        f"SELECT a.account, d.as_of FROM (VALUES {days}) AS d (as_of) "
        f"CROSS JOIN (SELECT account FROM read_parquet('{data.accounts}')) AS a"
    )


def facts_sql(workload: Workload, data: Dataset) -> str:
    """A query for the canonical facts: from their file, or made in place."""
    if not workload.in_place:
        return f"SELECT * FROM read_parquet('{data.facts}')"
    return CANONICAL.format(days=_in_parallel(data))
