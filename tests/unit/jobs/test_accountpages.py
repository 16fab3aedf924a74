"""What a run leaves for the page of each account, from facts to the store and back."""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ibis
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "time"))

from handmade import AS_OF, DAY, answer, fact, facts_of, handmade_engine, world_of

from npsight.config.specs import DriverSpec, FeatureSpec
from npsight.features.weeks import (
    LONGEST_COMMENT,
    MOST_SERIES,
    WEEKS,
    Series,
    answers_expr,
    series_of,
)
from npsight.jobs.runs import accounts as accountpages
from npsight.jobs.runs.accounts import account_pages
from npsight.store import PostedFact, ScoreRow, ScoreRun, keep_posted, open_store
from npsight.store.accountpages import AccountPage, account_page, merged_into, posted_since

DRIVERS = (DriverSpec("use", "Product use"), DriverSpec("help", "Support"))
FEATURES = (
    FeatureSpec(
        source="usage", aggregation="trend", measure="logins", window_days=90, driver="use"
    ),
    FeatureSpec(source="usage", aggregation="mean", measure="errors", window_days=30, driver="use"),
    FeatureSpec(source="usage", aggregation="mean", measure="errors", window_days=90, driver="use"),
    FeatureSpec(source="tickets", aggregation="count", window_days=30, driver="help"),
    FeatureSpec(source="tickets", aggregation="open", driver="help", label="open tickets"),
)


def project(features=FEATURES, activity=("usage", "tickets"), respondents=False) -> Any:
    tables = SimpleNamespace(activity=dict.fromkeys(activity))
    return SimpleNamespace(
        name="tiny", features=features, drivers=DRIVERS, tables=tables, respondents=respondents
    )


@pytest.fixture(scope="module")
def engine():
    with handmade_engine() as backend:
        yield backend


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "npsight.db")
    yield opened
    opened.close()


def scored(engine, world, run: ScoreRun, spec=None, accounts=("a", "b")) -> Any:
    return SimpleNamespace(
        project=spec or project(),
        run=run,
        prepared=SimpleNamespace(facts=facts_of(engine, world)),
        scores=pd.DataFrame({"account": list(accounts)}),
    )


def run_of(identity="run-1", as_of=AS_OF) -> ScoreRun:
    return ScoreRun(identity, "tiny", as_of, as_of, 1, "digest")


def written(store, ready: Any) -> str:
    """Write a run with its pages, as `npsight score` does; returns its id."""
    rows = [ScoreRow(account, ready.run.as_of) for account in ready.scores["account"]]
    store.write_run(replace(ready.run), rows, [], beside=[account_pages(ready)])
    return ready.run.id


WORLD = world_of(
    ("a", "b", "c"),
    usage=[fact(AS_OF - DAY, logins=5, errors=1), fact(AS_OF - 8 * DAY, logins=7)],
    tickets=[fact(AS_OF - 9 * DAY, until=AS_OF - DAY), fact(AS_OF - DAY, account="c")],
    responses=[answer(AS_OF - 2 * DAY, 9, respondent="ann"), answer(AS_OF - 90 * DAY, 4)],
)


def test_what_a_run_read_is_what_a_page_gets(engine, store):
    page = account_page(store, written(store, scored(engine, WORLD, run_of())), "a")
    assert [item["kind"] for item in page.series] == ["mean", "sum", "count", "open"]
    assert [item["driver_label"] for item in page.series][1:3] == ["Product use", "Support"]
    newest = [weeks[-2:] for weeks in page.weeks]
    assert newest == [[None, 1.0], [7.0, 5.0], [1.0, 0.0], [1.0, 0.0]]
    assert [len(weeks) for weeks in page.weeks] == [WEEKS] * 4
    assert [(a["score"], a["band"]) for a in page.answers] == [
        (9.0, "promoter"),
        (4.0, "detractor"),
    ]
    assert page.answers[0]["occurred_at"] == (AS_OF - 2 * DAY).replace(tzinfo=UTC).isoformat()


