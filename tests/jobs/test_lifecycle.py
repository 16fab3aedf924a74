"""First champion, challenger, promotion, rollback, on the small company."""

from __future__ import annotations

import csv

import pytest
from command_line import npsight
from small_company import SmallCompany
from state_of import run_statuses

from npsight.tracking import Tracking, read_cached


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, small: SmallCompany) -> SmallCompany:
    """Trained on the same data twice."""
    assert "Registered as version 1, champion" in (small.folder / "train.out").read_text()
    company = small.trained_copy(tmp_path_factory.mktemp("twice") / "company")
    second = npsight("train", "-c", company.config).succeeded()
    assert "Registered as version 2, challenger" in second.out
    assert f"npsight promote -c {company.config} --version 2" in second.out
    return company


def aliases(company: SmallCompany) -> dict[str, int | None]:
    tracking = Tracking("small", company.state)
    return {name: tracking.alias_version(name) for name in ("champion", "challenger")}


def digests(company: SmallCompany) -> list[str]:
    return [info.digest for info in Tracking("small", company.state).versions()]


def test_a_second_train_leaves_the_champion_alone(twice):
    assert aliases(twice) == {"champion": 1, "challenger": 2}
    assert read_cached(twice.state)[0] == 1
    assert run_statuses(twice.state) == ["FINISHED", "FINISHED"]


def test_same_data_same_digest_whatever_the_state_folder(twice, small):
    second, first = digests(twice)
    assert first == second == digests(small)[-1]


def test_promote_and_roll_back(twice):
    config = twice.config
    promoted = npsight("promote", "-c", config, "--force").succeeded()
    assert "Champion: version 2 (before: version 1)" in promoted.out
    assert aliases(twice) == {"champion": 2, "challenger": None}
    assert read_cached(twice.state)[0] == 2
    scored = npsight("score", "-c", config).succeeded().out
    assert "model version 2" in scored
    assert "hindsight" not in scored
    back = npsight("promote", "-c", config, "--version", "1", "--force").succeeded()
    assert "Champion: version 1 (before: version 2)" in back.out
    assert aliases(twice)["champion"] == 1
    assert read_cached(twice.state)[0] == 1
    assert "champion" in npsight("models", "-c", config).succeeded().out


def test_scoring_an_earlier_day_writes_that_day_but_is_not_the_latest(twice, tmp_path):
    out = tmp_path / "early.csv"
    early = npsight("score", "-c", twice.config, "--as-of", "2024-11-01", "-o", out).succeeded()
    told = " ".join(early.out.split())
    assert "and so from what came after 2024-11-01: these numbers are hindsight" in told
    with out.open(newline="") as file:
        assert {row["as_of"][:10] for row in csv.DictReader(file)} == {"2024-11-01"}
    assert "as of 2025-02-24" in npsight("worklist", "-c", twice.config).succeeded().out


def test_other_data_another_digest(twice, tmp_path, small):
    other = SmallCompany(tmp_path, seed=2)
    other.project["state"] = str(twice.state)
    assert "version 3" in npsight("train", "-c", other.write()).succeeded().out
    assert digests(twice)[0] != digests(small)[-1]


def test_a_bundle_is_exported_whole_and_verifies(tmp_path, twice):
    from npsight.models.bundle import verify

    champion = aliases(twice)["champion"]
    done = npsight("models", "-c", twice.config, "--export", tmp_path / "out").succeeded()
    again = npsight("models", "-c", twice.config, "--export", tmp_path / "out").succeeded()
    folder = tmp_path / "out" / f"small-v{champion}"
    assert f"Wrote {folder}" in done.out
    assert f"Wrote {folder}" in again.out
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert verify(files) == read_cached_digest(twice)
    assert "# Model card: small" in files["card.md"].decode()
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def read_cached_digest(company):
    from npsight.models.bundle import verify

    return verify(read_cached(company.state)[1])
