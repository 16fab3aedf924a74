"""What pydantic found wrong in a project file, in our own words and with the way out."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ValidationError

from npsight.config.checks import Finding, suggest
from npsight.config.schema import IDENTIFIER, Project, Section
from npsight.config.yamlfile import KeyPath, YamlFile

_OF_A_NUMBER = (
    *("int_type", "int_parsing", "int_from_float", "float_type", "float_parsing", "finite_number"),
    *("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
)


def validated(file: YamlFile) -> tuple[Project | None, list[Finding]]:
    """The file's content as declared, or everything that keeps it from being so."""
    try:
        return Project.model_validate(file.content), []
    except ValidationError as error:
        return None, [_finding(file, detail) for detail in error.errors(include_url=False)]


def _finding(file: YamlFile, detail: Any) -> Finding:
    key = _as_written(tuple(detail["loc"]), file.content)
    kind, context = detail["type"], detail.get("ctx", {})
    name = str(key[-1]) if key else ""
    if kind == "extra_forbidden":
        section = _section_at(key[:-1])
        known = section.model_fields if section else ()
        return Finding(key, f"unknown key `{name}`", suggest(name, known))
    if kind == "missing":
        return Finding(key, f"`{name}` is missing", _describe(key))
    if kind == "literal_error":
        what = f"must be one of {context['expected']}"
        return Finding(key, what + _written(detail), "choose one of these")
    if kind == "string_pattern_mismatch":
        return _misshapen(key, detail)
    if isinstance(detail.get("input"), bool) and kind in ("string_type", "list_type"):
        return Finding(
            key, "YAML reads an unquoted yes, no, on or off as true or false", 'quote it: "Yes"'
        )
    if kind in ("model_type", "dict_type"):
        return Finding(key, "holds no keys of its own" + _written(detail), _describe(key))
    message = str(detail["msg"]).replace("Input should", "should")
    if kind in _OF_A_NUMBER:
        message += _written(detail)
    return Finding(key, message[0].lower() + message[1:], _describe(key))


def _misshapen(key: KeyPath, detail: Any) -> Finding:
    """A text of another form than asked for; a column's name is no name of the project file."""
    if detail["ctx"]["pattern"] == IDENTIFIER and "[key]" in key:
        given = str(detail["input"])
        name = re.sub(r"[^a-z0-9]+", "_", given.lower()).strip("_")
        name = name if re.match(IDENTIFIER, name) else f"c_{name}"
        what = f"`{given}` is no name: those have lower-case letters, digits and `_` alone"
        remedy = f'give it one, such as `{{{name}: "{given}"}}`'
        if set(key) & {"attributes", "static"}:
            remedy = f'call it `{name}`, and say `columns: {{{name}: "{given}"}}`'
        return Finding(key[:-2], what, remedy)
    remedy = f"must match {detail['ctx']['pattern']}; {_describe(key)}"
    return Finding(key, "is not of the form asked for", remedy)


def _written(detail: Any) -> str:
    """The value at fault, where it is short and its key is none that tempts to write a secret."""
    value = detail.get("input")
    if not isinstance(value, bool | int | float | str) or len(str(value)) > 40:
        return ""
    return f"; it is `{value}`"


def _as_written(key: KeyPath, content: Any) -> KeyPath:
    """Drop the index 0 that pydantic gives to one item written where a list may stand."""
    written: list[str | int] = []
    for part in key:
        if isinstance(part, int) and not isinstance(content, list):
            continue
        written.append(part)
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            content = None if isinstance(part, str) else content
    return tuple(written)


def _section_at(key: KeyPath) -> type[BaseModel] | None:
    """The model that describes the mapping at `key`, found by walking the declarations."""
    model: type[BaseModel] = Project
    for part in key:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        found = _model_in(model.model_fields[part].annotation)
        if found is None:
            return None
        model = found
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _describe(key: KeyPath) -> str:
    """The documentation of the setting, as the remedy."""
    for depth in range(len(key), 0, -1):
        model = _section_at(key[: depth - 1])
        field = model.model_fields.get(str(key[depth - 1])) if model else None
        if field is not None and field.description:
            return field.description
    return "see docs/project-file.md"
