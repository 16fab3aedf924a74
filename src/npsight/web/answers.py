"""The answers of an account as its page shows them: those of the run, and those since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from npsight.config.specs import ProjectSpec
from npsight.features.weeks import LONGEST_COMMENT
from npsight.store import KeptFact
from npsight.store.accountpages import AccountPage
from npsight.tables.posted import table_of
from npsight.web.charts import Line, Token
from npsight.worklist.bands import band_of

GLANCE = 280
"""A longer comment is cut, and opened on request."""
COLORS: dict[str, Token] = {
    "promoter": "promoter",
    "passive": "passive",
    "detractor": "detractor",
}


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes
    ----------
    score
        On 0–10; None where it cannot be told.
    raw_score
        As it was asked.
    comment, length
        Its first characters, and how many there were in all.
    is_new
        Whether it came after the run read the answers: the shown score may not know it yet.
    """

    id: str | None
    at: datetime
    known_at: datetime
    score: float | None
    raw_score: float | None
    band: str | None
    touchpoint: str | None
    respondent: str | None
    comment: str
    length: int
    is_new: bool = False

    @property
    def glance(self) -> str:
        """The comment, or its beginning, cut between words where it can be."""
        if len(self.comment) <= GLANCE:
            return self.comment
        return self.comment[:GLANCE].rsplit(None, 1)[0] + " …"

    @property
    def is_long(self) -> bool:
        """Whether `glance` is not all there is to show."""
        return len(self.comment) > GLANCE

    @property
    def is_cut(self) -> bool:
        """Whether the comment was longer than what is kept."""
        return self.length > len(self.comment)


def answers_of(
    project: ProjectSpec, account: str, page: AccountPage, since: Sequence[KeptFact]
) -> list[Answer]:
    """Newest first. `since` stand in for the run's answers of their ids, whose they are now."""
    replaced = {fact.fact_id for fact in since}
    kept = [_kept(told) for told in page.answers if told.get("id") not in replaced]
    new = [_posted(project, fact) for fact in since if fact.account == account]
    return sorted([*kept, *new], key=lambda answer: (answer.at, answer.known_at), reverse=True)


def lines_of(answers: Sequence[Answer], as_asked: bool = False) -> list[Line]:
    """Scores over days, on 0–10 or as they were asked: a line through all, and dots by band."""
    told = [
        (a.at, a.raw_score if as_asked else a.score, a.band)
        for a in sorted(answers, key=lambda a: a.at)
        if a.score is not None
    ]
    lines = [Line("", tuple((at, score) for at, score, _ in told), "dim", dots=False)]
    for band, color in COLORS.items():
        points = tuple((at, score) for at, score, of in told if of == band)
        if points:
            lines.append(Line(band, points, color, stroke=False))
    return lines


def _kept(told: dict[str, Any]) -> Answer:
    comment = str(told.get("comment") or "")
    return Answer(
        told.get("id"),
        datetime.fromisoformat(told["occurred_at"]),
        datetime.fromisoformat(told["known_at"]),
        told.get("score"),
        told.get("raw_score"),
        told.get("band"),
        told.get("touchpoint"),
        told.get("respondent"),
        comment,
        int(told.get("length") or len(comment)),
    )


def _posted(project: ProjectSpec, fact: KeptFact) -> Answer:
    told = fact.content
    touchpoint, raw = told.get("touchpoint"), float(told["score"])
    place = table_of(project.tables.responses, touchpoint)
    score, band = (None, None) if place is None else _judged(project, place, raw, fact)
    comment = str(told.get("comment") or "")
    respondent = told.get("respondent") if project.respondents else None
    return Answer(
        fact.fact_id,
        fact.occurred_at,
        fact.known_at,
        score,
        raw,
        band,
        touchpoint,
        respondent,
        comment[:LONGEST_COMMENT],
        len(comment),
        is_new=True,
    )


def _judged(
    project: ProjectSpec, place: int, raw: float, fact: KeptFact
) -> tuple[float | None, str | None]:
    """Score on 0–10 and band by the scale of the day; None where no scale fits it any more."""
    day = fact.occurred_at.date()
    for bands in project.tables.responses[place].bands:
        begun = bands.valid_from is None or day >= bands.valid_from
        if begun and (bands.valid_to is None or day < bands.valid_to):
            low, high = bands.scale
            try:
                band = band_of(raw, bands)
            except ValueError:
                return None, None
            return round((raw - low) * 10 / (high - low), 6), band
    return None, None
