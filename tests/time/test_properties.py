"""Random histories against the oracle, and against their own futures and shufflings.

Every world holds `ACCOUNTS_A_WORLD` accounts; each has a history drawn by itself, so that one
run of the engine checks many.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pytest
from handmade import Row, World, builder_of, rows_of, spine_of
from no_future import assert_no_future, read
from worlds import GAP, HORIZON, SEGMENT, Draw, Drawn, draw, every_feature

from npsight.audit import oracle
from npsight.config.aggregations import AGGREGATIONS
from npsight.config.schema import ChurnTarget
from npsight.config.specs import FeatureSpec, OutcomeWindow
from npsight.features.history import BANDS, HALF_LIVES_DAYS, history_column

SEEDS = range(8)
AT_LEAST = 1_000
TOLERANCE = 1e-9
SPECS = every_feature()


@dataclass
class Case:
    """A random world, and what npsight reads of it, computed once."""

    drawn: Drawn
    engine: Any

    @cached_property
    def found(self) -> pd.DataFrame:
        drawn = self.drawn
        return read(self.engine, drawn.world, drawn.as_ofs, SPECS, SEGMENT, drawn.touchpoints)

    @property
    def rows(self) -> Iterator[tuple[str, datetime, dict[str, Any]]]:
        for (account, as_of), row in zip(
            self.found.index, self.found.to_dict("records"), strict=True
        ):
            yield account, as_of.to_pydatetime(), row


@pytest.fixture(scope="module")
def drawn_cases(engine) -> list[Case]:
    return [Case(draw(seed), engine) for seed in SEEDS]


@pytest.fixture
def cases(drawn_cases, record_property) -> Iterator[Case]:
    """Every case, one after another; fails a test that went through too few histories."""

    def each() -> Iterator[Case]:
        checked = 0
        for case in drawn_cases:
            yield case
            checked += len(case.drawn.world.accounts)
        print(f"\n{checked} random histories checked")
        record_property("histories", checked)
        assert checked >= AT_LEAST

    return each()


def assert_equal(found: Any, expected: Any, what: object) -> None:
    """Both missing, or the same; floats to 1e-9."""
    missing = found is None or pd.isna(found)
    assert bool(missing) is (expected is None), (what, found, expected)
    if missing:
        return
    if isinstance(expected, float):
        assert math.isclose(found, expected, rel_tol=0, abs_tol=TOLERANCE), (what, found, expected)
    else:
        assert found == expected, (what, found, expected)


def test_the_worlds_hold_every_aggregation_ties_and_boundaries(drawn_cases):
    assert {spec.aggregation for spec in SPECS} == set(AGGREGATIONS)
    for case in drawn_cases:
        as_of = case.drawn.as_ofs[0]
        usage = case.drawn.world.sources["usage"]
        assert any(row["occurred_at"] == as_of for row in usage)
        assert any(row["occurred_at"] < as_of == row["known_at"] for row in usage)
        assert len({(r["account"], r["occurred_at"], r["known_at"]) for r in usage}) < len(usage)


def test_the_spine_equals_the_oracle(engine, cases):
    for case in cases:
        found = rows_of(engine, builder_of(engine, case.drawn.world).spine(case.drawn.as_ofs))
        expected = {key for key in case.drawn.keys if oracle.in_spine(case.drawn.world, *key)}
        assert set(found) == expected, case.drawn.seed
        assert 0 < len(expected) < len(case.drawn.keys)


def test_outcomes_equal_the_oracle(engine, cases):
    window = OutcomeWindow(GAP, HORIZON)
    for case in cases:
        seed, world, keys = case.drawn.seed, case.drawn.world, case.drawn.keys
        touchpoints = case.drawn.touchpoints
        builder = builder_of(engine, world, touchpoints=touchpoints)
        spine = spine_of(engine, keys)
        seen = [key for key in keys if oracle.is_complete(world, *key, GAP, HORIZON)]
        assert 0 < len(seen) < len(keys)  # the later day is censored
        found = by_key(builder.answers(spine, window))
        expected = {key: oracle.answers(world, *key, GAP, HORIZON, touchpoints) for key in seen}
        assert_outcomes(found, expected, (seed, "answers"))
        for event in ("subscription_end", "churn_table", "no_activity"):
            target = ChurnTarget(event=event, activity="usage")
            found = by_key(builder.churn(spine, target, window))
            expected = {key: oracle.churn(world, event, *key, GAP, HORIZON) for key in seen}
            assert_outcomes(found, expected, (seed, event))


def by_key(frame: pd.DataFrame) -> dict[Any, dict[str, Any]]:
    rows = frame.to_dict("records")
    keyed = {(r.pop("account"), r.pop("as_of").to_pydatetime()): r for r in rows}
    assert len(keyed) == len(frame)
    return keyed


def assert_outcomes(found: dict[Any, Any], expected: dict[Any, Any], what: object) -> None:
    expected = {key: row for key, row in expected.items() if row is not None}
    assert found.keys() == expected.keys(), what
    for key, row in expected.items():
        for column, value in row.items():
            assert_equal(found[key][column], value, (what, key, column))


OWN_LOOPS = {"own.py:twice": lambda rows, as_of: 2.0 * len(rows) if rows else None}


def test_features_equal_the_oracle(cases):
    for case in cases:
        world = case.drawn.world
        expected_of = PlacesOracle(world)
        for account, as_of, row in case.rows:
            for spec in SPECS:
                what = (case.drawn.seed, account, as_of, spec.name)
                expected = oracle.feature(spec, world, account, as_of, OWN_LOOPS)
                if spec.against:
                    expected = expected_of.place(spec, account, as_of, expected)
                assert_equal(row[spec.name], expected, what)


class PlacesOracle:
    """Places among the segment; the values of its members are computed once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.values: dict[tuple[str, datetime, str], list[float | None]] = {}

    def place(
        self, spec: FeatureSpec, account: str, as_of: datetime, value: float | None
    ) -> float | None:
        segment = oracle.segment_of(self.world, account, as_of, SEGMENT)
        key = (spec.name, as_of, segment)
        if key not in self.values:
            members = [row["account"] for row in self.world.accounts]
            self.values[key] = [
                oracle.feature(spec, self.world, name, as_of, OWN_LOOPS)
                for name in members
                if oracle.in_spine(self.world, name, as_of)
                and oracle.segment_of(self.world, name, as_of, SEGMENT) == segment
            ]
        peers = self.values[key]
        known = [peer for peer in peers if peer is not None]
        if value is None or not known:
            return None
        return oracle.placed(value, peers)


