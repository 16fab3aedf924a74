"""surveys.csv: invitations, who answers them, and what they say.

Whether a contact answers depends on the account's engagement and on the contact, not on
satisfaction: silence tells of low satisfaction only through the engagement that usage shows.
"""

from dataclasses import dataclass

import numpy as np

from npsight.simulate.answers import draw_scores
from npsight.simulate.arrays import (
    Bools,
    Floats,
    Ints,
    Texts,
    expit,
    nearest_day,
    sequence_in_group,
    working_hours,
)
from npsight.simulate.chunk import Chunk, Columns
from npsight.simulate.cohort import MOST_CONTACTS, TOPICS
from npsight.simulate.comments import comment_texts, draws_comment
from npsight.simulate.ids import account_ids, serial_ids
from npsight.simulate.process import OUTAGE, PRICE_RISE
from npsight.simulate.tickets import Tickets

__all__ = ["TOUCHPOINTS", "Surveys", "draw_surveys", "survey_columns"]

TOUCHPOINTS = ("relationship", "support")
_WAVE_DAYS = 90
_FIRST_INVITATION_DAYS = 30
_INVITED_SHARE = 0.9
_SUPPORT_INVITED_SHARE = 0.25
_ANSWER_LOGIT = -1.20
_ANSWER_ON_ENGAGEMENT = 0.80
_ANSWER_RANGE = (0.03, 0.60)
_LATEST_ANSWER_DAYS = 25.0


@dataclass(frozen=True, slots=True)
class _Invitations:
    """Who was asked when, sorted by account and time."""

    account: Ints
    contact: Ints
    at: Floats
    touchpoint: Ints


@dataclass(frozen=True, slots=True)
class Surveys:
    """Invitations with their answers; `answered_at` is NaN and `score` 0 without one."""

    account: Ints
    contact: Ints
    invited_at: Floats
    touchpoint: Ints
    answered_at: Floats
    synced_at: Floats
    score: Ints

    @property
    def answered(self) -> Bools:
        """Which invitations were answered in time to be known."""
        return ~np.isnan(self.answered_at)


def _relationship(chunk: Chunk, rng: np.random.Generator) -> _Invitations:
    """Ask most contacts once a quarter; each account has its own day in the quarter."""
    waves = chunk.settings.days // _WAVE_DAYS + 1
    phase = rng.integers(0, _WAVE_DAYS, chunk.count)
    asked = rng.random((chunk.count, waves, MOST_CONTACTS)) < _INVITED_SHARE
    asked &= ~np.isnan(chunk.cohort.contact_created)[:, None, :]
    account, wave, contact = np.nonzero(asked)
    day = phase[account] + _WAVE_DAYS * wave + rng.integers(0, 3, len(account))
    at = day + working_hours(rng, len(account))
    return _Invitations(account, contact, at, np.zeros(len(account), np.int64))


def _after_support(chunk: Chunk, rng: np.random.Generator, tickets: Tickets) -> _Invitations:
    """Ask one contact, each as likely as the next, after some of the resolved tickets."""
    asked = ~np.isnan(tickets.resolved_at) & (
        rng.random(len(tickets.account)) < _SUPPORT_INVITED_SHARE
    )
    account, resolved = tickets.account[asked], tickets.resolved_at[asked]
    at = resolved + rng.uniform(1 / 24, 1.0, len(account))
    there = chunk.cohort.contact_created[account] <= at[:, None]
    there[:, 0] = True
    contact = np.where(there, rng.random(there.shape), -1.0).argmax(axis=1)
    return _Invitations(account, contact, at, np.ones(len(account), np.int64))


def _invitations(chunk: Chunk, rng: np.random.Generator, tickets: Tickets) -> _Invitations:
    quarterly, after = _relationship(chunk, rng), _after_support(chunk, rng, tickets)
    account = np.concatenate([quarterly.account, after.account])
    contact = np.concatenate([quarterly.contact, after.contact])
    at = np.concatenate([quarterly.at, after.at])
    touchpoint = np.concatenate([quarterly.touchpoint, after.touchpoint])
    begin = np.maximum(chunk.cohort.start_day + _FIRST_INVITATION_DAYS, 0)[account]
    created = chunk.cohort.contact_created[account, contact]
    keep = (at >= begin) & (at >= created) & (at < chunk.stop_day[account])
    order = np.lexsort((contact[keep], at[keep], account[keep]))
    return _Invitations(*(part[keep][order] for part in (account, contact, at, touchpoint)))


