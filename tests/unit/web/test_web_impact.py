"""The impact page: what it says when there is nothing, too little, and enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsed import Browsed, browse
from enrolled import keep, simulated

HOLD_OUT = "worklist: {hold_out: 0.2}\n"
DRIVERS = "drivers: {nps_history: {label: What they said, play: Walk them through it.}}\n"


def filled(folder: Path, more: str = "", **simulation: float) -> Browsed:
    browsed = browse(folder, more=more)
    if simulation:
        state = browsed.live.state
        keep(state.store, state.project, simulated(**simulation))
    return browsed


def page(browsed: Browsed, role: str = "viewer") -> str:
    response = browsed.sign_in(role).get("/impact")
    assert response.status_code == 200, response.text
    return " ".join(response.text.split())


@pytest.fixture(scope="module")
def enough(tmp_path_factory) -> str:
    return page(filled(tmp_path_factory.mktemp("web"), HOLD_OUT + DRIVERS, seed=4, pending=40))


def test_nobody_who_is_not_signed_in_sees_it(tmp_path):
    response = browse(tmp_path).nobody().get("/impact")
    assert response.status_code == 303
    assert response.headers["location"].startswith("/sign-in")


def test_without_anything_it_says_how_to_begin(tmp_path):
    text = page(browse(tmp_path))
    assert "Nothing was measured yet" in text
    assert "hold_out: 0.1" in text
    assert "There are no follow-ups yet." in text
    assert "The two groups" not in text


def test_the_effect_stands_in_one_sentence_with_its_range(enough):
    assert "A call lowered the share of detractors among those who answered by" in enough
    assert "Known by experiment" in enough
    assert "The two groups" in enough
    assert "<svg" in enough
    assert "On the list: 3" in enough  # the chart in words
    assert "hold_out: 0.1" not in enough
    assert "20 % of the accounts that come within reach" in enough


def test_plays_are_named_by_their_drivers(enough):
    assert "What they said" in enough
    assert "Walk them through it." in enough
    assert "widened so that all of them hold at once" in enough


def test_what_proves_nothing_says_so(enough):
    assert '<span class="chip warn">observational</span>' in enough
    assert "Why this may be wrong" in enough
    assert '<span class="chip">no proof of an effect</span>' in enough


def test_too_early_is_said_with_what_is_missing(tmp_path):
    text = page(filled(tmp_path, HOLD_OUT, seed=4, weeks=1))
    assert "It is too early to say:" in text
    assert "more accounts join with every scoring run" in text
    assert "<dt>Accounts lost</dt>" in text  # nobody needs to answer for it
    assert "<dt>A call</dt>" not in text
    assert "By suggested play" not in text


def test_too_early_says_when_there_will_be_enough(tmp_path):
    text = page(filled(tmp_path, HOLD_OUT, seed=4, pending=10_000))
    assert "there should be enough by" in text
    assert "2025" in text.partition("there should be enough by")[2][:20]


def test_without_a_hold_out_the_look_at_the_called_is_marked(tmp_path):
    text = page(filled(tmp_path, seed=4, hold_out=0.0))
    assert "Without a hold-out nobody can say what calling achieved." in text
    assert "Among comparable accounts" in text
    assert "hold_out: 0.1" in text


def test_names_of_accounts_are_nowhere_for_a_csm_of_their_own(tmp_path):
    browsed = filled(tmp_path, "pages: {csm_sees: own}\n" + HOLD_OUT, seed=4)
    text = page(browsed, "csm")
    assert "sim-" not in text
    assert "Owner 1" not in text


def test_headings_are_in_order_and_tables_have_heads(enough):
    levels = [int(part[0]) for part in enough.split("<h")[1:] if part[0].isdigit()]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    assert enough.count("<table") == enough.count("<caption") == enough.count("<thead>")
    assert "style=" not in enough
    assert "<style" not in enough
