"""Which answer counts for a day, and which windows are known: every boundary."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest
from handmade import AS_OF, DAY, TICK, answer, builder_of, fact, spine_of, world_of

from npsight.config.specs import OutcomeWindow
from npsight.jobs.training.association import RECENT_DAYS, LossByBand, _known, band_of
from npsight.models.association import Association, BandLoss, Ratio

WINDOW = OutcomeWindow(gap_days=14, horizon_days=90)
YEAR = RECENT_DAYS * DAY


def frame(**columns):
    columns = {name: [value] for name, value in columns.items()}
    found = pd.DataFrame({"account": ["a"], "as_of": [AS_OF], **columns})
    for name in ("as_of", "last_answer_at", "label_known_at"):
        if name in found:
            found[name] = pd.to_datetime(found[name]).astype("datetime64[us]")
    return found


@pytest.mark.parametrize(
    ("at", "band"),
    [
        (AS_OF - TICK, "promoter"),
        (AS_OF - YEAR, "promoter"),
        (AS_OF - YEAR - TICK, "silent"),
        (None, "silent"),
    ],
    ids=["1us-before", "a-year-before", "1us-older", "never"],
)
def test_an_answer_counts_for_a_year(at, band):
    given = "promoter" if at else None
    assert list(band_of(frame(last_band=given, last_answer_at=at))) == [band]


@pytest.mark.parametrize(
    ("as_of", "label_known_at", "known"),
    [
        (AS_OF + 104 * DAY, None, True),
        (AS_OF + 104 * DAY - TICK, None, False),
        (AS_OF + 104 * DAY, AS_OF + 104 * DAY - TICK, True),
        (AS_OF + 104 * DAY, AS_OF + 104 * DAY, False),
    ],
    ids=["window-ended", "1us-early", "loss-known-before", "loss-known-at"],
)
def test_only_windows_that_had_ended_and_losses_known_before(as_of, label_known_at, known):
    assert list(_known(frame(label_known_at=label_known_at), WINDOW, as_of)) == [known]


def test_an_account_stands_as_it_did_on_the_day(engine):
    versions = [
        fact(AS_OF - 90 * DAY, until=AS_OF - 10 * DAY, plan="basic"),
        fact(AS_OF - 10 * DAY, plan="pro"),
    ]
    answers = [
        answer(AS_OF - 20 * DAY, 3),
        answer(AS_OF - 5 * DAY, 9),
        answer(AS_OF - 2 * DAY, 7, known=AS_OF + DAY),
        answer(AS_OF + 5 * DAY, 0),
    ]
    world = world_of(("a",), versions=versions, responses=answers)
    builder = builder_of(engine, world, segment="plan")
    days = [AS_OF - 15 * DAY, AS_OF]
    rows = builder.standing(spine_of(engine, [("a", day) for day in days]))
    assert list(rows["segment"]) == ["basic", "pro"]
    assert list(rows["last_band"]) == ["detractor", "promoter"]
    assert list(rows["age_days"].diff()[1:]) == [15.0]


def loss(name: str, lost: int) -> BandLoss:
    return BandLoss(name, 40, 100, lost, lost, lost / 100, 0.0, 0.2)


def told(raw, adjusted, reason="") -> LossByBand:
    bands = tuple(loss(n, k) for n, k in zip(("detractor", "passive", "promoter", "silent"),
                                             (12, 5, 4, 6), strict=True))  # fmt: skip
    found = Association(bands, raw, adjusted, 6, reason)
    return LossByBand(found, WINDOW, 9, datetime(2024, 1, 1), datetime(2024, 9, 1),
                      ("plan", "time as customer"))  # fmt: skip


def test_what_is_said_of_a_clear_association():
    shares, ratio, caveat = told(Ratio(3.0, 1.5, 6.0), Ratio(2.5, 1.2, float("inf"))).sentences
    assert shares.startswith("12.0% of detractors (40 accounts, 95 %: 0.0% to 20.0%) were lost")
    assert ratio == (
        "Detractors were lost 3.0 times (95 %: 1.5 to 6.0) as often; among accounts of like plan "
        "and time as customer 2.5 times (95 %: 1.2 to any number)."
    )
    assert "not a cause" in caveat


def test_what_is_said_when_it_cannot_be_told():
    _, ratio, _ = told(Ratio(3.0, 1.5, 6.0), Ratio(2.5, 0.9, 5.0)).sentences
    assert "that range holds 1, so whether they leave more often cannot be told" in ratio
    _, few, _ = told(None, None, "only 3 accounts were detractors").sentences
    assert few.endswith("cannot be told: only 3 accounts were detractors.")


def test_json_has_no_infinity():
    content = told(Ratio(3.0, 1.5, 6.0), Ratio(2.5, 1.2, float("inf"))).to_json()
    assert content["risk_ratio_adjusted"] == {"value": 2.5, "low_95": 1.2, "high_95": None}
    assert content["verdict"] == "more"
    assert content["window"] == {"gap_days": 14, "horizon_days": 90}
