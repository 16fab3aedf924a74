"""What a run leaves for the page of each account: its answers, its weeks, where it went."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from npsight.config.specs import ProjectSpec
from npsight.drivers.shown import tidy
from npsight.features.weeks import WEEKS, Series, answers_expr, series_of, weekly_expr
from npsight.store.accountpages import keep_account_pages
from npsight.tables.engine import batches_of
from npsight.temporal.facts import Facts

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from npsight.jobs.runs.writes import ScoredRun, Write

BATCH = 2_000
LONGEST = 200


def account_pages(scored: ScoredRun) -> Write:
    """Read every account's answers and weeks now, into a file without a name; write them later.

    The file is gone with what is returned, or with this process.
    """
    run, project = scored.run, scored.project
    facts = scored.prepared.facts
    series = tuple(item for item in series_of(project) if item.source in facts.sources)
    accounts = [str(account) for account in scored.scores["account"]]
    file = _spilled(facts, accounts, run.as_of, series)
    gone = _merged_away(facts, set(accounts), run.as_of)

    def write(connection: Any) -> None:
        file.seek(0)
        rows = chain(_pages(file, len(series), project.respondents), gone)
        about = {"weeks": WEEKS, "series": [_described(item, project) for item in series]}
        keep_account_pages(connection, run.project, run.id, about, rows)

    weakref.finalize(write, file.close)
    return write


def read_pages(
    facts: Facts, accounts: list[str], as_of: datetime, series: tuple[Series, ...]
) -> ir.Table:
    """`account`, `answers` and `s0`, `s1` … of the accounts that have any; see `features.weeks`."""
    begun = facts.accounts.semi_join(
        ibis.memtable({"account": accounts}, schema=ibis.schema({"account": dt.string})), "account"
    )
    parts = []
    if "responses" in facts.sources:
        parts.append(answers_expr(facts, begun, as_of))
    renamed: dict[str, str] = {}
    for source in dict.fromkeys(item.source for item in series):
        places = [i for i, item in enumerate(series) if item.source == source]
        own = weekly_expr(facts, begun, as_of, source, [series[i] for i in places])
        parts.append(own.select("account", **{f"w{i}": own[f"s{n}"] for n, i in enumerate(places)}))
        renamed |= {f"s{i}": f"w{i}" for i in places}
    joined = begun.select("account")
    for part in parts:
        joined = joined.left_join(part, "account").drop("account_right")
    return joined.rename(renamed) if renamed else joined


def _merged_away(
    facts: Facts, scored: set[str], as_of: datetime
) -> list[tuple[str, Mapping[str, Any]]]:
    """Account and content of those that are not scored, for they were merged into one that is."""
    if facts.merges is None:
        return []
    rows = facts.merges.to_pyarrow().to_pylist()
    until = as_of.replace(tzinfo=None)
    into = {row["account"]: row["into"] for row in rows if row["known_at"] < until}
    found: list[tuple[str, Mapping[str, Any]]] = []
    for account in into.keys() - scored:
        end = into[account]
        while end in into:
            end = into[end]
        if end in scored:
            found.append((account, {"merged_into": end}))
    return found


def _spilled(
    facts: Facts, accounts: list[str], as_of: datetime, series: tuple[Series, ...]
) -> IO[bytes]:
    """The pages as an Arrow stream in a temporary file."""
    pages = read_pages(facts, accounts, as_of, series)
    # It is closed with the function that writes the pages.
    file = tempfile.TemporaryFile(prefix="npsight-")  # noqa: SIM115
    with (
        batches_of(pages.get_backend(), pages, BATCH) as reader,
        pa.ipc.new_stream(file, reader.schema) as stream,
    ):
        for batch in reader:
            stream.write_batch(batch)
    return file


def _pages(file: IO[bytes], count: int, named: bool) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Account and content; accounts of which nothing is known are left out."""
    for batch in pa.ipc.open_stream(file):
        names = batch.schema.names
        blank: list[Any] = [None] * batch.num_rows
        answers = batch.column("answers").to_pylist() if "answers" in names else blank
        weeks = [_numbers(batch.column(f"s{i}")) for i in range(count)]
        for row, account in enumerate(batch.column("account").to_pylist()):
            told = [_answer(answer, named) for answer in _ordered(answers[row] or ())]
            values = [column[row] for column in weeks]
            if told or any(values):
                yield account, {"answers": told, "series": values}


def _numbers(column: Any) -> list[list[float | None] | None]:
    """Lists of `WEEKS` numbers or nulls; None for a null list. Ten times as fast as Arrow's own."""
    flat = column.flatten().to_numpy(zero_copy_only=False).astype(object)
    flat[flat != flat] = None
    rows = iter(flat.reshape(-1, WEEKS).tolist())
    return [next(rows) if there else None for there in column.is_valid().to_pylist()]


def _ordered(answers: Any) -> list[dict[str, Any]]:
    """Newest first, ties as `answers_expr` has them."""
    missing = float("-inf")

    def place(answer: dict[str, Any]) -> tuple[Any, ...]:
        raw = answer["raw_score"]
        score = missing if raw is None else raw
        return answer["occurred_at"], answer["known_at"], score, answer["band"] or ""

    return sorted(answers, key=place, reverse=True)


def _answer(answer: dict[str, Any], named: bool) -> dict[str, Any]:
    """What is kept of an answer: instants in ISO 8601, nothing that is missing."""
    kept = dict(answer)
    for name in ("occurred_at", "known_at"):
        kept[name] = kept[name].replace(tzinfo=UTC).isoformat()
    if not named:
        kept["respondent"] = None
    return {name: value for name, value in kept.items() if value is not None}


def _described(series: Series, project: ProjectSpec) -> dict[str, Any]:
    """What the page tells of a series."""
    labels = {driver.key: driver.label for driver in project.drivers}
    what = f"{series.measure or series.source}{f' per {series.per}' if series.per else ''}"
    return {
        **asdict(series),
        "where": dict(series.where),
        "label": tidy(series.label or what.replace("_", " "), LONGEST),
        "driver_label": labels.get(series.driver, series.driver),
    }
