"""What `npsight check` counts and warns of."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from npsight.config.load import load_project
from npsight.errors import ConfigError, DataError
from npsight.jobs.check import CheckReport, PeriodAnswers, check

START = datetime(2024, 1, 1)
NOW = datetime(2025, 1, 10)
PROJECT = """\
project: test
timezone: UTC
state: state
tables:
  accounts: {path: accounts.csv, key: id, created_at: since}
  responses: {path: answers.csv, account: account, time: at, score: score}
targets: {detractor: {gap_days: 0, horizon_days: 30}}
training: {period_days: 90, step_days: 30, origins: 2, min_events: 3}
"""


def looked_at(
    folder: Path,
    answers: list[tuple[str, datetime, int]],
    now: datetime = NOW,
    project: str = PROJECT,
) -> CheckReport:
    (folder / "accounts.csv").write_text(
        "id,since\n" + "".join(f"{c},2024-01-01\n" for c in "abcd")
    )
    lines = "".join(f"{account},{at:%Y-%m-%d},{score}\n" for account, at, score in answers)
    (folder / "answers.csv").write_text("account,at,score\n" + lines)
    (folder / "project.yaml").write_text(project)
    return check(load_project(folder / "project.yaml"), now=now)


def spread(count: int, scores: tuple[int, ...] = (3, 7, 10)) -> list[tuple[str, datetime, int]]:
    return [
        ("abc"[n % 3], START + timedelta(days=9 * n), scores[n % len(scores)]) for n in range(count)
    ]


def warned(report: CheckReport) -> str:
    return "\n".join(str(warning) for warning in report.warnings)


def test_answers_of_accounts_that_answer_once_are_named(tmp_path):
    once = [(f"x{n}", START + timedelta(days=9 * n), 3 + n % 7) for n in range(30)]
    file = tmp_path / "project.yaml"
    accounts = "  accounts: {path: accounts.csv, key: id, created_at: since}\n"
    looked_at(tmp_path, spread(40))
    (tmp_path / "answers.csv").write_text(
        "account,at,score\n" + "".join(f"{a},{at:%Y-%m-%d},{n}\n" for a, at, n in once)
    )
    file.write_text(PROJECT.replace(accounts, ""))
    report = check(load_project(file), now=NOW)
    assert "30 answers are of 30 accounts: hardly any answers twice" in warned(report)


def test_a_healthy_project_has_no_warnings(tmp_path):
    report = looked_at(tmp_path, spread(40))
    assert report.warnings == ()
    assert report.accounts == 4
    assert report.never_answered == 0.25
    assert [t.key for t in report.tables] == ["tables.accounts", "tables.responses"]
    assert (report.data_start, report.data_end) == (START, START + timedelta(days=9 * 39))
    assert report.features == 5
    (target,) = report.targets
    assert (target.target, target.days) == ("detractor", 8)
    assert target.last == datetime(2024, 10, 27)  # 7 steps of 30 days after the first


@pytest.mark.parametrize(("piled", "warns"), [(50, False), (51, True)])
def test_most_answers_at_one_time_are_those_of_an_export(tmp_path, piled, warns):
    answers = [("a", NOW - timedelta(days=20), 9)] * piled
    answers += [("bcd"[n % 3], START + timedelta(days=3 * n), n % 11) for n in range(100 - piled)]
    text = PROJECT.replace("score: score}", "score: score, duplicates: keep}")
    said = warned(looked_at(tmp_path, answers, project=text))
    assert ("51 of 100 rows bear one and the same time, 2024-12-21 00:00:00 UTC" in said) is warns
    assert "became known at one" not in said


def test_rows_that_were_loaded_in_one_go_are_told(tmp_path):
    looked_at(tmp_path, spread(40))
    rows = [f"{'abc'[n % 3]},{START + timedelta(days=3 * n)},2025-01-05" for n in range(100)]
    (tmp_path / "calls.csv").write_text("account,at,loaded\n" + "\n".join(rows))
    calls = "  activity: {calls: {path: calls.csv, account: account, time: at, known_at: loaded}}\n"
    (tmp_path / "project.yaml").write_text(PROJECT.replace("targets:", f"{calls}targets:"))
    said = warned(check(load_project(tmp_path / "project.yaml"), now=NOW))
    assert "tables.activity.calls: 100 of 100 rows became known at one and the same time" in said
    assert "though they happened from 2024-01-01 to 2024-10-24" in said


def test_a_touchpoint_that_no_answer_has_is_reported_with_those_there_are(tmp_path):
    looked_at(tmp_path, spread(40))
    rows = [
        f"{a},{at:%Y-%m-%d},{score},{'web' if score > 3 else 'call'}" for a, at, score in spread(40)
    ]
    (tmp_path / "answers.csv").write_text("account,at,score,asked\n" + "\n".join(rows))
    text = PROJECT.replace("score: score}", "score: score, touchpoint: asked}")
    file = tmp_path / "project.yaml"
    for named, expected in (("web", ""), ("[web, cal]", "no answer was given at touchpoint `cal`")):
        file.write_text(text.replace("gap_days: 0", f"touchpoints: {named}, gap_days: 0"))
        report = check(load_project(file), now=NOW)
        told = [str(w) for w in report.warnings if "touchpoint" in str(w)]
        assert bool(told) is bool(expected)
        if expected:
            assert expected in told[0]
            assert "use some of: `web` (26), `call` (14)" in told[0]


def test_periods_are_counted_back_from_the_end(tmp_path):
    answers = [
        ("a", datetime(2024, 1, 1), 10),
        ("a", datetime(2024, 6, 2), 7),
        ("b", datetime(2024, 6, 3), 0),
        ("c", datetime(2024, 8, 31), 9),
    ]
    report = looked_at(tmp_path, answers)
    newest = PeriodAnswers(datetime(2024, 6, 3), 1, 0, 1)
    assert report.periods == (
        PeriodAnswers(datetime(2023, 12, 6), 0, 0, 1),
        PeriodAnswers(datetime(2024, 3, 5), 0, 1, 0),
        newest,
    )
    assert newest.nps == 0
    assert [p.nps for p in report.periods] == [100, 0, 0]


def test_a_period_without_answers_has_no_nps():
    assert PeriodAnswers(START, 0, 0, 0).nps is None


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([("a", START, 9)], "there is a single answer"),
        (spread(40, (9, 7)), "no answer is a detractor's"),
        (spread(40, (1, 2)), "every answer is a detractor's"),
        ([(c, START, n) for n, c in enumerate("abcd")], "all answers were given on one day"),
        (spread(10), "only 10 answers"),
        (spread(10), "no training day has an outcome window that has ended"),
        (spread(17), "only 1 training days"),
    ],
)
def test_warnings(tmp_path, answers, message):
    report = looked_at(tmp_path, answers)
    assert message in warned(report)
    assert all(warning.remedy for warning in report.warnings)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ((3,) * 12 + (9,) * 28, "12 of 40 answers are detractors'"),
        ((9,) * 12 + (3,) * 28, "12 of 40 answers are not detractors'"),
        ((3,) * 13 + (9,) * 27, ""),
    ],
)
def test_too_few_of_a_kind_to_test_a_model_are_told_before_training(tmp_path, scores, said):
    found = warned(looked_at(tmp_path, spread(40, scores)))
    assert said in found if said else "registered" not in found
    assert not said or "needs 3 such answers before it, and 10 after it" in found


@pytest.mark.parametrize(("late", "days", "told"), [(5, 1, True), (4, 1, False), (5, 0, False)])
def test_accounts_that_begin_after_their_first_answer_are_told(tmp_path, late, days, told):
    (tmp_path / "project.yaml").write_text(PROJECT)
    names = [f"k{n}" for n in range(20)]
    first = START + timedelta(days=100)
    since = {
        n: first + timedelta(days=days if place < late else 0) for place, n in enumerate(names)
    }
    (tmp_path / "accounts.csv").write_text(
        "id,since\n" + "".join(f"{n},{since[n]:%Y-%m-%d}\n" for n in names)
    )
    given = [(n, first + timedelta(days=9 * k), 3 * k) for n in names for k in range(4)]
    (tmp_path / "answers.csv").write_text(
        "account,at,score\n" + "".join(f"{n},{at:%Y-%m-%d},{score}\n" for n, at, score in given)
    )
    found = warned(check(load_project(tmp_path / "project.yaml"), now=NOW))
    said = "5 of 20 accounts that answered begin after their first answer: days before are not"
    assert (said in found) is told
    assert ("begin after their" in found) is told
    assert not told or "which leaves out 5 answers" in found
    assert not told or "if `since` tells when a record was made" in found


@pytest.mark.parametrize(("losses", "told"), [("", True), ("b2,2024-05-01\n", False)])
def test_accounts_that_went_silent_are_told_unless_a_table_says_who_left(tmp_path, losses, told):
    looked_at(tmp_path, spread(40))
    rows = [
        f"{'ab'[n < 6]}{n},{START + timedelta(days=day)}\n"
        for n in range(40)
        for day in range(0, 60 if n < 6 else 350, 7)
    ]
    (tmp_path / "use.csv").write_text("account,at\n" + "".join(rows))
    (tmp_path / "left.csv").write_text("account,at\n" + losses)
    accounts = "  accounts: {path: accounts.csv, key: id, created_at: since}\n"
    more = "  activity: {use: {path: use.csv, account: account, time: at}}\n"
    if losses:
        more += "  churn: {path: left.csv, account: account, time: at}\n"
    text = PROJECT.replace(accounts, more)
    (tmp_path / "project.yaml").write_text(text)
    found = warned(check(load_project(tmp_path / "project.yaml"), now=NOW))
    said = "6 of the 43 accounts were active once, but in none of use for 90 days"
    assert (said in found) is told


def test_old_data_are_a_warning_from_a_period_on(tmp_path):
    end = START + timedelta(days=9 * 39)
    assert looked_at(tmp_path, spread(40), end + timedelta(days=90)).warnings == ()
    report = looked_at(tmp_path, spread(40), end + timedelta(days=91))
    assert "newest fact is 91 days old" in warned(report)


def test_rows_of_the_future_are_a_warning(tmp_path):
    report = looked_at(tmp_path, [*spread(40), ("a", datetime(2026, 1, 1), 9)])
    assert "1 rows are dated in the future" in warned(report)


def test_no_answers_at_all_are_named_by_the_table(tmp_path):
    with pytest.raises(DataError, match="holds no rows"):
        looked_at(tmp_path, [])


def test_the_commands_print_and_refuse_to_overwrite(tmp_path, capsys):
    from npsight.cli.check import bar, check_command
    from npsight.cli.init import init_command

    looked_at(tmp_path, [*spread(40), ("a", datetime(2027, 1, 1), 9)])
    check_command(tmp_path / "project.yaml")
    out = capsys.readouterr().out
    assert "Answers by period" in out
    assert "lies in the future" in out
    assert bar(PeriodAnswers(START, 0, 0, 0)) == ""
    written = tmp_path / "new" / "proposed.yaml"
    init_command(tmp_path, written, False)
    assert load_project(written).name
    assert "No survey was found" not in capsys.readouterr().out
    before = written.read_text()
    with pytest.raises(ConfigError, match="exists already"):
        init_command(tmp_path, written, False)
    assert written.read_text() == before
    init_command(tmp_path, written, True)
    assert os.listdir(written.parent) == ["proposed.yaml"]


def test_init_says_when_no_survey_is_found(tmp_path, capsys):
    from npsight.cli.init import init_command

    (tmp_path / "orders.csv").write_text("account,at,size\na,2024-01-01,30\na,2024-01-02,70\n")
    init_command(tmp_path, tmp_path / "npsight.yaml", False)
    out = capsys.readouterr().out
    assert "No survey was found" in out
    assert "map it under `tables.responses`" in out


def test_own_expressions_are_asked_before_anything_is_computed(tmp_path):
    looked_at(tmp_path, spread(4))
    lines = "features:\n" + "".join(
        f"  - {{source: responses, aggregate: own, expression: 'own.py:{name}'}}\n"
        for name in ("good", "bad")
    )
    (tmp_path / "own.py").write_text(
        "def good(facts):\n    return facts.score.sum()\n\n\ndef bad(facts):\n    return facts.scor\n"
    )
    (tmp_path / "project.yaml").write_text(PROJECT + lines)
    with pytest.raises(ConfigError, match="an own expression cannot be used") as caught:
        check(load_project(tmp_path / "project.yaml"), now=NOW)
    (problem,) = caught.value.problems
    assert (problem.where, problem.key) == ("own.py:bad", "responses__own_bad")
    assert "'Table' object has no attribute 'scor'" in problem.what


def test_files_of_own_expressions_that_cannot_be_run_are_all_named(tmp_path):
    looked_at(tmp_path, spread(4))
    lines = "features:\n"
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("def f(facts): ...\n1 / 0\n")
        lines += (
            f"  - {{source: responses, aggregate: own, expression: '{name}.py:f', label: {name}}}\n"
        )
    (tmp_path / "project.yaml").write_text(PROJECT + lines.replace("two.py:f'", "two.py:g'"))
    (tmp_path / "two.py").write_text("def g(facts): ...\n1 / 0\n")
    with pytest.raises(ConfigError, match="an own expression cannot be used") as caught:
        check(load_project(tmp_path / "project.yaml"), now=NOW)
    assert [problem.where for problem in caught.value.problems] == ["one.py:f", "two.py:g"]
    assert all("failed: ZeroDivisionError" in problem.what for problem in caught.value.problems)


def test_tables_that_share_no_account_and_equal_rows_are_warnings(tmp_path):
    for name, key in (("calls", "c"), ("bills", "cus_"), ("gone", "c")):
        rows = "".join(f"{key}{n},2024-0{1 + n % 9}-01\n" for n in range(12))
        (tmp_path / f"{name}.csv").write_text(f"id,at\n{rows}{rows}")
    (tmp_path / "project.yaml").write_text(
        "project: test\ntimezone: UTC\nstate: state\ntables:\n  activity:\n"
        "    calls: {path: calls.csv, account: id, time: at}\n"
        "    bills: {path: bills.csv, account: id, time: at}\n"
        "  churn: {path: gone.csv, account: id, time: at}\n"
        "targets: {churn: {event: churn_table, gap_days: 0, horizon_days: 30}}\n"
    )
    said = warned(check(load_project(tmp_path / "project.yaml"), now=NOW))
    assert "tables.activity.bills: none of its 12 accounts occurs in another table" in said
    assert "map the column with the key that the other tables use" in said
    assert "tables.activity.calls: none" not in said
    assert "tables.churn: none" not in said
    activity, churn = said.split("tables.churn: identical to another row")
    assert "duplicates: keep" in activity
    assert "duplicates: keep" not in churn


@pytest.mark.parametrize(("last", "stale"), [(100, False), (93, False), (60, True)])
def test_a_table_that_ends_long_before_the_others_is_a_warning(tmp_path, last, stale):
    for name, days in (("calls", range(101)), ("logins", range(last + 1))):
        rows = "".join(f"c{n % 12},{START + timedelta(days=n):%Y-%m-%d}\n" for n in days)
        (tmp_path / f"{name}.csv").write_text(f"id,at\n{rows}")
    (tmp_path / "project.yaml").write_text(
        "project: test\ntimezone: UTC\nstate: state\ntables:\n  activity:\n"
        "    calls: {path: calls.csv, account: id, time: at}\n"
        "    logins: {path: logins.csv, account: id, time: at}\n"
        "targets: {churn: {event: no_activity, activity: calls, gap_days: 0, horizon_days: 30}}\n"
    )
    said = warned(check(load_project(tmp_path / "project.yaml"), now=NOW))
    assert ("tables.activity.logins: its newest row was known 40 days before" in said) == stale
    assert "tables.activity.calls: its newest" not in said


def test_keys_that_differ_in_case_only_are_a_warning(tmp_path):
    accounts = "  accounts: {path: accounts.csv, key: id, created_at: since}\n"
    mixed = [(a.upper() if n % 4 else a, at, s) for n, (a, at, s) in enumerate(spread(40))]
    mixed = [(f"{a} Ltd", at, s) for a, at, s in mixed]
    report = looked_at(tmp_path, mixed, project=PROJECT.replace(accounts, ""))
    assert "6 accounts would be 3 if case were ignored" in warned(report)
    assert "say `account_case: lower` under `tables`" in warned(report)
    text = PROJECT.replace(accounts, "  account_case: lower\n")
    assert looked_at(tmp_path, mixed, project=text).accounts == 3
    assert "case" not in warned(looked_at(tmp_path, mixed, project=text))


@pytest.mark.parametrize(("begins", "late"), [(0, False), (110, False), (200, True)])
def test_a_table_that_begins_long_after_the_first_training_day_is_a_warning(tmp_path, begins, late):
    for name, days in (("calls", range(301)), ("logins", range(begins, 301))):
        rows = "".join(f"c{n % 12},{START + timedelta(days=n):%Y-%m-%d}\n" for n in days)
        (tmp_path / f"{name}.csv").write_text(f"id,at\n{rows}")
    text = (
        "project: test\ntimezone: UTC\nstate: state\ntables:\n  activity:\n"
        "    calls: {path: calls.csv, account: id, time: at}\n"
        "    logins: {path: logins.csv, account: id, time: at}\n"
        "targets: {churn: {event: no_activity, activity: calls, gap_days: 0, horizon_days: 30}}\n"
    )
    (tmp_path / "project.yaml").write_text(text)
    said = warned(check(load_project(tmp_path / "project.yaml"), now=NOW))
    told = "tables.activity.logins: its oldest row was known 110 days after the first training day"
    assert (told in said) == late
    assert "tables.activity.calls: its oldest" not in said
    if late:
        assert "say `first_as_of: 2024-07-19`" in said
        (tmp_path / "project.yaml").write_text(text + "training: {first_as_of: 2024-07-19}\n")
        said = warned(check(load_project(tmp_path / "project.yaml"), now=NOW))
        assert "its oldest row" not in said


def test_days_before_the_first_answer_count_for_no_table(tmp_path):
    """A deal of years ago moves the first training day, and no answer can be learned from there."""
    rows = "".join(f"a,{START + timedelta(days=n):%Y-%m-%d}\n" for n in range(366))
    (tmp_path / "logins.csv").write_text("id,at\n" + rows)
    (tmp_path / "deals.csv").write_text("id,at\na,2021-01-01\n" + rows)
    lines = (
        "  activity:\n    logins: {path: logins.csv, account: id, time: at}\n"
        "    deals: {path: deals.csv, account: id, time: at}\ntargets:"
    )
    project = PROJECT.replace("targets:", lines)
    assert "its oldest row" not in warned(looked_at(tmp_path, spread(40), project=project))
    far = project.replace("horizon_days: 30", "horizon_days: 180")
    assert "its oldest row" in warned(looked_at(tmp_path, spread(40), project=far))
