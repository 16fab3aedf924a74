"""Touchpoints that a project foresees and that no answer was given at."""

from __future__ import annotations

from collections.abc import Iterator

from npsight.config.specs import ProjectSpec
from npsight.errors import Problem
from npsight.temporal.facts import Facts

MOST_NAMED = 12


def unknown_touchpoints(project: ProjectSpec, facts: Facts) -> Iterator[Problem]:
    """A problem for each value of `targets.detractor.touchpoints` that no answer has.

    The remedy names the touchpoints that exist, with their answers, the most frequent first.
    """
    if not project.touchpoints:
        return
    answers = facts.sources["responses"]
    counted = answers.group_by("touchpoint").agg(answers=answers.count()).to_pyarrow().to_pylist()
    found = {row["touchpoint"]: row["answers"] for row in counted if row["touchpoint"] is not None}
    there = sorted(found, key=lambda name: (-found[name], name))
    named = ", ".join(f"`{name}` ({found[name]:,})" for name in there[:MOST_NAMED])
    more = f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
    for wanted in project.touchpoints:
        if wanted not in found:
            yield Problem(
                f"no answer was given at touchpoint `{wanted}`",
                f"use some of: {named}{more}"
                if there
                else "no answer has a touchpoint; map the column under `tables.responses`",
                key="targets.detractor.touchpoints",
            )
