"""What is said of each aggregation, and that words and numbers always agree."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.config.aggregations import AGGREGATIONS
from npsight.config.specs import NPS_HISTORY, DriverSpec, FeatureSpec
from npsight.drivers.explain import explain
from npsight.drivers.history_note import history_sentences
from npsight.drivers.peers import Peers
from npsight.drivers.phrases import PHRASES
from npsight.drivers.readings import Readings, before_of, sentences_of
from npsight.drivers.sentences import LITTLE, DriverNote, notes

NAN = float("nan")
NOBODY = Peers({}, {})
FORBIDDEN = re.compile(r"\b(cause[sd]?|because|due to|nan|none|inf)\b", re.IGNORECASE)


def spec(aggregation, measure=None, window=None, source="usage", **rest):
    return FeatureSpec(
        source=source, aggregation=aggregation, measure=measure, window_days=window, **rest
    )


def say(feature, now, past=NAN, peer=None, others=(), segment="pro"):
    """One sentence; `others` are (spec, now, past) of further features, `peer` the segment's."""
    table = [(feature, now, past), *others]
    here = {s.name: [n] for s, n, _ in table} | {"segment_": [segment]}
    medians = {} if peer is None else {s.name: peer for s, _, _ in table}
    readings = Readings(
        tuple(s for s, _, _ in table),
        pd.DataFrame(here),
        pd.DataFrame({s.name: [p] for s, _, p in table}),
        Peers({"pro": medians}, medians),
    )
    return sentences_of(readings, feature, np.array([0]))[0]


LOGINS = spec("sum", "logins", 30, label="logins")
TREND = spec("trend", "logins", 30, label="logins")
ADOPTION = spec("mean", "adoption", 30, label="adoption")
ADOPTION_TREND = spec("trend", "adoption", 30, label="adoption")
TICKETS = spec("count", None, 90, "tickets", label="tickets")
TICKET_TREND = spec("trend", None, 90, "tickets", label="tickets")
OPEN = spec("open", None, None, "tickets", label="open tickets")
STILL = spec("open", None, 60, "tickets", label="tickets")
HOURS = spec("mean", "hours", 90, "resolutions", label="time to resolve", unit="h")
RATIO = spec("ratio", "errors", 30, per="logins", label="errors per login")
LONGEST = spec("max", "hours", 90, "resolutions", label="time to resolve", unit="h")
SHORTEST = spec("min", "hours", None, "resolutions", label="time to resolve", unit="h")
LAST = spec("last", "seats", label="seats booked")
SINCE = spec("days_since_last", None, 180, "touches", label="contacts")
DAYS = spec("distinct_days", None, 30, label="logins")
PLAN = spec("value", "plan", None, "accounts", label="plan", dtype="category")
SEATS = spec("value", "seats", None, "accounts", label="seats")
AGE = spec("age", None, None, "accounts", label="contract")
RENEWAL = spec("days_until_renewal", None, None, "accounts", label="contract")

