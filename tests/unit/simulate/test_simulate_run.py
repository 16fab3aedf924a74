"""Determinism, chunks, dirt and the directory that appears whole or not at all."""

import hashlib
import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from npsight.cli.app import app
from npsight.simulate import DirectoryRefusedError, SimulationSettings, simulate
from npsight.simulate.dirt import OFF_SCALE, UNPARSEABLE
from npsight.simulate.tables import TABLES
from npsight.simulate.writer import MARKER

SMALL = {"accounts": 60, "days": 200, "chunk_accounts": 25}


def digests(directory: Path) -> dict[str, str]:
    """Return a digest per file."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.iterdir())
    }


def test_same_settings_same_bytes(make) -> None:
    first, second = make(**SMALL), make(**SMALL)
    assert digests(first.summary.directory) == digests(second.summary.directory)


def test_another_seed_changes_every_table(make) -> None:
    first, other = make(**SMALL), make(**SMALL, seed=8)
    before, after = digests(first.summary.directory), digests(other.summary.directory)
    assert not [name for name in before if before[name] == after[name]]


def test_whole_weeks_later_the_company_is_the_same(make) -> None:
    """A demo whose data end now shows the figures of one that ended in another year."""
    weeks = timedelta(weeks=21)
    first = make(**SMALL, dirt=False)
    later = make(**SMALL, dirt=False, start=first.settings.start + weeks)
    for name in TABLES:
        before, after = first.read(name), later.read(name)
        for column in before.select_dtypes("datetimetz"):
            before[column] += weeks
        pd.testing.assert_frame_equal(before, after)


def test_every_table_is_written_and_counted(dirty) -> None:
    assert set(dirty.summary.rows) == set(TABLES)
    for name, path in dirty.summary.paths.items():
        table = pq.read_table(path).to_pandas() if path.suffix == ".parquet" else pd.read_csv(path)
        assert list(table.columns) == list(TABLES[name].columns)
        assert len(table) == dirty.summary.rows[name]


def test_no_truth_unless_asked_and_nothing_else_changes(make) -> None:
    without, with_truth = make(**SMALL, truth=False), make(**SMALL)
    left, right = digests(without.summary.directory), digests(with_truth.summary.directory)
    assert set(right) - set(left) == {"truth.parquet", "truth_answers.parquet"}
    assert all(left[name] == right[name] for name in left if name != MARKER)


def test_chunks_bound_the_memory_and_cover_all_accounts(clean) -> None:
    usage = pq.ParquetFile(clean.summary.paths["usage"])
    assert usage.num_row_groups == clean.settings.chunks == 2
    ids = clean.read("subscriptions")["account_id"]
    assert ids.tolist() == [f"A{number:06d}" for number in range(1, 201)]
    assert set(clean.read("accounts")["account_id"]) == set(ids)


def test_full_chunks_do_not_depend_on_later_ones(make) -> None:
    one = make(accounts=25, days=200, chunk_accounts=25, dirt=False)
    many = make(accounts=60, days=200, chunk_accounts=25, dirt=False)
    part = many.read("usage").head(len(one.read("usage")))
    pd.testing.assert_frame_equal(one.read("usage"), part)


def test_ids_are_unique_and_refer_to_accounts(clean) -> None:
    ids = set(clean.read("subscriptions")["account_id"])
    for name, key in (
        ("contacts", "contact_id"),
        ("tickets", "ticket_id"),
        ("invoices", "invoice_id"),
        ("touches", "touch_id"),
        ("surveys", "survey_id"),
    ):
        table = clean.read(name)
        assert table[key].is_unique, name
        assert set(table["account_id"]) <= ids, name
    assert set(clean.read("surveys")["contact_id"]) <= set(clean.read("contacts")["contact_id"])


def test_instants_in_parquet_are_utc_microseconds(clean) -> None:
    schema = pq.read_schema(clean.summary.paths["usage"])
    assert str(schema.field("day").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("known_at").type) == "timestamp[us, tz=UTC]"


def test_comments_follow_the_score(clean) -> None:
    answers = clean.read("surveys").dropna(subset=["score"])
    share = answers["comment"].notna().groupby(answers["score"] <= 6).mean()
    assert share[True] > share[False]
    comments = answers["comment"].dropna()
    assert comments.nunique() > 0.6 * len(comments)
    assert not comments.str.contains("{}", regex=False).any()


def test_progress_counts_accounts(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    settings = SimulationSettings(**SMALL)
    simulate(tmp_path / "demo", settings, lambda done, total: seen.append((done, total)))
    assert seen == [(25, 60), (50, 60), (60, 60)]


def test_dirt_is_there_in_the_promised_amounts(dirty) -> None:
    surveys = pd.read_csv(dirty.summary.paths["surveys"])
    off_scale = surveys["score"].notna() & ~surveys["score"].between(0, 10)
    assert 2 <= off_scale.sum() <= 0.01 * surveys["score"].notna().sum()
    assert set(surveys.loc[off_scale, "score"]) <= set(OFF_SCALE)
    assert 2 <= surveys.duplicated().sum() <= 0.005 * len(surveys) + 2
    assert surveys["survey_id"].duplicated().sum() == surveys.duplicated().sum()
    unknown = surveys["account_id"].str.startswith("X")
    assert 2 <= unknown.sum() <= 0.005 * len(surveys)
    tickets = pd.read_csv(dirty.summary.paths["tickets"], keep_default_na=False)
    assert 2 <= tickets["opened_at"].isin(UNPARSEABLE).sum() <= 0.005 * len(tickets) + 2
    names = pd.read_csv(dirty.summary.paths["accounts"])["name"]
    assert (~names.str.fullmatch(r"[A-Za-z ]+")).any()


def test_dirt_changes_no_clean_row(clean, dirty) -> None:
    for name in ("usage", "invoices", "touches", "contacts", "subscriptions", "truth"):
        pd.testing.assert_frame_equal(clean.read(name), dirty.read(name))
    soiled = pd.read_csv(dirty.summary.paths["surveys"]).drop_duplicates()
    soiled = soiled[~soiled["account_id"].str.startswith("X")].reset_index(drop=True)
    pure = pd.read_csv(clean.summary.paths["surveys"])
    kept = soiled["score"].isna() | soiled["score"].between(0, 10)
    pd.testing.assert_frame_equal(soiled[kept], pure[kept])


def test_a_clean_company_has_no_dirt(clean) -> None:
    surveys = clean.read("surveys")
    assert surveys["score"].dropna().between(0, 10).all()
    assert not surveys.duplicated().any()
    assert clean.read("accounts")["name"].str.fullmatch(r"[A-Za-z ]+").all()


@pytest.mark.parametrize("failure", [RuntimeError("disk full"), KeyboardInterrupt("stop")])
def test_failure_midway_leaves_the_old_data_untouched(
    tmp_path: Path, failure: BaseException
) -> None:
    target = tmp_path / "demo"
    simulate(target, SimulationSettings(**SMALL))
    before = digests(target)

    def fail(done: int, total: int) -> None:
        raise failure

    with pytest.raises(type(failure), match=str(failure)):
        simulate(target, SimulationSettings(**SMALL, seed=9), fail)
    assert digests(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_failure_of_the_swap_puts_the_old_data_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "demo"
    simulate(target, SimulationSettings(**SMALL))
    before, rename = digests(target), Path.rename

    def refuse(self: Path, to: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError("no rename today")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no rename today"):
        simulate(target, SimulationSettings(**SMALL, seed=9))
    assert digests(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_replaces_its_own_and_keeps_what_others_put_there(tmp_path: Path) -> None:
    target = tmp_path / "demo"
    simulate(target, SimulationSettings(**SMALL))
    (target / "npsight.yaml").write_text("mine")
    (target / "notes").mkdir()
    simulate(target, SimulationSettings(**SMALL, seed=9, truth=False))
    assert json.loads((target / MARKER).read_text())["settings"]["seed"] == 9
    assert (target / "npsight.yaml").read_text() == "mine"
    assert (target / "notes").is_dir()
    assert not (target / "truth.parquet").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_refuses_a_directory_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "precious.csv").write_text("a,b")
    with pytest.raises(DirectoryRefusedError, match=f"holds no {MARKER}"):
        simulate(tmp_path, SimulationSettings(**SMALL))
    assert digests(tmp_path).keys() == {"precious.csv"}


def test_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(FileExistsError, match="choose another directory"):
        simulate(tmp_path / "demo", SimulationSettings(**SMALL))


def test_fills_an_empty_directory(tmp_path: Path) -> None:
    simulate(tmp_path, SimulationSettings(**SMALL))
    assert (tmp_path / MARKER).is_file()


def test_a_tiny_company_works(make) -> None:
    company = make(accounts=1, days=30, chunk_accounts=1)
    assert company.summary.rows["subscriptions"] == 1


def test_numbers_add_up_to_integers_where_promised(clean) -> None:
    usage = clean.read("usage")
    for column in ("active_users", "logins", "reports", "api_calls", "integrations", "errors"):
        assert np.issubdtype(usage[column].dtype, np.integer), column
        assert (usage[column] >= 0).all(), column
    assert (usage["active_users"] == 0).any()


def test_import_loads_no_pyarrow() -> None:
    code = "import npsight.simulate, sys; assert 'pyarrow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("until", [None, "2024-02-29"])
def test_the_command_ends_the_data_on_a_day_or_lately(tmp_path: Path, until: str | None) -> None:
    told = [] if until is None else ["--until", until]
    to = ["--to", str(tmp_path / "data"), "--accounts", "10", "--days", "30"]
    outcome = CliRunner().invoke(app, ["simulate", *to, *told])
    assert outcome.exit_code == 0, outcome.output
    marker = json.loads((tmp_path / "data" / MARKER).read_text())
    end = date.fromisoformat(marker["settings"]["start"]) + timedelta(days=30)
    today = datetime.now(UTC).date()
    assert str(end) == until if until else 0 <= (today - end).days <= 7
    assert f"up to {end}" in outcome.output.replace("\n", "")
