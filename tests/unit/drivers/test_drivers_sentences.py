"""What the notes of a whole model say, and that words and numbers always agree."""

from __future__ import annotations

import re
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from npsight.config.specs import NPS_HISTORY, DriverSpec, FeatureSpec
from npsight.drivers.advice import WORTH_ADVICE
from npsight.drivers.explain import explain
from npsight.drivers.history_note import (
    extra_sentences,
    history_sentences,
    is_core,
    last_score,
    speaks_against,
)
from npsight.drivers.peers import Peers
from npsight.drivers.readings import Readings
from npsight.drivers.sentences import LITTLE, DriverNote, _history, _picked, notes
from npsight.models.rows import rows_of

NAN = float("nan")
NOBODY = Peers({}, {})
FORBIDDEN = re.compile(r"\b(cause[sd]?|because|due to|nan|none|inf)\b", re.IGNORECASE)

HISTORY = (
    FeatureSpec(
        source="responses",
        aggregation="last",
        measure="score",
        driver=NPS_HISTORY,
        label="last score",
    ),
    FeatureSpec(
        source="responses", aggregation="days_since_last", driver=NPS_HISTORY, label="days since"
    ),
    FeatureSpec(
        source="invitations",
        aggregation="count",
        window_days=365,
        driver=NPS_HISTORY,
        label="invitations",
    ),
    FeatureSpec(
        source="invitations",
        aggregation="open",
        window_days=365,
        driver=NPS_HISTORY,
        label="unanswered",
    ),
)


@pytest.mark.parametrize(
    ("score", "was", "age", "invited", "unanswered", "counts", "sentence"),
    [
        (4, 8, 37.5, 0, 0, (0, 0, 0), "Last score 4 (was 8), 37 days ago"),
        (4, 4, 1.5, 5, 2, (0, 0, 0), "Last score 4, 1 day ago; 2 of 5 invitations unanswered in a year"),
        (4, NAN, 0.2, 1, 1, (0, 0, 0), "Last score 4, today; 1 of 1 invitation unanswered in a year"),
        (4, NAN, NAN, NAN, 3, (0, 0, 0), "Last score 4; 3 invitations unanswered in a year"),
        (NAN, NAN, NAN, 0, 0, (30, 10, 60), "Never answered a survey; 30 % of answers from similar accounts are detractors'"),
        (NAN, NAN, NAN, 0, 0, (0.3, 9.7, 90), "Never answered a survey; under 1 % of answers from similar accounts are detractors'"),
        (NAN, NAN, NAN, 0, 0, (0, 10, 90), "Never answered a survey; 0 % of answers from similar accounts are detractors'"),
        (NAN, NAN, NAN, 3, 3, (1, 1, 1), "Never answered a survey; 3 of 3 invitations unanswered in a year"),
        (NAN, NAN, NAN, NAN, NAN, (NAN, NAN, NAN), "Never answered a survey"),
    ],
)  # fmt: skip
def test_history(score, was, age, invited, unanswered, counts, sentence):
    names = [s.name for s in HISTORY]
    now = dict(zip(names, [[score], [age], [invited], [unanswered]], strict=True))
    bands = ("detractor", "passive", "promoter")
    now |= {f"segment__{b}__hl240": [c] for b, c in zip(bands, counts, strict=True)}
    past = pd.DataFrame({names[0]: [was]})
    readings = Readings(HISTORY, rows_of(pd.DataFrame(now)), rows_of(past), NOBODY)
    assert history_sentences(readings, np.array([0]), np.array([True])) == [sentence]


def test_a_segment_is_told_only_where_asked_and_known():
    readings = Readings(
        HISTORY,
        rows_of(pd.DataFrame({HISTORY[0].name: [NAN]})),
        rows_of(pd.DataFrame([{}])),
        NOBODY,
    )
    for tell in (True, False):
        told = history_sentences(readings, np.array([0]), np.array([tell]))
        assert told == ["Never answered a survey"]


RANKED = replace(HISTORY[0], against="segment")


