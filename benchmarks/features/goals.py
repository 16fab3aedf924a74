"""What npsight sets itself, as data; each figure comes from the measurements of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.features.contenders import FEATURETOOLS, NPSIGHT, PANDAS, POLARS, SQL
from benchmarks.features.measure import Measured

Results = Mapping[str, Mapping[str, Measured]]
"""Workload key, then contender, to what was measured."""
FEW_DATES = ("1x", "10x")
MANY_DATES = ("cutoffs",)
GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Goal:
    """A figure and its limit: the most it may be, or with `at_least` the least.

    `figure` gives None where the run has not measured what it needs.
    """

    text: str
    limit: float
    figure: Callable[[Results], float | None]
    at_least: bool = False
    unit: str = "×"

    def met(self, results: Results) -> bool | None:
        """Whether the figure keeps to its limit; None without a figure."""
        figure = self.figure(results)
        if figure is None:
            return None
        return figure >= self.limit if self.at_least else figure <= self.limit


def slower_than_best_of(
    names: Iterable[str], workloads: Iterable[str] = FEW_DATES
) -> Callable[[Results], float | None]:
    """Npsight's time over that of the fastest of these, in the workload where it is worst."""
    names, workloads = tuple(names), tuple(workloads)

    def figure(results: Results) -> float | None:
        ratios = []
        for key in workloads:
            times = [s for name in names if (s := _seconds(results, key, name)) is not None]
            own = _seconds(results, key, NPSIGHT)
            if times and own is not None:
                ratios.append(own / min(times))
        return max(ratios, default=None)

    return figure


def pandas_time(results: Results) -> float | None:
    """Pandas' time over npsight's, in the workload where it is least."""
    ratios = [
        theirs / own
        for key in FEW_DATES
        if (theirs := _seconds(results, key, PANDAS)) and (own := _seconds(results, key, NPSIGHT))
    ]
    return min(ratios, default=None)


def pandas_memory(results: Results) -> float | None:
    """Npsight's peak memory over pandas', in the workload where it is most."""
    ratios = [
        own / theirs
        for key in FEW_DATES
        if (theirs := _peak(results, key, PANDAS)) and (own := _peak(results, key, NPSIGHT))
    ]
    return max(ratios, default=None)


def featuretools_rows(key: str) -> Callable[[Results], float | None]:
    """Npsight's rows a second of 1× over those of Featuretools in this workload."""

    def figure(results: Results) -> float | None:
        own, theirs = _of(results, "1x", NPSIGHT), _of(results, key, FEATURETOOLS)
        if own is None or theirs is None or not own.rows_a_second or not theirs.rows_a_second:
            return None
        return own.rows_a_second / theirs.rows_a_second

    return figure


def times_as_long(key: str) -> Callable[[Results], float | None]:
    """Npsight's time of a workload over its time of the standard one."""

    def figure(results: Results) -> float | None:
        longer, standard = _seconds(results, key, NPSIGHT), _seconds(results, "1x", NPSIGHT)
        return longer / standard if longer and standard else None

    return figure


def huge_memory(results: Results) -> float | None:
    """Peak memory of a hundred times the accounts, in GB."""
    peak = _peak(results, "100x", NPSIGHT)
    return None if peak is None else peak / GIGABYTE


def _of(results: Results, key: str, name: str) -> Measured | None:
    return results.get(key, {}).get(name)


def _seconds(results: Results, key: str, name: str) -> float | None:
    measured = _of(results, key, name)
    return measured.seconds if measured else None


def _peak(results: Results, key: str, name: str) -> int | None:
    measured = _of(results, key, name)
    return measured.peak_bytes if measured else None


def _many(names: Iterable[str]) -> Callable[[Results], float | None]:
    return slower_than_best_of(names, MANY_DATES)


GOALS = (
    Goal("time against the best hand-written SQL", 1.3, slower_than_best_of(SQL)),
    Goal("pandas' time against npsight's", 3, pandas_time, at_least=True),
    Goal("memory against pandas", 0.25, pandas_memory),
    Goal("time against the best of polars", 1.0, slower_than_best_of(POLARS)),
    Goal("rows a second against Featuretools", 100, featuretools_rows("1x"), at_least=True),
    Goal(
        "rows a second against Featuretools on a sample, scaled up",
        100,
        featuretools_rows("sample"),
        at_least=True,
    ),
    Goal("4× the cutoffs, windows to 180 days: time against 1×", 1.6, times_as_long("cutoffs")),
    Goal("10× the accounts: time against 1×", 11, times_as_long("10x")),
    Goal("many dates: time against the best hand-written SQL", 1.3, _many(SQL)),
    Goal("many dates: time against pandas", 1.0, _many([PANDAS])),
    Goal("many dates: time against the best of polars", 1.0, _many(POLARS)),
    Goal("100× the accounts: finished, peak memory", 8, huge_memory, unit=" GB"),
)
"""Ratios to other ways are the worst over 1× and 10×; many dates have lines of their own."""
