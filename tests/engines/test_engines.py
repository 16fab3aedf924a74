"""One expression, three engines: Spark and PostgreSQL give what DuckDB gives.

Integers, texts and instants must be the same; floats agree to 1e-9, because Java, C and DuckDB
may differ in the last bits of a power or a quotient.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
from command_line import npsight
from handmade import OWN, TICK, builder_of, fact, facts_of, rows_of, spine_of, world_of
from ibis.common.exceptions import TableNotFound
from small_company import SmallCompany, small_once
from worlds import GAP, HORIZON, SEGMENT, Drawn, draw, every_feature

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.schema import ChurnTarget
from npsight.config.specs import FeatureSpec, OutcomeWindow
from npsight.jobs.building.frames import FeatureBuilder, silent

SPECS = every_feature()
# Looked at a tick before midnight, a day apart; and with a time of day, a week apart.
FEATURES_SEED, OUTCOMES_SEED = 3, 4
TOUCHPOINTS = ("mail",)
TOLERANCE = 1e-9


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Same rows in the same order, same types; exact but for floats, which agree to 1e-9."""
    assert len(expected) > 0
    options: dict[str, Any] = {"rtol": TOLERANCE, "atol": TOLERANCE}
    pd.testing.assert_frame_equal(found, expected, check_exact=False, **options)
    exact = [c for c in expected if expected[c].dtype.kind != "f"]
    pd.testing.assert_frame_equal(found[exact], expected[exact], check_exact=True)


def builders(engine: Any, duckdb: Any, drawn: Drawn) -> tuple[FeatureBuilder, FeatureBuilder]:
    """The same facts in DuckDB, and handed over to the engine."""
    here = builder_of(duckdb, drawn.world, SPECS, SEGMENT, TOUCHPOINTS)
    facts = engine.take(here.facts, silent)
    return here, FeatureBuilder(engine.backend, facts, here.project, own=OWN)


def test_the_features_are_the_whole_catalogue():
    assert {spec.aggregation for spec in SPECS} == set(AGGREGATIONS)


def test_features_history_display_and_spine_equal_duckdb(engine, duckdb):
    drawn = draw(FEATURES_SEED)
    here, there = builders(engine, duckdb, drawn)
    expected, found = (frames_of(builder, drawn) for builder in (here, there))
    for name, frame in expected.items():
        assert_same(found[name], frame)


def frames_of(builder: FeatureBuilder, drawn: Drawn) -> dict[str, pd.DataFrame]:
    everyone = pd.DataFrame(drawn.keys, columns=["account", "as_of"])
    spine = builder.given_spine(everyone)
    alive = builder.backend.to_pyarrow(builder.spine(drawn.as_ofs).order_by(["as_of", "account"]))
    return {
        "features": builder.features(spine),
        "display": builder.display(spine),
        "spine": alive.to_pandas(),
    }


def test_outcomes_equal_duckdb(engine, duckdb):
    drawn = draw(OUTCOMES_SEED)
    here, there = builders(engine, duckdb, drawn)
    window = OutcomeWindow(GAP, HORIZON)
    everyone = pd.DataFrame(drawn.keys, columns=["account", "as_of"])
    spines = [builder.given_spine(everyone) for builder in (here, there)]
    assert_same(there.answers(spines[1], window), here.answers(spines[0], window))
    for event in ("subscription_end", "churn_table", "no_activity"):
        target = ChurnTarget(event=event, activity="usage")
        expected = here.churn(spines[0], target, window)
        assert_same(there.churn(spines[1], target, window), expected)


def test_instants_are_kept_to_the_microsecond(engine, duckdb):
    """Before 1900, after 2200, in a gap of somebody's clocks, and one tick before as_of."""
    as_of = datetime(2024, 3, 31, 2, 30)
    days = [
        datetime(1883, 1, 1, 0, 0, 0, 1),
        as_of - TICK,
        datetime(2250, 7, 1, 23, 59, 59, 999999),
    ]
    world = world_of(("a",), usage=[fact(at, logins=1) for at in days])
    facts = engine.take(facts_of(duckdb, world), silent)
    rows = engine.backend.to_pyarrow(facts.sources["usage"].order_by("occurred_at")).to_pylist()
    assert [row["occurred_at"] for row in rows] == days
    spec = FeatureSpec(source="usage", aggregation="days_since_last")
    project = replace_features(builder_of(duckdb, world), spec)
    found = FeatureBuilder(engine.backend, facts, project)
    frame = found.features(
        found.given_spine(pd.DataFrame([["a", as_of]], columns=["account", "as_of"]))
    )
    assert frame[spec.name].tolist() == [1 / 86_400_000_000]


