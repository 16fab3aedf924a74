"""Themes of comments for the pages: how often each is named, by whom, and what they scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from npsight.config.specs import ProjectSpec
from npsight.jobs.building.frames import FeatureBuilder
from npsight.jobs.segmenting.inputs import SegmentInputs
from npsight.jobs.segmenting.report import reported_json
from npsight.models.reported import Reported, reported

KEYS = ["account", "as_of"]
OTHER = ""
"""Stands for comments that name none of the themes."""
POOL = 200
"""So many of the newest comments of a theme are looked through for examples."""
EXAMPLES = 3
LONGEST = 240
COUNTS = ("answers", "detractors", "promoters")


@dataclass(frozen=True)
class ThemeCounts:
    """Comments of the periods, one row an account and period, aligned with `groups` (its value of
    each attribute at the period's end). Columns as `themes_by_period_expr` gives them.
    """

    names: tuple[str, ...]
    ends: tuple[datetime, ...]
    rows: pd.DataFrame
    groups: pd.DataFrame


def theme_counts(
    project: ProjectSpec, builder: FeatureBuilder, inputs: SegmentInputs
) -> ThemeCounts | None:
    """Comments of the inputs' periods; None for a project without surveys, periods or themes."""
    names = tuple(project.themes)
    if not inputs.ends or not names:
        return None
    days = project.training.period_days
    rows = builder.themes(inputs.ends, inputs.as_of, days, names)
    placed = pd.concat([inputs.answers[KEYS], inputs.answer_groups], axis=1)
    found = rows[KEYS].merge(placed, on=KEYS, how="left", validate="one_to_one")
    return ThemeCounts(names, inputs.ends, rows, found.drop(columns=KEYS))


def themes_json(
    counts: ThemeCounts, values: Mapping[str, Sequence[str]], period_days: int
) -> dict[str, Any]:
    """Themes of the company and of these values of each attribute.

    Of a set, `periods` has the comments of each period (`[end − period_days, end)`, oldest
    first), and `themes` one entry a theme, the most named of the last period first, comments
    that name none (`""`) last: its `now` with counts and NPS, and `answers` and `nps` by period.
    """
    everyone = np.ones(len(counts.rows), dtype=bool)
    return {
        "period_days": period_days,
        "ends": [f"{end.isoformat()}Z" for end in counts.ends],
        "company": _of_set(counts, everyone),
        "groups": {
            name: {
                value: _of_set(counts, np.asarray(counts.groups[name] == value, dtype=bool))
                for value in wanted
            }
            for name, wanted in values.items()
        },
    }


def _of_set(counts: ThemeCounts, rows: NDArray[np.bool_]) -> dict[str, Any]:
    mine = counts.rows.loc[rows]
    by_end = {end: mine[mine["as_of"] == end] for end in counts.ends}
    themes = [
        _of_theme(name, [_reported(by_end[end], f"_{place}") for end in counts.ends])
        for place, name in enumerate((*counts.names, OTHER))
    ]
    themes.sort(key=lambda t: (t["theme"] == OTHER, -t["now"]["answers"], t["theme"]))
    return {
        "periods": [reported_json(_reported(by_end[end], "")) for end in counts.ends],
        "themes": themes,
    }


def _of_theme(name: str, history: Sequence[Reported]) -> dict[str, Any]:
    return {
        "theme": name,
        "now": reported_json(history[-1]),
        "answers": [found.answers for found in history],
        "nps": [found.nps for found in history],
    }


def _reported(rows: pd.DataFrame, suffix: str) -> Reported:
    return reported(*(rows[f"{name}{suffix}"].to_numpy(np.float64) for name in COUNTS))


def examples_json(
    project: ProjectSpec,
    builder: FeatureBuilder,
    inputs: SegmentInputs,
    display: pd.DataFrame,
    values: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """A few of the newest comments for each theme, for the company and every value of an attribute.

    Each has its theme, text (cut to 240 characters), band, instant and account, with the
    account's name, owner and value of each attribute as of the inputs' day. Only comments of
    accounts that are scored: who may not see an account must not read what it wrote.

    Parameters
    ----------
    display
        `name` and `owner` of the accounts of `inputs.now`, in its order.
    """
    places = {account: place for place, account in enumerate(inputs.now["account"])}
    found = []
    for theme in project.themes:
        days = project.training.period_days
        pool = builder.comments_naming(inputs.as_of, days, theme, POOL)
        known = [comment for comment in pool if comment["account"] in places]
        for comment, groups in _picked(known, places, inputs.groups, values):
            name, owner = display[["name", "owner"]].iloc[places[comment["account"]]]
            found.append(
                {
                    "theme": theme,
                    "text": cut(comment["comment"]),
                    "band": comment["band"],
                    "at": f"{comment['occurred_at'].isoformat()}Z",
                    "account": comment["account"],
                    "name": name if isinstance(name, str) else comment["account"],
                    "owner": owner if isinstance(owner, str) else None,
                    "groups": groups,
                }
            )
    return found


def _picked(
    pool: Sequence[dict[str, Any]],
    places: Mapping[str, int],
    groups: pd.DataFrame,
    values: Mapping[str, Sequence[str]],
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Comments of which the company, or some value, has fewer than `EXAMPLES` so far."""
    used: dict[tuple[str, str], int] = {}
    seen: set[str] = set()
    for comment in pool:
        place = places[comment["account"]]
        mine = {name: str(groups[name].iloc[place]) for name in values}
        sets = [("", ""), *((name, value) for name, value in mine.items() if value in values[name])]
        wanted = any(used.get(one, 0) < EXAMPLES for one in sets)
        if wanted and comment["comment"] not in seen:
            seen.add(comment["comment"])
            for one in sets:
                used[one] = used.get(one, 0) + 1
            yield comment, mine


def cut(text: str, longest: int = LONGEST) -> str:
    """At most so many characters, ended between words, with an ellipsis where something is gone."""
    whole = " ".join(text.split())
    if len(whole) <= longest:
        return whole
    head = whole[: longest - 1]
    word, _, _ = head.rpartition(" ")
    return f"{word if len(word) > longest // 2 else head}…"
