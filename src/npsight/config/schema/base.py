"""What every section of the project file shares."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

IDENTIFIER = r"^[a-z][a-z0-9_]{0,62}$"
Days = Annotated[int, Field(ge=1, le=36_500)]
Name = Annotated[str, Field(pattern=IDENTIFIER)]


class Section(BaseModel):
    """Unknown keys are refused; nothing is converted that the author did not write."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)


def as_mapping(value: Any) -> Any:
    """Accept `[logins, errors]` as short for `{logins: logins, errors: errors}`."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: item for item in value}
    return value


def as_list(value: Any) -> Any:
    """Accept one item where a list of items is meant."""
    return [value] if isinstance(value, dict | str | int) else value


ColumnMap = Annotated[dict[Name, str], BeforeValidator(as_mapping)]
