"""An evaluation as one HTML page that loads nothing, and as JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from npsight.jobs.evaluations.found import Drivers, Evaluation, TargetFound
from npsight.jobs.reports import contest, details
from npsight.jobs.reports import drawings as pictures
from npsight.jobs.reports.drawings import Picture
from npsight.jobs.reports.tables import Reader, Table
from npsight.jobs.reports.wording import (
    Words,
    chosen_words,
    drivers_words,
    fact_words,
    learning_words,
    silent_words,
)

TEMPLATE = "report.html.j2"


@dataclass(frozen=True)
class Block:
    """A titled stretch of a section: words, then a picture, then tables. `folded` tables are shown
    when asked for.
    """

    title: str
    words: Words = ()
    picture: Picture | None = None
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Section:
    """One part of the page, reachable from its contents."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def report_json(found: Evaluation) -> str:
    """Every figure of the page, and more, as JSON text; the same evaluation, the same text."""
    return json.dumps(found.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def report_html(found: Evaluation) -> str:
    """The page; the same evaluation gives the same page. Nothing in it is markup of the data."""
    from jinja2 import Environment, StrictUndefined

    text = files("npsight.jobs.reports").joinpath("templates", TEMPLATE).read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    read = Reader(found.to_json())
    verdicts = [
        (verdict, contest.against(read, f"verdicts.{i}") if verdict.against else None)
        for i, verdict in enumerate(found.verdicts)
    ]
    context: dict[str, Any] = {
        "found": found,
        "verdicts": verdicts,
        "sections": list(_sections(found, read)),
        "facts": fact_words(found),
    }
    return environment.from_string(text).render(context)


def _sections(found: Evaluation, read: Reader) -> Iterator[Section]:
    for name, target in found.targets.items():
        if name != "promoter":
            yield Section(name, target.title, tuple(_target(found, target, read)))
    if found.nps:
        yield Section("nps", "Next-period NPS", tuple(_nps(found, read)))
    yield Section("data", "Data, time and leakage audit", tuple(_data(found, read)))


def _target(found: Evaluation, target: TargetFound, read: Reader) -> Iterator[Block]:
    yield Block("What was chosen, and why", chosen_words(target))
    if not target.standings:
        yield Block(
            "No backtest", ("There is too little history to hold any of it out: untested.",)
        )
        return
    name = target.name
    yield Block(
        "Side by side",
        tables=(contest.standings(read, name, together=True), contest.against_prior(read, name)),
        folded=(
            contest.standings(read, name, together=False),
            contest.decomposition(read, name),
            contest.lists(read, name),
        ),
    )
    yield Block("Is the level right?", picture=pictures.calibration(target))
    by_group = tuple(details.groupings(read, name))
    if by_group:
        yield Block("Is it right for every group?", silent_words(found, target), tables=by_group)
    if target.learning is not None:
        yield Block(
            "Would more history help?",
            learning_words(target.learning),
            pictures.learning(target, target.learning),
            (details.learning(read, name),),
        )
    if target.drivers is not None:
        yield _drivers(target.drivers, read, f"targets.{name}.drivers")
    yield Block(
        "How the risks are spread",
        picture=pictures.scores(target),
        tables=(details.scores(read, name), details.quantiles(read, name)),
    )


def _drivers(found: Drivers, read: Reader, place: str) -> Block:
    tables = [details.drivers(read, place)]
    folded = [details.stability(read, place)] if found.origins else []
    if found.stability:
        folded.append(details.agreement(read, place))
    if found.features:
        folded.append(details.features(read, place))
    picture = pictures.stability(found) if len(found.origins) > 1 else None
    return Block("What moves it", drivers_words(found), picture, tuple(tables), tuple(folded))


def _nps(found: Evaluation, read: Reader) -> Iterator[Block]:
    yield Block(
        "How far the forecast was off",
        tables=(contest.nps(read, together=True),),
        folded=(contest.nps(read, together=False),),
    )
    if found.coverage:
        yield Block("Did the intervals hold?", tables=(contest.coverage(read),))
    else:
        yield Block(
            "Did the intervals hold?", ("Coverage of the intervals was not measured here.",)
        )
    if found.nps_drivers is not None:
        yield _drivers(found.nps_drivers, read, "nps_drivers")
    promoter = found.targets["promoter"]
    if promoter.standings:
        yield Block(
            "The promoters' half",
            (
                "NPS is made of detractor risk and of the probability of a promoter among those "
                f"who are no detractors. {chosen_words(promoter)[0]}",
            ),
            pictures.calibration(promoter),
            (contest.standings(read, "promoter", together=True),),
            (contest.standings(read, "promoter", together=False),),
        )


def _data(found: Evaluation, read: Reader) -> Iterator[Block]:
    yield Block("What it rests on", fact_words(found))
    yield Block("Leakage audit", found.findings, tables=(details.audit(read),))
