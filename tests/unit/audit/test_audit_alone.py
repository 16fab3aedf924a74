"""Features that alone tell the outcome better than an honest one does."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from npsight.audit.alone import halves, out_of_time, strengths, too_good_alone
from npsight.audit.findings import Check, Finding
from npsight.config.schema import AuditSettings, ChurnTarget
from npsight.config.specs import FeatureSpec, OutcomeWindow
from npsight.jobs.audits.run import about_silence
from npsight.models.metrics import auc

SPEC = FeatureSpec(source="usage", aggregation="last", measure="m")
NAME = SPEC.name
SETTINGS = AuditSettings()


def category() -> FeatureSpec:
    return FeatureSpec(source="accounts", aggregation="value", measure="why", dtype="category")


def judged(rows, spec=SPEC):
    return too_good_alone("churn", out_of_time(rows, 4), [spec], SETTINGS)


def test_a_column_that_is_the_outcome_leaks(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: y + rng.normal(0, 0.2, len(y))})
    check = judged(rows)
    (found,) = check.findings
    assert (check.verdict, found.level, found.name) == ("leak", "leak", NAME)
    assert found.figure > 0.99
    assert found.threshold == 0.95
    assert "`usage__last_m` alone tells the outcome (churn)" in found.what
    assert found.columns == ("usage.m",)


def test_an_honest_strong_feature_passes(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: y + rng.normal(0, 0.8, len(y))})
    check = judged(rows)
    assert (check.verdict, check.compared) == ("clean", 1)
    found = strengths(out_of_time(rows, 4), [SPEC])[NAME]
    assert 0.7 < found.at_least < found.auc < 0.92


def test_between_the_two_it_is_worth_a_look(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: y + rng.normal(0, 0.6, len(y))})
    (found,) = judged(rows).findings
    assert (found.level, found.threshold) == ("look", 0.9)
    assert 0.9 <= found.figure < 0.95


@pytest.mark.parametrize(("limit", "level"), [(0.0, "leak"), (1e-9, "look")])
def test_the_threshold_is_inclusive(examples_of, rng, limit, level):
    rows = examples_of(**{NAME: lambda y: y + rng.normal(0, 0.3, len(y))})
    splits = out_of_time(rows, 4)
    figure = strengths(splits, [SPEC])[NAME].at_least
    settings = AuditSettings(too_good_auc=figure + limit, suspicious_auc=0.6)
    assert [f.level for f in too_good_alone("churn", splits, [SPEC], settings).findings] == [level]


def test_a_falling_number_is_read_by_the_direction_it_had_before(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: -y + rng.normal(0, 0.2, len(y))})
    assert judged(rows).findings[0].level == "leak"


def test_mere_presence_gives_a_column_away(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: np.where(y == 1, rng.random(len(y)), np.nan)})
    assert judged(rows).findings[0].level == "leak"


def test_a_hump_gives_a_column_away(examples_of, rng):
    ends = lambda y: np.where(y == 1, 0.0, rng.choice([-1.0, 1.0], len(y)))  # noqa: E731
    rows = examples_of(**{NAME: lambda y: ends(y) + rng.normal(0, 0.1, len(y))})
    assert auc(rows.frame[NAME].to_numpy(), rows.share, rows.weight) == pytest.approx(0.5, abs=0.1)
    assert judged(rows).findings[0].level == "leak"


def test_a_category_is_read_by_its_past_rates(examples_of, rng):
    spec = category()
    why = lambda y: np.where(y == 1, rng.choice(["price", "rival"], len(y)), "none")  # noqa: E731
    assert judged(examples_of(**{spec.name: why}), spec).findings[0].level == "leak"
    honest = lambda y: rng.choice(["gold", "free"], len(y))  # noqa: E731
    assert judged(examples_of(**{spec.name: honest}), spec).verdict == "clean"


def test_names_of_single_accounts_tell_nothing_of_later_days(examples_of):
    spec = category()
    rows = examples_of(**{spec.name: lambda y: [f"id{i}" for i in range(len(y))]})
    assert strengths(out_of_time(rows, 4), [spec])[spec.name].auc == pytest.approx(0.5)


def test_what_leaks_on_the_newest_day_only_is_not_watered_down(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: rng.normal(0, 1, len(y))})
    newest = rows.as_of == rows.as_of.max()
    values = rows.frame[NAME].to_numpy().copy()
    values[newest] = rows.share[newest] * 3 + values[newest] * 0.1
    # The past must know the direction: half of it leans the same way.
    values[~newest] += rows.share[~newest]
    rows = rows.where(np.ones(len(rows), bool))
    rows.frame[NAME] = values
    assert judged(rows).findings[0].level == "leak"


def test_the_past_holds_only_known_outcomes_and_no_day_of_the_test(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: rng.random(len(y))})
    for split in out_of_time(rows, 9):
        day = split.test.as_of.max()
        assert (split.past.known_at < day).all()
        assert len(np.unique(split.test.as_of)) == 1


def test_too_little_is_said_and_fails_nothing(examples_of):
    check = judged(examples_of(each=8, **{NAME: lambda y: y}))
    assert (check.verdict, check.compared, check.findings) == ("not judged", 0, ())
    assert "20 events" in check.not_judged


def test_days_with_few_events_are_judged_together(examples_of, rng):
    rows = examples_of(each=20, **{NAME: lambda y: y + rng.normal(0, 0.05, len(y))})
    (split,) = out_of_time(rows, 4)
    days = np.unique(split.test.as_of)
    assert len(days) > 1
    assert days.max() == rows.as_of.max()
    assert split.test.can_be_learned(20)
    assert (split.past.known_at < days.min()).all()
    assert judged(rows).findings[0].level == "leak"


def test_days_judged_together_share_no_outcome(examples_of, rng):
    rows = examples_of(each=40, **{NAME: lambda y: y})
    (split,) = out_of_time(replace(rows, window=OutcomeWindow(0, 61)), 1)
    assert np.diff(np.unique(split.test.as_of)).min() == np.timedelta64(120, "D")


def test_a_snapshot_is_judged_by_halves(examples_of, rng):
    rows = examples_of(**{NAME: lambda y: y + rng.normal(0, 0.2, len(y))})
    both = halves(rows, seed=7)
    assert len(both) == 2
    assert len(both[0].past) + len(both[0].test) == len(rows)
    check = too_good_alone("churn", both, [SPEC], SETTINGS)
    assert check.findings[0].level == "leak"


def test_a_column_without_any_value_tells_nothing(examples_of):
    rows = examples_of(**{NAME: lambda y: np.full(len(y), np.nan)})
    assert strengths(out_of_time(rows, 4), [SPEC])[NAME].auc == 0.5
    assert judged(rows).verdict == "clean"


def test_missing_categories_are_a_group_of_their_own(examples_of, rng):
    spec = category()
    rows = examples_of(
        **{spec.name: lambda y: pd.Series(np.where(y == 1, "x", None), dtype=object)}
    )
    assert judged(rows, spec).findings[0].level == "leak"


@pytest.mark.parametrize(
    ("churn", "named"),
    [
        (ChurnTarget(event="no_activity", activity="usage"), "say after how many days"),
        (
            ChurnTarget(event="no_activity", activity="usage", active_within_days=30),
            "it may show a silence that has begun already: say a shorter "
            "`targets.churn.active_within_days`, or a longer `gap_days`",
        ),
        (ChurnTarget(event="churn_table"), ""),
        (None, ""),
    ],
)
def test_the_long_silent_are_named_where_a_loss_is_silence(churn, named):
    found = Finding("leak", "c", "f", 1.0, 0.95, "what", "remedy", ())
    left_after = ("usage", 30) if churn and churn.active_within_days else None
    project = SimpleNamespace(churn=churn, left_after=left_after)
    (finding,) = about_silence(Check("c", 1, "features", (found,)), project).findings
    assert named in finding.remedy
    assert named or finding.remedy == "remedy"
    assert finding.remedy.endswith("remedy")
