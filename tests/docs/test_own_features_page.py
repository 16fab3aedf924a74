"""The page on own features: its functions are run, its values computed, its errors provoked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from npsight.errors import ConfigError
from npsight.jobs.building.sample import OWN_FILE, computed

PAGE = (Path(__file__).parents[2] / "docs" / "own-features.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(match[1], match[2]) for match in BLOCK.finditer(PAGE)]
CODE = "\n\n".join(text for kind, text in BLOCKS if kind == "python")
LINES = [t.strip().removeprefix("- ") for kind, t in BLOCKS if kind == "text" and t[0] == "-"]
VALUES = dict(re.findall(r"^\| `(\w+__\w+)` \| (\S+) \|$", PAGE, re.MULTILINE))
ERRORS = [text for kind, text in BLOCKS if kind == "text" and "→" in text]


def test_the_page_has_what_these_tests_look_for():
    assert len(LINES) == len(VALUES) == 2
    assert len(ERRORS) == PAGE.partition("## What is refused")[2].count("```python") == 6


def test_the_examples_have_the_values_that_the_page_gives():
    found = computed(LINES, CODE)
    shown = {name: f"{found.values[name].iloc[0]:.4f}".rstrip("0").rstrip(".") for name in VALUES}
    assert shown == VALUES


def test_the_first_example_is_that_of_the_page_of_features():
    assert BLOCKS[0] == ("python", OWN_FILE)


def test_every_error_is_the_one_that_is_raised_and_all_come_at_once():
    functions = [text.partition(" · ")[0] for text in ERRORS]
    lines = [f"{{source: usage, aggregate: own, expression: '{name}'}}" for name in functions]
    with pytest.raises(ConfigError, match="an own expression cannot be used") as caught:
        computed(lines, CODE)
    assert [f"{problem}\n" for problem in caught.value.problems] == ERRORS
