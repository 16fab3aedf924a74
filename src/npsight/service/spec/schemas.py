"""Shapes as schemas that Salesforce External Services, Flow and Power Platform can read.

Walked by our own code, for pydantic's JSON Schema holds `anyOf`, `const` and the like, which these
tools refuse. There are strings, integers of 32 bits, doubles, booleans, named objects and lists of
one of them; anything else is a mistake in a shape and raises.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from npsight.service.shapes.base import FIRST, Shape, ShownAs
from npsight.service.spec.dialects import Dialect

Schema = dict[str, Any]

SCALARS: dict[type, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "format": "int32"},
    float: {"type": "number", "format": "double"},
    bool: {"type": "boolean"},
}
ACRONYMS = {"nps": "NPS", "id": "ID", "crm": "CRM"}


class SpecError(TypeError):
    """A shape holds what a CRM cannot read."""


@dataclass(frozen=True)
class Kind:
    """A type as the specs know it: a scalar or a shape, or a list of a kind; perhaps null."""

    of: type | Kind
    nullable: bool = False
    limits: tuple[Any, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether it is a list of `of`."""
        return isinstance(self.of, Kind)

    @property
    def shape(self) -> type[Shape] | None:
        """The shape that it is or lists."""
        if isinstance(self.of, Kind):
            return self.of.shape
        return self.of if issubclass(self.of, Shape) else None


def kind_of(annotation: Any, metadata: Iterable[Any] = ()) -> Kind:
    """The kind that an annotation declares.

    Raises
    ------
    SpecError
        It declares no kind that every CRM can read.
    """
    limits = tuple(metadata)
    for told in limits:
        if isinstance(told, ShownAs):
            return replace(kind_of(told.kind), limits=limits)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind_of(inner[0], [*_flat(inner[1:]), *limits])
    if origin in (Union, UnionType) and len(inner) == 2 and NoneType in inner:
        (other,) = (part for part in inner if part is not NoneType)
        return replace(kind_of(other, limits), nullable=True)
    if origin in (list, tuple) and [part for part in inner if part is not Ellipsis] == [inner[0]]:
        return Kind(kind_of(inner[0]), limits=limits)
    if annotation in SCALARS or (inspect.isclass(annotation) and issubclass(annotation, Shape)):
        return Kind(annotation, limits=limits)
    raise SpecError(f"{annotation!r} is no type that every CRM can read; see shapes/__init__.py")


def _flat(metadata: Sequence[Any]) -> Iterable[Any]:
    """`Field(...)` within `Annotated` keeps its limits inside."""
    for told in metadata:
        yield from told.metadata if isinstance(told, FieldInfo) else [told]


class Schemas:
    """The named schemas of all shapes that endpoints take or give, and references to them."""

    def __init__(
        self, dialect: Dialect, bodies: Iterable[type[Shape]], answers: Iterable[type[Shape]]
    ) -> None:
        self._dialect = dialect
        taken = _reached(bodies)
        self._taken = {shape for shape, _ in taken}
        self._uses = taken | _reached(answers)

    def named(self) -> dict[str, Schema]:
        """Name -> schema, sorted by name.

        Raises
        ------
        SpecError
            Two shapes have one name.
        """
        found: dict[str, Schema] = {}
        for shape, nullable in sorted(self._uses, key=lambda use: (use[0].__name__, use[1])):
            name = self._name(shape, nullable)
            if name in found:
                raise SpecError(f"two shapes are called {name}")
            found[name] = self._object(shape) | self._null(nullable)
        return found

    def reference(self, shape: type[Shape], nullable: bool = False) -> Schema:
        """A reference to the named schema. What stands beside `$ref` is ignored by readers."""
        return {"$ref": self._dialect.place + self._name(shape, nullable)}

    def _name(self, shape: type[Shape], nullable: bool) -> str:
        both = (shape, False) in self._uses
        return f"Nullable{shape.__name__}" if nullable and both else shape.__name__

    def _null(self, nullable: bool) -> Schema:
        return {self._dialect.nullable: True} if nullable else {}

    def _object(self, shape: type[Shape]) -> Schema:
        fields = shape.model_fields
        # An answer gives every field always; only in a body may one be left out.
        required = [n for n, f in fields.items() if f.is_required() or shape not in self._taken]
        schema: Schema = {"type": "object", "description": _sentence(inspect.getdoc(shape) or "")}
        if required:
            schema["required"] = required
        schema["properties"] = {name: self._field(shape, name) for name in fields}
        return schema

    def _field(self, shape: type[Shape], name: str) -> Schema:
        field = shape.model_fields[name]
        schema = self._schema(_kind(shape, name))
        if "$ref" in schema:
            return schema
        schema["description"] = _sentence(field.description or "")
        if field.examples:
            schema["example"] = field.examples[0]
        if not field.is_required() and isinstance(field.default, (str, int, float)):
            schema["default"] = field.default
        if self._dialect.extensions:
            schema["x-ms-summary"] = label(name)
            if shape in self._taken:
                shown = field.is_required() or field.json_schema_extra == FIRST
                schema["x-ms-visibility"] = "important" if shown else "advanced"
        return schema

    def _schema(self, kind: Kind) -> Schema:
        if isinstance(kind.of, Kind):
            items = self._schema(kind.of)
            return {"type": "array", "items": items, **_limits(kind), **self._null(kind.nullable)}
        if kind.shape is not None:
            return self.reference(kind.shape, kind.nullable)
        return {**SCALARS[kind.of], **_limits(kind), **self._null(kind.nullable)}


def _reached(shapes: Iterable[type[Shape]]) -> set[tuple[type[Shape], bool]]:
    """Every shape within the shapes, and whether it stands where null may stand."""
    found: set[tuple[type[Shape], bool]] = set()
    waiting = [(shape, False) for shape in shapes]
    while waiting:
        use = waiting.pop()
        if use in found:
            continue
        found.add(use)
        for name in use[0].model_fields:
            kind = _kind(use[0], name)
            if kind.shape is not None:
                waiting.append((kind.shape, kind.nullable and not kind.is_list))
    return found


def _kind(shape: type[Shape], name: str) -> Kind:
    field = shape.model_fields[name]
    try:
        return kind_of(field.annotation, field.metadata)
    except SpecError as error:
        raise SpecError(f"{shape.__name__}.{name}: {error}") from None


def _limits(kind: Kind) -> Schema:
    """Bounds as JSON Schema writes them. What only the service checks is said in words."""
    sizes = ("minItems", "maxItems") if kind.is_list else ("minLength", "maxLength")
    found: Schema = {}
    for limit in kind.limits:
        match limit:
            case annotated_types.Ge(ge=bound):
                found["minimum"] = bound
            case annotated_types.Le(le=bound):
                found["maximum"] = bound
            case annotated_types.MinLen(min_length=size):
                found[sizes[0]] = size
            case annotated_types.MaxLen(max_length=size):
                found[sizes[1]] = size
            case _ if getattr(limit, "pattern", None):
                found["pattern"] = limit.pattern
    return found


def label(name: str) -> str:
    """A field's name as people read it: `predicted_nps` is "Predicted NPS"."""
    words = name.split("_")
    shown = " ".join(ACRONYMS.get(word, word) for word in words)
    return shown[:1].upper() + shown[1:]


def _sentence(text: str) -> str:
    return " ".join(text.split())
