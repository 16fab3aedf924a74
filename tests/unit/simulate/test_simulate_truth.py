"""The truth fits what can be observed."""

import numpy as np
import pandas as pd
import pytest

GAP, HORIZON = pd.Timedelta(days=14), pd.Timedelta(days=90)


@pytest.fixture(scope="module")
def company(make):
    """600 accounts over three years: some thousand answers, without usage dirt."""
    return make(accounts=600, dirt=False, seed=3)


@pytest.fixture(scope="module")
def answers(company) -> pd.DataFrame:
    surveys = company.read("surveys")
    answered = surveys[surveys["answered_at"].notna()]
    truth = company.read("truth_answers")
    assert sorted(answered["survey_id"]) == sorted(truth["survey_id"])
    joined = answered.merge(truth, on=["survey_id", "account_id"])
    return joined.assign(detractor=joined["score"] <= 6, promoter=joined["score"] >= 9)


def auc(outcome: pd.Series, score: pd.Series) -> float:
    ranks, positives = score.rank(), int(outcome.sum())
    least = positives * (positives + 1) / 2
    return (ranks[outcome].sum() - least) / (positives * (len(outcome) - positives))


@pytest.mark.parametrize("band", ["detractor", "promoter"])
def test_calibrated_at_answers(answers: pd.DataFrame, band: str) -> None:
    prob = answers[f"p_{band}"]
    assert prob.between(0, 1).all()
    for _, part in answers.groupby(pd.qcut(prob, 5)):
        expected = part[f"p_{band}"].mean()
        error = np.sqrt(expected * (1 - expected) / len(part))
        assert part[band].mean() == pytest.approx(expected, abs=4 * error + 0.005)


def test_shares_and_separability_are_those_of_a_real_panel(answers: pd.DataFrame) -> None:
    assert answers["detractor"].mean() == pytest.approx(0.22, abs=0.06)
    assert answers["promoter"].mean() == pytest.approx(0.40, abs=0.08)
    assert 0.82 <= auc(answers["detractor"], answers["p_detractor"]) <= 0.89


def test_silence_is_informative(company) -> None:
    surveys, truth = company.read("surveys"), company.read("truth")
    begin = pd.Timestamp(company.settings.start, tz="UTC")
    since = (surveys["invited_at"] - begin).dt.days // 5 * 5
    surveys["day"] = (begin + pd.to_timedelta(since, unit="D")).astype(truth["day"].dtype)
    joined = surveys.merge(truth, on=["account_id", "day"])
    answered = joined["answered_at"].notna()
    mean = joined.groupby(answered)["satisfaction"].mean()
    assert mean[True] > mean[False] + 0.15
    assert 0.18 <= answered.mean() <= 0.32


def test_forward_detractor_share_is_calibrated(company, answers: pd.DataFrame) -> None:
    truth = company.read("truth")
    # One grid day a quarter, so that no answer counts twice.
    begin = pd.Timestamp(company.settings.start, tz="UTC")
    truth = truth[(truth["day"] - begin).dt.days % 90 == 0]
    pairs = truth.merge(answers[["account_id", "answered_at", "detractor"]], on="account_id")
    opens = pairs["day"] + GAP
    pairs = pairs[(pairs["answered_at"] >= opens) & (pairs["answered_at"] < opens + HORIZON)]
    for _, part in pairs.groupby(pd.qcut(pairs["p_detractor_next"], 4)):
        expected = part["p_detractor_next"].mean()
        # Answers of one account go together, and two shocks were not foreseen: wide margins.
        error = np.sqrt(expected * (1 - expected) / len(part))
        assert part["detractor"].mean() == pytest.approx(expected, abs=6 * error + 0.02)


def test_churn_is_calibrated(company) -> None:
    truth = company.read("truth").merge(company.read("subscriptions"), on="account_id")
    truth = truth[truth["day"] + GAP + HORIZON <= company.end]
    opens, ends = truth["day"] + GAP, truth["ended_at"]
    truth = truth.assign(left=(ends >= opens) & (ends < opens + HORIZON))
    assert truth["p_churn"].between(0, 1).all()
    assert truth["left"].mean() == pytest.approx(truth["p_churn"].mean(), rel=0.25)
    assert auc(truth["left"], truth["p_churn"]) > 0.85
    unbooked = truth[(truth["p_churn"] > 0) & (truth["p_churn"] < 1)]
    risky = unbooked["p_churn"] > unbooked["p_churn"].quantile(0.9)
    assert unbooked[risky]["left"].mean() == pytest.approx(
        unbooked[risky]["p_churn"].mean(), rel=0.3
    )


def test_booked_end_is_certain(company) -> None:
    truth = company.read("truth").merge(company.read("subscriptions"), on="account_id")
    booked = truth[truth["cancelled_at"] < truth["day"]]
    opens, ends = booked["day"] + GAP, booked["ended_at"]
    within = (ends >= opens) & (ends < opens + HORIZON)
    assert within.any()
    assert (booked["p_churn"] == within.astype(float)).all()


def test_churn_a_year(company) -> None:
    subscriptions, truth = company.read("subscriptions"), company.read("truth")
    years = len(truth) * 5 / 365.25
    ended = subscriptions["ended_at"] <= company.end
    assert 0.07 <= ended.sum() / years <= 0.17


def test_truth_is_on_every_fifth_day_while_subscribed(company) -> None:
    truth = company.read("truth")
    begin = pd.Timestamp(company.settings.start, tz="UTC")
    assert ((truth["day"] - begin).dt.days % 5 == 0).all()
    assert not truth.duplicated(["account_id", "day"]).any()


def test_low_satisfaction_shows_in_the_facts(company) -> None:
    truth = company.read("truth")
    mood = truth.groupby("account_id")["satisfaction"].mean()
    usage = company.read("usage").groupby("account_id").mean(numeric_only=True)
    tickets = company.read("tickets")
    invoices = company.read("invoices").groupby("account_id")["days_late"].mean()
    per_day = tickets.groupby("account_id").size() / truth.groupby("account_id").size()
    signals = {
        "adoption": usage["adoption"],
        "reports": usage["reports"] / usage["active_users"],
        "errors": -usage["errors"] / usage["logins"],
        "tickets": -per_day,
        "hours": -tickets.groupby("account_id")["resolution_hours"].mean(),
        "late": -invoices,
    }
    for name, signal in signals.items():
        both = pd.concat([mood, signal], axis=1, keys=["mood", "signal"]).dropna()
        assert both.corr(method="spearman").loc["mood", "signal"] > 0.3, name
