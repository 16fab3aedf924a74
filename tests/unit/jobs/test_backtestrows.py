"""What is kept of a backtest, and two backtests on the rows that both tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import OutcomeWindow
from npsight.errors import StateError
from npsight.jobs.training.backtestrows import (
    KEYS_OF_SNAPSHOT,
    ROWS_FILE,
    both_tested,
    keep_rows,
    kept_rows,
)

WINDOWS = {"detractor": OutcomeWindow(7, 60), "churn": OutcomeWindow(7, 90)}


def rows_of(part: str = "detractor", accounts: int = 40, day: str = "2025-03-01") -> pd.DataFrame:
    rng = np.random.default_rng(5)
    share = np.arange(accounts) % 2.0
    return pd.DataFrame(
        {
            "part": part,
            "origin": day,
            "account": [f"a{n:02d}" for n in range(accounts)],
            "as_of": pd.Timestamp(day),
            "share": share,
            "weight": 1.0,
            "chosen": np.clip(
                0.5 + 0.3 * (share - 0.5) + rng.normal(0, 0.05, accounts), 0.01, 0.99
            ),
            "prior": 0.5,
        }
    )


def test_rows_come_back_as_they_were(tmp_path):
    rows = rows_of()
    keep_rows(tmp_path / "v1", rows)
    pd.testing.assert_frame_equal(kept_rows(tmp_path / "v1"), rows, check_dtype=False)
    assert [file.name for file in (tmp_path / "v1").iterdir()] == [ROWS_FILE]


def test_a_version_of_before_has_none(tmp_path):
    assert kept_rows(tmp_path / "v1") is None


def test_a_damaged_file_is_named_with_the_way_out(tmp_path):
    (tmp_path / ROWS_FILE).write_bytes(b"PAR1 no more")
    with pytest.raises(StateError, match=r"backtest\.parquet cannot be read(.|\n)*→ delete it"):
        kept_rows(tmp_path)


def test_only_rows_that_both_tested_count():
    ours, theirs = rows_of(accounts=40), rows_of(accounts=30).assign(chosen=0.5)
    (found,) = both_tested(ours, theirs, WINDOWS, seed=1)
    assert (found.part, found.rows, found.judgement) == ("detractor", 30, "better")


def test_rows_whose_outcome_was_another_do_not_count():
    """A late answer changed the share of one account, another weighs otherwise."""
    ours, theirs = rows_of(), rows_of()
    theirs.loc[0, "share"] = 0.5
    theirs.loc[1, "weight"] = 0.5
    (found,) = both_tested(ours, theirs, WINDOWS, seed=1)
    assert found.rows == 38


def test_rows_of_another_day_or_part_do_not_count():
    ours = pd.concat([rows_of(), rows_of("churn")])
    theirs = pd.concat([rows_of(day="2025-04-01"), rows_of("churn")])
    (found,) = both_tested(ours, theirs, WINDOWS, seed=1)
    assert (found.part, found.days) == ("churn", ("2025-03-01",))


def test_a_target_whose_window_both_mean_otherwise_is_not_compared():
    rows = pd.concat([rows_of(), rows_of("promoter"), rows_of("churn")])
    found = both_tested(rows, rows, {"detractor": WINDOWS["detractor"]}, seed=1)
    assert sorted(v.part for v in found) == ["detractor", "promoter"]


def test_rows_of_a_snapshot_are_the_same_by_account():
    """It was read on another day, and its folds were drawn anew."""
    later = rows_of(day="2025-04-01").assign(origin="fold 3", chosen=0.5)
    (found,) = both_tested(rows_of(), later, WINDOWS, seed=1, by=KEYS_OF_SNAPSHOT)
    assert (found.rows, found.judgement) == (40, "better")


def test_nothing_shared_is_nothing_found():
    assert both_tested(rows_of(), rows_of(day="2025-04-01"), WINDOWS, seed=1) == []
