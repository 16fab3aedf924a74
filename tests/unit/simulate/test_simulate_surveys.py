"""Answers at the edges: the end of a subscription and the end of the data."""

from dataclasses import replace

import numpy as np

from npsight.simulate.chunk import Chunk
from npsight.simulate.surveys import draw_surveys
from npsight.simulate.tickets import draw_tickets

END_DAY = 95


def test_answers_known_after_the_data_end_are_none(chunk: Chunk) -> None:
    surveys = draw_surveys(chunk, draw_tickets(chunk))
    assert np.nanmax(surveys.synced_at) <= 120
    late = surveys.invited_at > 118
    early = (surveys.invited_at > 60) & (surveys.invited_at < 80)
    assert surveys.answered[late].mean() < 0.7 * surveys.answered[early].mean()


def test_nobody_answers_after_the_subscription_ended(chunk: Chunk) -> None:
    everyone_leaves = np.full(chunk.count, float(END_DAY))
    ended = replace(chunk, contract=replace(chunk.contract, end_day=everyone_leaves))
    surveys = draw_surveys(ended, draw_tickets(ended))
    assert surveys.invited_at.max() < END_DAY
    assert np.nanmax(surveys.answered_at) < END_DAY
    # What was answered in time may still be on its way to us.
    assert np.nanmax(surveys.synced_at) > END_DAY


def test_silent_invitations_have_no_answer_at_all(chunk: Chunk) -> None:
    surveys = draw_surveys(chunk, draw_tickets(chunk))
    silent = ~surveys.answered
    assert np.isnan(surveys.synced_at[silent]).all()
    assert (surveys.score[silent] == 0).all()
    assert not np.isnan(surveys.synced_at[surveys.answered]).any()


def test_answering_depends_on_engagement_and_not_on_satisfaction(chunk: Chunk) -> None:
    surveys = draw_surveys(chunk, draw_tickets(chunk))
    early = surveys.invited_at < 90
    account, day = surveys.account[early], surveys.invited_at[early].astype(int)
    drive, mood = chunk.state.engagement[account, day], chunk.state.satisfaction[account, day]
    design = np.column_stack([np.ones(len(day)), drive, mood])
    weights = np.linalg.lstsq(design, surveys.answered[early].astype(float), rcond=None)[0]
    assert weights[1] > 0.08
    assert abs(weights[2]) < 0.02
