"""What messages show of keys."""

from __future__ import annotations

import pytest

from npsight.tables.shown import shown_key, shown_person


@pytest.mark.parametrize(
    ("key", "shown", "of_person"),
    [
        ("C-17", "C-17", "C-17"),
        ("0015e00000A1bcdAAA", "0015e00000A1bcdAAA", "0015e00000A1bcdAAA"),
        ("x" * 50, "x" * 40, "x" * 40),
        ("Acme Ltd", "Acme Ltd", "A***"),
        ("ann@x.com", "a***@x.com", "a***@x.com"),
        ("@x.com", "***@x.com", "***@x.com"),
        ("Ann Doe <ann.doe@x.com>", "A***@x.com", "A***@x.com"),
        ("a" * 60 + "@x.com", "a***@x.com", "a***@x.com"),
    ],
)
def test_addresses_are_masked_and_names_of_persons(key, shown, of_person):
    assert shown_key(key) == shown
    assert shown_person(key) == of_person
