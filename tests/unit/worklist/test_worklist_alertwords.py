"""Others' words in messages: nothing is mentioned, linked, hidden, turned around or endless."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.worklist.alertwords import (
    MOST_CHARACTERS,
    Entry,
    inert,
    listing,
    message,
    named,
    title_of,
)

HOSTILE = [
    "<!channel> <@U123> <#C1> <!here|x>", "@everyone @here @channel", "<at>everyone</at>",
    "[click](https://evil.example/x)", "<https://evil.example|your bank>", "www.evil.example",
    "mailto:a@evil.example", "`code` *bold* ~gone~ _it_", "<script>alert(1)</script>",
    "a\r\nSubject: spam\r\n\r\nbody", "abc\u202egnp.exe", "zero\u200bwidth\ufeff", "\x00\x1b[31mred",
    "=cmd|' /C calc'!A0", "x" * 10_000, "🦄" * 3000, "Z\u0351\u036b\u0343\u0364\u0308" * 50,
    "\ud800", "evil．example", "evil。example", "\\@here", "{{7*7}} ${jndi:x}", "https:evil.example",
]  # fmt: skip
LINK = re.compile(r"https?://|www\.|\w\.[a-z]{2}", re.IGNORECASE)


def assert_inert(text: str) -> None:
    assert not set(text) & set("@<>[]`*~|\\\r\n"), text
    assert not LINK.search(text), text
    allowed = "\u2068\u2069"
    assert not [c for c in text if unicodedata.category(c)[0] == "C" and c not in allowed], text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_inert(text: str) -> None:
    shown = inert(text, 80)
    assert_inert(shown)
    assert len(shown) <= 82
    assert len(shown) > 0 or text == "\ud800"


@given(st.text(st.characters(), max_size=300), st.integers(5, 120))
def test_any_words_are_inert_and_short(text: str, longest: int) -> None:
    shown = inert(text, longest)
    assert_inert(shown)
    assert len(shown.strip("\u2068\u2069")) <= longest


@pytest.mark.parametrize(
    "text",
    ["Müller & Söhne", "Acme GmbH", "株式会社", "A-17", "acct_42", "2.4 h, was 1.1", "Ünïcode"],
)
def test_ordinary_names_stay_readable(text: str) -> None:
    assert inert(text, 80) == text.replace("&", "＆")


def test_words_from_right_to_left_stay_within_themselves() -> None:
    assert inert("שלום בע״מ", 80) == "\u2068שלום בע״מ\u2069"


def test_an_account_is_named_by_name_and_key() -> None:
    assert named("Acme", "A-1") == "Acme (A-1)"
    assert named(None, "A-1") == named("A-1", "A-1") == "A-1"
    assert named("\u200b", "\u200b") == "an account"


def test_a_title_is_one_short_line() -> None:
    title = title_of("Ada\r\nBcc: all@evil.example " + "x" * 500, "3\nalerts")
    assert "\n" not in title
    assert "\r" not in title
    assert len(title) <= 100
    assert title.endswith("3 alerts")
    assert title_of("", "1 alert") == "Accounts without an owner: 1 alert"


def test_entries_stand_under_their_headings_with_links() -> None:
    entries = [
        Entry("Risk", "Acme: 63 %", ("why",), "https://nps.example.com/accounts/A"),
        Entry("Due", "Beta: today"),
        Entry("Risk", "Cent: 51 %"),
    ]
    assert listing(entries, None) == (
        "Risk (2)\n• Acme: 63 %\n  why\n  https://nps.example.com/accounts/A\n• Cent: 51 %\n"
        "\nDue (1)\n• Beta: today"
    )


def test_what_does_not_fit_is_counted() -> None:
    entries = [Entry("Risk", f"Account {i} " + "x" * 100) for i in range(1000)]
    text = listing(entries, "https://nps.example.com/worklist")
    told = text.count("• ")
    assert 10 < told < 40
    assert text.endswith(f"\nand {1000 - told:,} more: https://nps.example.com/worklist")
    assert len(text) < MOST_CHARACTERS + 100
    assert listing(entries[:15], None).count("• ") == 15
    assert "more" not in listing(entries[:15], None)


def test_a_message_ends_with_its_id() -> None:
    assert message(["a", "", "b"], "3f2a") == "a\n\nb\n\nnpsight · message 3f2a"
