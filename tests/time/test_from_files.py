"""From the user's files on: random companies in five time zones against plain Python.

Every account is a history. What counts on a day is found twice: by `prepare` and the feature
expressions, and by `plain_reading` and the oracle's loops.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from drawn_files import CHANGING, COMPANIES, LEAP_DAY, NOW, Company, company
from plain_days import Day
from plain_reading import Merges, Row, day_of, facts_of, in_fold, in_gap, utc_of
from worlds import GAP, HORIZON
from written_files import features, write

from npsight.audit import oracle
from npsight.config.aggregations import AGGREGATIONS
from npsight.config.load import load_project
from npsight.config.schema import ChurnTarget
from npsight.config.specs import FeatureSpec, OutcomeWindow
from npsight.jobs.building.frames import FeatureBuilder
from npsight.tables.engine import connect
from npsight.tables.prepare import prepare

AT_LEAST = 1_000
OUTCOME = OutcomeWindow(GAP, HORIZON)
TOLERANCE = 1e-9
WHOLE = {"count", "open", "distinct", "distinct_days"}
"""Aggregations whose numbers are whole, and are to be equal to the last bit."""
SOURCES = ("responses", "usage", "purchases", "tickets", "meetings", "subscriptions")
Key = tuple[str, datetime]


@dataclass(frozen=True)
class Found:
    """What npsight reads from a company's files."""

    values: dict[Key, Row]
    spine: set[Key]
    answers: dict[Key, Row]
    lost: dict[Key, Row]
    data_end: datetime
    specs: tuple[FeatureSpec, ...]
    refused: dict[str, int]


@dataclass
class Case:
    """A company, what npsight makes of its files, and the plain reading of its rows."""

    drawn: Company
    found: Found

    @cached_property
    def facts(self) -> dict[str, list[Row]]:
        """Source -> its facts, as recorded."""
        drawn = self.drawn
        read = {
            name: facts_of(drawn.rows[name], drawn.tables[name], drawn.zones[name].name)
            for name in SOURCES
        }
        for row in read["responses"]:
            score = int(row["score"])
            band = "detractor" if score <= 6 else "passive" if score <= 8 else "promoter"
            row |= {"score": score, "raw_score": score, "band": band}
        return read

    @cached_property
    def merges(self) -> Merges:
        drawn = self.drawn
        return Merges.of(drawn.rows["merges"], drawn.tables["merges"], drawn.zones["merges"].name)

    @cached_property
    def versions(self) -> list[Row]:
        drawn = self.drawn
        return drawn.accounts.versions(drawn.rows["accounts"], drawn.zones["accounts"].name)

    @cached_property
    def begun(self) -> list[Row]:
        """`account`, `began_at` and `created_at`."""
        own: dict[str, list[Row]] = {name: [] for name in self.drawn.names}
        for version in self.versions:
            own[version["account"]].append(version)
        return [
            {
                "account": name,
                "began_at": self.drawn.accounts.began(rows),
                "created_at": self.drawn.accounts.since(rows),
            }
            for name, rows in own.items()
        ]

    def days(self) -> Iterator[Day]:
        for as_of in self.drawn.as_ofs:
            worlds = day_of(self.begun, self.versions, self.facts, self.merges, as_of)
            yield Day(as_of, worlds, self.drawn.touchpoints)


def read(drawn: Company, folder: Path) -> Found:
    """All that npsight reads of every account on every day, and who stands in the spine."""
    project = load_project(write(drawn, folder), {})
    with connect(project) as backend:
        prepared = prepare(project, backend, None, now=NOW)
        builder = FeatureBuilder(backend, prepared.facts, project)
        keys = pd.DataFrame(
            [(name, as_of) for name in drawn.names for as_of in drawn.as_ofs],
            columns=["account", "as_of"],
        )
        given = builder.given_spine(keys)
        values = by_key(builder.features(given))
        answers = by_key(builder.answers(given, OUTCOME))
        lost = by_key(builder.churn(given, ChurnTarget(event="subscription_end"), OUTCOME))
        spine = backend.to_pyarrow(builder.spine(drawn.as_ofs)).to_pylist()
    assert len(values) == len(keys)
    in_spine = {(row["account"], row["as_of"]) for row in spine}
    refused = {report.key: report.quarantined for report in prepared.reports}
    end = prepared.facts.data_end
    return Found(values, in_spine, answers, lost, end, project.features, refused)


