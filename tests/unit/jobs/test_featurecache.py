"""What was built is not built again, and never used where it could be wrong."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import threading
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from handmade import AS_OF, DAY, OWN, SEGMENT, World, answer, fact, facts_of, world_of

from npsight.config.schema.settings import Engine
from npsight.config.specs import FeatureSpec
from npsight.features import panesums
from npsight.jobs.building import addingup, featurecache, fetched, frames
from npsight.jobs.building.featurecache import FeatureCache, definitions_digest
from npsight.jobs.building.frames import FeatureBuilder
from npsight.tables.digest import visible_digests
from npsight.temporal import windows

SUM = FeatureSpec(source="usage", aggregation="sum", measure="logins", window_days=30)
SPECS = (
    SUM,
    FeatureSpec(source="accounts", aggregation="value", measure="plan", dtype="category"),
    FeatureSpec(source="accounts", aggregation="value", measure="owner_", dtype="category"),
    FeatureSpec(source="usage", aggregation="mean", measure="errors"),
)
DAYS = [AS_OF - 10 * DAY, AS_OF]


def world(**rest) -> World:
    versions = [fact(AS_OF - 99 * DAY, plan="gold"), fact(AS_OF - 5 * DAY, plan=None)]
    return world_of(
        ("a", "b"),
        versions=versions,
        usage=[fact(AS_OF - 12 * DAY, logins=2), *rest.pop("usage", [])],
        responses=[answer(AS_OF - 40 * DAY, 3, account="b")],
        **rest,
    )


def project_in(folder: Path, specs=SPECS):
    tables = SimpleNamespace(responses=["one"])
    return SimpleNamespace(
        features=specs,
        segment=SEGMENT,
        tables=tables,
        state_dir=folder,
        respondents=True,
        touchpoints=(),
        left_after=None,
        engine=Engine(),
    )


def builder_of(engine, made: World, folder: Path, specs=SPECS) -> FeatureBuilder:
    facts, project = facts_of(engine, made), project_in(folder, specs)
    cache = FeatureCache.of(project, partial(visible_digests, facts))
    return FeatureBuilder(engine, facts, project, cache, OWN)


def built_days(builder: FeatureBuilder, days) -> tuple[pd.DataFrame, list[datetime]]:
    """The rows, and the days for which features were really built."""
    seen: list[datetime] = []
    build = builder.spine

    def spine(as_ofs):
        seen.extend(as_ofs)
        return build(as_ofs)

    builder.spine = spine
    return builder.features_at(days), seen


def plainly(engine, made: World, days, specs=SPECS) -> pd.DataFrame:
    builder = FeatureBuilder(engine, facts_of(engine, made), project_in(Path(), specs), own=OWN)
    return builder.features_at(days)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_day_is_built_once(engine, tmp_path):
    expected = plainly(engine, world(), DAYS)
    first, built = built_days(builder_of(engine, world(), tmp_path), DAYS)
    assert built == DAYS
    again, built = built_days(builder_of(engine, world(), tmp_path), DAYS)
    assert built == []
    same(first, expected)
    same(again, expected)


def test_what_cannot_be_kept_is_built_all_the_same_and_told(engine, tmp_path):
    (tmp_path / "features").write_text("no folder")
    said: list[str] = []
    found = builder_of(engine, world(), tmp_path).features_at(DAYS, said.append)
    same(found, plainly(engine, world(), DAYS))
    assert [text for text in said if "not kept" in text] == [
        "features are not kept for the next run: Not a directory"
    ]


def test_tomorrow_costs_tomorrow(engine, tmp_path):
    built_days(builder_of(engine, world(), tmp_path), DAYS)
    later = world(usage=[fact(AS_OF, logins=5), fact(AS_OF - DAY, AS_OF, logins=7)])
    days = [*DAYS, AS_OF + DAY]
    found, built = built_days(builder_of(engine, later, tmp_path), days)
    assert built == [AS_OF + DAY]
    same(found, plainly(engine, later, days))


def test_news_of_the_past_builds_the_days_that_see_it(engine, tmp_path):
    built_days(builder_of(engine, world(), tmp_path), DAYS)
    changed = world(usage=[fact(AS_OF - 20 * DAY, AS_OF - 10 * DAY, logins=5)])
    found, built = built_days(builder_of(engine, changed, tmp_path), DAYS)
    assert built == [AS_OF]
    same(found, plainly(engine, changed, DAYS))
    assert len(list(tmp_path.glob("features/*/*.parquet"))) == len(DAYS)


def test_another_order_of_rows_is_the_same_data(engine, tmp_path):
    built_days(builder_of(engine, world(usage=[fact(AS_OF - DAY, logins=1)]), tmp_path), DAYS)
    turned = world(usage=[fact(AS_OF - DAY, logins=1)])
    turned.sources["usage"].reverse()
    assert built_days(builder_of(engine, turned, tmp_path), DAYS)[1] == []


@pytest.mark.parametrize(
    "change",
    [
        {"window_days": 31},
        {"missing": "zero"},
        {"expression_digest": "another file"},
    ],
)
def test_another_definition_is_built_anew(engine, tmp_path, change):
    built_days(builder_of(engine, world(), tmp_path), DAYS)
    specs = (dataclasses.replace(SUM, **change), *SPECS[1:])
    found, built = built_days(builder_of(engine, world(), tmp_path, specs), DAYS)
    assert built == DAYS
    same(found, plainly(engine, world(), DAYS, specs))


def test_other_code_builds_anew(monkeypatch, tmp_path):
    before = definitions_digest(project_in(tmp_path))
    silent = project_in(tmp_path)
    silent.left_after = ("usage", 30)
    assert definitions_digest(silent) != before
    assert definitions_digest(project_in(tmp_path)) == before
    with monkeypatch.context() as patched:
        patched.setattr(featurecache, "_code_digest", lambda: "changed")
        assert definitions_digest(project_in(tmp_path)) != before
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"{name} 99")
    assert definitions_digest(project_in(tmp_path)) != before


def test_every_package_that_computes_features_is_part_of_the_code():
    for module in (addingup, fetched, frames, panesums, windows):
        assert module.__package__ in featurecache.CODE


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing"])
def test_a_damaged_file_is_built_anew(engine, tmp_path, content):
    built_days(builder_of(engine, world(), tmp_path), DAYS)
    damaged = min(tmp_path.glob("features/*/*.parquet"))
    damaged.write_bytes(content)
    found, built = built_days(builder_of(engine, world(), tmp_path), DAYS)
    assert built == DAYS[:1]
    same(found, plainly(engine, world(), DAYS))


def test_a_file_with_a_turned_bit_is_built_anew(engine, tmp_path):
    """Parquet reads most such files without a word, and gives other numbers."""
    built_days(builder_of(engine, world(), tmp_path), DAYS)
    damaged = min(tmp_path.glob("features/*/*.parquet"))
    content, begins = damaged.read_bytes(), damaged.name.rpartition("-")[0] + "-"
    cache = FeatureCache(damaged.parent, dict)
    assert cache.read(begins) is not None
    for place in range(0, len(content), len(content) // 25):
        turned = bytearray(content)
        turned[place] ^= 1
        damaged.write_bytes(turned)
        assert cache.read(begins) is None
    found, built = built_days(builder_of(engine, world(), tmp_path), DAYS)
    assert built == DAYS[:1]
    same(found, plainly(engine, world(), DAYS))


def test_two_processes_may_keep_the_same_day_at_once(tmp_path):
    """One of them ends, or is killed, while the other writes: neither sees half a file."""
    cache = FeatureCache(tmp_path, dict)
    rows = pd.DataFrame({"account": [f"a{i}" for i in range(5_000)], "x": range(5_000)})
    failed = []

    def keep():
        try:
            for _ in range(20):
                cache.write("20240301T000000000000-facts-", rows)
                found = cache.read("20240301T000000000000-facts-")
                assert found is not None
                same(found, rows)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(tmp_path.iterdir())) == 1


def test_a_day_on_which_nobody_existed_is_kept_as_empty(engine, tmp_path):
    days = [datetime(2019, 1, 1), AS_OF]
    expected = plainly(engine, world(), days)
    same(built_days(builder_of(engine, world(), tmp_path), days)[0], expected)
    again, built = built_days(builder_of(engine, world(), tmp_path), days)
    assert built == []
    same(again, expected)


def test_only_the_newest_definitions_are_kept(engine, tmp_path):
    for days in range(30, 36):
        specs = (dataclasses.replace(SUM, window_days=days),)
        built_days(builder_of(engine, world(), tmp_path, specs), DAYS)
    assert len(list(tmp_path.glob("features/*"))) == featurecache.KEPT_DEFINITIONS


def test_days_that_no_run_asks_for_are_forgotten_and_days_in_use_stay(engine, tmp_path):
    """A nightly run adds days for ever; those of a long history are read at every training."""
    built_days(builder_of(engine, world(), tmp_path), DAYS)
    unused, used = sorted(tmp_path.glob("features/*/*.parquet"))
    kept = featurecache.KEPT_UNUSED.total_seconds()
    os.utime(used, (0, time.time() - kept + 60))
    os.utime(unused, (0, time.time() - kept - 60))
    FeatureCache(used.parent, dict).forget()
    assert (used.exists(), unused.exists()) == (True, False)
    os.utime(used, (0, time.time() - kept - 60))
    built_days(builder_of(engine, world(), tmp_path), DAYS)
    assert used.exists(), "it was read, so it is in use"
    assert len(list(tmp_path.glob("features/*/*.parquet"))) == 2
