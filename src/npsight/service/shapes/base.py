"""What all shapes share: strictness, and faults as JSON pointers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.config import JsonDict

from npsight.service.problems import ApiError, Fault
from npsight.service.shapes.saying import said

Model = TypeVar("Model", bound="Shape")
FIRST: JsonDict = {"x-ms-visibility": "important"}
"""Of an optional field that nearly everybody fills: Power Automate hides other optional ones."""


KEY_FORM = "1 to 200 printable ASCII characters without spaces"
KEY_PATTERN = r"^[!-~]{1,200}$"
"""Of an idempotency key."""
MAX_FIELDS = 100
"""Of one object; none has half as many. Each unknown one is a fault, and takes time to tell."""
MAX_NAME = 100
"""Characters of a sender's own name for a field that are shown."""


class Shape(BaseModel):
    """Unknown fields are refused; a number is no string, a boolean no number, NaN nothing."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, ser_json_inf_nan="constants"
    )

    never_blank: ClassVar[frozenset[str]] = frozenset()
    """Optional fields in which a blank text is a fault: without them something else is asked."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, value: Any) -> Any:
        return without_blanks(cls, value)


def without_blanks(model: type[Shape], value: Any) -> Any:
    """The value without optional fields that hold a blank text: workflows send empty fields so."""
    if not isinstance(value, dict):
        return value
    fields = model.__pydantic_fields__
    blank = {
        name
        for name, given in value.items()
        if is_blank(given) and name in fields and not fields[name].is_required()
    } - model.never_blank
    return {n: given for n, given in value.items() if n not in blank} if blank else value


def is_blank(value: Any) -> bool:
    """Whether it is a text without any character to see."""
    return isinstance(value, str) and not value.strip()


IdempotencyKey = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=200,
        pattern=KEY_PATTERN,
        description=f"A key of your own for this request, {KEY_FORM}: a second request with the "
        "same key and the same body is answered like the first. For callers that cannot set the "
        "header Idempotency-Key.",
    ),
]
"""A field of a body that writes; `once` reads it before the body is checked."""


@dataclass(frozen=True)
class ShownAs:
    """What the specs say of a value that the body's check leaves alone.

    A batch may not fail for one row, so its rows are checked one by one, later:
    `rows: list[Annotated[Any, ShownAs(Row)]]` takes anything and is documented as a list of `Row`.
    """

    kind: type


def checked(model: type[Model], body: Any) -> Model:
    """The body as a model.

    Raises
    ------
    ApiError
        422 with every fault and the JSON pointer (RFC 6901) of its place.
    """
    found, faults = faults_of(model, body)
    if found is not None:
        return found
    raise invalid_body(faults)


def invalid_body(faults: Sequence[Fault]) -> ApiError:
    """422 with these faults."""
    noun = "fault" if len(faults) == 1 else "faults"
    return ApiError(422, "invalid-body", f"the body has {len(faults):,} {noun}; see errors", faults)


def faults_of(model: type[Model], value: Any, place: str = "") -> tuple[Model | None, list[Fault]]:
    """The value as a model, or None and every fault of it; `place` is the pointer to the value."""
    if isinstance(value, dict) and len(value) > MAX_FIELDS:
        return None, [Fault(place, f"has {len(value):,} fields, at most {MAX_FIELDS} are read")]
    try:
        # What `model_validate` calls, once it has looked at options that are never given here.
        return model.__pydantic_validator__.validate_python(value), []
    except ValidationError as error:
        found = error.errors(include_url=False)
    return None, [Fault(place + pointer(e["loc"]), said(e)) for e in found]


def pointer(place: Sequence[str | int]) -> str:
    """The RFC 6901 pointer of a place; long names are cut, lone surrogates become `?`."""
    parts = [_short(str(part)).replace("~", "~0").replace("/", "~1") for part in place]
    return "".join(f"/{part}" for part in parts).encode("utf-8", "replace").decode()


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"