def test_a_place_among_the_segment_is_not_taken_for_the_score():
    assert last_score([RANKED, *HISTORY]) == HISTORY[0]
    assert last_score([RANKED]) is None
    assert [is_core(spec) for spec in (RANKED, *HISTORY)] == [False, True, True, True, True]


def test_further_features_of_the_answers_are_told_by_what_they_are():
    sentiment = replace(HISTORY[0], measure="sentiment", label="sentiment of the last comment")
    answers = replace(HISTORY[2], source="responses", label="answers")
    cases = [
        (sentiment, -0.4, "sentiment of the last comment: negative"),
        (
            replace(sentiment, against="segment"),
            0.2,
            "Last sentiment of the last comment: higher than 20 % of similar accounts",
        ),
        (answers, 3.0, "answers in a year: 3"),
        (
            replace(answers, against="segment"),
            0.2,
            "Answers in 365 days: higher than 20 % of similar accounts",
        ),
        (replace(answers, aggregation="mean_gap"), 40.2, "Mean time between answers in 365 days: 40 days"),
        (replace(answers, aggregation="mean_gap"), NAN, ""),
        (RANKED, NAN, ""),
    ]  # fmt: skip
    for spec, value, sentence in cases:
        readings = Readings(
            (spec,),
            rows_of(pd.DataFrame({spec.name: [value]})),
            rows_of(pd.DataFrame([{}])),
            NOBODY,
        )
        assert extra_sentences(readings, spec, np.array([0])) == [sentence]


def test_a_mood_is_not_told_where_it_speaks_against_the_driver():
    """Somebody pleased beside a raised risk reads like its reason, which it is not."""
    mood = replace(HISTORY[0], measure="sentiment")
    moods = [0.1, 0.11, -0.1, -0.11, NAN]
    now = pd.DataFrame({mood.name: moods, HISTORY[0].name: [9.0] * 5})
    readings = Readings((mood, HISTORY[0]), rows_of(now), rows_of(now), NOBODY)
    rows = np.arange(5)

    def told(spec, raises):
        return speaks_against(readings, spec, rows, np.full(5, raises)).tolist()

    assert told(mood, True) == [False, True, False, False, False]
    assert told(mood, False) == [False, False, False, True, False]
    assert told(HISTORY[0], True) == [False] * 5


def test_detractors_answers_are_not_told_beside_a_lowered_risk():
    answers = replace(HISTORY[2], source="responses", where=(("band", "detractor"),))
    now = pd.DataFrame({answers.name: [2.0, 0.0, NAN]})
    readings = Readings((answers,), rows_of(now), rows_of(now), NOBODY)
    rows, raised = np.arange(3), np.full(3, True)
    assert speaks_against(readings, answers, rows, ~raised).tolist() == [True, False, False]
    assert speaks_against(readings, answers, rows, raised).tolist() == [False] * 3


def test_the_next_telling_feature_stands_in_for_a_mood_that_is_left_out():
    mood = replace(HISTORY[0], measure="sentiment", label="sentiment of the last comment")
    answers = replace(HISTORY[2], source="responses", label="answers in a year")
    now = pd.DataFrame({HISTORY[0].name: [9.0, 9.0], mood.name: [0.5, 0.5], answers.name: [3, 3]})
    readings = Readings((HISTORY[0], mood, answers), rows_of(now), rows_of(now), NOBODY)
    score, rows = np.array([[0.0, 0.9, 0.1]] * 2), np.arange(2)
    terms = [spec.name for spec in readings.specs]
    told = _history(readings, terms, score, rows, np.array([True, False]), True)
    assert [more for _, more in told] == [
        "answers in a year: 3",
        "sentiment of the last comment: positive",
    ]


