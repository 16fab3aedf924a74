"""Names of months in English, German, French and Spanish, in full and shortened."""

from __future__ import annotations

import re
from typing import cast

import ibis.expr.types as ir

_IN_FULL = (
    "january januar jänner janner janvier enero",
    "february februar feber février fevrier febrero",
    "march märz maerz marz mars marzo",
    "april avril abril",
    "may mai mayo",
    "june juni juin junio",
    "july juli juillet julio",
    "august août aout agosto",
    "september septembre septiembre setiembre",
    "october oktober octobre octubre",
    "november novembre noviembre",
    "december dezember décembre decembre diciembre",
)
_SHORT = (
    "jan jän janv ene",
    "feb fév fev févr fevr",
    "mar mär mrz",
    "apr avr abr",
    "may mai",
    "jun",
    "jul juil",
    "aug aoû aou ago",
    "sep sept set",
    "oct okt",
    "nov",
    "dec dez déc dic",
)
MONTHS = {
    name: month
    for names in (_IN_FULL, _SHORT)
    for month, listed in enumerate(names, 1)
    for name in listed.split()
}
"""A month's name in lower case -> its number."""
_ENGLISH = [names.split()[0] for names in _IN_FULL]
_OF_ENGLISH = {*_ENGLISH, *(name[:3] for name in _ENGLISH)}
_NAME = re.compile(r"[^\W\d_]{3,}\.?")
_NAME_SQL = r"\p{L}{3,}\.?"
_JUNE_OR_JULY = r"(?i)(^|[^\p{L}])jui([^\p{L}]|$)"
_HAS_NAME = re.compile(r"%[bB]")
_POINT = re.compile(r"%[bB]\.")


def has_month_name(pattern: str) -> bool:
    """Whether a pattern reads the name of a month."""
    return _HAS_NAME.search(pattern) is not None


def is_june_or_july(text: ir.StringValue) -> ir.BooleanValue:
    """Whether a French month is shortened so far that it may be either; never null."""
    return cast(ir.BooleanValue, text.re_search(_JUNE_OR_JULY).fill_null(False))


def english(text: ir.StringValue, pattern: str) -> ir.StringValue:
    """The text with the name of its month as an English pattern reads it.

    A point behind the name goes, unless the pattern has one there itself.
    """
    given = text.re_extract(_NAME_SQL, 0)
    names = _names(pattern)
    pointed = [] if _POINT.search(pattern) else [(f"{name}.", to) for name, to in names.items()]
    read = given.lower().cases(*names.items(), *pointed, else_=given)
    return cast(ir.StringValue, text.replace(given, read))


def english_text(text: str, pattern: str) -> str:
    """The same for one text."""
    found = _NAME.search(text)
    if found is None:
        return text
    name = found[0] if _POINT.search(pattern) else found[0].rstrip(".")
    read = _names(pattern).get(name.lower(), found[0])
    return f"{text[: found.start()]}{read}{text[found.end() :]}"


def _names(pattern: str) -> dict[str, str]:
    """Each name that a pattern reads, with the English one that stands for it.

    English names are read by the pattern for their own length alone.
    """
    point = "." if _POINT.search(pattern) else ""
    length = None if "%B" in pattern else 3
    english = {name: _ENGLISH[month - 1][:length] for name, month in MONTHS.items()}
    return {
        f"{name}{point}": f"{to}{point}"
        for name, to in english.items()
        if name == to or name not in _OF_ENGLISH
    }
