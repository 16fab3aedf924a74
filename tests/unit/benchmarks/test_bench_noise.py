"""What the noise benchmark shuffles, and what it leaves as it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.noise.__main__ import arguments, kept, summary
from benchmarks.noise.shuffle import shuffled_answers, shuffled_company, shuffled_ends
from benchmarks.noise.trials import Trial
from npsight.simulate import SimulationSettings, simulate


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise") / "data"
    simulate(folder, SimulationSettings(accounts=120, days=500, seed=4))
    return folder


def read(folder, name):
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)


def quarter(texts):
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    return (times - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(days=90)


def test_answers_change_hands_within_their_period_only(data):
    before = read(data, "surveys")
    after = shuffled_answers(before, np.random.default_rng(1))
    kept_columns = [c for c in before if c not in ("score", "comment")]
    pd.testing.assert_frame_equal(before[kept_columns], after[kept_columns])
    assert (before["score"] != after["score"]).mean() > 0.05
    period = quarter(before["answered_at"])
    for number in period.dropna().unique():
        those = period == number
        pairs = [sorted(zip(f["score"][those], f["comment"][those], strict=True))
                 for f in (before, after)]  # fmt: skip
        assert pairs[0] == pairs[1]
    unanswered = period.isna()
    assert (before["score"][unanswered] == after["score"][unanswered]).all()


def test_as_many_accounts_end_at_the_same_instants_and_others_do(data):
    before = read(data, "subscriptions")
    after = shuffled_ends(before, np.random.default_rng(1))
    ends = [sorted(t["ended_at"][t["ended_at"] != ""]) for t in (before, after)]
    assert ends[0] == ends[1]
    assert len(ends[0]) > 5
    left = [set(t["account_id"][t["ended_at"] != ""]) for t in (before, after)]
    assert len(left[0] & left[1]) < 0.6 * len(left[0])
    ended = after[after["ended_at"] != ""]
    assert (ended["started_at"] < ended["cancelled_at"]).all()
    assert ended["account_id"].is_unique
    assert (ended["cancelled_at"] == ended["ended_at"]).all(), "a booked end can be foreseen"


def test_the_truth_does_not_travel_with_it(data, tmp_path):
    target = shuffled_company(data, tmp_path / "shuffled", seed=2)
    assert (data / "truth.parquet").exists()
    assert not list(target.glob("truth*"))
    assert (target / "usage.parquet").read_bytes() == (data / "usage.parquet").read_bytes()


def trial(company: str, ended: str) -> Trial:
    return Trial(company, 1, ended, (), 1.0)


def test_what_is_counted():
    noise = [trial("shuffled", "no skill")] * 19 + [trial("shuffled", "champion")]
    found = [*noise, trial("true", "champion"), trial("usage.next_mood", "leak")]
    assert kept(found)
    assert "1 of 20 gave a champion" in summary(found)[0]
    assert "1 of 1 gave a champion" in summary(found)[1]
    assert "1 of 1 stopped training" in summary(found)[2]
    assert not kept([*found, trial("shuffled", "champion")])
    assert not kept([*noise, trial("usage.next_mood", "challenger")])
    assert arguments([]).seeds == 20
