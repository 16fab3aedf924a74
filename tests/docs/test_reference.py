"""The reference page says everything that may be written, and is the one that is checked in."""

from __future__ import annotations

from pathlib import Path

import pytest

from npsight.config import reference, referencenotes
from npsight.config.aggregations import AGGREGATIONS
from npsight.config.schema import Project, Section, Source
from npsight.drivers.points import MAX_GROUPS

PAGE = Path(__file__).parents[2] / "docs" / "project-file.md"


def sections() -> list[type[Section]]:
    """Every declared section, found without the code under test."""
    found: list[type[Section]] = []
    waiting: list[type[Section]] = [Section]
    while waiting:
        model = waiting.pop()
        found.append(model)
        waiting += model.__subclasses__()
    return [model for model in found if model.__module__ == Project.__module__]


FIELDS = [(m, key, field) for m in sections() for key, field in m.model_fields.items()]


def test_the_checked_in_page_is_the_generated_one() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.page(), "run `make docs`"


@pytest.mark.parametrize(("model", "key", "field"), FIELDS, ids=lambda v: getattr(v, "__name__", v))
def test_every_key_is_described(model, key, field) -> None:
    assert field.description, f"{model.__name__}.{key} has no description"
    assert field.description.endswith("."), "a description is a sentence"


@pytest.mark.parametrize("model", sections(), ids=lambda m: m.__name__)
def test_every_section_says_what_it_is(model) -> None:
    assert model.__doc__
    assert not model.__doc__.startswith("Usage docs"), "pydantic's own docstring"


def test_every_key_stands_in_the_section_it_belongs_to() -> None:
    blocks = page_sections()
    for part in reference.parts():
        block = blocks[part.title]
        for key in part.model.model_fields:
            in_every_table = key in Source.model_fields and issubclass(part.model, Source)
            place = blocks["Every table"] if in_every_table else block
            assert f"| `{key}` |" in place, f"{part.title}: {key}"


def test_every_section_of_the_schema_has_a_place() -> None:
    placed = {part.model for part in reference.parts()}
    leaves = {m for m in sections() if not m.__subclasses__()}
    assert leaves <= placed


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_every_aggregation_is_listed_with_what_it_needs(name: str) -> None:
    block = page_sections()["Aggregations"]
    line = next(row for row in block.splitlines() if row.startswith(f"| [`{name}`](features.md#"))
    aggregation = AGGREGATIONS[name]
    assert line.endswith(f"| `{aggregation.missing}` |")
    assert ("| needed |" in line) == (aggregation.measure == "yes" or "window" in aggregation.needs)
    for key in ("per", "category", "expression"):
        assert (f"`{key}`" in line) == (key in aggregation.needs)


def test_every_link_within_the_page_has_its_heading() -> None:
    import re

    text = reference.page()
    anchors = {
        "".join(c for c in title.lower() if c.isalnum() or c in " -_").replace(" ", "-")
        for title in page_sections()
    }
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= anchors


def test_the_most_drivers_are_those_of_the_points() -> None:
    assert referencenotes.MOST_DRIVERS == MAX_GROUPS


def test_defaults_and_bounds_are_written_as_a_user_would() -> None:
    blocks = page_sections()
    assert "| `gap_days` | whole number from 0 | `14` |" in blocks["`targets.detractor`"]
    assert "| `horizon_days` | whole number from 1 to 36500 | `90` |" in blocks["`targets.churn`"]
    assert "| `score` | text | required |" in blocks["`tables.responses[]`"]
    assert "{scale: [0, 10], detractor: [0, 6]" in blocks["`tables.responses[]`"]


def page_sections() -> dict[str, str]:
    """Heading to text."""
    found: dict[str, str] = {}
    for block in reference.page().split("\n## ")[1:]:
        title, _, text = block.partition("\n")
        found[title] = text
    return found
