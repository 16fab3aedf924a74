"""What every section of the project file shares."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

IDENTIFIER = r"^[a-z][a-z0-9_]{0,62}$"
Days = Annotated[int, Field(ge=1, le=36_500)]
Name = Annotated[str, Field(pattern=IDENTIFIER)]


class Section(BaseModel):
    """Unknown keys are refused; nothing is converted that the author did not write."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        items = value if isinstance(value, list) else [value]
        if any(isinstance(item, bool) for item in items) and _is_of_numbers(field.annotation):
            raise PydanticCustomError("float_type", "Input should be a number")
        return value


def _is_of_numbers(annotation: Any) -> bool:
    """Whether a number may stand there, or a list of them, and no yes or no."""
    kinds = list(_leaves(annotation))
    return bool not in kinds and (int in kinds or float in kinds)


def _leaves(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif get_origin(annotation) in (list, Union, UnionType):
        for argument in get_args(annotation):
            yield from _leaves(argument)
    else:
        yield annotation


def as_mapping(value: Any) -> Any:
    """Accept `[logins, errors]` as short for `{logins: logins, errors: errors}`."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: item for item in value}
    return value


def as_list(value: Any) -> Any:
    """Accept one item where a list of items is meant."""
    return [value] if isinstance(value, dict | str | int) else value


def as_texts(value: Any) -> Any:
    """Accept numbers, days and nothing as the texts that stand in a table."""
    items = value if isinstance(value, list) else [value]
    return [_as_text(item) for item in items]


def _as_text(value: Any) -> Any:
    if value is None:
        return ""
    # Of `Yes`, which YAML takes for true, nobody knows how the table writes it.
    plain = isinstance(value, int | float | date) and not isinstance(value, bool)
    return str(value) if plain else value


Texts = Annotated[list[str], BeforeValidator(as_texts)]
ColumnMap = Annotated[dict[Name, str], BeforeValidator(as_mapping)]
