"""Four ways to write the sums in DuckDB's SQL by hand; all see only what was known before as_of.

Each is one query over two relations, `facts` (`account`, `occurred_at`, `known_at`, measures) and
`spine` (`account`, `as_of`), and returns the spine's rows with a column for each sum. All first
leave out the facts that no window reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from benchmarks.features.data import DAY_MICROSECONDS
from benchmarks.features.workloads import MEASURES, Workload


def range_join(workload: Workload) -> str:
    """Join by account and reach, then one filtered aggregate for each sum.

    Right for any known_at.
    """
    sums = ", ".join(
        f"sum(f.{measure}) FILTER (f.occurred_at >= s.as_of - INTERVAL {days} DAY) AS {column}"
        for column, measure, days in workload.sums()
    )
    return f"""
WITH reached AS ({_reached(workload)}),
totals AS (
    SELECT s.account, s.as_of, {sums}
    FROM spine AS s JOIN reached AS f ON f.account = s.account
        AND f.occurred_at < s.as_of AND f.known_at < s.as_of
        AND f.occurred_at >= s.as_of - INTERVAL {max(workload.windows)} DAY
    GROUP BY ALL
)
{_onto_spine(workload)}"""


def prefix_sums(workload: Workload) -> str:
    """Running sums by account; a window is what they say at its end less what they say before it.

    At the end they are looked up by known_at, at the start by occurred_at. Right only where facts
    become known in the order in which they happen, and within the shortest window: here all have
    the same delay. Sums of floats, so right to about 1e-9 of what was summed.
    """
    return f"""
WITH running AS (
    SELECT account, occurred_at, known_at, {_running("occurred_at")}
    FROM ({_reached(workload)})
)
SELECT s.account, s.as_of, {_differences(workload)}
FROM spine AS s
ASOF LEFT JOIN running AS n ON n.account = s.account AND n.known_at < s.as_of
{_starts(workload, "running", "occurred_at < s.as_of - INTERVAL {days} DAY")}
ORDER BY s.as_of, s.account"""


def shared_grid(workload: Workload) -> str:
    """Cut time where any window begins; sum once by account and cut; put windows together of these.

    A fact lies in the window of as_of that begins at `as_of − w` iff the latest beginning at or
    before it is no earlier, and the first as_of after it happened and was known is no later.
    Right for any known_at, but only where all accounts share a few as_of dates, at midnight.
    """
    combined = ", ".join(
        f"sum(p.{measure}) FILTER (p.begin >= s.day - {days}) AS {column}"
        for column, measure, days in workload.sums()
    )
    return f"""
WITH {_pieces(workload)},
totals AS (
    SELECT s.account, s.as_of, {combined}
    FROM spine_days AS s JOIN pieces AS p ON p.account = s.account
        AND p.seen <= s.day AND p.begin >= s.day - {max(workload.windows)}
    GROUP BY ALL
)
{_onto_spine(workload)}"""


def grid_prefix(workload: Workload) -> str:
    """Both: running sums of the pieces, by when they are seen and by when they begin.

    Right only for as_of dates as in `shared_grid`, and where every fact becomes known within the
    shortest window of its happening; in which order they become known does not matter.
    """
    sums = ", ".join(f"sum({m}) AS {m}" for m in MEASURES)
    return f"""
WITH {_pieces(workload)},
by_seen AS (
    SELECT account, seen, {_running("seen")}
    FROM (SELECT account, seen, {sums} FROM pieces GROUP BY ALL)
), by_begin AS MATERIALIZED (
    SELECT account, begin, {_running("begin")}
    FROM (SELECT account, begin, {sums} FROM pieces GROUP BY ALL)
)
SELECT s.account, s.as_of, {_differences(workload)}
FROM spine_days AS s
ASOF LEFT JOIN by_seen AS n ON n.account = s.account AND n.seen <= s.day
{_starts(workload, "by_begin", "begin < s.day - {days}")}
ORDER BY s.as_of, s.account"""


def totals(workload: Workload) -> str:
    """Each sum over all accounts: the grid without accounts, so without a join of facts.

    Returns a row for each as_of, with account "" for all.
    """
    combined = ", ".join(
        f"coalesce(sum(p.{measure}) FILTER (p.begin >= s.day - {days}), 0)::DOUBLE AS {column}"
        for column, measure, days in workload.sums()
    )
    sums = ", ".join(f"sum({m}) AS {m}" for m in MEASURES)
    pieces = _pieces(workload).replace("f.account, o.begin", "o.begin")
    return f"""
