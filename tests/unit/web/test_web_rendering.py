"""Figures as pages write them."""

from __future__ import annotations

import pytest

from npsight.web.rendering import money, percent, signed

KEPT = "\u00a0"


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (None, "€", "–"),
        (0.0, "€", "€ 0"),
        (999.6, "€", "€ 1,000"),
        (3_000.0, "€", "€ 3.0 k"),
        (1_234_567.0, "", "1.2 M"),
        (-45_600_000_000.0, "US $", "US $ −46 bn"),
    ],
)
def test_an_amount_is_not_broken_over_lines(value, currency, shown) -> None:
    assert money(value, currency) == shown.replace(" ", KEPT)


def test_nor_is_a_share() -> None:
    assert [percent(None), percent(0.125)] == ["–", f"12{KEPT}%"]
    assert [percent(share) for share in (0.0, 0.004, 0.006)] == [
        f"{n}{KEPT}%" for n in ("0", "<1", "1")
    ]
    assert [percent(share) for share in (1.0, 0.996, 0.994)] == [
        f"{n}{KEPT}%" for n in ("100", ">99", "99")
    ]
    assert [signed(-12.4), signed(0.4), signed(None)] == ["−12", "0", "–"]