def test_who_answered_is_kept_only_where_the_project_names_respondents(engine, store):
    without = account_page(store, written(store, scored(engine, WORLD, run_of())), "a")
    assert all("respondent" not in told for told in without.answers)
    spec = project(respondents=True)
    later = run_of("run-2", AS_OF + DAY)
    named = account_page(store, written(store, scored(engine, WORLD, later, spec)), "a")
    assert named.answers[0]["respondent"] == "ann"


def test_an_account_without_facts_has_a_page_without_any(engine, store):
    identity = written(store, scored(engine, WORLD, run_of()))
    page = account_page(store, identity, "b")
    assert (page.answers, page.weeks) == ([], [])
    assert page.series
    assert account_page(store, "before pages were kept", "a") == AccountPage([], [], [])


def test_only_accounts_of_the_run_have_a_page(engine, store):
    identity = written(store, scored(engine, WORLD, run_of()))
    assert account_page(store, identity, "c").weeks == []


def test_a_merged_account_tells_where_it_went(engine, store):
    """Along the chain, once the merge is known, and only to an account that is scored."""
    merges = [
        {"account": old, "into": into, "known_at": known}
        for old, into, known in (
            ("old", "between", AS_OF - DAY), ("between", "a", AS_OF - 2 * DAY),
            ("later", "a", AS_OF), ("lost", "nowhere", AS_OF - DAY),
        )
    ]  # fmt: skip
    world = world_of(("a", "b", "old", "between", "later", "lost"), merges=merges)
    spec = project(features=(), activity=())
    identity = written(store, scored(engine, world, run_of(), spec, ("a", "b", "later")))
    asked = ["a", "old", "between", "later", "lost", "unknown"]
    assert merged_into(store, identity, asked) == {"old": "a", "between": "a"}
    assert account_page(store, identity, "old") == AccountPage([], [], [])


def test_a_project_without_activity_or_answers_writes_its_run(engine, store):
    spec = project(features=(), activity=())
    identity = written(store, scored(engine, world_of(("a", "b")), run_of(), spec))
    assert account_page(store, identity, "a") == AccountPage([], [], [])


def test_pages_are_kept_for_two_runs(engine, store):
    for day in range(3):
        written(store, scored(engine, WORLD, run_of(f"run-{day}", AS_OF + day * DAY)))
    kept = [bool(account_page(store, f"run-{day}", "a").answers) for day in range(3)]
    assert kept == [False, True, True]


def test_many_accounts_come_in_batches(engine, store, monkeypatch):
    monkeypatch.setattr(accountpages, "BATCH", 7)
    names = [f"x{i}" for i in range(30)]
    rows = [fact(AS_OF - DAY, account=name, logins=i) for i, name in enumerate(names)]
    ready = scored(engine, world_of(names, usage=rows), run_of(), accounts=names)
    ready.project = project(features=FEATURES[:1], activity=("usage",))
    identity = written(store, ready)
    found = [account_page(store, identity, name).weeks[0][-1] for name in names]
    assert found == [float(i) for i in range(30)]


def test_a_long_comment_is_cut_where_it_is_read(engine):
    facts = facts_of(engine, WORLD)
    comment = "é" * (LONGEST_COMMENT + 5)
    told = facts.sources["responses"].mutate(comment=ibis.literal(comment))
    facts = replace(facts, sources={**facts.sources, "responses": told})
    rows = engine.to_pyarrow(answers_expr(facts, facts.accounts, AS_OF)).to_pylist()
    kept = rows[0]["answers"][0]
    assert (len(kept["comment"]), kept["length"]) == (LONGEST_COMMENT, LONGEST_COMMENT + 5)


def test_a_run_that_is_never_written_leaves_nothing_open(engine, recwarn):
    write = account_pages(scored(engine, WORLD, run_of()))
    del write
    gc.collect()
    assert not [w for w in recwarn if issubclass(w.category, ResourceWarning)]


def test_a_killed_write_leaves_no_page(engine, store):
    ready = scored(engine, WORLD, run_of())

    def fails(connection: Any) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        store.write_run(ready.run, [], [], beside=[account_pages(ready), fails])
    assert account_page(store, "run-1", "a") == AccountPage([], [], [])


