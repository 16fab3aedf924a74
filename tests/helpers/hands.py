"""Two ways to use a page: pointing at things, or the keyboard alone."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from playwright.sync_api import Locator, Page

MOST_TABS = 250
SHOWN = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  return {
    // A day's field is not in focus itself: its month, day or year is.
    focused: element.matches(':focus-visible, input:focus-within'),
    outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1,
    what: element.outerHTML.slice(0, 200),
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}"""
PLACE = """() => {
  const all = [...document.querySelectorAll('*')];
  return all.indexOf(document.activeElement);
}"""


class Hand(Protocol):
    """What a person does to a page."""

    def press(self, thing: Locator) -> None:
        """Follow a link, push a button or open what is folded."""

    def write(self, field: Locator, text: str) -> None:
        """Have a field hold a text."""

    def choose(self, field: Locator, label: str) -> None:
        """Choose of a list by what it shows."""

    def set_day(self, field: Locator, day: date) -> None:
        """Have a field hold a day."""


class Pointer:
    """A mouse or a finger."""

    def press(self, thing: Locator) -> None:
        """Click it."""
        thing.click()

    def write(self, field: Locator, text: str) -> None:
        """Fill it."""
        field.fill(text)

    def choose(self, field: Locator, label: str) -> None:
        """Choose it."""
        field.select_option(label=label)

    def set_day(self, field: Locator, day: date) -> None:
        """Fill it."""
        field.fill(day.isoformat())


class Keys:
    """Tab, Shift+Tab, Enter, Space, arrows and letters: nothing is ever clicked.

    On the way every element that has the focus must show it, and the way must go down the page.
    """

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, thing: Locator) -> None:
        """Go there; Enter."""
        self._go(thing)
        self._page.keyboard.press("Enter")

    def write(self, field: Locator, text: str) -> None:
        """Go there; type."""
        self._go(field)
        self._page.keyboard.press("Control+a")
        self._page.keyboard.type(text)

    def choose(self, field: Locator, label: str) -> None:
        """Go there; type what it begins with, as far as it takes."""
        self._go(field)
        self._page.keyboard.type(label)
        chosen = field.evaluate("element => element.selectedOptions[0].label.trim()")
        assert chosen == label, f"typing “{label}” chose “{chosen}”"

    def set_day(self, field: Locator, day: date) -> None:
        """Go there; type month, day and year, as an American browser asks for them."""
        self._go(field)
        self._page.keyboard.type(f"{day:%m%d%Y}")
        assert field.input_value() == day.isoformat()

    def _go(self, thing: Locator) -> None:
        """Tab there, or back with Shift where it lies behind; the place in the page only grows."""
        thing.wait_for()
        wanted = thing.evaluate("el => [...document.querySelectorAll('*')].indexOf(el)")
        at = self._page.evaluate(PLACE)
        key, ahead = ("Tab", True) if at <= wanted else ("Shift+Tab", False)
        for _ in range(MOST_TABS):
            if self._page.evaluate(PLACE) == wanted:
                self._assert_shown()
                return
            before = self._page.evaluate(PLACE)
            self._page.keyboard.press(key)
            after = self._page.evaluate(PLACE)
            # Parts of one field, such as the month and the day of a date, share a place.
            assert after >= before if ahead else after <= before, "the focus jumps about"
            self._assert_shown()
        raise AssertionError(f"{thing} is out of the keyboard's reach")

    def _assert_shown(self) -> None:
        told = self._page.evaluate(SHOWN)
        assert all(told.values()), f"the focus does not show: {told}"