@pytest.mark.parametrize(
    ("scale", "stored", "sentence"),
    [
        (None, 8.0, "Last score 8 (was 6), 2 days ago; all accounts: 8"),
        ((0, 5), 8.0, "Last score 4 (was 3), 2 days ago; all accounts: 4"),
        ((1, 5), 7.5, "Last score 4 (was 3.4), 2 days ago; all accounts: 4.2"),
        ((1, 10), 70 / 9, "Last score 8 (was 6.4), 2 days ago; all accounts: 8.2"),
    ],
)
def test_scores_are_told_on_the_scale_that_people_were_asked_on(scale, stored, sentence):
    last = replace(HISTORY[0], scale=scale)
    now = pd.DataFrame({last.name: [stored], HISTORY[1].name: [2.0]})
    before = pd.DataFrame({last.name: [6.0]})
    readings = Readings(
        (last, HISTORY[1]), rows_of(now), rows_of(before), Peers({}, {last.name: 8.0})
    )
    assert history_sentences(readings, np.array([0]), np.array([False])) == [sentence]


def picked(*specs, score):
    """The features told, first and second, where each contributes as much as `score` says."""
    first, second = _picked(list(specs), np.array([score], dtype=float))
    return [specs[i].aggregation for i in (first[0], second[0]) if i >= 0]


def test_two_numbers_of_one_story_are_told_once():
    def tickets(aggregation, **rest):
        return FeatureSpec(source="tickets", aggregation=aggregation, **rest)

    still, oldest = tickets("open"), tickets("oldest_open")
    lasted, at_most = tickets("mean_duration"), tickets("max_duration")
    count, kinds = tickets("count"), tickets("distinct", category="severity")
    ranked = tickets("count", against="segment")
    assert picked(still, oldest, count, score=[3, 2, 1]) == ["open"]
    assert picked(still, oldest, count, score=[3, 2.9, 2]) == ["open", "count"]
    assert picked(lasted, at_most, still, score=[3, 2, 2]) == ["mean_duration", "open"]
    assert picked(count, ranked, kinds, score=[3, 3, 2]) == ["count", "distinct"]
    own = [tickets("own", expression=f"own.py:{name}") for name in ("nights", "weekends")]
    assert picked(*own, score=[3, 2]) == ["own", "own"]


# ------------------------------------------------------------------ notes of a whole model


@pytest.fixture(scope="module")
def peers(train, model):
    from npsight.drivers.peers import peers_of

    return peers_of(train, model.specs)


@pytest.fixture(scope="module")
def explanation(model, now):
    return explain(model, now)


def test_notes_add_up_and_are_sorted_by_size(model, explanation, now, past, peers):
    shown = model.predict(now)
    for row, told in enumerate(notes(model, explanation, now, past, peers, "detractor")):
        sizes = [abs(note.points) for note in told]
        assert sizes == sorted(sizes, reverse=True)
        total = explanation.risk.base + sum(note.points for note in told)
        assert total == pytest.approx(shown.detractor[row], abs=1e-9)
        nps = explanation.nps.base + sum(note.nps_points for note in told)
        assert nps == pytest.approx(shown.nps[row], abs=1e-9)
        assert {note.driver for note in told} == {d.key for d in model.drivers}


def test_a_note_as_a_dict_is_its_attributes(model, explanation, now, past, peers):
    for note in notes(model, explanation, now, past, peers, "detractor")[0]:
        assert list(note.as_dict().items()) == list(asdict(note).items())


def test_churn_has_its_own_points_and_no_nps(model, explanation, now, past, peers):
    for row, told in enumerate(notes(model, explanation, now, past, peers, "churn")):
        total = explanation.churn.base + sum(note.points for note in told)
        assert total == pytest.approx(model.predict(now).churn[row], abs=1e-9)
        assert {note.nps_points for note in told} == {None}


def test_notes_carry_the_drivers_label_and_whether_to_act(model, explanation, now, past, peers):
    declared = {d.key: d for d in model.drivers}
    for note in notes(model, explanation, now, past, peers, "detractor")[0]:
        driver = declared[note.driver]
        assert note.label == driver.label
        assert note.play in (driver.play, "")
        assert note.actionable is driver.actionable


