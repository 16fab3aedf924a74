"""Ways to explain a batch, timed by turns so that all meet the same busy minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import lightgbm
import numpy as np

from npsight.models.encoding import Matrix
from npsight.models.treeshap import TreeTables, assert_adds_up

CORES = os.cpu_count() or 1
Explained = tuple[Matrix, float]
"""Contributions, shape (rows, features), and the base."""


@dataclass(frozen=True)
class Way:
    """Explains the first `rows` rows of a batch."""

    name: str
    rows: int
    explain: Callable[[Matrix], Explained]


@dataclass(frozen=True)
class Measured:
    """Seconds of each repeat, largest growth of memory, and how far the values are off.

    `difference` is the largest to LightGBM's contributions, `gap` that of base + Σ to the raw
    score, both over all rows that the way explained and LightGBM did.
    """

    way: Way
    seconds: tuple[float, ...]
    grown_bytes: int
    difference: float
    gap: float

    @property
    def rate(self) -> float:
        """Rows a second, in the median repeat."""
        return self.way.rows / median(self.seconds)


def by_lightgbm(booster: lightgbm.Booster, threads: int) -> Callable[[Matrix], Explained]:
    """`pred_contrib`, with that many threads."""

    def explain(matrix: Matrix) -> Explained:
        full = booster.predict(matrix, pred_contrib=True, num_threads=threads)
        return full[:, :-1], float(full[0, -1])

    return explain


def by_tables(
    booster: lightgbm.Booster, tables: TreeTables | None, threads: int
) -> Callable[[Matrix], Explained]:
    """Ours, with the check that they add up; without `tables` these are made each time."""

    def explain(matrix: Matrix) -> Explained:
        found = tables or TreeTables.of(booster.dump_model())
        assert found is not None
        values = found.contributions(matrix, threads)
        raw = booster.predict(matrix, raw_score=True, num_threads=threads)
        assert_adds_up(found.base, values, raw)
        return values, found.base

    return explain


def ways(booster: lightgbm.Booster, rows: int, lightgbm_rows: int) -> list[Way]:
    """Everyone who is compared; the first two are LightGBM with all cores and with one."""
    tables, fewer = TreeTables.of(booster.dump_model()), min(rows, lightgbm_rows)
    return [
        Way(f"LightGBM, threads: {CORES}", fewer, by_lightgbm(booster, CORES)),
        Way("LightGBM, threads: 1", fewer, by_lightgbm(booster, 1)),
        Way(f"npsight, threads: {CORES}", rows, by_tables(booster, tables, CORES)),
        Way("npsight, threads: 1", rows, by_tables(booster, tables, 1)),
        Way("npsight, tables made anew", rows, by_tables(booster, None, CORES)),
    ]


def compared(
    booster: lightgbm.Booster, matrix: Matrix, everyone: Sequence[Way], repeats: int
) -> list[Measured]:
    """Each way `repeats` times, by turns; values are compared in the first turn."""
    wanted, _ = everyone[0].explain(matrix[: everyone[0].rows])
    raw = booster.predict(matrix, raw_score=True)
    seconds: list[list[float]] = [[] for _ in everyone]
    notes: list[tuple[int, float, float]] = []
    for turn in range(repeats):
        for way, taken in zip(everyone, seconds, strict=True):
            before = _reset_peak()
            began = time.perf_counter()
            values, base = way.explain(matrix[: way.rows])
            taken.append(time.perf_counter() - began)
            if turn == 0:
                shared = min(way.rows, len(wanted))
                off = float(np.abs(values[:shared] - wanted[:shared]).max())
                gap = float(np.abs(base + values.sum(axis=1) - raw[: way.rows]).max())
                notes.append((_peak() - before, off, gap))
            del values
    return [
        Measured(way, tuple(taken), *note)
        for way, taken, note in zip(everyone, seconds, notes, strict=True)
    ]


def _reset_peak() -> int:
    """Resident bytes now; from here on the peak is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
