"""Differences between two computations, and what an audit makes of its findings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.compare import against_oracle, agrees, differences
from npsight.audit.findings import AuditReport, Check, Finding, with_accepted
from npsight.config.specs import FeatureSpec

DAY = pd.Timestamp("2024-03-01")


def frame(**columns):
    return pd.DataFrame({"account": ["a", "b"], "as_of": [DAY, DAY], **columns})


def test_equal_frames_have_no_difference():
    one = frame(x=[1.0, np.nan], plan=["gold", None])
    assert differences("cut", one, one.iloc[::-1]) == []


@pytest.mark.parametrize("other", [[1.0, 2.0 + 1e-15], [1.0, np.nan], [2.0, 1.0]])
def test_every_bit_counts(other):
    (found,) = differences("cut", frame(x=[1.0, 2.0]), frame(x=other))
    assert (found.level, found.name, found.can_be_accepted) == ("leak", "x", False)
    assert "of 2 rows" in found.what


def test_a_row_that_only_one_has_is_a_difference():
    (found,) = differences("cut", frame(x=[1.0, 2.0]), frame(x=[1.0, 2.0]).iloc[:1])
    assert found.name == "account"


def test_texts_and_instants_are_compared_too():
    found = differences(
        "cut", frame(p=["x", "y"], t=[DAY, pd.NaT]), frame(p=["x", None], t=[DAY, DAY])
    )
    assert [f.name for f in found] == ["p", "t"]


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        (1.0, 1.0 + 1e-10, True),
        (1.0, 1.0 + 1e-8, False),
        (1e9, 1e9 + 0.1, True),
        (float("nan"), None, True),
        (None, None, True),
        (0.0, None, False),
        (float("nan"), 0.0, False),
        ("gold", "gold", True),
        ("gold", "free", False),
    ],
)
def test_agreement_with_the_oracle(found, expected, same):
    assert agrees(found, expected) is same


def test_contradictions_are_counted_by_feature():
    rows = [{"account": "a", "as_of": DAY, "x": 1.0, "y": 2.0}] * 3
    expected = [{"x": 1.0, "y": 2.0}, {"x": 9.0}, {"x": None, "y": 2.0}]
    compared, (found,) = against_oracle("loop", rows, expected)
    assert compared == 5
    assert (found.name, found.figure) == ("x", 2)
    assert "a on 2024-03-01: 1, but a plain loop over the known rows gives 9" in found.what
    assert against_oracle("loop", rows[:1], [{"y": 2.5}], {"y": 0.6})[1] == []


def finding(**rest):
    return Finding(**{"level": "leak", "check": "c", "name": "f", "figure": 1.0, "threshold": 0.5,
                      "what": "w", "remedy": "r", **rest})  # fmt: skip


def test_an_accepted_finding_is_kept_and_does_not_fail():
    reasons = {"usage.plan": "booked a year ahead"}
    one = finding(columns=("usage.plan",))
    (kept,) = with_accepted([one], reasons)
    check = Check("c", 1, "features", (kept,))
    assert (kept.accepted, kept.fails, check.verdict) == ("booked a year ahead", False, "clean")
    report = AuditReport("p", (), 1, (check,))
    assert report.passed
    assert report.figures()["audit_accepted"] == 1
    assert report.to_json()["checks"][0]["findings"][0]["accepted"] == "booked a year ahead"


def test_by_its_own_name_too_and_others_stay():
    named, other = with_accepted([finding(), finding(name="g")], {"f": "known in advance"})
    assert (named.fails, other.fails) == (False, True)


def test_a_fault_of_the_code_cannot_be_accepted():
    (found,) = with_accepted([finding(can_be_accepted=False)], {"f": "because I say so"})
    assert found.fails


@pytest.mark.parametrize(
    ("findings", "compared", "verdict"),
    [
        ((), 3, "clean"),
        ((), 0, "not judged"),
        ((finding(level="look"),), 3, "look"),
        ((finding(level="look"), finding()), 3, "leak"),
    ],
)
def test_verdicts(findings, compared, verdict):
    check = Check("c", compared, "values", findings)
    report = AuditReport("p", (), 1, (check,))
    assert check.verdict == verdict
    assert report.passed is (verdict != "leak")
    assert report.rows_compared == compared


def test_the_columns_of_a_feature():
    spec = FeatureSpec(source="usage", aggregation="ratio", measure="a", per="b",
                       where=(("kind", "web"),))  # fmt: skip
    assert spec.columns == ("usage.a", "usage.b", "usage.kind")
    assert FeatureSpec(source="usage", aggregation="count").columns == ()