def test_a_play_is_told_of_a_driver_that_raises_the_risk_by_half_a_point(
    model, explanation, now, past, peers
):
    plays = {d.key: d.play for d in model.drivers}
    told = [n for row in notes(model, explanation, now, past, peers, "detractor") for n in row]
    for note in told:
        missing = re.match(r"[^;.]* on record", note.sentence)
        if note.points < WORTH_ADVICE or note.sentence == LITTLE or missing:
            assert note.play == ""
        else:
            assert note.play == plays[note.driver]
    assert sum(bool(note.play) for note in told) > 20
    assert sum(note.points < 0 for note in told if plays[note.driver]) > 20


def test_a_finding_on_the_good_side_gets_no_play(model, explanation, now, past, peers):
    """In this model it is few logins and little adoption that raise the risk."""

    def advised(side):
        worse = {"detractor": dict.fromkeys([s.name for s in model.specs], side)}
        known = replace(peers, worse=worse)
        told = notes(model, explanation, now, past, known, "detractor")
        return [n for row in told for n in row if n.play and n.driver == "product_use"]

    fitting, unfitting = advised(-1), advised(+1)
    assert len(fitting) > 4 * len(unfitting)
    assert any("not on record" in n.sentence for n in fitting)
    assert not any(n.sentence.startswith("No ") for n in unfitting)


def test_a_play_for_the_nps_history_needs_an_answer(model, explanation, now, past, peers):
    drivers = tuple(
        replace(d, play="Answer their comment.") if d.key == NPS_HISTORY else d
        for d in model.drivers
    )
    told = notes(replace(model, drivers=drivers), explanation, now, past, peers, "detractor")
    history = [
        note
        for row in told
        for note in row
        if note.driver == NPS_HISTORY and note.points >= WORTH_ADVICE
    ]
    never = [n for n in history if n.sentence.startswith("Never answered")]
    assert {n.play for n in never} == {""}
    assert {n.play for n in history if n not in never} == {"Answer their comment."}


def test_sentences_are_plain_finished_and_short(model, explanation, now, past, peers):
    told = [n for row in notes(model, explanation, now, past, peers, "detractor") for n in row]
    for note in told:
        assert note.sentence.endswith(".")
        assert len(note.sentence) <= 140
        assert not FORBIDDEN.search(note.sentence)
    assert sum(note.sentence != LITTLE for note in told) > len(told) / 2


def strongest_agreeing(model, split, driver, row, sign):
    """The feature of the driver with the largest contribution of that sign, or None."""
    by_name = {s.name: s for s in model.specs}
    agreeing = {
        by_name[term]: abs(value)
        for term, value in zip(split.terms, split.values[row], strict=True)
        if term in by_name and by_name[term].driver == driver and value * sign > 0
    }
    return max(agreeing, key=agreeing.__getitem__) if agreeing else None


def test_a_driver_tells_a_feature_that_pulls_its_own_way(model, explanation, now, past, peers):
    split = explanation.contributions["detractor"]
    checked = 0
    for row, told in enumerate(notes(model, explanation, now, past, peers, "detractor")):
        note = next(n for n in told if n.driver == "product_use")
        best = strongest_agreeing(model, split, "product_use", row, note.points)
        if best is None:
            assert note.sentence == LITTLE
            continue
        assert re.match(rf"(No )?{best.label}", note.sentence, re.IGNORECASE), note
        checked += 1
    assert checked > 40


def test_a_driver_of_the_nps_alone_is_told_too(make_model, now, past, peers):
    model = make_model(detractor=0)
    found = explain(model, now)
    rows = notes(model, found, now, past, peers, "detractor")
    for row, told in enumerate(rows):
        nps = found.nps.base + sum(note.nps_points for note in told)
        assert nps == pytest.approx(model.predict(now).nps[row], abs=1e-9)
        assert {n.points for n in told if n.driver == "product_use"} == {0.0}
    split, checked = found.contributions["promoter"], 0
    for row, told in enumerate(rows):
        note = next(n for n in told if n.driver == "product_use")
        best = strongest_agreeing(model, split, "product_use", row, note.nps_points)
        if note.sentence != LITTLE:
            assert re.match(rf"(No )?{best.label}", note.sentence, re.IGNORECASE), note
            checked += 1
    assert checked > 40