# --- Which series -----------------------------------------------------------------------------


def spec(driver: str, measure: str, aggregation: str = "mean", **more) -> FeatureSpec:
    return FeatureSpec(
        source="usage", aggregation=aggregation, measure=measure, driver=driver, **more
    )


def test_no_driver_is_left_out_where_one_has_many():
    many = tuple(spec("use", f"m{i}") for i in range(20))
    found = series_of(project((*many, *FEATURES)))
    assert len(found) == MOST_SERIES
    assert {item.driver for item in found} == {"use", "help"}


def test_one_measure_is_one_series_however_many_features_read_it():
    several = [
        spec("use", "m", a, window_days=w) for a in ("trend", "mean", "std") for w in (7, 30)
    ]
    found = series_of(project(tuple(several)))
    assert [(item.measure, item.kind) for item in found] == [("m", "mean")]


@pytest.mark.parametrize(
    ("aggregation", "kind"),
    [("sum", "sum"), ("mean", "mean"), ("max", "mean"), ("trend", "sum"), ("distinct", None)],
)
def test_what_an_aggregation_becomes(aggregation, kind):
    found = series_of(project((spec("use", "m", aggregation),)))
    assert [item.kind for item in found] == ([kind] if kind else [])


def test_ranks_and_answers_are_no_series():
    responses = FeatureSpec(source="responses", aggregation="mean", measure="score", driver="use")
    ranked = spec("use", "m", against="segment")
    assert series_of(project((responses, ranked))) == ()


def test_a_series_without_a_label_is_called_by_what_it_reads():
    told = accountpages._described(
        Series("usage", "ratio", "api_calls", "users", (), "", "", "use"), project()
    )
    assert told["label"] == "api calls per users"
    assert json.dumps(told)


# --- What came over HTTP ----------------------------------------------------------------------

NOW = datetime(2024, 3, 2, tzinfo=UTC)


def post(store, identity: str, account: str = "a", *, score="3", known=NOW, versioned=True) -> None:
    told = PostedFact(
        "responses", identity, account, known - timedelta(hours=1), None, known,
        {"score": score}, versioned,
    )  # fmt: skip
    assert keep_posted(store, "tiny", [told], known)[0].outcome == "stored"


def test_an_answer_since_the_run_is_found(store):
    post(store, "early", known=datetime(2024, 2, 20, tzinfo=UTC))
    run = ScoreRun("run-1", "tiny", AS_OF.replace(tzinfo=UTC), AS_OF, 1, "digest")
    store.write_run(run, [ScoreRow("a", AS_OF)], [], facts_read=1)
    assert posted_since(store, run, "a") == []
    post(store, "late")
    post(store, "another's", "b")
    assert [fact.fact_id for fact in posted_since(store, run, "a")] == ["late"]


@pytest.mark.parametrize(("ahead", "found"), [(-1, []), (0, ["x"])])
def test_an_answer_read_too_early_is_found(store, ahead, found):
    """It was there when the run read, but known only from its as_of on."""
    as_of = AS_OF.replace(tzinfo=UTC)
    post(store, "x", known=as_of + timedelta(microseconds=ahead))
    run = ScoreRun("run-1", "tiny", as_of, as_of, 1, "digest")
    store.write_run(run, [ScoreRow("a", AS_OF)], [], facts_read=1)
    assert [fact.fact_id for fact in posted_since(store, run, "a")] == found


def test_of_corrections_the_newest_counts_also_where_it_moves_the_answer(store):
    run = ScoreRun("run-1", "tiny", AS_OF.replace(tzinfo=UTC), AS_OF, 1, "digest")
    store.write_run(run, [ScoreRow("a", AS_OF)], [])
    post(store, "x", score="3")
    post(store, "x", score="9", known=NOW + timedelta(hours=1))
    assert [fact.content["score"] for fact in posted_since(store, run, "a")] == ["9"]
    post(store, "x", "b", score="9", known=NOW + timedelta(hours=2))
    assert [fact.account for fact in posted_since(store, run, "a")] == ["b"]
