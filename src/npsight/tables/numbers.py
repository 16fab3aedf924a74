"""Numbers as people write them -> plain ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

Decimal = Literal[".", ","] | None

# The last sign is the Windows euro as Latin-1 reads it. Other letters, such as `Mio.`, are no unit.
_SIGNS = "[€$£¥₹₩₽₺₫₴₪฿\x80]"
_CODES = "EUR|USD|GBP|CHF|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|ILS|ZAR|JPY|CNY|INR|KRW|SGD|HKD|BRL|MXN"
_UNIT = f"(?:{_SIGNS}|(?i:{_CODES}|CAD|AUD|NZD|AED|zł|kč|kr|fr\\.))"
_SPACE = "[\\s\u00a0\u202f]"


def plain_number(text: ir.StringValue, decimal: Decimal) -> ir.StringValue:
    """`1.234,50 €` -> `1234.50` where `decimal` is `,`, and `$1,234.50` where it is `.`.

    Only whole groups of three digits may be parted: by the other sign, a space or an apostrophe.
    The minus may stand behind, as in `299,70-`.
    Null where it is no such number. Everything stays as it is where `decimal` is None.
    """
    if decimal is None:
        return text
    parting = rf"[{'.' if decimal == ',' else ','}'’\s" + "\u00a0\u202f]"
    bare = text.re_replace(f"^([+-]?){_SPACE}*{_UNIT}?{_SPACE}*([+-]?)", r"\1\2")
    bare = bare.re_replace(f"{_SPACE}*{_UNIT}$", "").re_replace("^([^+-].*)-$", r"-\1")
    written = rf"^[+-]?([0-9]{{1,3}}({parting}[0-9]{{3}})+|[0-9]+)({re.escape(decimal)}[0-9]+)?$"
    plain = bare.re_replace(parting, "").replace(decimal, ".")
    return cast(ir.StringValue, ibis.ifelse(bare.re_search(written), plain, ibis.null(dt.string)))


_NAMES = {"€": "EUR", "\x80": "EUR", r"\$": "USD", "£": "GBP"}


def currency_of(text: ir.StringValue) -> ir.StringValue:
    """`USD` of `$1,234.50`, of `USD 5` and of `5 usd`; null where no currency stands there.

    A sign without a name of its own here stays a sign; `kr` and `$` may be of several countries.
    """
    beside = text.re_extract(f"^[+-]?{_SPACE}*{_UNIT}|{_UNIT}$", 0)
    unit = beside.re_replace(f"^[+-]?{_SPACE}*", "").upper()
    for sign, name in _NAMES.items():
        unit = unit.re_replace(f"^{sign}$", name)
    return cast(ir.StringValue, unit.nullif(""))


_BEHIND = r"^([+-]?[0-9]+(?:[.,][0-9]+)?)(?:\s*[-–—=:.(|]\s*|\s+)[^\W\d_][^0-9]*$"


def without_words(text: ir.StringValue, words: Mapping[str, float]) -> ir.StringValue:
    """`10 - Extremely likely` and `10 points` -> `10`; one of `words`, in any case -> its number.

    Any other text stays as it is, also one with a second number in it, such as `7 of 10`.
    """
    number = text.re_extract(_BEHIND, 1)
    bare = ibis.ifelse(number != "", number, text)
    meant = [
        (text.lower() == word.strip().lower(), ibis.literal(f"{value:g}"))
        for word, value in words.items()
    ]
    return cast(ir.StringValue, ibis.cases(*meant, else_=bare) if meant else bare)
