"""What each source held before and after the values of a column, for the test of the future."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.audit.findings import Check
from npsight.audit.future import EXACT, Ahead, Column, Kind, holds_future
from npsight.jobs.audits.columns import Columns, final
from npsight.models.logits import Vector

WINDOWS_DAYS = (7, 14, 30, 60, 90, 180)
AROUND_DAYS = ((1, 1), (3, 3), (7, 6), (7, 7), (14, 13), (14, 14), (15, 14), (15, 15),
               (30, 30), (31, 31), (45, 44), (45, 45))  # fmt: skip
"""Days before and after of what is averaged around a day; an even width is a day longer before."""
ROUNDED = 0.005
"""Averages are stored to two decimals."""
ROWS_AHEAD = 2
"""An amount of one row ahead can be an honest one, noted a row later in the other column."""
DAY_US = 86_400_000_000
Instants = NDArray[np.int64]
SURE = ("", "responses.score")
"""What nobody can know ahead: how many facts will come, and what will be answered. Amounts can be:
an invoice tells its payment."""


def check_future(columns: Columns, accounts: Sequence[str], most_rows: int, seed: int) -> Check:
    """Measures and dated attributes on a sample of rows; undated attributes on all accounts.

    `accounts` are those whose rows are sampled, `most_rows` the rows of each source.
    """
    found = [*_dated(columns, accounts, most_rows, seed), *_undated(columns)]
    return holds_future(found)


# --- Dated columns: what came after each row ----------------------------------------------------


@dataclass(frozen=True)
class Timeline:
    """The facts of some accounts in order, searchable by account and instant.

    `keys` rises: the account's number times `stride`, plus microseconds since the data's start.
    """

    name: str
    keys: Instants
    measures: dict[str, Vector]
    stride: int
    span: int

    def around(self, at: Instants) -> Iterator[Ahead]:
        """Counts and sums in the windows before and after, and the next value of each measure.

        A window after is `(at, at + w]`, one before `[at − w, at)`: what happens at the instant
        itself is neither. NaN where the window leaves the data.
        """
        start = at - at % self.stride
        for days in WINDOWS_DAYS:
            width = days * DAY_US
            inside_after = at - start + width <= self.span
            inside_before = at - start - width >= 0
            after = self._bounds(at, np.minimum(at + width, start + self.stride - 1), "right")
            before = self._bounds(np.maximum(at - width, start), at, "left")
            for measure, label, total in self._totals():
                yield Ahead(
                    f"{label} in the {days} days after",
                    np.where(inside_before, total[before[1]] - total[before[0]], np.nan),
                    np.where(inside_after, total[after[1]] - total[after[0]], np.nan),
                    sure=measure in SURE,
                    of=measure,
                )
        for measure, values in self.measures.items():
            yield self._neighbours(measure, values, at, start)
        for past, ahead in AROUND_DAYS:
            yield from self._about(at, start, past, ahead)

    def _about(self, at: Instants, start: Instants, past: int, ahead: int) -> Iterator[Ahead]:
        """Sums and means of `[at − past, at + ahead]`, beside what of them was known by then: that
        of `[at − past, at]`, or of the instant itself if that comes nearer.
        """
        first, last = at - past * DAY_US, at + ahead * DAY_US
        inside = (first >= start) & (last - start <= self.span)
        low = np.searchsorted(self.keys, np.maximum(first, start), "left")
        here = np.searchsorted(self.keys, at, "left"), np.searchsorted(self.keys, at, "right")
        high = np.searchsorted(self.keys, np.minimum(last, start + self.stride - 1), "right")
        several = bool(inside.any()) and float(np.median((high - here[1])[inside])) >= ROWS_AHEAD
        said = f"in the {past} days before and the {ahead} days after"
        for measure, label, total in self._totals():
            sums = [total[high] - total[low], total[here[1]] - total[low]]
            sums.append(total[here[1]] - total[here[0]])
            yield _mixed(
                f"{label} {said}", sums, inside, measure, measure in SURE or several, EXACT
            )
            if measure:
                known = np.concatenate([[0], np.cumsum(np.isfinite(self.measures_of(measure)))])
                counts = [known[high] - known[low], known[here[1]] - known[low]]
                counts.append(known[here[1]] - known[here[0]])
                means = [
                    np.divide(t, n, out=np.full(len(t), np.nan), where=n > 0)
                    for t, n in zip(sums, counts, strict=True)
                ]
                mean = label.replace("the sum", "the mean", 1)
                sure = measure in SURE or several
                yield _mixed(f"{mean} {said}", means, inside, measure, sure, ROUNDED)

    def measures_of(self, measure: str) -> Vector:
        """The values of `source.measure`."""
        return self.measures[measure.removeprefix(f"{self.name}.")]

    def _bounds(
        self, low: Instants, high: Instants, side: str
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return (
            np.searchsorted(self.keys, low, side),  # type: ignore[call-overload]
            np.searchsorted(self.keys, high, side),  # type: ignore[call-overload]
        )

    def _totals(self) -> Iterator[tuple[str, str, Vector]]:
        yield "", f"the number of {self.name}", np.arange(len(self.keys) + 1, dtype=np.float64)
        for measure, values in self.measures.items():
            total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
            yield f"{self.name}.{measure}", f"the sum of {self.name}.{measure}", total

    def _neighbours(self, measure: str, values: Vector, at: Instants, start: Instants) -> Ahead:
        known = np.isfinite(values)
        keys, values = self.keys[known], np.concatenate([values[known], [np.nan]])
        following = np.searchsorted(keys, at, "right")
        previous = np.searchsorted(keys, at, "left") - 1
        padded = np.concatenate([keys, [np.iinfo(np.int64).max]])
        own_next = padded[following] < start + self.stride
        own_last = (previous >= 0) & (padded[previous] >= start)
        return Ahead(
            f"the next {self.name}.{measure}",
            np.where(own_last, values[previous], np.nan),
            np.where(own_next, values[following], np.nan),
            sure=f"{self.name}.{measure}" in SURE,
            of=f"{self.name}.{measure}",
        )


def _mixed(
    label: str,
    figures: Sequence[Vector],
    inside: NDArray[np.bool_],
    of: str,
    sure: bool,
    within: float,
) -> Ahead:
    """`figures` are those of the days around, of the past ones, and of the instant alone."""
    around, past, now = figures
    nearer = np.where(np.abs(now - around) < np.abs(past - around), now, past)
    return Ahead(label, nearer, np.where(inside, around, np.nan), sure, of, within)


def _dated(
    columns: Columns, accounts: Sequence[str], most_rows: int, seed: int
) -> Iterator[Column]:
    if not any(columns.read.measures.values()) and not columns.read.dated:
        return
    number = {account: index for index, account in enumerate(sorted(accounts))}
    facts = columns.builder.facts
    frames = {name: _rows_of(columns, name, sorted(number)) for name in facts.sources}
    span = int((facts.data_end - facts.data_start).total_seconds()) * 1_000_000
    stride = max(4 * span, DAY_US)
    lines = [
        _timeline(name, rows, columns.read.measures[name], number, facts.data_start, span, stride)
        for name, rows in frames.items()
    ]
    versions = _versions_of(columns, sorted(number))
    rng = np.random.default_rng(seed)
    for source, rows in {**frames, "accounts": versions}.items():
        names = columns.read.measures.get(source, ()) if source != "accounts" else tuple(
            name for name in columns.read.dated if name not in columns.read.categories
        )  # fmt: skip
        rows = rows[rows["occurred_at"] >= pd.Timestamp(facts.data_start)]
        if not names or rows.empty:
            continue
        chosen = np.sort(rng.permutation(len(rows))[:most_rows])
        sample = rows.iloc[chosen]
        at = _keys(sample, number, facts.data_start, stride)
        aheads = tuple(ahead for line in lines for ahead in line.around(at))
        for name in names:
            kind: Kind = "version" if source == "accounts" else "measure"
            yield Column(f"{source}.{name}", kind, sample[name].to_numpy(np.float64), aheads)


def _rows_of(columns: Columns, source: str, accounts: Sequence[str]) -> pd.DataFrame:
    table = final(columns.builder.facts.sources[source])
    names = ibis.memtable({"account": list(accounts)}, schema=ibis.schema({"account": dt.string}))
    wanted = ["account", "occurred_at", *columns.read.measures[source]]
    rows = columns.fetch(table.select(*wanted).semi_join(names, "account"))
    return rows.sort_values(wanted, kind="stable", ignore_index=True)


def _versions_of(columns: Columns, accounts: Sequence[str]) -> pd.DataFrame:
    versions = columns.builder.facts.versions
    if versions is None or not columns.read.dated:
        return pd.DataFrame({"account": [], "occurred_at": pd.to_datetime([])})
    names = ibis.memtable({"account": list(accounts)}, schema=ibis.schema({"account": dt.string}))
    table = versions.select("account", "occurred_at", *columns.read.dated)
    rows = columns.fetch(table.semi_join(names, "account"))
    return rows.sort_values(["account", "occurred_at"], kind="stable", ignore_index=True)


def _keys(rows: pd.DataFrame, number: dict[str, int], start: datetime, stride: int) -> Instants:
    """Rising where rows are sorted by account and instant; what lies before the start, at it."""
    since = rows["occurred_at"].to_numpy("datetime64[us]") - np.datetime64(start, "us")
    micros = np.clip(since.astype(np.int64), 0, stride - 1)
    keys: Instants = rows["account"].map(number).to_numpy(np.int64) * stride + micros
    return keys


def _timeline(
    name: str,
    rows: pd.DataFrame,
    measures: Sequence[str],
    number: dict[str, int],
    start: datetime,
    span: int,
    stride: int,
) -> Timeline:
    values = {m: rows[m].to_numpy(np.float64) for m in measures}
    return Timeline(name, _keys(rows, number, start, stride), values, stride, span)


# --- Undated columns, and first versions: what came at all ---------------------------------------


def _undated(columns: Columns) -> Iterator[Column]:
    """Undated numbers of accounts that began in the first half of the data; of dated attributes
    the first version, if it is of that half too: what it says of all the data it cannot know.
    """
    read = columns.read
    names = [n for n in (*read.undated, *read.dated) if n not in read.categories]
    facts = columns.builder.facts
    if not names or not facts.sources or columns.builder.project.is_snapshot:
        return
    middle = facts.data_start + (facts.data_end - facts.data_start) / 2
    began = columns.fetch(facts.accounts).set_index("account")["began_at"]
    attributes = columns.first_versions().reindex(began.index[began < pd.Timestamp(middle)])
    aheads: list[Ahead] = []
    for source, measures in read.measures.items():
        totals = _totals(columns, source, measures, middle).reindex(attributes.index)
        counted = totals.filter(regex="^(count|sum)").fillna(0.0)
        totals[counted.columns] = counted
        aheads += _all_time(source, measures, totals)
    if columns.builder.project.detractor is not None:
        aheads += _of_answers(columns, middle, attributes.index)
    early = columns.first_written().reindex(attributes.index) < pd.Timestamp(middle)
    for name in names:
        values = attributes[f"accounts.{name}"].to_numpy(np.float64)
        if name in read.dated:
            values = np.where(early, values, np.nan)
        yield Column(f"accounts.{name}", "undated", values, tuple(aheads))


def _of_answers(columns: Columns, middle: datetime, accounts: pd.Index) -> Iterator[Ahead]:
    """The target itself: mean score and share of detractors, of all answers and up to `middle`."""
    table = final(columns.builder.facts.sources["responses"])
    early = table.occurred_at < ibis.literal(middle)
    score, bad = table.score.cast(dt.float64), (table.band == "detractor").ifelse(1.0, 0.0)
    found = columns.fetch(
        table.group_by("account").agg(
            score=score.mean(),
            score_before=score.mean(where=early),
            bad=bad.mean(),
            bad_before=bad.mean(where=early),
        )
    )
    means = found.set_index("account").reindex(accounts)
    for name, label in (("score", "the mean of all scores"), ("bad", "the share of detractors")):
        before, after = (means[c].to_numpy(np.float64) for c in (f"{name}_before", name))
        yield Ahead(f"{label} among all answers" if name == "bad" else label, before, after)


def _totals(
    columns: Columns, source: str, measures: Sequence[str], middle: datetime
) -> pd.DataFrame:
    """For each account the count, sums and last values of all time, and up to `middle`."""
    table = final(columns.builder.facts.sources[source])
    early = table.occurred_at < ibis.literal(middle)
    found = {"count": table.count(), "count_before": table.count(where=early)}
    for measure in measures:
        value = table[measure]
        order = ibis.struct({"o": table.occurred_at, "m": value})
        found |= {
            f"sum_{measure}": value.sum(),
            f"sum_before_{measure}": value.sum(where=early),
            f"last_{measure}": value.argmax(order, where=value.notnull()),
            f"last_before_{measure}": value.argmax(order, where=early & value.notnull()),
        }
    exact = {name: expression.cast(dt.float64) for name, expression in found.items()}
    return columns.fetch(table.group_by("account").agg(**exact)).set_index("account")


def _all_time(source: str, measures: Sequence[str], totals: pd.DataFrame) -> Iterator[Ahead]:
    def pair(label: str, before: str, after: str) -> Ahead:
        return Ahead(label, totals[before].to_numpy(float), totals[after].to_numpy(float))

    yield pair(f"the number of all {source}", "count_before", "count")
    for measure in measures:
        yield pair(f"the sum of all {source}.{measure}", f"sum_before_{measure}", f"sum_{measure}")
        yield pair(f"the last {source}.{measure}", f"last_before_{measure}", f"last_{measure}")