EXAMPLES = [
    (LOGINS, 182, 540, 511, "Logins in 30 days fell from 540 to 182; similar accounts: 511"),
    (LOGINS, 1240.4, 540, None, "Logins in 30 days rose from 540 to 1,240"),
    (LOGINS, 182.4, 181.6, 511, "Logins in 30 days unchanged at 182; similar accounts: 511"),
    (LOGINS, 182, NAN, 511, "Logins in 30 days: 182; similar accounts: 511"),
    (LOGINS, 0, 540, 511, "No logins in 30 days, down from 540; similar accounts: 511"),
    (LOGINS, 0, 0, 3.5, "No logins in 30 days; similar accounts: 3.5"),
    (LOGINS, NAN, 540, 511, "No logins on record in 30 days; similar accounts: 511"),
    (LOGINS, 0, -5, None, "Logins in 30 days rose from -5 to 0"),
    (replace(LOGINS, window_days=1), 3, 2, None, "Logins in 1 day rose from 2 to 3"),
    (replace(LOGINS, label=""), 3, 2, None, "Logins in 30 days rose from 2 to 3"),
    (
        replace(LOGINS, unit="$"),
        48_000,
        2_345_678,
        None,
        "Logins in 30 days fell from $2.35 million to $48,000",
    ),
    (
        replace(LOGINS, unit="%"),
        62,
        80.04,
        71,
        "Logins in 30 days fell from 80 to 62 %; similar accounts: 71 %",
    ),
    (TICKETS, 4, 1, 0, "Tickets in 90 days: 4, up from 1; similar accounts: 0"),
    (TICKETS, 4, 4, 0, "Tickets in 90 days: 4, unchanged; similar accounts: 0"),
    (TICKETS, 0, 3, 1, "No tickets in 90 days, down from 3; similar accounts: 1"),
    (TICKETS, 0, NAN, 1, "No tickets in 90 days; similar accounts: 1"),
    (OPEN, 4, 1, 0, "Open tickets: 4, up from 1; similar accounts: 0"),
    (OPEN, 0, 1, 0, "No open tickets, down from 1; similar accounts: 0"),
    (OPEN, 0, 0, None, "No open tickets"),
    (
        STILL,
        2,
        3,
        1,
        "Tickets still open from the last 60 days: 2; similar accounts: 1; before: 3",
    ),
    (STILL, 0, 0, 1, "No open tickets from the last 60 days; similar accounts: 1"),
    (
        HOURS,
        30.2,
        12.4,
        14,
        "Time to resolve rose from 12 to 30 h (90-day average); similar accounts: 14 h",
    ),
    (HOURS, NAN, 12.4, 14, "No time to resolve on record in 90 days; similar accounts: 14 h"),
    (
        ADOPTION,
        0.314,
        0.62,
        0.6,
        "Adoption fell from 0.62 to 0.31 (30-day average); similar accounts: 0.6",
    ),
    (
        RATIO,
        0.0314,
        0.02,
        0.0042,
        "Errors per login in 30 days rose from 0.02 to 0.031; similar accounts: 0.0042",
    ),
    (RATIO, NAN, 0.02, 0.1, "No errors per login on record in 30 days; similar accounts: 0.1"),
    (replace(RATIO, label=""), 2, NAN, None, "Errors per logins in 30 days: 2"),
    (
        LONGEST,
        70,
        20,
        30,
        "Highest time to resolve in 90 days: 70 h, up from 20; similar accounts: 30 h",
    ),
    (LONGEST, NAN, 20, 30, "No time to resolve on record in 90 days; similar accounts: 30 h"),
    (SHORTEST, 2.5, 2.5, 3, "Lowest time to resolve: 2.5 h, unchanged; similar accounts: 3 h"),
    (LAST, 20, 25, 18, "Last seats booked 20 (was 25); similar accounts: 18"),
    (LAST, 20, 20, None, "Last seats booked 20"),
    (replace(LAST, label="last order"), 20, NAN, None, "Last order 20"),
    (LAST, NAN, 20, None, "No seats booked on record"),
    (SINCE, 37.9, 12.2, 20.5, "No contacts for 37 days, up from 12; similar accounts: 20 days"),
    (SINCE, 1.2, 9, 1, "No contacts for 1 day, down from 9; similar accounts: 1 day"),
    (SINCE, 0.4, 9, 1, "Contacts within the last day; similar accounts: 1 day"),
    (SINCE, NAN, 9, 1, "No contacts on record in 180 days; similar accounts: 1 day"),
    (DAYS, 12, 20, 18, "Logins on 12 of 30 days, down from 20; similar accounts: 18 days"),
    (DAYS, 0, 20, 18, "No logins in 30 days, down from 20; similar accounts: 18 days"),
    (replace(DAYS, window_days=None), 1, NAN, None, "Logins on 1 day"),
    (
        TREND,
        (182 - 479) / (182 + 479),
        NAN,
        -0.01,
        "Logins 62 % below the 30 days before; similar accounts: down 2 %",
    ),
    (
        TREND,
        0.1,
        NAN,
        0.6,
        "Logins 22 % above the 30 days before; similar accounts: 4 times as much",
    ),
    (TREND, 0.6, NAN, 0.1, "Logins 4 times the 30 days before; similar accounts: up 22 %"),
    (TREND, 0.0, NAN, 0.0, "Logins level with the 30 days before; similar accounts: level"),
    (TREND, -1.0, NAN, 1.0, "Logins stopped in the last 30 days; similar accounts: began"),
    (TREND, 1.0, NAN, -1.0, "Logins began in the last 30 days; similar accounts: stopped"),
    (TREND, -0.9999, NAN, None, "Logins 99 % below the 30 days before"),
    (TREND, NAN, NAN, None, "No logins on record in 60 days"),
    (SEATS, 20, 10, 15, "Seats rose from 10 to 20; similar accounts: 15"),
    (SEATS, NAN, 10, 15, "Seats: not on record; similar accounts: 15"),
    (PLAN, "basic", "pro", None, "Plan changed from pro to basic"),
    (PLAN, "basic", "basic", None, "Plan: basic"),
    (PLAN, "basic", None, None, "Plan: basic"),
    (PLAN, None, "pro", None, "Plan: not on record"),
    (AGE, 412.7, 322, 900, "Customer for 412 days; similar accounts: 2.5 years"),
    (AGE, NAN, NAN, None, "Start date not on record"),
    (RENEWAL, 73.5, 163, 180, "Renews in 73 days; similar accounts: 180 days"),
    (RENEWAL, 1.5, 91, -3, "Renews in 1 day; similar accounts: 3 days ago"),
    (RENEWAL, 0.5, NAN, None, "Renews today"),
    (RENEWAL, -12.2, NAN, None, "Renewal was 12 days ago"),
    (RENEWAL, NAN, NAN, None, "No renewal date on record"),
]


