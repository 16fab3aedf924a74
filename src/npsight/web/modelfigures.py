"""What is known of a model -> tables and charts for those who train it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from npsight.store.rows import ScoreRun
from npsight.web.charts import Bar, Dots, Numbers, bar_chart, bar_numbers, xy_chart
from npsight.web.modelwords import NAMES, Told, stopped
from npsight.web.rendering import percent
from npsight.web.trends import Picture

Json = Mapping[str, Any]
FEWEST_ACCOUNTS = 5
SHOWN_FEATURES = 15
ORIGIN_ALL = "all"


@dataclass(frozen=True)
class Target:
    """One part of the model, out of time.

    `overall` has the standing of each contender over all origins, `by_origin` those of the chosen
    model and the prior on each; `groups` are (grouping, its rows).
    """

    name: str
    title: str
    content: Json
    overall: tuple[Json, ...]
    by_origin: tuple[Json, ...]
    calibration: Picture | None
    groups: tuple[tuple[str, tuple[Json, ...]], ...]


@dataclass(frozen=True)
class Scores:
    """How the scores of a risk lie now, in the run before and on the newest training day."""

    name: str
    now: Json
    before: Json | None
    picture: Picture
    numbers: Numbers


@dataclass(frozen=True)
class Version:
    """A model version and the runs that it made, which are still kept."""

    version: int
    digest: str
    runs: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Figures:
    """The page in figures."""

    told: Told
    targets: tuple[Target, ...]
    scores: tuple[Scores, ...]
    versions: tuple[Version, ...]
    stopped: tuple[str, ...]
    features: tuple[Json, ...]
    more_features: tuple[Json, ...]


def figures_of(told: Told, all_groups: bool) -> Figures:
    """All of it; without `all_groups` no group of fewer than five accounts is shown."""
    figures, features = told.model["figures"], told.drift["features"]
    targets = () if figures is None else tuple(_targets(figures, all_groups))
    return Figures(
        told=told,
        targets=targets,
        scores=tuple(_scores(told)),
        versions=tuple(_versions(told.runs)),
        stopped=tuple(stopped(told.drift)),
        features=tuple(features[:SHOWN_FEATURES]),
        more_features=tuple(features[SHOWN_FEATURES:]),
    )


def _targets(figures: Json, all_groups: bool) -> Iterator[Target]:
    for name, target in sorted(
        figures["targets"].items(), key=lambda item: list(NAMES).index(item[0])
    ):
        standings = target["standings"]
        origins = {row["origin"] for row in standings}
        whole = ORIGIN_ALL if ORIGIN_ALL in origins else next(iter(sorted(origins)), "")
        rows = [g for g in target["groups"] if all_groups or g["accounts"] >= FEWEST_ACCOUNTS]
        yield Target(
            name=name,
            title=target["title"],
            content=target,
            overall=tuple(row for row in standings if row["origin"] == whole),
            by_origin=tuple(row for row in standings if row["origin"] != whole),
            calibration=_calibration(target),
            groups=tuple(
                (grouping, tuple(some)) for grouping, some in groupby(rows, lambda g: g["grouping"])
            ),
        )


def _calibration(target: Json) -> Picture | None:
    curve = target["curve"]
    if not curve:
        return None
    points = tuple((100 * p["predicted"], 100 * p["observed"], p["weight"]) for p in curve)
    title = f"Calibration: {target['title'].lower()}"
    widest = max(max(x, y) for x, y, _ in points)
    drawn = xy_chart(
        [Dots("groups of like risk", points)],
        title=title,
        description="Points on the diagonal came true as often as predicted.",
        x_label="predicted",
        y_label="came true",
        unit="%",
        limit=min(100.0, 10 * (widest // 10 + 1)),
    )
    rows = tuple(
        (
            percent(p["predicted"]),
            percent(p["observed"]),
            f"{percent(p['low'])} to {percent(p['high'])}",
            f"{p['weight']:,.0f}",
        )
        for p in curve
    )
    return Picture(drawn, Numbers(("Predicted", "Came true", "95 %", "Weight"), rows), title)


def _scores(told: Told) -> Iterator[Scores]:
    before = (told.drift_before or {"scores": {}})["scores"]
    figures = told.model["figures"] or {"targets": {}}
    for name, now in told.drift["scores"].items():
        size = len(now["bins"])
        bars = [
            Bar(f"{100 * i // size}–{100 * (i + 1) // size} %", count, f"{count:,}")
            for i, count in enumerate(now["bins"])
        ]
        title = f"Accounts by {NAMES[name]}"
        words = f"The mean is {percent(now['mean'])}."
        drawn = bar_chart(_trimmed(bars), title=title, description=words)
        trained = figures["targets"].get(name)
        then = [b["accounts"] for b in trained["scores"]["bins"]] if trained else None
        last = before.get(name)
        yield Scores(
            name=NAMES[name],
            now=now,
            before=last,
            picture=Picture(drawn, bar_numbers(bars, name=NAMES[name], value="accounts"), title),
            numbers=_beside(bars, [last["bins"] if last else None, then]),
        )


def _trimmed(bars: Sequence[Bar]) -> list[Bar]:
    """Without the empty bars at the end."""
    last = max((i for i, bar in enumerate(bars) if bar.value), default=0)
    return list(bars[: last + 1])


def _beside(bars: Sequence[Bar], others: Sequence[Sequence[int] | None]) -> Numbers:
    rows = tuple(
        (bar.label, bar.shown, *("–" if o is None else f"{o[i]:,}" for o in others))
        for i, bar in enumerate(bars)
    )
    return Numbers(("risk", "now", "run before", "newest training day"), rows)


def _versions(runs: Sequence[ScoreRun]) -> Iterator[Version]:
    ordered = sorted(runs, key=lambda run: (run.model_version, run.as_of))
    for version, mine in groupby(ordered, lambda run: run.model_version):
        made = list(mine)
        yield Version(version, made[-1].model_digest, len(made), made[0].as_of, made[-1].as_of)
