"""Answers of two scales read as of one: since a day, or at one touchpoint, none is above 5 or 7."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import log
from typing import TYPE_CHECKING

from npsight.config.schema import Bands
from npsight.errors import Problem

if TYPE_CHECKING:
    from npsight.config.specs import ProjectSpec
    from npsight.temporal.facts import Facts

USUAL_BANDS = {10: (7, 9), 7: (6, 7), 5: (4, 5)}
"""The highest score of a scale to its lowest passive and promoter."""
LEAST_ANSWERS = 30
HARDLY = 0.02
"""Share of scores above the end of a scale that are slips, or of the other one."""
MOSTLY = 0.5


@dataclass(frozen=True)
class _Count:
    """Answers of a day or touchpoint: how many, how many of them above a score, and the lowest."""

    at: date | str | None
    answers: int
    above: int
    lowest: float


def usual_bands(bottom: int, top: int, is_fraction: bool = False) -> str:
    """Bands as they are usual for a scale; those of scores such as 7.5 meet at a tenth."""
    passive, promoter = USUAL_BANDS[top]
    step = 0.1 if is_fraction else 1
    return (
        f"scale: [{bottom}, {top}], detractor: [{bottom}, {passive - step:g}], "
        f"passive: [{passive}, {promoter - step:g}], promoter: [{promoter}, {top}]"
    )


def two_scales(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A problem where answers are read by one scale, and some of them keep to a shorter one.

    Those of a touchpoint, else those before or since a day: at least 30, of which at most 2 %
    are above 5 (or 7), where at least half of 30 and more others are.
    """
    answers, tables = facts.sources.get("responses"), project.tables.responses
    scales = {bands.scale for table in tables for bands in table.bands}
    if answers is None or len(scales) != 1:
        return
    bands = tables[0].bands[0]
    for top in sorted(top for top in USUAL_BANDS if top < bands.scale[1]):
        raw, day = answers.raw_score, answers.occurred_at.date()
        counted = answers.group_by(day=day, touchpoint=answers.touchpoint).aggregate(
            n=answers.count(), above=(raw > top).sum(), lowest=raw.min()
        )
        rows = counted.to_pyarrow().to_pylist()
        found = [*_of_touchpoints(rows, top), *_since_a_day(rows, top, bands)]
        if found:
            yield found[0]
            return


def _of_touchpoints(rows: Sequence[dict[str, object]], top: int) -> Iterator[Problem]:
    counts = _counted(rows, "touchpoint")
    for one in counts:
        others = [count for count in counts if count is not one]
        if one.at is not None and _is_shorter([one], others):
            yield Problem(
                f"of the {one.answers:,} answers at touchpoint `{one.at}` {_hardly(one.above)} "
                f"above {top}, of the others {_share(others):.0%}: they seem to be of another "
                "scale, and all are read as of one",
                "read them as a table of responses of their own, with `only` and `bands: "
                f"{{{usual_bands(_bottom([one]), top)}}}`, or leave them out by `without`",
                key="tables.responses",
            )


def _since_a_day(rows: Sequence[dict[str, object]], top: int, bands: Bands) -> Iterator[Problem]:
    counts = sorted(_counted(rows, "day"), key=lambda count: str(count.at))
    place = _likeliest_change(counts)
    before, since = counts[:place], counts[place:]
    earlier = _is_shorter(before, since)
    if not earlier and not _is_shorter(since, before):
        return
    short, long = (before, since) if earlier else (since, before)
    day = since[0].at
    of_short = f"{{{usual_bands(_bottom(short), top)}, {'valid_to' if earlier else 'valid_from'}: "
    of_long = f"{{{_written(bands)}, {'valid_from' if earlier else 'valid_to'}: "
    both = [f"{of_short}{day}}}", f"{of_long}{day}}}"]
    told = ", ".join(both if earlier else reversed(both))
    total = sum(count.answers for count in short)
    yield Problem(
        f"of the {total:,} answers {'before' if earlier else 'since'} {day} "
        f"{_hardly(sum(count.above for count in short))} above {top}, of those "
        f"{'since' if earlier else 'before'} {_share(long):.0%}: the scale seems to have changed, "
        "and all are read as of one",
        f"if it did, give both with the day: `bands: [{told}]`",
        key="tables.responses",
    )


def _counted(rows: Sequence[dict[str, object]], by: str) -> list[_Count]:
    grouped: dict[object, list[dict[str, object]]] = {}
    for row in rows:
        grouped.setdefault(row[by], []).append(row)
    return [
        _Count(
            at,  # type: ignore[arg-type]
            sum(int(str(row["n"])) for row in same),
            sum(int(str(row["above"])) for row in same),
            min(float(str(row["lowest"])) for row in same),
        )
        for at, same in grouped.items()
    ]


def _is_shorter(counts: Sequence[_Count], others: Sequence[_Count]) -> bool:
    enough = all(sum(c.answers for c in side) >= LEAST_ANSWERS for side in (counts, others))
    return enough and _share(counts) <= HARDLY and _share(others) >= MOSTLY


def _share(counts: Sequence[_Count]) -> float:
    return sum(c.above for c in counts) / max(1, sum(c.answers for c in counts))


def _likeliest_change(counts: Sequence[_Count]) -> int:
    """The place at which one share before and another one since is likeliest."""
    answers, above = sum(c.answers for c in counts), sum(c.above for c in counts)
    best, likeliest, n, k = 0, float("-inf"), 0, 0
    for place, count in enumerate(counts):
        likely = _log_likelihood(n, k) + _log_likelihood(answers - n, above - k)
        if likely > likeliest:
            best, likeliest = place, likely
        n, k = n + count.answers, k + count.above
    return best


def _log_likelihood(answers: int, above: int) -> float:
    return sum(part * log(part / answers) for part in (above, answers - above) if part)


def _bottom(counts: Sequence[_Count]) -> int:
    return 0 if min(c.lowest for c in counts) < 1 else 1


def _hardly(above: int) -> str:
    return "none is" if above == 0 else f"only {above:,} {'is' if above == 1 else 'are'}"


def _written(bands: Bands) -> str:
    spans = {name: getattr(bands, name) for name in ("scale", "detractor", "passive", "promoter")}
    return ", ".join(f"{n}: [{s[0]:g}, {s[1]:g}]" for n, s in spans.items() if s is not None)