WITH {pieces}
SELECT '' AS account, s.as_of, {combined}
FROM (SELECT DISTINCT as_of, day FROM spine_days) AS s
LEFT JOIN (SELECT begin, seen, {sums} FROM pieces GROUP BY ALL) AS p ON p.seen <= s.day
GROUP BY ALL ORDER BY s.as_of"""


QUERIES = (range_join, prefix_sums, shared_grid, grid_prefix)


def _reached(workload: Workload) -> str:
    first, last = workload.reach, workload.as_ofs[-1]
    return (
        f"SELECT * FROM facts WHERE occurred_at >= TIMESTAMP '{first}' "
        f"AND occurred_at < TIMESTAMP '{last}' AND known_at < TIMESTAMP '{last}'"
    )


def _running(order: str) -> str:
    window = f"(PARTITION BY account ORDER BY {order})"
    return ", ".join(f"sum({m}::DOUBLE) OVER {window} AS {m}" for m in MEASURES)


def _starts(workload: Workload, table: str, before: str) -> str:
    return "\n".join(
        f"ASOF LEFT JOIN {table} AS w{days} ON w{days}.account = s.account "
        f"AND w{days}.{before.format(days=days)}"
        for days in workload.windows
    )


def _differences(workload: Workload) -> str:
    return ", ".join(
        f"coalesce(n.{measure}, 0) - coalesce(w{days}.{measure}, 0) AS {column}"
        for column, measure, days in workload.sums()
    )


def _pieces(workload: Workload) -> str:
    """`pieces`: sums by account, `begin` and `seen`; `spine_days`: the spine with its day number.

    Cuts are midnights, so a fact's day decides: a small table turns days into cuts.
    """
    ends = [_day(as_of) for as_of in workload.as_ofs]
    begins = sorted({end - days for end in ends for days in workload.windows})
    sums = ", ".join(f"sum({m}) AS {m}" for m in MEASURES)
    return f"""days AS MATERIALIZED (
    SELECT range AS day, {_latest(begins)} AS begin, {_next(ends)} AS seen
    FROM range({begins[0]}, {ends[-1]})
), pieces AS MATERIALIZED (
    SELECT f.account, o.begin, k.seen, {sums}
    FROM ({_reached(workload)}) AS f
    JOIN days AS o ON o.day = epoch_us(f.occurred_at) // {DAY_MICROSECONDS}
    JOIN days AS k ON k.day = epoch_us(greatest(f.occurred_at, f.known_at)) // {DAY_MICROSECONDS}
    GROUP BY ALL
), spine_days AS (
    SELECT account, as_of, epoch_us(as_of) // {DAY_MICROSECONDS} AS day FROM spine
)"""


def _day(midnight: datetime) -> int:
    return (midnight - datetime(1970, 1, 1)).days


def _latest(begins: Sequence[int]) -> str:
    cases = " ".join(f"WHEN range >= {day} THEN {day}" for day in reversed(begins))
    return f"CASE {cases} END"


def _next(ends: Sequence[int]) -> str:
    return f"CASE {' '.join(f'WHEN range < {day} THEN {day}' for day in ends)} END"


def _onto_spine(workload: Workload) -> str:
    filled = ", ".join(f"coalesce(t.{c}, 0)::DOUBLE AS {c}" for c in workload.columns)
    return f"""SELECT s.account, s.as_of, {filled}
FROM spine AS s LEFT JOIN totals AS t ON t.account = s.account AND t.as_of = s.as_of
ORDER BY s.as_of, s.account"""
