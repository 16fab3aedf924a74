"""Measures made of the days around theirs: centred averages hold the days after, trailing ones
do not, however alike they look.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.audit.future import Column, holds_future
from npsight.jobs.audits.future import DAY_US, Timeline

DAYS, ACCOUNTS = 240, 4
SPAN = DAYS * DAY_US
STRIDE = 4 * SPAN


def logins(step: int = 1, seed: int = 0) -> pd.DataFrame:
    """`account`, `day` and noisy `logins` of every `step` days, with a level of the account."""
    rng = np.random.default_rng(seed)
    days = np.arange(0, DAYS, step)
    rows = pd.DataFrame(
        {"account": np.repeat(np.arange(ACCOUNTS), len(days)), "day": np.tile(days, ACCOUNTS)}
    )
    level = rng.lognormal(3, 0.5, ACCOUNTS)
    rows["logins"] = rng.poisson(level[rows["account"]]).astype(float)
    return rows


def rolled(rows: pd.DataFrame, width: int, how: str, *, center: bool, of: str = "logins"):
    """A rolling figure of `width` rows of each account, as pandas makes it."""
    groups = rows.groupby("account")[of]
    return groups.transform(lambda x: getattr(x.rolling(width, center=center), how)())


def judged(rows: pd.DataFrame, values, level: str = "", source: str = "logins"):
    """What the check says of a column of `usage` beside its raw measure; `level` "" for nothing."""
    at = (rows["account"] * STRIDE + rows["day"] * DAY_US).to_numpy(np.int64)
    line = Timeline("usage", at, {source: rows[source].to_numpy(float)}, STRIDE, SPAN)
    column = Column("usage.made", "measure", np.asarray(values, float), tuple(line.around(at)))
    found = holds_future([column]).findings
    assert [f.level for f in found] == ([level] if level else [])
    return found[0].what if found else ""


@pytest.mark.parametrize(
    ("width", "days"), [(3, (1, 1)), (7, (3, 3)), (14, (7, 6)), (15, (7, 7)), (31, (15, 15))]
)
@pytest.mark.parametrize("how", ["mean", "sum"])
def test_a_centred_average_or_sum_holds_the_days_after(width, days, how):
    rows = logins()
    made = rolled(rows, width, how, center=True).round(2)
    what = judged(rows, made, "look" if days[1] == 1 else "leak")
    past, ahead = days
    assert f"the {how} of usage.logins in the {past} days before and the {ahead} days after" in what


@pytest.mark.parametrize("width", [2, 3, 7, 14, 15, 28, 30, 60, 90])
@pytest.mark.parametrize("how", ["mean", "sum"])
def test_a_trailing_one_does_not(width, how):
    rows = logins()
    judged(rows, rolled(rows, width, how, center=False).round(2))


def test_the_measure_itself_and_a_copy_do_not():
    rows = logins()
    judged(rows, rows["logins"])
    judged(rows, rows["logins"] + 0.001)


def test_what_grows_evenly_is_its_own_centred_average_and_is_spared():
    rows = logins()
    rows["age"] = rows["day"] * 1.0 + 5
    judged(rows, rows["age"], source="age")


def test_weekly_rows_are_taken_by_days():
    rows = logins(step=7, seed=1)
    many = pd.concat([rows.assign(account=rows["account"] + ACCOUNTS * k) for k in range(4)])
    many["logins"] = np.random.default_rng(2).poisson(30, len(many)).astype(float)
    many = many.reset_index(drop=True)
    judged(many, rolled(many, 5, "mean", center=True).round(2), "leak")
    judged(many, rolled(many, 5, "mean", center=False).round(2))


def test_an_amount_noted_a_row_later_elsewhere_is_worth_a_look_only():
    """Beside yesterday's logins, the honest sum of three days looks centred by a day."""
    rows = logins()
    rows["yesterday"] = rows.groupby("account")["logins"].shift()
    rows["three"] = rolled(rows, 3, "sum", center=False)
    judged(rows, rows["three"], "look", source="yesterday")


def test_of_noise_nothing_is_said():
    rows = logins()
    made = rolled(rows, 7, "mean", center=True)
    noise = np.random.default_rng(3).normal(0, 3, len(rows))
    judged(rows, made + noise)
