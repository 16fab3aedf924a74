"""One day of a company by the oracle: who stands in the spine, features, NPS history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from plain_reading import Row
from worlds import SEGMENT

from npsight.audit import oracle
from npsight.audit.oracle import World
from npsight.config.specs import FeatureSpec
from npsight.features.history import BANDS, HALF_LIVES_DAYS, history_column

OWN_LOOPS = {"own.py:twice": lambda rows, as_of: 2.0 * len(rows) if rows else None}


@dataclass
class Day:
    """What the plain reading says of one day."""

    as_of: datetime
    worlds: dict[str, World]
    touchpoints: tuple[str, ...] = ()

    @cached_property
    def spine(self) -> set[str]:
        return {name for name, w in self.worlds.items() if oracle.in_spine(w, name, self.as_of)}

    @cached_property
    def segments(self) -> dict[str, str]:
        return {
            name: oracle.segment_of(world, name, self.as_of, SEGMENT)
            for name, world in self.worlds.items()
        }

    def feature(self, spec: FeatureSpec) -> dict[str, Any]:
        """Account -> the feature."""
        values = {
            name: oracle.feature(spec, world, name, self.as_of, OWN_LOOPS)
            for name, world in self.worlds.items()
        }
        if not spec.against:
            return values
        members: dict[str, list[Any]] = {}
        for name in self.spine:
            members.setdefault(self.segments[name], []).append(values[name])
        return {name: self._place(name, values[name], members) for name in values}

    def _place(self, name: str, value: Any, members: dict[str, list[Any]]) -> float | None:
        peers = [peer for peer in members.get(self.segments[name], []) if peer is not None]
        return oracle.placed(value, peers) if peers else None

    def history(self) -> dict[str, Row]:
        """Account -> its segment, and the decayed counts of it, the segment and the market."""
        asked = {
            name: oracle.asked_at(world.sources["responses"], self.touchpoints)
            for name, world in self.worlds.items()
        }
        answers = {name: rows for name, (rows, _) in asked.items()}
        by_segment: dict[str, list[Row]] = {}
        for name, rows in answers.items():
            by_segment.setdefault(self.segments[name], []).extend(rows)
        everyone = [row for rows in answers.values() for row in rows]
        market = self._counts("market", everyone)
        shared = {s: self._counts("segment", rows) for s, rows in by_segment.items()}
        return {
            name: {"segment_": self.segments[name]}
            | self._counts("own", rows)
            | self._counts("each", rows, oracle.one_vote_each)
            | self._others(others)
            | shared[self.segments[name]]
            | market
            for name, (rows, others) in asked.items()
        }

    def _others(self, answers: list[Row]) -> Row:
        if not self.touchpoints:
            return {}
        votes = self._counts("each_other", answers, oracle.one_vote_each)
        return self._counts("other", answers) | votes

    def _counts(self, level: str, answers: list[Row], count: Any = oracle.decayed) -> Row:
        return {
            history_column(level, band, half_life): count(answers, self.as_of, band, half_life)
            for band in BANDS
            for half_life in HALF_LIVES_DAYS
        }
