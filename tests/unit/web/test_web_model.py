"""The page of the model: how good, how old, what next; its figures; never the registry."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from browsed import browse
from run_documents import HOSTILE, scored, write_model

from npsight.jobs.runs.held import HELD
from npsight.service.standing import REGISTRY
from npsight.store import ScoreRun
from npsight.store.runpages import write_run_page
from npsight.web import modelwords

INERT = re.compile(r"<script(?! src=)|javascript:|\son\w+=|\sstyle=", re.IGNORECASE)
LINK = 'pages: {mlflow_url: "https://mlflow.example/x"}\n'


@pytest.fixture(scope="module")
def browsed(tmp_path_factory):
    made = browse(tmp_path_factory.mktemp("model"), more=LINK)
    write_model(made.live.state.store, scored(made.live.state.store))
    return made


def text_of(response) -> str:
    """The words of a page, with single spaces."""
    assert response.status_code == 200, response.text
    inline = re.sub(r"</?(?:span|strong|bdi|a|code)\b[^>]*>", "", response.text)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", inline)))


def test_how_good_it_is_is_told_of_ten_accounts(browsed):
    words = text_of(browsed.sign_in("viewer").get("/model"))
    assert "high risk 50 % and more 6 of ten answered as detractors" in words
    assert "63 % (50 % to 75 %, 95 %) of 65" in words
    assert "medium risk 25 % to 50 % 2 of 100 answered as detractors" in words
    assert "low risk below 25 % too few to tell (3)" in words
    assert "off by 6 points on average, a single account's by 54" in words


def test_what_it_is_based_on_and_to_be_careful_with(browsed):
    words = text_of(browsed.sign_in("viewer").get("/model"))
    assert "What it is based on" in words
    assert "Product use" in words
    assert "although a gate failed (calibration): off by 0.1." in words
    assert "1 of 4 inputs look different from training (logins)" in words
    assert "“usage” had no new rows in the last 30 days" in words
    assert "never answered are judged by" in words


def test_age_version_and_what_to_do_next(browsed):
    words = text_of(browsed.sign_in("viewer").get("/model"))
    assert "Version 7 in use" in words
    assert "1 Mar 2026 92 days before these scores" in words
    assert "1 failed 1 passed, 1 does not apply" in words
    assert "See why these tables stopped: usage." in words
    assert "Mend what a failed check names (calibration) or bring more answers" in words
    assert "on 31 days since 29 Sep 2023;" in words
    assert "Train again" not in words


def test_the_day_of_the_scores_is_the_users_as_on_the_worklist(browsed):
    for zone, day in (("UTC", "1 Jun 2026"), ("America/New_York", "31 May 2026")):
        browser = browsed.sign_in("viewer", login=f"in-{zone[:3].lower()}")
        browser.post("/settings", {"time_zone": zone, "theme": "system"})
        assert f"Scores as of {day}" in text_of(browser.get("/model"))
        assert f"Scores as of {day}" in text_of(browser.get("/worklist"))


def test_figures_are_there_for_engineers(browsed):
    response = browsed.sign_in("viewer").get("/model/figures")
    words = text_of(response)
    digest = browsed.live.state.store.latest_run("tiny").model_digest
    assert digest in words
    assert "[as_of + 14 days, as_of + 104 days)" in words
    assert "chosen 420 0.849 0.1228 0.3839 0.018 –" in words
    assert "skill passed" in words
    assert "calibration failed" in words
    assert "champion not judged" in words
    assert "company 100-299 answers 80 % 2 of 4" in words
    assert re.search(r"usage__sum_logins__30d \d\.\d{3} moved \d+ % \d+ % –", words)
    assert "tickets__open" in words
    assert "usage 10 2026-06-01 2026-06-01 0 4 stopped" in words
    assert "responses 9 – – 2 3 arriving" in words
    assert '<a href="https://mlflow.example/x" rel="noreferrer">MLflow</a>' in response.text
    assert "Calibration: detractor risk" in response.text


def test_gates_figures_and_card_are_inert(browsed):
    browser = browsed.sign_in("viewer")
    for path in ("/model", "/model/figures"):
        page = browser.get(path).text
        assert not INERT.search(page), path
        assert "{{ 7 * 7 }}" in page


def test_scores_are_shown_beside_those_of_the_run_before(tmp_path):
    pages = browse(tmp_path, count=20)
    store = pages.live.state.store
    write_model(store, scored(store))
    browser = pages.sign_in("viewer")
    assert "in the run before" not in text_of(browser.get("/model/figures"))
    first = store.latest_run("tiny")
    later = replace(first, id="run-2", as_of=first.as_of + timedelta(days=7))
    store.write_run(later, [], [])
    write_model(store, scored(store))
    words = text_of(browser.get("/model/figures"))
    assert re.search(r"Mean \d+ %, \d+ % in the run before", words)
    assert "7 " in words
    assert f"{first.model_digest[:12]} 2 1 Jun 2026 8 Jun 2026" in words


def test_another_version_is_served_than_scored(tmp_path):
    pages = browse(tmp_path, count=20)
    store = pages.live.state.store
    write_model(store, scored(store))
    pages.live.replace(replace(pages.live.state, version=8))
    browser = pages.sign_in("viewer")
    words = text_of(browser.get("/model"))
    assert "version 8 is in use for single requests" in words
    assert "Score again: version 8 is served now, these scores were made by version 7." in words
    assert "7 (version 8 is served)" in text_of(browser.get("/model/figures"))


def test_troubles_of_the_service_stand_on_both_pages(tmp_path):
    pages = browse(tmp_path, count=20)
    write_model(pages.live.state.store, scored(pages.live.state.store))
    pages.live.standing.tell(REGISTRY, "it could not be asked <b>", version=9)
    browser = pages.sign_in("viewer")
    assert "(registry): it could not be asked <b>." in text_of(browser.get("/model"))
    figures = browser.get("/model/figures")
    assert "registry: it could not be asked <b>, since" in text_of(figures)
    assert "(version 9 is offered)" in text_of(figures)
    assert "<b>" not in figures.text


def test_a_bundle_of_an_older_npsight_shows_what_it_has(tmp_path):
    pages = browse(tmp_path, count=20)
    write_model(pages.live.state.store, scored(pages.live.state.store, old=True))
    browser = pages.sign_in("viewer")
    words = text_of(browser.get("/model"))
    assert "trained by an older npsight" in words
    assert "Train again, so that its figures can be shown here." in words
    assert "What it is based on" in words
    figures = text_of(browser.get("/model/figures"))
    assert "The bundle holds no figures" in figures
    assert "This version was made before there were gates." in figures
    assert "does not say what features looked like in training" in figures
    assert HOSTILE.split("&")[0].replace("  ", " ").strip() in figures


def test_a_late_table_is_named_wherever_its_scores_are_read(tmp_path):
    pages = browse(tmp_path, count=20)
    store = pages.live.state.store
    write_model(store, scored(store))
    browser = pages.sign_in("viewer")
    run = store.latest_run("tiny")
    (account,) = {row.account for row in store.scores(run.id) if row.rank == 1}
    addresses = ("/worklist", f"/accounts/{account}", "/model", "/model/figures")
    before = [text_of(browser.get(address)) for address in addresses]
    with store.writing() as connection:
        content = {"usage": {"newest": "2026-05-20", "held_at": "2026-05-21"}}
        write_run_page(connection, run, HELD, content)
    said = (
        "usage of 20 May 2026",
        "The table usage was not loaded after 20 May 2026.",
        "“usage” was not loaded after 20 May 2026, so scores take",
        "late: as on 20 May 2026",
    )
    for address, sentence, earlier in zip(addresses, said, before, strict=True):
        assert sentence not in earlier
        assert sentence in text_of(browser.get(address)), address
    assert "Load the newest rows of usage" in text_of(browser.get("/model"))


def test_a_run_of_an_older_npsight_says_what_to_do(tmp_path):
    browser = browse(tmp_path, count=20).sign_in("viewer")
    for path in ("/model", "/model/figures"):
        assert "they were made by an older npsight" in text_of(browser.get(path))


def test_a_model_of_churn_alone_has_a_page(tmp_path):
    pages = browse(tmp_path, count=20)
    store = pages.live.state.store
    made = scored(store, old=True, detractor=None, promoter=None, spread=None)
    write_model(store, made)
    browser = pages.sign_in("viewer")
    words = text_of(browser.get("/model"))
    assert "Churn risk" in words
    assert "Detractor risk" not in words
    assert "Next NPS" not in words
    assert "Accounts by churn risk" in text_of(browser.get("/model/figures"))


def test_who_sees_own_accounts_alone_sees_no_group_of_few(tmp_path):
    pages = browse(tmp_path, count=20, more="pages: {csm_sees: own}\n")
    write_model(pages.live.state.store, scored(pages.live.state.store))
    assert "nearly nobody" not in text_of(pages.sign_in("csm").get("/model/figures"))
    assert "nearly nobody" in text_of(pages.sign_in("admin").get("/model/figures"))


def told(as_of, now, through, windows, troubles=()):
    model = {"trained_through": through, "windows": windows, "figures": {}}
    drift = {"tables": []}
    at = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    run = ScoreRun("r", "p", at, at, 1, "d")
    clock = datetime.fromisoformat(now).replace(tzinfo=UTC)
    return modelwords.Told(run, (run,), clock, model, drift, None, 1, troubles, 90, 0.5, 0.25, {})


@pytest.mark.parametrize(
    ("now", "through", "said"),
    [
        ("2026-06-09", "2026-02-17", []),
        ("2026-06-09T00:00:01", "2026-02-17", ["Score again: the scores are 8 days old."]),
        ("2026-06-02", "2025-11-19", ["Train again"]),
        ("2026-06-02", "2025-11-20", []),
    ],
)
def test_it_is_told_when_to_score_and_to_train_again(now, through, said):
    """Windows end 104 days after their day, so 17 Feb 2026 is the newest that can be learned
    from on 1 Jun 2026; a period of 90 days later it is time.
    """
    found = list(modelwords.actions(told("2026-06-01", now, through, {"detractor": [14, 90]})))
    assert len(found) == len(said)
    assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True))


@pytest.mark.parametrize(("error", "said"), [(15.0, "So trust it"), (15.6, "more than to plan by")])
def test_a_company_that_was_far_off_is_not_called_right(error, said):
    row = {"contender": "chosen", "origin": "all", "company_error": error, "account_error": 52.0}
    words = modelwords._next_nps({"nps": [row]})
    assert f"off by {error:.0f} points on average" in words
    assert said in words


@pytest.mark.parametrize(
    ("unranked", "said"),
    [
        ([], []),
        (["detractor"], ["by detractor risk"]),
        (["promoter"], ["by the chance of a promoter", "Next NPS still differs"]),
        (["detractor", "promoter"], ["by detractor risk", "by next NPS"]),
    ],
)
def test_nps_is_flat_only_where_both_of_its_parts_are(unranked, said):
    found = list(modelwords._flat(unranked))
    assert len(found) == len(said)
    assert all(words in sentence for words, sentence in zip(said, found, strict=True))


def came(verdict="as forecast", rows=1736, high=278):
    observed = 0.72 if high else None
    level = {"level": "high", "rows": high, "observed": observed, "forecast": 0.68}
    return {
        "targets": {
            "detractor": {
                "first_day": "2026-03-02", "last_day": "2026-05-04", "days": 6, "rows": rows,
                "accounts": 456, "forecast": 0.23, "came": 0.3, "low": 0.28, "high": 0.32,
                "verdict": verdict, "levels": [level],
            }
        },
        "unreadable": False,
    }  # fmt: skip


def test_the_page_says_what_came_of_the_scores(tmp_path):
    pages = browse(tmp_path, count=20)
    store = pages.live.state.store
    made = scored(store)
    write_model(store, made)
    browser = pages.sign_in("viewer")
    assert "the scores you worked with" not in text_of(browser.get("/model"))
    with store.writing() as connection:
        write_run_page(connection, made.run, "came", came())
    words = text_of(browser.get("/model")).replace("\u00a0", " ")
    assert (
        "Of 1,736 scores of 2 Mar 2026 to 4 May 2026 it is known what came: 30 % answered as "
        "detractors (28 % to 32 %, 95 %); 23 % were expected. Of those called high risk it was "
        "72 %, where 68 % were expected." in words
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (came(rows=9), ""),
        (came(rows=10, high=9), "23 % were expected."),
        (came(rows=10, high=0), "23 % were expected."),
        (came(rows=10, high=10), "68 % were expected."),
    ],
)
def test_of_few_scores_nothing_is_said(found, told):
    said = modelwords._in_use("detractor", found["targets"]["detractor"]).replace("\u00a0", " ")
    assert said.endswith(told)
    assert bool(said) is bool(told)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("as forecast", []),
        ("less than forecast", []),
        ("more than forecast", ["Train again: more accounts answered as detractors than was"]),
    ],
)
def test_it_is_told_to_train_again_where_more_came(verdict, said):
    newest = told("2026-06-01", "2026-06-02", "2026-02-17", {"detractor": [14, 90]})
    found = list(modelwords.actions(replace(newest, came=came(verdict))))
    assert [sentence[:56] for sentence in found] == [sentence[:56] for sentence in said]
