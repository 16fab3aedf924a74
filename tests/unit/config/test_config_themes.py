"""Built-in themes: the same ones in every language, and no beginning that another one swallows."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from npsight.config.schema.settings import Comments
from npsight.config.themes import THEMES, themes_of


@pytest.mark.parametrize("language", THEMES)
def test_every_language_has_the_same_themes(language):
    assert set(THEMES[language]) == set(THEMES["en"])
    assert all(THEMES[language].values())


@pytest.mark.parametrize("language", THEMES)
def test_beginnings_are_of_one_theme_and_in_lower_case(language):
    words = [word for words in THEMES[language].values() for word in words]
    assert len(set(words)) == len(words)
    assert [word for word in words if word != word.casefold()] == []
    for theme, mine in THEMES[language].items():
        others = [w for name, some in THEMES[language].items() if name != theme for w in some]
        assert [(a, b) for a in mine for b in others if a.startswith(b)] == []


def test_languages_are_put_together_in_order_without_repeating():
    both = themes_of(Comments(language=["en", "de"]))
    assert both["support"][:2] == ("support", "ticket")
    assert both["support"].count("support") == 1
    assert "kundendienst" in both["support"]


def test_the_projects_own_replace_them():
    mine = Comments(language="de", themes={"b": ["x"], "a": ["y"]})
    assert themes_of(mine) == {"a": ("y",), "b": ("x",)}


def test_one_language_may_be_written_without_a_list():
    assert Comments(language="fr").language == ["fr"]
    assert Comments().language == ["en"]
    assert themes_of(Comments(language="nl")) == {}


@pytest.mark.parametrize("written", ["german", "DE", "d", "de-AT"])
def test_what_is_no_code_of_a_language_is_told_with_what_was_written(written):
    with pytest.raises(ValidationError, match=f"ISO 639-1\\); it is `{written}`"):
        Comments(language=["en", written])
