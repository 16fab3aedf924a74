"""`npsight erase`: nothing in the state folder tells of the account any more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import npsight
from small_company import SmallCompany
from state_of import state_of
from typer.testing import CliRunner

from npsight.cli.app import app
from npsight.jobs.erase import write_without

KEY, NAME = "zeta-77", "Zeta Quorum"
ABORTED, NOT_FOUND = 1, 7


def renamed(row: list[object]) -> list[object]:
    new = {"a000": KEY, "Firm 0": NAME}
    return [new.get(cell, cell) if isinstance(cell, str) else cell for cell in row]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> SmallCompany:
    """Trained and scored twice, the second time by other tables."""
    company = SmallCompany(tmp_path_factory.mktemp("erase") / "company")
    company.tables = {name: [renamed(r) for r in rows] for name, rows in company.tables.items()}
    company.tables["answers"].append(["r-bad", KEY, "2024-06-01", "eleven"])
    company.write()
    npsight("train", "-c", company.config).succeeded()
    npsight("backtest", "-c", company.config).succeeded()
    npsight("score", "-c", company.config).succeeded()
    company.tables["usage"].append([KEY, "2025-02-20", 99])
    company.write()
    npsight("score", "-c", company.config).succeeded()
    return company


@pytest.fixture
def company(scored: SmallCompany, tmp_path: Path) -> SmallCompany:
    """A copy whose tables have no such account any more."""
    copied = SmallCompany(tmp_path / "company")
    shutil.copytree(scored.folder, copied.folder)
    copied.tables = {
        name: [row for row in rows if KEY not in row] for name, rows in scored.tables.items()
    }
    copied.write()
    return copied


def telling(company: SmallCompany) -> set[str]:
    """The files of the state folder that have the key or the name, packed as they may be."""
    found = set()
    for file in company.state.rglob("*"):
        if not file.is_file():
            continue
        text = file.read_bytes()
        if file.suffix == ".parquet":
            text += pq.read_table(file).to_pandas().to_json(date_format="iso").encode()
        if KEY.encode() in text or NAME.encode() in text:
            found.add(file.relative_to(company.state).parts[0])
    return found


def test_the_whole_state_is_without_it(company):
    assert telling(company) == {
        "npsight.db", "backtest", "backtest_newest.parquet", "features", "forecasts", "models",
        "quarantine", "serving",
    }  # fmt: skip
    before = rows_of(company)
    out = npsight("erase", KEY, "--yes", "-c", company.config).succeeded().out
    assert telling(company) == set()
    for file, rows in rows_of(company).items():
        kept = before[file][before[file]["account"] != KEY].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), kept)
    assert "2  scores" in out
    assert "features/: removed" in out
    assert "Restart npsight serve" in out
    assert "may still lie in it" not in out


def rows_of(company: SmallCompany) -> dict[str, pd.DataFrame]:
    """What was written anew, by file."""
    found = {}
    for file in company.state.rglob("*.parquet"):
        name = str(file.relative_to(company.state))
        rows = pd.read_parquet(file)
        if "account" in rows and not name.startswith(("features", "quarantine")):
            found[name] = rows
    return found


def test_all_goes_on_without_it(company):
    npsight("erase", KEY, "--yes", "-c", company.config).succeeded()
    npsight("explain", KEY, "-c", company.config).failed(NOT_FOUND, KEY)
    npsight("explain", "a001", "-c", company.config).succeeded()
    out = npsight("score", "-c", company.config).succeeded().out
    assert "Scored 59 accounts" in out
    assert telling(company) == set()


def test_it_asks_first(company):
    before = state_of(company.state, "small")
    done = CliRunner().invoke(app, ["erase", KEY, "-c", str(company.config)], input="n\n")
    assert done.exit_code == ABORTED
    assert f"Erase all that small keeps of {KEY}? It cannot be undone" in done.output
    assert state_of(company.state, "small") == before


def test_only_a_key_will_do(company):
    before = state_of(company.state, "small")
    npsight("erase", NAME, "--yes", "-c", company.config).failed(
        NOT_FOUND, "nothing is kept", f"is it one of these: {KEY} ({NAME})?", "letter by letter"
    )
    npsight("erase", "zeta-7", "--yes", "-c", company.config).failed(NOT_FOUND)
    npsight("erase", "nobody", "--yes", "-c", company.config).failed(NOT_FOUND)
    assert state_of(company.state, "small") == before


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "rows.parquet"
    pd.DataFrame({"account": ["a", None, "b", "a"], "x": range(4)}).to_parquet(file)
    file.chmod(0o600)
    whole = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(OSError, match="No space left"):
            write_without(file, "a")
    assert file.read_bytes() == whole
    assert [f.name for f in tmp_path.iterdir()] == ["rows.parquet"]
    assert write_without(file, "a")
    assert pd.read_parquet(file)["x"].tolist() == [1, 2]
    assert file.stat().st_mode & 0o777 == 0o600
    assert not write_without(file, "a")
