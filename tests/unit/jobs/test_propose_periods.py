"""What init proposes where the names of files or sheets alone tell the time of their rows."""

from __future__ import annotations

import pytest
import yaml
from proposals import CUSTOMERS, SURVEY, folder, proposed

from npsight.errors import DataError
from npsight.jobs.proposal.propose import propose

USAGE = "CustomerId,Logins\n" + "".join(f"{n},{n * 7}\n" for n in range(1, 5))


@pytest.mark.parametrize(
    ("periods", "path"),
    [
        (["2025-01", "2025-02", "2025-03"], "usage_{period}.csv"),
        (["Jan 2025", "Feb 2025", "März 2025"], "usage_{period}.csv"),
        (["janvier_2025", "février_2025"], "usage_{period}.csv"),
        (["2025-W07", "2025-W08"], "usage_{period}.csv"),
        (["Q1 2025", "Q2 2025"], "usage_{period}.csv"),
        (["2025.01", "2025.02"], "usage_{period}.csv"),
        (["v2_2025-01-31", "v2_2025-02-28"], "usage_v*{period}.csv"),
        (["2025-01-01_2025-01-31", "2025-02-01_2025-02-28"], "usage_*{period}.csv"),
    ],
)
def test_files_without_dates_are_dated_by_their_names(tmp_path, periods, path):
    place = folder(tmp_path, customers=CUSTOMERS, survey=SURVEY)
    for period in periods:
        (place / f"usage_{period}.csv").write_text(USAGE)
    found = proposed(place)
    (activity,) = found["tables"]["activity"].values()
    assert activity["path"] == f"tables/{path}"
    assert (activity["time"], activity["delay_hours"]) == ("period_over", 0)
    assert found["timezone"] == "UTC"
    assert activity["measures"] == {"logins": "Logins"}


def test_files_with_dates_of_their_own_keep_them(tmp_path):
    place = folder(tmp_path, customers=CUSTOMERS, survey=SURVEY)
    for month in ("Jan", "Feb"):
        (place / f"usage_{month} 2025.csv").write_text(
            "CustomerId,Day,Logins\n1,2025-01-02,5\n2,2025-02-03,7\n"
        )
    (activity,) = proposed(place)["tables"]["activity"].values()
    assert (activity["path"], activity["time"]) == ("tables/usage_*.csv", "Day")


def test_lists_of_accounts_by_month_are_versions(tmp_path):
    place = folder(tmp_path, survey=SURVEY)
    listed = CUSTOMERS.replace(",Signup Date", "").replace(",2023-0", ",0")
    listed = "\n".join(",".join(line.split(",")[:5]) for line in listed.splitlines())
    for month in ("2022-12", "2023-01"):
        (place / f"customers_{month}.csv").write_text(listed)
    accounts = proposed(place)["tables"]["accounts"]
    assert accounts["path"] == "tables/customers_{period}.csv"
    assert accounts["valid_from"] == "period_over"
    assert "arr" in accounts["attributes"]


def test_the_first_period_is_shown_to_be_verified(tmp_path):
    place = folder(tmp_path, customers=CUSTOMERS, survey=SURVEY)
    for period in ("Feb 14", "Feb 15"):
        (place / f"usage_{period}.csv").write_text(USAGE)
    text = propose(place, tmp_path)
    assert "the first one is 2014-02-01 to 2014-02-28" in text
    assert yaml.safe_load(text)["tables"]["activity"]


def test_a_list_of_accounts_alone_is_nothing_to_propose_from(tmp_path):
    """A file without any target was written, and the next command failed."""
    with pytest.raises(DataError, match=r"(?s)nothing can be proposed.*customers.csv: no column"):
        propose(folder(tmp_path, customers=CUSTOMERS), tmp_path)