def replace_features(builder: FeatureBuilder, *specs: FeatureSpec) -> Any:
    return type(builder.project)(features=specs, segment=None, respondents=False, touchpoints=())


TEXTS = [
    "",
    " ",
    '"',
    "a,b",
    "line\nbreak",
    "é ß 漢 🙂",
    "\\N",
    "NULL",
    "null",
    "\\",
    "\t",
    None,
    "z",
]


def test_texts_arrive_as_they_are_and_missing_stays_missing(engine, duckdb):
    usage = [fact(datetime(2024, 1, 1, 0, i), kind=text) for i, text in enumerate(TEXTS)]
    facts = engine.take(facts_of(duckdb, world_of(("a",), usage=usage)), silent)
    found = engine.backend.to_pyarrow(facts.sources["usage"].order_by("occurred_at"))
    assert found["kind"].to_pylist() == TEXTS


def test_accounts_are_ordered_byte_by_byte(engine, duckdb):
    """Not as some language orders them: the order of rows is part of what a model learns from."""
    names = ("B", "a", "Z", "ä", "_", "1", "A")
    facts = engine.take(facts_of(duckdb, world_of(names)), silent)
    found = engine.backend.to_pyarrow(facts.accounts.order_by("account"))
    assert found["account"].to_pylist() == sorted(names)


def test_comments_stay_on_this_machine(engine, duckdb):
    facts = facts_of(duckdb, world_of(("a",), usage=[fact(datetime(2024, 1, 1))]))
    told = facts.sources["usage"].mutate(comment=ibis.literal("call me"))
    moved = engine.take(replace(facts, sources={"usage": told}), silent)
    assert "comment" not in moved.sources["usage"].columns
    assert set(moved.sources["usage"].columns) == set(facts.sources["usage"].columns)


def test_what_is_kept_stays_until_it_is_dropped(engine, duckdb):
    """And is gone when it is dropped."""
    spine = spine_of(engine.backend, [("a", datetime(2024, 1, 1)), ("b", datetime(2024, 1, 1))])
    kept = engine.backend.create_table("kept_", spine.filter(spine.account == "a"), temp=True)
    assert set(rows_of(engine.backend, kept)) == {("a", datetime(2024, 1, 1))}
    assert kept.schema() == spine.schema()
    assert kept.get_name() == "kept_"
    engine.backend.drop_table("kept_", force=True)
    with pytest.raises(TableNotFound, match="kept_"):
        engine.backend.table("kept_")


@pytest.fixture(scope="module")
def scored_by_duckdb(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    small = small_once(shared)
    frame, said = scored(small.trained_copy(tmp_path_factory.mktemp("duckdb") / "small"))
    assert "built on" not in (small.folder / "train.out").read_text() + said
    return frame


def scored(company: SmallCompany) -> tuple[pd.DataFrame, str]:
    """A trained company scored by a user; the scores, and what was printed."""
    out = company.folder / "scores.parquet"
    said = npsight("score", "-c", company.config, "-o", out).succeeded().out
    return pd.read_parquet(out).drop(columns="run_id"), said


def test_a_project_trained_and_scored_elsewhere_has_the_same_scores(
    settings, tmp_path, scored_by_duckdb
):
    company = SmallCompany(tmp_path)
    company.project["engine"] = settings
    trained = npsight("train", "-c", company.write()).succeeded().out
    found, told = scored(company)
    said = trained + told
    title = {"spark": "spark local[2]", "postgres": "postgres ($NPSIGHT_TEST_PG)"}
    assert said.count(f"Features built on {title[settings['kind']]}") == 2
    numbers = [c for c in found if found[c].dtype.kind in "fiM"]
    assert {"detractor_risk", "predicted_nps"} <= set(numbers)
    assert_same(found[["account", *numbers]], scored_by_duckdb[["account", *numbers]])
