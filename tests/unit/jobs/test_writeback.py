"""What is written back: which accounts, which values, in which files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.load import load_project
from npsight.config.specs import ProjectSpec
from npsight.errors import ConfigError, DataError
from npsight.jobs.bulkfiles import parts_of, write_bulk_files
from npsight.jobs.writeback import Plan, Record, plan_writeback, text_of
from npsight.store import ScoreRow, ScoreRun, mark_written, open_store, store_file
from npsight.tables.crmids import paired

DAY = datetime(2026, 6, 1, tzinfo=UTC)
RUN = ScoreRun("r1", "tiny", DAY, DAY, 3, "digest")
PROJECT = """\
project: tiny
state: state
tables:
  accounts: {{path: accounts.csv, key: account}}
  responses: {{path: responses.csv, account: account, time: at, score: score}}
targets: {{detractor: {{}}, nps: {{}}}}
{writeback}
"""
DRIVERS = [{"label": "Support, phone", "sentence": 'Rose to "7"', "play": "Call"}]


def project(tmp_path: Path, writeback: str = "", accounts: str = "account,sf\n") -> ProjectSpec:
    (tmp_path / "accounts.csv").write_text(accounts, encoding="utf-8")
    (tmp_path / "responses.csv").write_text("account,at,score\n")
    file = tmp_path / "tiny.yaml"
    file.write_text(PROJECT.format(writeback=writeback))
    return load_project(file)


def scored(of: ProjectSpec, *rows: ScoreRow, run: ScoreRun = RUN) -> None:
    store = open_store(store_file(of.state_dir))
    store.write_run(run, rows, [])
    store.close()


def sf(number: int) -> str:
    return f"001{number:012d}AAA"


def row(account: str, **values) -> ScoreRow:
    given_values = {"detractor_risk": 0.25, "risk_level": "medium", "drivers": DRIVERS, **values}
    return ScoreRow(account, DAY, **given_values)


def test_the_key_is_the_id_unless_a_column_is_named(tmp_path: Path) -> None:
    of = project(tmp_path)
    scored(of, row(sf(1)), row("not-an-id"), row(""))
    plan = plan_writeback(of, "salesforce")
    assert [r.id for r in plan.records] == [sf(1)]
    assert plan.without_id == 2
    assert dict(zip(plan.fields, plan.records[0].values, strict=True)) == {
        "NPS_Detractor_Risk__c": "0.25", "NPS_Predicted__c": None, "NPS_Churn_Risk__c": None,
        "NPS_Risk_Level__c": "medium", "NPS_Top_Driver__c": "Support, phone",
        "NPS_Scored_As_Of__c": "2026-06-01T00:00:00.000Z",
    }  # fmt: skip


def test_ids_of_a_column_are_one_to_one(tmp_path: Path) -> None:
    lines = [
        f"a,{sf(1)}", f"a,{sf(1)}", "b,", f"c,{sf(3)}", f"c,{sf(4)}", f"d,{sf(5)}", f"e,{sf(5)}",
        "f,short", f"x,{sf(9)}",
    ]  # fmt: skip
    of = project(
        tmp_path, "writeback: {salesforce: {id_column: sf}}", "account,sf\n" + "\n".join(lines)
    )
    scored(of, *(row(a) for a in "abcdef"))
    plan = plan_writeback(of, "salesforce")
    assert [(r.account, r.id) for r in plan.records] == [("a", sf(1))]
    assert (plan.without_id, plan.several, plan.shared) == (2, 1, 2)


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    of = project(tmp_path, "writeback: {hubspot: {id_column: hs}}")
    scored(of, row("a"))
    with pytest.raises(DataError, match="there is no column `hs`"):
        plan_writeback(of, "hubspot")


def test_only_what_changed_is_planned(tmp_path: Path) -> None:
    of = project(tmp_path)
    scored(of, row("1"), row("2"))
    first = plan_writeback(of, "hubspot")
    store = open_store(store_file(of.state_dir))
    mark_written(store, "tiny", "hubspot", {r.account: r.digest for r in first.records})
    store.close()
    later = replace(RUN, id="r2", as_of=datetime(2026, 7, 1, tzinfo=UTC), model_version=4)
    numbers = (("1", 0.250001), ("2", 0.26))
    rows = [replace(row(a, detractor_risk=risk), as_of=later.as_of) for a, risk in numbers]
    scored(of, *rows, run=later)
    plan = plan_writeback(of, "hubspot")
    assert ([r.account for r in plan.records], plan.unchanged) == (["2"], 1)
    assert len(plan_writeback(of, "hubspot", everything=True).records) == 2
    assert len(plan_writeback(of, "salesforce").records) == 0


def test_another_field_is_a_change(tmp_path: Path) -> None:
    of = project(tmp_path)
    scored(of, row("1"))
    digests = {r.digest for r in plan_writeback(of, "hubspot").records}
    of = project(tmp_path, "writeback: {hubspot: {fields: {detractor_risk: risk}}}")
    assert {r.digest for r in plan_writeback(of, "hubspot").records}.isdisjoint(digests)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None), (float("nan"), None), ("", None), ("  ", None), ("\0", None), (True, "true"),
        (False, "false"), (3, "3"), (0.0, "0"), (-0.0, "0"), (-0.00001, "0"), (1e-9, "0"),
        (0.12344, "0.1234"), (100.0, "100"), (1e22, "10000000000000000000000"), (-12.5, "-12.5"),
        (DAY, "2026-06-01T00:00:00.000Z"), (" a\r\nb\rc ", "a\nb\nc"),
    ],
)  # fmt: skip
def test_values_are_plain_text(value, text) -> None:
    assert text_of(value, 4) == text


cells = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))


@given(st.lists(st.tuples(st.integers(1, 10**9), cells, cells), max_size=30), st.integers(150, 900))
def test_files_are_read_back_as_they_were(rows, size: int) -> None:
    rows = [(i, *(None if v is None else v[:20].replace("\r", "") or None for v in row[1:]))
            for i, row in enumerate(rows)]  # fmt: skip
    records = [Record(f"a{i}", sf(i), (a, b), "") for i, a, b in rows]
    parts = list(parts_of(records, "Id", ("A__c", "B__c"), size))
    found = []
    for content, held in parts:
        assert len(content) <= size
        assert not content.startswith(b"\xef\xbb\xbf")
        text = content.decode("utf-8")
        assert text.endswith("\n")
        header, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        assert header == ["Id", "A__c", "B__c"]
        assert [line[0] for line in lines] == [r.id for r in held]
        found += lines
    assert found == [[r.id, *("#N/A" if v is None else v for v in r.values)] for r in records]


def test_a_part_ends_where_the_next_line_would_not_fit() -> None:
    records = [Record(str(i), str(i), ("x",), "") for i in range(10)]
    header, line = len(b"Id,A\n"), len(b"0,x\n")
    parts = list(parts_of(records, "Id", ("A",), header + 3 * line))
    assert [len(held) for _, held in parts] == [3, 3, 3, 1]
    assert [len(held) for _, held in parts_of(records, "Id", ("A",), header + 4 * line - 1)] == [
        3, 3, 3, 1,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="larger than a part"):
        list(parts_of(records, "Id", ("A",), header + line - 1))
    assert list(parts_of([], "Id", ("A",))) == []


def test_files_and_their_manifest(tmp_path: Path) -> None:
    records = tuple(Record(f"a{i}", sf(i), ("0.5",), "") for i in range(5))
    plan = Plan(RUN, "salesforce", "Account", ("Risk__c",), records, unchanged=2, without_id=1)
    parts = write_bulk_files(plan, "Id", tmp_path / "out", max_bytes=70)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["job"] == {
        "object": "Account", "operation": "update", "contentType": "CSV", "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }  # fmt: skip
    assert (manifest["as_of"], manifest["model_version"]) == ("2026-06-01T00:00:00Z", 3)
    assert (manifest["rows"], manifest["skipped"]["unchanged"]) == (5, 2)
    assert [p["rows"] for p in manifest["parts"]] == [2, 2, 1]
    for part in manifest["parts"]:
        content = (tmp_path / "out" / part["file"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            part["bytes"],
            part["sha256"],
        )
    assert len(parts) == 3
    with pytest.raises(ConfigError, match="is not an empty folder"):
        write_bulk_files(plan, "Id", tmp_path / "out")


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ("{salesforce: {objct: Account}}", "unknown key `objct`"),
        ("{salesforce: {object: My Object}}", "not of the form"),
        ("{salesforce: {fields: {detractor_risk: Risk-c}}}", "not of the form"),
        ("{salesforce: {fields: {detractor_risk: a__b__d__c}}}", "not of the form"),
        ("{salesforce: {fields: {nonsense: Risk__c}}}", "must be one of"),
        ("{salesforce: {fields: {}}}", "at least 1 item"),
        ("{salesforce: {fields: {detractor_risk: X__c, churn_risk: x__c}}}", "written twice"),
        ("{salesforce: {fields: {detractor_risk: Id}}}", "written twice"),
        ("{hubspot: {fields: {detractor_risk: NPS_Risk}}}", "not of the form"),
        ("{hubspot: {api_version: v3}}", "not of the form"),
        ("{zoho: {}}", "unknown key `zoho`"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, section: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        project(tmp_path, f"writeback: {section}")


def test_names_that_salesforce_has_are_taken(tmp_path: Path) -> None:
    fields = "{detractor_risk: Risk__c, churn_risk: pkg__Churn_Risk__c, risk_level: Rating}"
    of = project(tmp_path, f"writeback: {{salesforce: {{object: pkg__Firm__c, fields: {fields}}}}}")
    assert of.writeback.salesforce.object == "pkg__Firm__c"


def test_pairs() -> None:
    found = paired([("a", "1"), ("b", "2"), ("b", "2"), ("c", "3"), ("c", "4"), ("d", "1")])
    assert (dict(found.ids), found.several, found.shared) == ({"b": "2"}, 1, 2)
