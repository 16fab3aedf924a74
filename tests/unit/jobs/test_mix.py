"""What the answers of the origins' windows say of touchpoints, and how the card tells it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from npsight.jobs.training.card import _mix_lines
from npsight.jobs.training.fit import Fitted
from npsight.jobs.training.mix import with_mix

DAYS = [pd.Timestamp("2025-01-01"), pd.Timestamp("2025-04-01"), pd.Timestamp("2025-07-01")]


def fitted(days):
    """Accounts a0 to a49 at each origin, all with a risk of 0.3."""
    names = [f"a{i}" for i in range(50)]
    origins = [
        SimpleNamespace(
            test=SimpleNamespace(frame=pd.DataFrame({"account": names, "as_of": day, "x": 1.0})),
            predicted={"chosen": np.full(50, 0.3)},
        )
        for day in days
    ]
    return Fitted(None, {"detractor": SimpleNamespace(origins=tuple(origins))}, ())


def answers(days):
    """Each account answers at both touchpoints on each day; those after a call are worse."""
    rows = [
        {
            "account": f"a{i}",
            "as_of": day,
            "band": "detractor" if i % 10 < (5 if place == "a|call" else 2) else "promoter",
            "touchpoint": place,
        }
        for day in days
        for i in range(50)
        for place in ("a|call", "mail")
    ]
    return pd.DataFrame(rows)


def test_only_answers_that_were_foreseen_out_of_time_count():
    found = with_mix(fitted(DAYS[1:]), answers(DAYS))
    call, mail = found.mix
    assert (call.value, call.answers, call.accounts) == ("a|call", 100, 50)
    assert 20 < call.points < 35
    assert call.low > 0 > mail.high


def test_without_origins_or_answers_there_is_nothing_to_say():
    assert with_mix(fitted([]), answers(DAYS)).mix == ()
    assert with_mix(fitted(DAYS), None).mix == ()
    churn_only = Fitted(None, {}, ())
    assert with_mix(churn_only, answers(DAYS)) is churn_only


def test_the_card_has_a_line_for_each_value():
    made = with_mix(fitted(DAYS), answers(DAYS))
    lines = list(_mix_lines(made))
    call = made.mix[0]
    assert f"| touchpoint | a\\|call | 150 | 50 | {call.points:+.1f} |" in lines[4]
    assert len(lines) == 6
