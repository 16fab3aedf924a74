"""Goals and benchmarks must name what the project has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from npsight.config.checks import Finding, suggest
from npsight.config.schema import Benchmark, Goal, Tables, Targets
from npsight.config.yamlfile import KeyPath


def check_benchmarks(
    benchmarks: Iterable[tuple[int, Benchmark]], tables: Tables
) -> Iterator[Finding]:
    """Each is of an attribute that accounts can be grouped by."""
    for index, benchmark in benchmarks:
        yield from _check_attribute(benchmark.attribute, ("benchmarks", index), tables)


def check_goals(
    goals: Iterable[tuple[int, Goal]], tables: Tables, targets: Targets | None
) -> Iterator[Finding]:
    """Each is about an NPS that is foreseen, of the company or of a whole segment."""
    for index, goal in goals:
        key: KeyPath = ("goals", index)
        if goal.attribute is not None:
            yield from _check_attribute(goal.attribute, key, tables)
        if (goal.attribute is None) != (goal.value is None):
            words = ("attribute", "value") if goal.value is None else ("value", "attribute")
            yield Finding(
                key,
                f"names `{words[0]}` without `{words[1]}`",
                "give both for a segment, or neither for the whole company",
            )
        if targets is not None and targets.nps is None:
            yield Finding(key, "a goal needs the target `nps`", "add `nps: {}` under `targets`")


def _check_attribute(name: str, key: KeyPath, tables: Tables) -> Iterator[Finding]:
    declared = tables.accounts.attributes if tables.accounts else {}
    if declared.get(name) != "category":
        categories = [a for a, kind in declared.items() if kind == "category"]
        yield Finding(
            (*key, "attribute"), f"`{name}` is no category attribute", suggest(name, categories)
        )