@pytest.mark.parametrize(("feature", "now", "past", "peer", "sentence"), EXAMPLES)
def test_examples(feature, now, past, peer, sentence):
    assert say(feature, now, past, peer) == sentence


def test_every_aggregation_has_words_and_an_example():
    assert set(PHRASES) == set(AGGREGATIONS)
    assert {feature.aggregation for feature, *_ in EXAMPLES} == set(AGGREGATIONS)


def test_peers_of_another_segment_are_called_all_accounts():
    assert say(LOGINS, 182, 540, 511, segment="new").endswith("; all accounts: 511")
    assert say(LOGINS, 182, 540, 511, segment=None).endswith("; all accounts: 511")


TREND_EXAMPLES = [
    (TREND, -297 / 661, [(LOGINS, 182, 9)], "Logins in 30 days fell from 479 to 182"),
    (TREND, 1.0, [(LOGINS, 182, 9)], "Logins in 30 days rose from 0 to 182"),
    (TREND, -1.0, [(LOGINS, 0, 9)], "Logins stopped in the last 30 days"),
    (TREND, -0.5, [(LOGINS, NAN, 9)], "Logins 67 % below the 30 days before"),
    (TREND, -0.5, [(LOGINS, -30, 9)], "Logins in 30 days fell from -10 to -30"),
    (
        TREND,
        -0.5,
        [(replace(LOGINS, window_days=90), 182, 9)],
        "Logins 67 % below the 30 days before",
    ),
    (
        TREND,
        -0.5,
        [(replace(LOGINS, where=(("a", "b"),)), 182, 9)],
        "Logins 67 % below the 30 days before",
    ),
    (TICKET_TREND, 0.6, [(TICKETS, 4, 9)], "Tickets in 90 days: 4, up from 1"),
    (
        ADOPTION_TREND,
        -0.5,
        [(ADOPTION, 0.31, 0.62)],
        "Adoption fell from 0.62 to 0.31 (30-day average)",
    ),
    (ADOPTION_TREND, 0.5, [(ADOPTION, 0.31, 0.62)], "Adoption 3 times the 30 days before"),
    (ADOPTION_TREND, 0.5, [(ADOPTION, 0.31, NAN)], "Adoption 3 times the 30 days before"),
]


@pytest.mark.parametrize(("feature", "trend", "others", "sentence"), TREND_EXAMPLES)
def test_a_trend_is_told_in_numbers_where_its_window_is_known(feature, trend, others, sentence):
    assert say(feature, trend, NAN, None, others) == sentence


@given(now=st.integers(-10_000, 10_000).map(float), before=st.integers(-10_000, 10_000).map(float))
def test_the_window_before_is_recovered_from_the_trend(now, before):
    if now == before == 0:
        return
    trend = (now - before) / (abs(now) + abs(before))
    found = float(before_of(np.array([now]), np.array([trend]))[0])
    if now == 0 or now * before < 0:
        assert np.isnan(found) or found == 0.0
    else:
        assert found == pytest.approx(before, rel=1e-6, abs=1e-6)


amounts = st.one_of(
    st.floats(-1e7, 1e7), st.integers(-20, 20).map(float), st.floats(-2, 2), st.just(NAN)
)


def shown_numbers(text):
    """The numbers of a sentence's first half, in the order they stand there."""
    head = text.split(";")[0].replace("in 30 days", "").replace("(30-day average)", "")
    found = re.findall(r"(-?\d[\d,]*(?:\.\d+)?)( million)?", head)
    return [float(n.replace(",", "")) * (1e6 if m else 1) for n, m in found]


