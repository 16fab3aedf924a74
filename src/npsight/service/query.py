"""Query parameters: each known, given once and of its kind, or all faults told at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TypeVar

from starlette.requests import Request

from npsight.service.problems import ApiError, Fault

Value = TypeVar("Value")

LONGEST = 8000
_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
"""Programs write small numbers as 1e-07."""


class Query:
    """Reads one parameter after the other, and notes their faults for `check`.

    An empty parameter is as good as none: many callers send what they leave blank.
    """

    def __init__(self, request: Request, known: Collection[str]) -> None:
        self._given: dict[str, str] = {}
        self.faults: list[Fault] = []
        for name, value in request.query_params.multi_items():
            if name not in known:
                self._fault(name, f"is not known; {_listed(known)}")
            elif name in self._given:
                self._fault(name, "is given twice")
            else:
                self._given[name] = value

    def text(self, name: str) -> str | None:
        """A text as it is."""
        return self._read(name, lambda value: value)

    def choice(self, name: str, known: Collection[str]) -> str | None:
        """One of a few words."""

        def chosen(value: str) -> str:
            if value not in known:
                raise ValueError(f"must be one of {', '.join(known)}")
            return value

        return self._read(name, chosen)

    def flag(self, name: str) -> bool | None:
        """`true` or `false`."""
        word = self.choice(name, ("true", "false"))
        return None if word is None else word == "true"

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within limits."""

        def number(value: str) -> int:
            if not _WHOLE.fullmatch(value) or not least <= int(value) <= most:
                raise ValueError(f"must be a whole number from {least} to {most}")
            return int(value)

        return self._read(name, number)

    def share(self, name: str) -> float | None:
        """A number from 0 to 1."""

        def number(value: str) -> float:
            if not _DECIMAL.fullmatch(value) or not 0 <= float(value) <= 1:
                raise ValueError("must be a number from 0 to 1, such as 0.5")
            return float(value)

        return self._read(name, number)

    def fault(self, name: str, detail: str) -> None:
        """Note what is wrong with a parameter."""
        self._fault(name, detail)

    def check(self) -> None:
        """Raise 400 with every fault there was."""
        if self.faults:
            noun = "parameter is" if len(self.faults) == 1 else "parameters are"
            detail = f"{len(self.faults)} {noun} wrong; see errors"
            raise ApiError(400, "invalid-parameter", detail, self.faults)

    def _read(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        value = self._given.get(name, "")
        if not value:
            return None
        if len(value) > LONGEST or any(map(_no_text, value)):
            self._fault(name, "holds characters that no text has, or too many of them")
            return None
        try:
            return parse(value)
        except ValueError as error:
            self._fault(name, str(error))
            return None

    def _fault(self, name: str, detail: str) -> None:
        # A parameter has no place in a body; its name is put where a body's field would be.
        shown = name[:100].replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()
        self.faults.append(Fault(f"/{shown}", detail))


def _listed(known: Collection[str]) -> str:
    return f"{', '.join(known)} are" if known else "none are taken here"


def _no_text(character: str) -> bool:
    return character == "\0" or "\ud800" <= character <= "\udfff"