def _answer_prob(chunk: Chunk, invited: _Invitations) -> Floats:
    drive = chunk.state.engagement[invited.account, invited.at.astype(np.int64)]
    willing = chunk.cohort.contact_willing[invited.account, invited.contact]
    logit = _ANSWER_LOGIT + _ANSWER_ON_ENGAGEMENT * drive + willing
    return np.clip(expit(logit), *_ANSWER_RANGE)


def draw_surveys(chunk: Chunk, tickets: Tickets) -> Surveys:
    """Draw invitations and answers.

    An answer after the end of the subscription, or known after the end of the data, is none.
    """
    rng = chunk.streams["surveys"]
    invited = _invitations(chunk, rng, tickets)
    count = len(invited.at)
    delay = np.minimum(rng.lognormal(np.log(0.8), 1.2, count), _LATEST_ANSWER_DAYS)
    at = invited.at + delay
    synced = at + np.clip(rng.exponential(0.4, count), 3 / 1440, 3.0)
    answered = rng.random(count) < _answer_prob(chunk, invited)
    answered &= (at < chunk.stop_day[invited.account]) & (synced <= chunk.settings.days)
    mood = chunk.state.satisfaction[invited.account, nearest_day(at, chunk.settings.days)]
    effect = chunk.cohort.contact_effect[invited.account, invited.contact]
    return Surveys(
        account=invited.account,
        contact=invited.contact,
        invited_at=invited.at,
        touchpoint=invited.touchpoint,
        answered_at=np.where(answered, at, np.nan),
        synced_at=np.where(answered, synced, np.nan),
        score=np.where(answered, draw_scores(rng, mood, effect), 0),
    )


def _topic_weights(chunk: Chunk, at: Floats) -> Floats:
    """Return what else people talk about: the outage, or the price, in the weeks after it."""
    weights = np.ones((len(at), len(TOPICS)))
    for topic, shock in (("reliability", OUTAGE), ("price", PRICE_RISE)):
        since = at - shock.day(chunk.settings.days)
        weights[:, TOPICS.index(topic)] += np.where((since >= 0) & (since < 60), 8.0, 0.0)
    return weights


def _comments(chunk: Chunk, surveys: Surveys) -> Texts:
    rng = chunk.streams["comments"]
    comments = np.full(len(surveys.account), None, dtype=object)
    answered = np.flatnonzero(surveys.answered)
    chosen = answered[draws_comment(rng, surveys.score[answered])]
    account = surveys.account[chosen]
    comments[chosen] = comment_texts(
        rng,
        surveys.score[chosen],
        chunk.cohort.trouble_topic[account],
        chunk.cohort.delight_topic[account],
        _topic_weights(chunk, surveys.answered_at[chosen]),
    )
    return comments


def survey_columns(chunk: Chunk, surveys: Surveys) -> Columns:
    """Return the columns of surveys.csv, one row per invitation."""
    number = chunk.cohort.number[surveys.account]
    return {
        "survey_id": survey_ids(chunk, surveys),
        "account_id": account_ids(number),
        "contact_id": serial_ids("C", number, surveys.contact),
        "invited_at": surveys.invited_at,
        "answered_at": surveys.answered_at,
        "synced_at": surveys.synced_at,
        "score": np.where(surveys.answered, surveys.score, np.nan),
        "comment": _comments(chunk, surveys),
        "touchpoint": np.array(TOUCHPOINTS, dtype=object)[surveys.touchpoint],
    }


def survey_ids(chunk: Chunk, surveys: Surveys) -> object:
    """Return the identifier of each invitation."""
    number = chunk.cohort.number[surveys.account]
    return serial_ids("S", number, sequence_in_group(number))