@given(
    now=amounts,
    past=amounts,
    kind=st.sampled_from(["sum", "mean", "ratio", "count", "open", "max"]),
)
def test_direction_words_agree_with_the_numbers_beside_them(now, past, kind):
    measure = None if kind in ("count", "open") else "logins"
    window = None if kind == "open" else 30
    text = say(spec(kind, measure, window, label="logins"), now, past, 10.0)
    numbers = shown_numbers(text)
    if " fell from " in text:
        assert numbers[0] > numbers[1]
    elif " rose from " in text:
        assert numbers[0] < numbers[1]
    elif "up from" in text:
        assert numbers[0] > numbers[1]
    elif "down from" in text and not text.startswith("No "):
        assert numbers[0] < numbers[1]
    elif "unchanged" in text:
        assert len(numbers) == 1
    elif text.startswith("No ") and "down from" in text:
        assert numbers[0] > 0
    else:
        assert np.isnan(past) or len(numbers) <= 1
    assert "-0" not in re.sub(r"-0\.", "", text)
    assert not FORBIDDEN.search(text)


@pytest.mark.parametrize("feature", [f for f, *_ in EXAMPLES], ids=lambda f: f.name)
@pytest.mark.parametrize(
    "label", ["{x} %s %(a)d", "<b>&'\"", "a\nb\t\x00c\u202ed", "  ", "é" * 500, "100 %"]
)
def test_hostile_labels_stay_one_short_plain_line(feature, label):
    value = "p\nro{}" if feature.dtype == "category" else 0.5
    text = say(replace(feature, label=label, unit="\n{h}"), value, value, 0.5)
    assert text
    assert text.isprintable()
    assert len(text) <= 200


@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
@pytest.mark.parametrize(
    "feature", [f for f, *_ in EXAMPLES if f.dtype == "number"], ids=lambda f: f.name
)
def test_missing_and_infinite_values_are_never_shown(feature, value):
    text = say(feature, value if feature.aggregation != "trend" else NAN, value, NAN)
    assert text[:2] == "No" or "not on record" in text
    assert not FORBIDDEN.search(text)


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
        (4, 4, 1.5, 5, 2, (0, 0, 0), "Last score 4, 1 day ago; 2 of 5 invitations unanswered"),
        (4, NAN, 0.2, 1, 1, (0, 0, 0), "Last score 4, today; 1 of 1 invitation unanswered"),
        (4, NAN, NAN, NAN, 3, (0, 0, 0), "Last score 4; 3 invitations unanswered"),
        (NAN, NAN, NAN, 0, 0, (30, 10, 60), "Never answered a survey; 30 % of answers from similar accounts are detractors'"),
        (NAN, NAN, NAN, 3, 3, (1, 1, 1), "Never answered a survey; 3 of 3 invitations unanswered"),
        (NAN, NAN, NAN, NAN, NAN, (NAN, NAN, NAN), "Never answered a survey"),
    ],
)  # fmt: skip
def test_history(score, was, age, invited, unanswered, counts, sentence):
    names = [s.name for s in HISTORY]
    now = dict(zip(names, [[score], [age], [invited], [unanswered]], strict=True))
    bands = ("detractor", "passive", "promoter")
    now |= {f"segment__{b}__hl240": [c] for b, c in zip(bands, counts, strict=True)}
    past = pd.DataFrame({names[0]: [was]})
    readings = Readings(HISTORY, pd.DataFrame(now), past, NOBODY)
    assert history_sentences(readings, np.array([0]), np.array([True])) == [sentence]


def test_a_segment_is_told_only_where_asked_and_known():
    readings = Readings(HISTORY, pd.DataFrame({HISTORY[0].name: [NAN]}), pd.DataFrame([{}]), NOBODY)
    for tell in (True, False):
        told = history_sentences(readings, np.array([0]), np.array([tell]))
        assert told == ["Never answered a survey"]


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


def test_churn_has_its_own_points_and_no_nps(model, explanation, now, past, peers):
    for row, told in enumerate(notes(model, explanation, now, past, peers, "churn")):
        total = explanation.churn.base + sum(note.points for note in told)
        assert total == pytest.approx(model.predict(now).churn[row], abs=1e-9)
        assert {note.nps_points for note in told} == {None}


def test_notes_carry_the_drivers_label_play_and_whether_to_act(
    model, explanation, now, past, peers
):
    declared = {d.key: d for d in model.drivers}
    for note in notes(model, explanation, now, past, peers, "detractor")[0]:
        driver = declared[note.driver]
        assert (note.label, note.play) == (driver.label, driver.play)
        assert note.actionable is driver.actionable


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
