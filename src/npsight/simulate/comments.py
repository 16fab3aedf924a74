"""Free-text comments, put together from fragments by sentiment and topic."""

import numpy as np

from npsight.simulate.arrays import Bools, Floats, Ints, Texts, pick
from npsight.simulate.phrases import CLOSERS, DETAILS, OPENERS, REMARKS

__all__ = ["NEGATIVE", "NEUTRAL", "POSITIVE", "comment_texts", "draws_comment"]

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
# Share of answers with a comment for scores 0-10: the extremes have more to say.
_COMMENT_SHARE = np.array([0.75, 0.7, 0.65, 0.6, 0.55, 0.45, 0.38, 0.2, 0.18, 0.32, 0.5])


def _sentiment(score: Ints) -> Ints:
    return np.where(score <= 6, NEGATIVE, np.where(score <= 8, NEUTRAL, POSITIVE))


def draws_comment(rng: np.random.Generator, score: Ints) -> Bools:
    """Draw which answers come with a comment."""
    result: Bools = rng.random(len(score)) < _COMMENT_SHARE[score]
    return result


def _topic(
    rng: np.random.Generator, sentiment: Ints, trouble: Ints, delight: Ints, weights: Floats
) -> Ints:
    """Draw the topic: mostly the account's own trouble, or delight, else whatever is in the air."""
    own = np.where(sentiment == POSITIVE, delight, trouble)
    return np.where(rng.random(len(own)) < 0.65, own, pick(rng, weights))


def _from_pool(rng: np.random.Generator, pool: tuple[str, ...], count: int) -> Texts:
    return np.array(pool, dtype=object)[rng.integers(0, len(pool), count)]


def comment_texts(
    rng: np.random.Generator, score: Ints, trouble: Ints, delight: Ints, weights: Floats
) -> Texts:
    """Return one comment per score.

    Parameters
    ----------
    rng : numpy.random.Generator
        The chunk's stream of comments.
    score : Ints
        Scores 0-10; 0-6 complain, 7-8 hedge, 9-10 praise.
    trouble, delight : Ints
        Index into `npsight.simulate.cohort.TOPICS` of what troubles and pleases the account.
    weights : Floats
        Shape (comments, topics): what else may come up, e.g. the outage after an outage.
    """
    sentiment = _sentiment(score)
    topic = _topic(rng, sentiment, trouble, delight, weights)
    texts = np.full(len(score), "", dtype=object)
    for mood in (NEGATIVE, NEUTRAL, POSITIVE):
        here = np.flatnonzero(sentiment == mood)
        opener = _from_pool(rng, OPENERS[mood], len(here))
        remark = _remarks(rng, topic[here], mood)
        closer = _from_pool(rng, CLOSERS[mood], len(here))
        texts[here] = opener + remark + closer
    return texts


def _remarks(rng: np.random.Generator, topic: Ints, mood: int) -> Texts:
    """Return a remark on each topic, with a detail in place of its brace."""
    remarks = np.full(len(topic), "", dtype=object)
    for index, by_mood in enumerate(REMARKS):
        here = np.flatnonzero(topic == index)
        remarks[here] = _from_pool(rng, by_mood[mood], len(here))
    detail = _from_pool(rng, DETAILS, len(topic))
    filled = [text.replace("{}", word) for text, word in zip(remarks, detail, strict=True)]
    return np.array(filled, dtype=object)
