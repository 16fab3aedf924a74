"""Every aggregation of the catalogue, and worlds with corrections, merges and booked meetings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from handmade import Row, World
from worlds import Draw, Drawn, draw, every_feature

from npsight.config.specs import FeatureSpec

OWN = '''\
def most_errors(facts):
    """The dearest fact, in errors beyond its logins."""
    return (facts.errors.fill_null(0) * 2 - facts.logins).max()
'''
BY_MEASURE = ("std", "first", "slope", "vs_usual", "share", "mean", "trend")
BY_ROW = ("share", "vs_usual", "days_since_first", "mean_gap", "longest_gap", "distinct_days")
LASTING = ("oldest_open", "mean_duration", "max_duration", "days_until_end")


def catalogue() -> list[FeatureSpec]:
    """The features of `tests/time`, and what the catalogue holds beyond them."""
    specs = every_feature()
    for window in (None, 7):
        for name in BY_MEASURE:
            where = (("kind", "web"),) if name == "share" else ()
            specs.append(_of("usage", name, window, measure="logins", where=where))
        for name in BY_ROW:
            where = (("channel", "x"),) if name == "share" else ()
            specs.append(_of("usage", name, window, where=where))
        specs.append(_of("usage", "distinct", window, category="kind", missing="zero"))
        specs.append(_of("usage", "own", window, expression="own.py:most_errors"))
        specs += [_of("tickets", name, window) for name in LASTING[:3]]
    specs += [_of("tickets", "days_until_end", None), _of("subscriptions", "days_until_end", None)]
    specs.append(_of("meetings", "days_until_next", None))
    for name in ("mean", "std"):
        specs.append(_of("usage", name, 30, measure="logins", against="segment"))
    specs.append(_of("tickets", "count", None, against="segment", missing="zero"))
    needs_window = ("trend", "vs_usual")
    usable = [s for s in specs if s.window_days is not None or s.aggregation not in needs_window]
    return list({spec.name: spec for spec in usable}.values())


def _of(source: str, aggregation: str, window: int | None, **rest: Any) -> FeatureSpec:
    return FeatureSpec(source=source, aggregation=aggregation, window_days=window, **rest)


def write_own(folder: Path) -> Path:
    """The file of the own expression beside a project file, whose path is returned."""
    (folder / "own.py").write_text(OWN)
    return folder / "project.yaml"


def drawn_world(seed: int) -> Drawn:
    """A world of `tests/time`, with versions of facts, merged accounts and meetings ahead."""
    drawn = draw(seed)
    choose = Draw(seed + 500, drawn.instants)

    def change(name: str, rows: list[Row]) -> list[Row]:
        return [row | _history(choose) for row in rows] if name in drawn.world.sources else rows

    world = drawn.world.changed(change)
    meetings = [
        {"account": row["account"], **choose.times(), **_history(choose)}
        for row in world.accounts
        if choose.chance(0.7)
    ]
    return replace(drawn, world=_with(world, meetings, _merges(world, choose)))


def _with(world: World, meetings: list[Row], merges: list[Row]) -> World:
    sources = {**world.sources, "meetings": meetings}
    return replace(world, sources=sources, merges=merges, versioned=True)


def _history(choose: Draw) -> Row:
    """Mostly a fact that was never corrected nor moved."""
    names = ("corrected_at", "owned_from", "moved_at")
    return {name: choose.instant() if choose.chance(0.2) else None for name in names}


def _merges(world: World, choose: Draw) -> list[Row]:
    names = [row["account"] for row in world.accounts]
    return [
        {"account": name, "into": choose.one(names), "known_at": choose.instant()}
        for name in names
        if choose.chance(0.1)
    ]
