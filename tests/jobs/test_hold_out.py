"""A hold-out from end to end: two periods of a small company, with calls between them."""

from __future__ import annotations

import copy
import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_line import npsight
from small_company import FIRST_DAY, SmallCompany

from npsight.config.load import load_project
from npsight.jobs.impact import impact
from npsight.jobs.score import score
from npsight.store import Store, open_project_store
from npsight.store.auditlog import entries
from npsight.store.holdouts import Enrolment, all_enrolments
from npsight.store.marks import mark, marks_of

DAY = timedelta(days=1)
FIRST, SECOND = 400, 480
SHARE = 0.4
GAP, PERIOD = 7, 60


class Periods:
    """The company as it is known by one day, then by another."""

    def __init__(self, folder: Path) -> None:
        self.company = SmallCompany(folder, accounts=60, days=SECOND)
        self.company.project["worklist"] = {"hold_out": SHARE, "capacity": 8}
        self.whole = copy.deepcopy(self.company.tables)

    def known_by(self, day: int) -> None:
        """Write the files with what happened before a day."""
        end = FIRST_DAY + day * DAY
        for name, place in (("answers", 2), ("usage", 1)):
            head, *rows = self.whole[name]
            self.company.tables[name] = [head, *(row for row in rows if row[place] < end)]
        self.company.write()

    def score(self) -> None:
        score(load_project(self.company.config))

    @property
    def store(self) -> Store:
        return open_project_store(load_project(self.company.config))

    def enrolments(self) -> tuple[Enrolment, ...]:
        return all_enrolments(self.store, "small")


@pytest.fixture(scope="module")
def periods(tmp_path_factory: pytest.TempPathFactory) -> Periods:
    """Trained and scored by the first day."""
    made = Periods(tmp_path_factory.mktemp("hold-out"))
    made.known_by(FIRST)
    npsight("train", "-c", made.company.config).succeeded()
    made.score()
    return made


@pytest.fixture(scope="module")
def first(periods: Periods) -> tuple[Enrolment, ...]:
    """What the first run enrolled."""
    return periods.enrolments()


@pytest.fixture(scope="module")
def second(periods: Periods, first) -> tuple[Enrolment, ...]:
    """The same, and what the second run enrolled: half of the list was called meanwhile."""
    periods.known_by(FIRST)
    periods.score()
    assert periods.enrolments() == first
    called = [one for one in first if one.arm == "call"][::2]
    with periods.store.writing() as connection:
        for one in called:
            at = one.assigned_at + 2 * DAY
            mark(connection, "small", one.account, at, contacted_at=at, contacted_days=21)
    periods.known_by(SECOND)
    periods.score()
    return periods.enrolments()


def test_the_list_is_full_of_accounts_to_call_and_the_held_out_are_passed_over(first):
    for owner in ("Ada Park", "Bo Lind"):
        arms = [one.arm for one in first if one.owner == owner]
        assert arms.count("call") == 8
        assert arms.count("hold out") > 0
    assert {one.number for one in first} == {0}
    assert {one.hold_out_prob for one in first} == {SHARE}
    assert all(one.detractor_risk is not None and one.revenue for one in first)


def test_held_out_accounts_step_back_and_the_log_says_so(periods, first):
    held = {one.account for one in first if one.arm == "hold out"}
    with periods.store.reading() as connection:
        until = {one.account: marks_of(connection, "small", one.account) for one in first}
    assert {account for account, found in until.items() if found.held_out_until} == held
    assert min(until[account].held_out_until for account in held) > datetime.now(UTC) + 59 * DAY
    told = [e.subject for e in entries(periods.store, "small", limit=200) if e.action == "held out"]
    assert sorted(told) == sorted(f"account {account}" for account in held)


def test_the_second_period_draws_anew_and_keeps_the_first(first, second):
    keys = {one.key for one in first}
    kept = {one.key: one for one in second if one.key in keys}
    for one in first:
        assert (kept[one.key].arm, kept[one.key].assigned_at) == (one.arm, one.assigned_at)
    new = [one for one in second if one.key not in keys]
    assert {one.assigned_at - first[0].assigned_at for one in new} == {(SECOND - FIRST) * DAY}
    again = [one for one in new if one.number == 1]
    assert again
    assert all((one.account, 0) in keys for one in again)


def test_calls_between_are_noted_on_the_first_enrolment(first, second):
    called = {one.account for one in first if one.arm == "call"}
    noted = {one.account: one.contacted_at for one in second if one.contacted_at}
    assert len(noted) == (len(called) + 1) // 2
    assert set(noted) < called
    assert set(noted.values()) == {first[0].assigned_at + 2 * DAY}
    later = [one for one in second if one.number == 1 and one.account in noted]
    assert all(one.days_since_contact == SECOND - FIRST - 2 for one in later)


def test_outcomes_are_those_of_the_files(periods, first, second):
    with periods.company.table("answers").open(newline="") as file:
        rows = list(csv.DictReader(file))
    begin = first[0].assigned_at.date()
    ended = [one for one in second if one.assigned_at == first[0].assigned_at]
    for one in ended:
        mine = [
            int(row["score"])
            for row in rows
            if row["account"] == one.account
            and begin + GAP * DAY <= datetime.fromisoformat(row["answered_at"]).date()
            < begin + PERIOD * DAY
        ]  # fmt: skip
        assert (one.answers, one.detractors) == (len(mine), sum(s <= 6 for s in mine))
        assert one.promoters == sum(s >= 9 for s in mine)
    assert sum(one.answers for one in ended) > 20
    assert all(one.read_at is None for one in second if one.assigned_at > first[0].assigned_at)


def test_the_report_counts_them(periods, second):
    report = impact(load_project(periods.company.config), periods.store)
    assert report.share == SHARE
    assert (report.days, report.window.gap_days) == (PERIOD, GAP)
    call, held = report.measured.arms
    assert call.enrolled + held.enrolled == len(second)
    assert call.contacted > 0
    assert held.contacted == 0
    assert call.answered > 0


def test_a_day_in_the_past_enrols_nobody(periods, second):
    day = datetime(2024, 12, 1)
    score(load_project(periods.company.config), as_of=day)
    assert periods.enrolments() == second


def test_without_a_share_nobody_steps_back(tmp_path, periods, second):
    company = periods.company
    company.project["worklist"] = {"capacity": 8, "hold_out": 0.0}
    company.write()
    state = load_project(company.config)
    with open_project_store(state).writing() as connection:
        from npsight.store.holdouts import enrolments

        connection.execute(enrolments.delete())
    score(state)
    new = periods.enrolments()
    assert {one.arm for one in new} == {"call"}
    assert {one.hold_out_prob for one in new} == {0.0}
