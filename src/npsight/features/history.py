"""Decayed counts of answers: what the history prior reads, for the account, its segment and all.

An answer of age a days counts 0.5^(a / half_life), a = as_of − occurred_at > 0.

Where respondents are known, an account's answers are also counted with one vote each: the vote
of a person is split over the bands as their decayed answers are, and weighs as much as their
newest answer. Three people who answered once then tell more than one who answered three times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt

from npsight.features.aggregations import days_between
from npsight.features.attributes import versions_as_of
from npsight.temporal.facts import Facts
from npsight.temporal.windows import seen_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

HALF_LIVES_DAYS = (60, 120, 240, 480, 960)
EXACT = dt.Decimal(18, 12)
BANDS = ("detractor", "passive", "promoter")
LEVELS = ("own", "segment", "market")
EACH, OTHER, EACH_OTHER = "each", "other", "each_other"
OPTIONAL_LEVELS = (EACH, OTHER, EACH_OTHER)
"""Counts of the account that only some projects have. `each`: one vote each, where respondents
are mapped. `other`: answers at other touchpoints than the target's, where the target names any;
`each_other`: those with one vote each."""


@dataclass(frozen=True)
class Counted:
    """Which answers of an account are counted, and how.

    `segment` is the attribute that gives accounts their peers, or None. `respondents`: whether
    it is known who answered. `touchpoints`: those whose answers the levels `own`, `segment`,
    `market` and `each` are of; empty for all. Answers at others, or at none, count as `other`.
    """

    segment: str | None = None
    respondents: bool = False
    touchpoints: tuple[str, ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of counts that there are, in the order of `history_expr`."""
        named = (EACH,) if self.respondents else ()
        others = (OTHER,) if self.touchpoints else ()
        both = (EACH_OTHER,) if self.respondents and self.touchpoints else ()
        return (*LEVELS, *named, *others, *both)


def history_column(level: str, band: str, half_life_days: int) -> str:
    """Name of a decayed count, such as `own__detractor__hl240`."""
    return f"{level}__{band}__hl{half_life_days}"


def history_columns(levels: Sequence[str] = LEVELS) -> list[str]:
    """The decayed counts of these levels; by default those that every project with answers has."""
    return [history_column(v, b, h) for v in levels for h in HALF_LIVES_DAYS for b in BANDS]


def history_columns_of(frame: Iterable[str]) -> list[str]:
    """The decayed counts among these column names, in the order of `history_expr`."""
    present = set(frame)
    return [c for c in history_columns((*LEVELS, *OPTIONAL_LEVELS)) if c in present]


def history_expr(facts: Facts, spine: ir.Table, counted: Counted) -> ir.Table:
    """`account`, `as_of`, `segment_` (string or null) and every decayed count (float64, ≥ 0).

    Only answers with `occurred_at < as_of` and `known_at < as_of` count. `segment` counts are
    those of all accounts whose segment on the day is the account's own; `market` counts those of
    all accounts. Both include accounts that have left since, because the level of a day must not
    depend on who is scored. Weights are rounded to 12 decimals and summed exactly, so the order
    of rows cannot show.

    `each` counts give each respondent one vote, v_b = w · c_b / Σ c, with c_b the decayed counts
    of their answers and w the weight of the newest one. An answer of nobody known is a vote of
    its own.
    """
    own = _own(facts, spine, counted)
    answered = own.select("account", "as_of")
    own = _with_segment(facts, answered, own, counted.segment)
    rows = _with_segment(facts, spine, spine, counted.segment)
    shared = {c.removeprefix("own__"): c for c in own.columns if c.startswith("own__")}
    sums = [own[column].sum().name(name) for name, column in shared.items()]
    per_segment = own.group_by("as_of", "segment_").agg(sums)
    market = own.group_by("as_of").agg(sums)
    counts = [c for c in own.columns if c not in ("account", "as_of", "segment_")]
    joined = rows.left_join(own, ["account", "as_of"]).select(
        rows.account, rows.as_of, rows.segment_, **{c: own[c] for c in counts}
    )
    joined = _beside(joined, per_segment, ["as_of", "segment_"], "segment")
    joined = _beside(joined, market, ["as_of"], "market")
    columns = history_columns(counted.levels)
    numbers = {c: joined[c].cast(dt.float64).fill_null(0.0) for c in columns}
    return joined.select("account", "as_of", "segment_", **numbers)


def _own(facts: Facts, spine: ir.Table, counted: Counted) -> ir.Table:
    """`account`, `as_of` and the exact counts of the account's own answers, where it has any."""
    responses = facts.sources["responses"]
    days = spine.select("as_of").distinct()
    read = ["account", "occurred_at", "band"]
    read += ["respondent"] if counted.respondents else []
    read += ["touchpoint"] if counted.touchpoints else []
    seen = days.join(responses, seen_before(days.as_of, responses)).select(
        days.as_of, *(responses[c] for c in read)
    )
    groups = _groups(seen, counted.touchpoints)
    keys = ["account", "as_of"]
    if not counted.respondents:
        counts = [c for level, _, among in groups for c in _decayed(seen, level, among)]
        return seen.group_by(keys).agg(counts)
    counts = [c for level, _, among in groups for c in _decayed(seen, level, among)]
    counts += [c for _, each, among in groups for c in _newest(seen, each, among)]
    people = seen.group_by([*keys, "respondent"]).agg(counts)
    levels = [level for level, _, _ in groups]
    columns = history_columns(levels)
    sums = [people[c].sum().name(c) for c in columns]
    sums += [vote for level, each, _ in groups for vote in _votes(people, level, each)]
    return people.group_by(keys).agg(sums)


