"""Themes of comments as a page shows them: how often named, by whom, in which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from npsight.web.charts import sparkline
from npsight.web.rendering import percent, signed

FEWEST_ANSWERS = 5
"""An NPS of fewer answers is not shown."""
EXAMPLES = 3


@dataclass(frozen=True)
class Example:
    """A comment, cut, with the account that made it; no respondent."""

    text: str
    band: str | None
    at: datetime
    account: str
    name: str


@dataclass(frozen=True)
class Theme:
    """One theme in the last period and the one before.

    `share` and `before` are of the answers with a comment, None without any; `nps` and its 95 %
    interval (None for fewer than five answers) are those of the answers that name it.
    """

    name: str
    answers: int
    share: float | None
    before: float | None
    nps: float | None
    interval: tuple[float, float] | None
    trend: Markup | None
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Themes:
    """`comments` and `comments_before` are answers with a comment in the last two periods."""

    comments: int
    comments_before: int | None
    nps: float | None
    themes: tuple[Theme, ...]
    other: float | None

    @property
    def is_silent(self) -> bool:
        """Whether no comment of the last two periods names any theme."""
        return not any(theme.answers or theme.before for theme in self.themes)


def themes_of(
    content: Mapping[str, Any], shown: Mapping[str, Any], only_owner: str | None
) -> Themes | None:
    """Of the company, or the segment shown; None where it has no comments.

    Examples are comments of accounts that the user may see.
    """
    where = content["company"]
    if shown["attribute"]:
        where = content["groups"].get(shown["attribute"], {}).get(shown["value"])
    if where is None or not any(period["answers"] for period in where["periods"]):
        return None
    mine = [
        example
        for example in content.get("examples", ())
        if only_owner is None or example["owner"] == only_owner
        if not shown["attribute"] or example["groups"].get(shown["attribute"]) == shown["value"]
    ]
    sizes = [period["answers"] for period in where["periods"]]
    named = [_theme(theme, sizes, mine) for theme in where["themes"] if theme["theme"]]
    rest = next(theme for theme in where["themes"] if not theme["theme"])
    now = where["periods"][-1]
    return Themes(
        comments=sizes[-1],
        comments_before=sizes[-2] if len(sizes) > 1 else None,
        nps=now["nps"] if now["answers"] >= FEWEST_ANSWERS else None,
        themes=tuple(named),
        other=_share(rest["answers"][-1], sizes[-1]),
    )


def _theme(
    theme: Mapping[str, Any], sizes: Sequence[int], examples: Sequence[Mapping[str, Any]]
) -> Theme:
    now, name = theme["now"], theme["theme"]
    shares = [_share(n, of) for n, of in zip(theme["answers"], sizes, strict=True)]
    enough = now["answers"] >= FEWEST_ANSWERS
    return Theme(
        name=name,
        answers=now["answers"],
        share=shares[-1],
        before=shares[-2] if len(shares) > 1 else None,
        nps=now["nps"] if enough else None,
        interval=(now["low_95"], now["high_95"]) if enough else None,
        trend=_trend(name, shares),
        examples=tuple(_examples(name, examples)),
    )


def _trend(name: str, shares: Sequence[float | None]) -> Markup | None:
    known = [share for share in shares if share is not None]
    if len(known) < 2:
        return None
    words = f"From {percent(known[0])} to {percent(known[-1])} of the comments."
    return sparkline(
        [None if share is None else 100 * share for share in shares],
        title=f"Share of comments that name {name}",
        description=words,
    )


def _examples(name: str, examples: Sequence[Mapping[str, Any]]) -> Iterator[Example]:
    mine = [example for example in examples if example["theme"] == name]
    for example in mine[:EXAMPLES]:
        at = datetime.fromisoformat(example["at"])
        yield Example(example["text"], example["band"], at, example["account"], example["name"])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def moved(now: float | None, before: float | None) -> str:
    """The change of a share in words, such as `+4 points`; a dash for None."""
    if now is None or before is None:
        return "–"
    return f"{signed(100 * (now - before))} points"