def test_nps_history_equals_the_oracle(cases):
    for case in cases:
        expected_of = HistoryOracle(case.drawn.world, SEGMENT, case.drawn.touchpoints)
        assert any(name.startswith("each__") for name in case.found)
        for account, as_of, row in case.rows:
            for name, value in expected_of.row(account, as_of).items():
                assert_equal(row[name], value, (case.drawn.seed, account, as_of, name))


def test_what_is_shown_equals_the_oracle(cases):
    for case in cases:
        for account, as_of, row in case.rows:
            last = oracle.last_answer(case.drawn.world, account, as_of) or {}
            version = oracle.version_in_force(case.drawn.world, account, as_of) or {}
            expected = {
                "last_score": float(last["raw_score"]) if last else None,
                "last_band": last.get("band"),
                "last_answer_at": last.get("occurred_at"),
                "owner": version.get("owner_"),
                "renewal_at": version.get("renewal_at_"),
            }
            if expected["renewal_at"] is not None:  # the day, in UTC here
                expected["renewal_at"] = datetime.combine(expected["renewal_at"], time())
            for name, value in expected.items():
                assert_equal(row[name], value, (case.drawn.seed, account, as_of, name))


class HistoryOracle:
    """The oracle's counts of one world; those that accounts share are computed once."""

    def __init__(self, world: World, segment: str | None, touchpoints: tuple[str, ...]) -> None:
        self.world, self.segment, self.touchpoints = world, segment, touchpoints
        self.shared: dict[tuple[datetime, str | None], dict[tuple[str, int], float]] = {}

    def row(self, account: str, as_of: datetime) -> dict[str, float | str]:
        own_segment = oracle.segment_of(self.world, account, as_of, self.segment)
        if (as_of, own_segment) not in self.shared:
            peers = oracle.peers_of(self.world, account, as_of, self.segment)
            self.shared[as_of, own_segment] = self._counts(peers, as_of)
        if (as_of, None) not in self.shared:
            self.shared[as_of, None] = self._counts(None, as_of)
        levels = {
            "own": self._counts({account}, as_of),
            "segment": self.shared[as_of, own_segment],
            "market": self.shared[as_of, None],
            "each": self._counts({account}, as_of, oracle.one_vote_each),
        }
        if self.touchpoints:
            levels["other"] = self._counts({account}, as_of, others=True)
            levels["each_other"] = self._counts({account}, as_of, oracle.one_vote_each, True)
        named = {
            history_column(level, band, half_life): value
            for level, counts in levels.items()
            for (band, half_life), value in counts.items()
        }
        return {"segment_": own_segment, **named}

    def _counts(
        self,
        accounts: set[str] | None,
        as_of: datetime,
        count: Any = oracle.decayed,
        others: bool = False,
    ) -> dict[tuple[str, int], float]:
        rows = oracle.asked_at(self.world.sources["responses"], self.touchpoints)[others]
        if accounts is not None:
            rows = [row for row in rows if row["account"] in accounts]
        return {
            (band, half_life): count(rows, as_of, band, half_life)
            for band in BANDS
            for half_life in HALF_LIVES_DAYS
        }


def test_no_feature_sees_the_future(engine, cases):
    for case in cases:
        drawn = case.drawn
        as_of = drawn.as_ofs[drawn.seed % 2]
        found = case.found.xs(as_of, level="as_of", drop_level=False)
        choose = Draw(drawn.seed + 1_000, drawn.instants)
        assert_no_future(
            engine, drawn.world, as_of, SPECS, SEGMENT, choose, found, drawn.touchpoints
        )


def test_the_order_of_rows_shows_in_no_bit(engine, cases):
    for case in cases:
        rng = np.random.default_rng(case.drawn.seed)

        def shuffle(_: str, rows: list[Row], rng: np.random.Generator = rng) -> list[Row]:
            return [rows[i] for i in rng.permutation(len(rows))]

        shuffled = case.drawn.world.changed(shuffle)
        drawn = case.drawn
        again = read(engine, shuffled, drawn.as_ofs, SPECS, SEGMENT, drawn.touchpoints)
        pd.testing.assert_frame_equal(again, case.found, check_exact=True)