def _groups(
    seen: ir.Table, touchpoints: tuple[str, ...]
) -> list[tuple[str, str, ir.BooleanValue | None]]:
    """(level, its level of one vote each, which answers): one group, or two by touchpoint."""
    if not touchpoints:
        return [("own", EACH, None)]
    asked = seen.touchpoint.isin(touchpoints).fill_null(False)
    return [("own", EACH, asked), (OTHER, EACH_OTHER, ~asked)]


def _beside(rows: ir.Table, level: ir.Table, keys: list[str], name: str) -> ir.Table:
    """`rows` with the counts of a level, looked up by its keys."""
    counts = level.select(
        *keys, **{f"{name}__{c}": level[c] for c in level.columns if c not in keys}
    )
    # A view: both sides come from the same answers, and Ibis must not take one for the other.
    joined = rows.view().left_join(counts.view(), keys)
    return joined.select(*rows.columns, *(c for c in counts.columns if c not in keys))


def _weight(seen: ir.Table, half_life: int) -> ir.DecimalValue:
    age = days_between(seen.as_of, seen.occurred_at)
    return (ibis.literal(0.5) ** (age / float(half_life))).round(12).cast(EXACT)


def _decayed(seen: ir.Table, level: str, among: ir.BooleanValue | None) -> list[ir.Value]:
    """The decayed counts of a level, summed over `among`."""
    counts = []
    for half_life in HALF_LIVES_DAYS:
        weight = _weight(seen, half_life)
        for band in BANDS:
            where = seen.band == band if among is None else (seen.band == band) & among
            name = history_column(level, band, half_life)
            counts.append(weight.sum(where=where).fill_null(0).name(name))
    return counts


def _newest(seen: ir.Table, each: str, among: ir.BooleanValue | None) -> list[ir.Value]:
    """The weight of the newest answer of `among`, for each half-life; null without any."""
    return [_weight(seen, h).max(where=among).name(f"{each}__hl{h}") for h in HALF_LIVES_DAYS]


def _votes(people: ir.Table, level: str, each: str) -> list[ir.Value]:
    """Sums of votes, one for each person; answers of nobody known are counted as they are."""
    votes = []
    for half_life in HALF_LIVES_DAYS:
        named = [people[history_column(level, band, half_life)] for band in BANDS]
        counts = [count.cast(dt.float64) for count in named]
        # Null where the person has no answer of this kind, or only ones too old to weigh anything.
        all_counts = (counts[0] + counts[1] + counts[2]).nullif(0.0)
        newest = people[f"{each}__hl{half_life}"].cast(dt.float64)
        for band, exact, count in zip(BANDS, named, counts, strict=True):
            vote = (newest * count / all_counts).round(12).cast(EXACT)
            counted = people.respondent.isnull().ifelse(exact, vote)
            votes.append(counted.sum().fill_null(0).name(history_column(each, band, half_life)))
    return votes


def _with_segment(facts: Facts, rows: ir.Table, table: ir.Table, segment: str | None) -> ir.Table:
    if segment is None:
        return table.mutate(segment_=ibis.literal("", type=dt.string))
    attributes = versions_as_of(facts, rows)
    return table.left_join(attributes, ["account", "as_of"]).select(
        table, segment_=attributes[segment].fill_null("")
    )


def last_answer_expr(facts: Facts, spine: ir.Table) -> ir.Table:
    """The newest answer of each spine row, for display; nulls where there is none.

    Only answers with `occurred_at < as_of` and `known_at < as_of`. Of answers at the same
    instant the one known last counts, then the highest score.

    Returns
    -------
    Table: `account`, `as_of`, `last_score` (float64, on the scale it was asked), `last_band`,
    `last_answer_at`.
    """
    responses = facts.sources["responses"]
    seen = spine.join(
        responses,
        [
            spine.account == responses.account,
            seen_before(spine.as_of, responses),
        ],
    ).select(
        spine.account,
        spine.as_of,
        responses.occurred_at,
        responses.known_at,
        responses.raw_score,
        responses.band,
    )
    newest = ibis.row_number().over(
        group_by=["account", "as_of"],
        order_by=[
            seen.occurred_at.desc(),
            seen.known_at.desc(),
            seen.raw_score.desc(),
            seen.band.desc(),
        ],
    )
    ranked = seen.mutate(rank_=newest)
    last = ranked.filter(ranked.rank_ == 0)
    return spine.left_join(last, ["account", "as_of"]).select(
        spine.account,
        spine.as_of,
        last_score=last.raw_score.cast(dt.float64),
        last_band=last.band,
        last_answer_at=last.occurred_at,
    )
