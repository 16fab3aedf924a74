"""In which languages comments are written, told by the small words that every sentence has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

LEAST_SHARE = 0.1
"""Of the comments that can be told: a language with less is no language of the company's."""
LEAST_COMMENTS = 3

_SMALL_WORDS = {
    "en": "the and is are was to of with very not we our but it for have has this that be",
    "de": "der die das und ist sind nicht sehr wir zu mit aber auch für es ein eine den dem im",
    "fr": "le la les et est sont pas très nous des du un une pour mais avec que ce il dans",
    "es": "el la los las y es son no muy nos con para pero un una que lo del se por",
    "it": "il la gli e è sono non molto noi con per ma un una che di del si lo anche",
    "nl": "de het en is zijn niet zeer heel wij we met voor maar een dat van te ook op er",
    "pt": "o a os as e é são não muito nós com para mas um uma que do da se por",
}
SMALL_WORDS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")


def languages_of(comments: Iterable[str]) -> list[str]:
    """The languages (ISO 639-1) of comments, the most frequent first; none where none is told."""
    told = Counter(language for comment in comments if (language := language_of(comment)))
    least = max(LEAST_COMMENTS, LEAST_SHARE * told.total())
    return [language for language, count in told.most_common() if count >= least]


def language_of(comment: str) -> str | None:
    """The language with most of the comment's words; None where there is none, or a tie."""
    words = _WORD.findall(comment.casefold())
    counts = Counter({name: sum(w in small for w in words) for name, small in SMALL_WORDS.items()})
    (best, most), (_, second) = counts.most_common(2)
    return best if most > second else None
