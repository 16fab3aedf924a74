"""What pydantic found, in words for people who have never heard of it."""

from __future__ import annotations

from pydantic_core import ErrorDetails

WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is no field of this; leave it out",
    "string_type": "must be a string",
    "string_unicode": "holds characters that no text has",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "too_long": "may have at most {max_length} items",
    "string_too_short": "must not be empty",
    "string_too_long": "may have at most {max_length} characters",
}
"""Kind of fault -> what is said of it; the braces name facts that pydantic gives."""


def said(error: ErrorDetails) -> str:
    """What is wrong with a value, to follow its name; never shows the value."""
    words = WORDS.get(error["type"])
    if words is None:
        return error["msg"].replace("Input should", "should")
    return words.format(**error.get("ctx", {}))
