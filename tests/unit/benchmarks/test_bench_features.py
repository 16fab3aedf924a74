"""The benchmark's ways agree on a small world, so that what it times is the same work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import duckdb
import pandas as pd
import pytest

from benchmarks.features import contenders as c
from benchmarks.features.data import facts_sql, generate
from benchmarks.features.goals import GOALS, slower_than_best_of
from benchmarks.features.measure import (
    ROOT,
    Measured,
    _as_text,
    _as_workload,
    added_up,
    difference,
    hundredths,
)
from benchmarks.features.ours import CATALOGUE_SIZE, catalogue
from benchmarks.features.page import Section, goal_rows, markdown, paste, write
from benchmarks.features.workloads import (
    DAYS,
    START,
    column_of,
    hundredfold,
    many_cutoffs,
    sample,
    standard,
    tenfold,
)

ACCOUNTS = 40
OTHERS = (*c.SQL, c.PANDAS, *c.POLARS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bench")


def built(name: str, workload, folder) -> pd.DataFrame:
    data = generate(workload, folder)
    with c.contender(name)(data, workload) as ready:
        return hundredths(ready(), workload)


@pytest.fixture(scope="module")
def npsights(folder):
    loads = [standard(ACCOUNTS), many_cutoffs(ACCOUNTS)]
    return {load.key: (load, built(c.NPSIGHT, load, folder)) for load in loads}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("key", ["1x", "cutoffs"])
def test_every_way_builds_what_npsight_builds(name, key, npsights, folder):
    load, ours = npsights[key]
    assert len(ours) == load.spine_rows
    assert difference(ours, built(name, load, folder)) == ""


def test_npsight_builds_what_a_plain_loop_does(npsights, folder):
    load, ours = npsights["1x"]
    data = generate(load, folder)
    facts = duckdb.sql(f"SELECT * FROM read_parquet('{data.whole}')").fetchall()
    mine = [row for row in facts if row[0] == "a0000007"]
    found = ours[ours.account == "a0000007"].set_index("as_of")
    for as_of in load.as_ofs:
        for at, measure in enumerate(("logins", "minutes", "amount"), start=3):
            for days in load.windows:
                start = as_of - timedelta(days=days)
                window = [r[at] for r in mine if start <= r[1] < as_of and r[2] < as_of]
                assert found.loc[as_of, column_of(measure, days)] == sum(window)
                late = [r for r in mine if start <= r[1] < as_of <= r[2]]
                assert len(window) + len(late) == days


def test_some_facts_of_the_world_are_known_too_late(folder):
    """Else a way that forgets known_at would pass."""
    load = standard(ACCOUNTS)
    data = generate(load, folder)
    late = duckdb.sql(
        f"SELECT count(*) FROM read_parquet('{data.facts}') JOIN read_parquet('{data.spine(load)}')"
        " USING (account) WHERE occurred_at < as_of AND known_at >= as_of"
    ).fetchall()
    assert late[0][0] > ACCOUNTS


def test_facts_made_in_place_are_those_of_the_files(folder):
    load = standard(ACCOUNTS)
    data = generate(load, folder)
    stored, in_place = (
        duckdb.sql(f"{facts_sql(one, data)} ORDER BY account, occurred_at").df()
        for one in (load, replace(load, in_place=True))
    )
    assert len(stored) == ACCOUNTS * DAYS == load.rows
    pd.testing.assert_frame_equal(stored, in_place)


def test_totals_of_one_scan_are_npsights_added_up(folder):
    load = hundredfold(1)
    data = generate(load, folder)
    assert not data.facts.exists()
    with c.contender(c.NPSIGHT)(data, load) as ready:
        ours = added_up(ready(), load)
    with c.contender(c.TOTALS)(data, load) as ready:
        assert difference(ours, added_up(ready(), load)) == ""


def test_mixed_catalogue_is_of_many_kinds_and_builds(folder):
    load = standard(ACCOUNTS)
    specs = catalogue(load)
    assert len({spec.name for spec in specs}) == CATALOGUE_SIZE
    assert {"count", "mean", "last", "trend", "days_since_last"} <= {s.aggregation for s in specs}
    with c.contender(c.CATALOGUE)(generate(load, folder), load) as ready:
        assert {spec.name for spec in specs} <= set(ready().columns)


def test_workloads_grow_as_their_names_say():
    load = standard()
    assert tenfold().rows == 10 * load.rows == hundredfold().rows // 10 == 73_000_000
    assert sample().rows * 20 == load.rows
    assert many_cutoffs().cutoffs == 4 * load.cutoffs
    last = START + timedelta(days=DAYS - 1)
    assert load.as_ofs == [last - timedelta(days=30 * k) for k in range(5, -1, -1)]
    assert many_cutoffs().reach >= START
    assert _as_workload(_as_text(load)) == load


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.assign(n=[1, 2, 4]), r"n differs in 1 rows; at .*'c'.*: 4, not 3"),
        (lambda f: f.head(2), "2 rows instead of 3"),
        (lambda f: f.rename(columns={"n": "m"}), r"columns \['account', 'as_of', 'm'\] instead"),
        (lambda f: f.assign(account=["a", "c", "b"]), "account differs in 2 rows"),
    ],
)
def test_a_different_result_is_told(change, words):
    frame = pd.DataFrame(
        {"account": ["a", "b", "c"], "as_of": [datetime(2024, 1, 1)] * 3, "n": [1, 2, 3]}
    )
    assert difference(frame, frame.copy()) == ""
    assert re.search(words, difference(frame, change(frame)))


def measured(**seconds) -> dict[str, Measured]:
    return {name: Measured(s, 100, 10) for name, s in seconds.items()}


def test_a_ratio_is_the_worst_over_the_workloads():
    figure = slower_than_best_of(("quick", "slow"))
    results = {
        "1x": measured(npsight=2.0, quick=2.0, slow=9.0),
        "10x": measured(npsight=6.0, quick=9.0, slow=4.0),
    }
    assert figure(results) == 1.5
    assert figure({"1x": measured(npsight=2.0)}) is None


def test_many_dates_are_judged_by_themselves():
    goal = {goal.text: goal for goal in GOALS}
    many = goal["many dates: time against pandas"]
    slow, quick = {"npsight": 2.0, c.PANDAS: 1.0}, {"npsight": 1.0, c.PANDAS: 1.0}
    assert many.met({"1x": measured(**slow), "cutoffs": measured(**quick)})
    assert many.met({"1x": measured(**quick), "cutoffs": measured(**slow)}) is False
    assert many.met({"1x": measured(**quick)}) is None


def test_goals_are_met_missed_or_not_run():
    goal = {goal.text.split(":")[0]: goal for goal in GOALS}
    more = goal["4× the cutoffs, windows to 180 days"]
    assert more.met({"1x": measured(npsight=1.0), "cutoffs": measured(npsight=1.6)})
    assert more.met({"1x": measured(npsight=1.0), "cutoffs": measured(npsight=1.7)}) is False
    assert more.met({"1x": measured(npsight=1.0)}) is None
    rows = goal["rows a second against Featuretools on a sample, scaled up"]
    ours = {"npsight": Measured(1.0, 1, 1000)}
    assert rows.met({"1x": ours, "sample": {c.FEATURETOOLS: Measured(1.0, 1, 10)}})
    assert rows.met({"1x": ours, "sample": {c.FEATURETOOLS: Measured(1.0, 1, 11)}}) is False
    in_full = {"1x": ours | {c.FEATURETOOLS: Measured(1.0, 1, 10)}}
    assert rows.met(in_full) is None
    assert goal["rows a second against Featuretools"].met(in_full)
    huge = goal["100× the accounts"]
    assert huge.met({"100x": {"npsight": Measured(1.0, 8_000_000_001, 1)}}) is False
    assert huge.met({"100x": {"npsight": Measured(None, None, 1)}}) is None


def test_page_shows_ratios_and_what_ran_out_of_memory(tmp_path):
    load = standard(100)
    rows = load.spine_rows
    section = Section(
        load,
        {
            "npsight": Measured(2.0, 200_000_000, rows),
            "other": Measured(5.0, 100_000_000, rows, result="equal"),
            "greedy": Measured(None, None, rows),
        },
    )
    text = markdown([section], "a machine")
    assert "| other | 5.00 | 2.50 | 0.0073 | 100 | 0.50 | equal |" in text
    assert "| greedy | out of memory |" in text
    assert [row[-1] for row in goal_rows({})] == ["not run"] * len(GOALS)
    write(tmp_path, "features", [section], "a machine")
    kept = json.loads((tmp_path / "features.json").read_text())
    assert kept["workloads"][0]["measured"]["other"]["seconds"] == 5.0


def test_a_run_is_pasted_between_the_marks_of_the_page(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text((ROOT / "docs" / "benchmarks.md").read_text("utf-8"), "utf-8")
    paste(page, "one\n")
    paste(page, "two\n")
    text = page.read_text("utf-8")
    assert "<!-- measured -->\ntwo\n<!-- /measured -->\n" in text
    assert "one\n" not in text[text.index("<!-- measured -->") :]
    page.write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="has no <!-- measured -->"):
        paste(page, "three")


def test_the_page_describes_every_way():
    text = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    missing = [
        way for way in (c.NPSIGHT, *OTHERS, c.FEATURETOOLS, c.CATALOGUE) if f"| {way} |" not in text
    ]
    assert missing == []


def test_peak_memory_is_the_most_that_a_process_held():
    """And none of its parent's, which `ru_maxrss` would count."""
    script = (
        "from benchmarks.features.measure import peak_bytes\n"
        "before = peak_bytes()\n"
        "block = bytearray(200_000_000)\n"
        "block[::4096] = b'x' * len(block[::4096])\n"
        "during = peak_bytes()\n"
        "del block\n"
        "print(before, during, peak_bytes())"
    )
    mine = bytearray(400_000_000)
    mine[::4096] = b"x" * len(mine[::4096])
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    before, during, after = map(int, done.stdout.split())
    assert before < 400_000_000
    assert during - before > 190_000_000
    assert after > 0.99 * during  # the kernel counts in batches