def test_small_effects_beyond_the_first_drivers_are_not_told(
    model, explanation, now, past, peers, monkeypatch
):
    monkeypatch.setattr("npsight.drivers.sentences.ALWAYS_TOLD", 1)
    monkeypatch.setattr("npsight.drivers.sentences.WORTH_TELLING", 0.05)
    told = notes(model, explanation, now, past, peers, "detractor")
    small = [n for row in told for n in row[1:] if abs(n.points) < 0.05 > abs(n.nps_points) / 100]
    assert {n.sentence for n in small} == {LITTLE}
    assert len(small) > 80
    for row in told:
        for note in row:
            if abs(note.points) >= 0.05 or abs(note.nps_points) >= 5.0:
                assert note.sentence != LITTLE


def test_an_account_that_never_answered_hears_of_its_segment(model, now, past, peers):
    silent = now.assign(
        **{c: 0.0 for c in now.columns if c.startswith("own__")}, responses__last_score=NAN
    )
    raised = silent.assign(**{c: 500.0 for c in now.columns if re.match("segment__detractor", c)})
    told = notes(model, explain(model, raised), raised, past, peers, "detractor")
    history = [n.sentence for row in told for n in row if n.driver == NPS_HISTORY]
    assert all(text.startswith("Never answered a survey") for text in history)
    assert any("% of answers from similar accounts are detractors'" in text for text in history)


def test_rows_without_any_value_or_past_still_get_notes(model, now, peers):
    features = [s.name for s in model.specs]
    blank = now.assign(**dict.fromkeys(features))
    for frame in (blank, blank.astype({n: "float64" for n in features if n != features[4]})):
        nobody = pd.DataFrame(index=range(len(frame)))
        told = notes(model, explain(model, frame), frame, nobody, NOBODY, "detractor")
        assert [len(row) for row in told] == [4] * len(now)
        assert not any(FORBIDDEN.search(n.sentence) for row in told for n in row)


def test_one_account_is_told_what_it_is_told_among_many(model, now, past, peers):
    together = notes(model, explain(model, now), now, past, peers, "detractor")
    for row in (0, 33):
        one, before = now.iloc[[row]], past.iloc[[row]]
        alone = notes(model, explain(model, one), one, before, peers, "detractor")
        assert [n.sentence for n in alone[0]] == [n.sentence for n in together[row]]


def test_no_accounts_have_no_notes(model, now, past, peers):
    nobody = now.iloc[:0]
    assert notes(model, explain(model, nobody), nobody, past.iloc[:0], peers, "detractor") == []


def test_an_undeclared_driver_describes_itself(model, explanation, now, past, peers):
    bare = replace(model, drivers=(DriverSpec("support", "Support experience"),))
    told = {n.driver: n for n in notes(bare, explanation, now, past, peers, "detractor")[0]}
    assert told["product_use"].label == "Product use"
    assert told[NPS_HISTORY].label == "NPS history"
    assert told["product_use"].actionable
    assert not told[NPS_HISTORY].actionable


def test_a_target_that_the_model_lacks_is_refused(make_model, now, past, peers):
    model = make_model(churn=-1)
    with pytest.raises(ValueError, match="no target 'churn': the model does not predict it"):
        notes(model, explain(model, now), now, past, peers, "churn")


def test_frames_that_are_not_aligned_are_refused(model, explanation, now, past, peers):
    with pytest.raises(ValueError, match="one row an account: they have 80, 80, 79"):
        notes(model, explanation, now, past.iloc[1:], peers, "detractor")
    swapped = past.iloc[::-1]
    with pytest.raises(ValueError, match="row 0 is account 'a79' there, 'a0' here"):
        notes(model, explanation, now, swapped, peers, "detractor")


def test_a_note_cannot_be_changed():
    note = DriverNote("d", "D", 0.1, None, "Text.", True, "")
    with pytest.raises(AttributeError, match="points"):
        note.points = 0.2