def by_key(frame: pd.DataFrame) -> dict[Key, Row]:
    """The rows by account and day; no two share them."""
    rows = frame.to_dict("records")
    keyed = {(row["account"], row["as_of"].to_pydatetime()): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


@pytest.fixture(scope="module")
def drawn_cases(tmp_path_factory) -> list[Case]:
    cases = []
    for number in COMPANIES:
        drawn = company(number)
        cases.append(Case(drawn, read(drawn, tmp_path_factory.mktemp(f"company{number}"))))
    return cases


@pytest.fixture
def cases(drawn_cases, record_property) -> Iterator[Case]:
    """Every case, one after another; fails a test that went through too few histories."""

    def each() -> Iterator[Case]:
        checked = 0
        for case in drawn_cases:
            yield case
            checked += len(case.drawn.names)
        print(f"\n{checked} random histories checked")
        record_property("histories", checked)
        assert checked >= AT_LEAST

    return each()


def differ(found: Any, expected: Any, *, whole: bool = False) -> bool:
    """Whether only one is missing, or they are not the same; numbers to 1e-9 unless whole."""
    missing = found is None or bool(pd.isna(found))
    if missing or expected is None:
        return missing is not (expected is None)
    if isinstance(expected, float) and not whole:
        return not math.isclose(found, expected, rel_tol=0, abs_tol=TOLERANCE)
    return bool(found != expected)


def shown(mismatches: list[Any]) -> str:
    """How many, of which columns, and the first few."""
    columns = Counter(what[3] for what in mismatches)
    return f"{len(mismatches)} mismatches: {columns.most_common(8)}, such as {mismatches[:5]}"


def test_features_from_files_equal_the_oracle(cases):
    for case in cases:
        number, values = case.drawn.number, case.found.values
        mismatches = []
        for day in case.days():
            for spec in case.found.specs:
                whole = spec.aggregation in WHOLE and not spec.against
                for account, expected in day.feature(spec).items():
                    found = values[account, day.as_of][spec.name]
                    if differ(found, expected, whole=whole):
                        what = (number, account, day.as_of, spec.name, found, expected)
                        mismatches.append(what)
        assert not mismatches, shown(mismatches)


def test_nps_history_from_files_equals_the_oracle(cases):
    for case in cases:
        mismatches = []
        for day in case.days():
            for account, row in day.history().items():
                for name, expected in row.items():
                    found = case.found.values[account, day.as_of][name]
                    if differ(found, expected):
                        what = (case.drawn.number, account, day.as_of, name, found, expected)
                        mismatches.append(what)
        assert not mismatches, shown(mismatches)


def test_the_spine_from_files_equals_the_oracle(cases):
    for case in cases:
        expected = {(name, day.as_of) for day in case.days() for name in day.spine}
        assert case.found.spine == expected, case.drawn.number
        assert 0 < len(expected) < len(case.found.values)


def test_outcomes_from_files_equal_the_oracle(cases):
    for case in cases:
        gap, horizon = OUTCOME.gap_days, OUTCOME.horizon_days
        answers: dict[Key, Row] = {}
        lost: dict[Key, Row] = {}
        for day in case.days():
            for account, world in day.worlds.items():
                world.data_end = case.found.data_end
                if not oracle.is_complete(world, account, day.as_of, gap, horizon):
                    continue
                window = (account, day.as_of, gap, horizon)
                answers[account, day.as_of] = oracle.answers(world, *window, day.touchpoints)
                lost[account, day.as_of] = oracle.churn(world, "subscription_end", *window)
        assert_outcomes(case.found.answers, answers, (case.drawn.number, "answers"))
        assert_outcomes(case.found.lost, lost, (case.drawn.number, "subscription_end"))


def assert_outcomes(found: dict[Key, Row], expected: dict[Key, Row | None], what: Any) -> None:
    """The same rows, and nothing else in them; where the oracle has None there is no row."""
    expected = {key: row for key, row in expected.items() if row is not None}
    assert expected, what
    assert found.keys() == expected.keys(), what
    mismatches = [
        (what, key, found[key][column], column, value)
        for key, row in expected.items()
        for column, value in row.items()
        if differ(found[key][column], value)
    ]
    assert not mismatches, shown(mismatches)


def test_every_row_is_used_and_every_aggregation_asked(drawn_cases):
    for case in drawn_cases:
        assert set(case.found.refused.values()) == {0}, case.found.refused
        assert {spec.name for spec in features()} <= {spec.name for spec in case.found.specs}
        assert {spec.aggregation for spec in case.found.specs} == set(AGGREGATIONS)


# --- What has been drawn --------------------------------------------------------------------------


def clocks(drawn: Company) -> Iterator[tuple[str, datetime]]:
    """(zone, clock time) of every time without an offset."""
    for name, rows in drawn.rows.items():
        for row in rows:
            for value in row.values():
                if isinstance(value, datetime) and value.tzinfo is None:
                    yield drawn.zones[name].name, value


def test_every_zone_has_times_in_its_gap_and_fold_and_as_ofs_on_them(drawn_cases):
    drawn: Counter[tuple[str, str]] = Counter()
    for case in drawn_cases:
        for zone, clock in clocks(case.drawn):
            for what, holds in (("gap", in_gap), ("fold", in_fold)):
                if holds(clock, zone):
                    drawn[zone, what] += 1
                    drawn[zone, f"{what} at as_of"] += utc_of(clock, zone) in case.drawn.as_ofs
    for zone in CHANGING:
        for what in ("gap", "fold", "gap at as_of", "fold at as_of"):
            assert drawn[zone.name, what] > 0, (zone.name, what)
    assert len({zone for zone, _ in drawn}) == len(CHANGING)


def test_the_companies_hold_ties_late_facts_and_the_leap_day(drawn_cases):
    for case in drawn_cases:
        days = set(case.drawn.as_ofs)
        assert any(abs(day - LEAP_DAY).days <= 1 for day in days)
        for name, rows in case.facts.items():
            assert any(row["occurred_at"] in days for row in rows), name
            assert any(row["occurred_at"] < row["known_at"] for row in rows), name
            assert any(row["occurred_at"].date() == LEAP_DAY.date() for row in rows), name
            at = Counter((row["account"], row["occurred_at"]) for row in rows)
            assert max(at.values()) > 1, name
        stated = [row for name in ("responses", "usage", "tickets") for row in case.facts[name]]
        assert any(row["occurred_at"] < row["known_at"] in days for row in stated)
        meetings = case.facts["meetings"]
        assert any(row["known_at"] < day < row["occurred_at"] for row in meetings for day in days)


def test_the_companies_hold_corrections_and_retractions(drawn_cases):
    for case in drawn_cases:
        for name in ("responses", "usage", "meetings", "tickets"):
            table, rows = case.drawn.tables[name], case.drawn.rows[name]
            by_id: dict[str, list[Row]] = {}
            for fact in case.facts[name]:
                by_id.setdefault(fact["id"], []).append(fact)
            several = [facts for facts in by_id.values() if len(facts) > 1]
            assert any(len({f["occurred_at"] for f in facts}) > 1 for facts in several), name
            assert any(len({f["account"] for f in facts}) > 1 for facts in several), name
            assert any(f.get("corrected_at") in case.drawn.as_ofs for f in case.facts[name]), name
            if name != "responses":
                assert any(row[table.time] is None for row in rows), name
            if table.retracted:
                withdrawn = [r for r in rows if r[table.retracted] in ("true", "Yes", "1")]
                assert any(row[str(table.id)] in by_id for row in withdrawn), name


def test_the_companies_hold_merges_and_chains(drawn_cases):
    in_order = passed_through = 0
    for case in drawn_cases:
        into = case.merges.into
        assert any(known in case.drawn.as_ofs for _, known in into.values())
        for name, known in into.values():
            if name in into:
                in_order += known < into[name][1]
                passed_through += into[name][1] <= known
    assert in_order > 0
    assert passed_through > 0
