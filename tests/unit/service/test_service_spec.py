"""Both specs: valid, equal to the routes and to the checked-in files, readable for every CRM."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator
from pydantic import Field, SkipValidation
from starlette.routing import Route

from npsight.service.app import build_app
from npsight.service.endpoints import ENDPOINTS, Endpoint, Parameter
from npsight.service.shapes.base import Shape, ShownAs
from npsight.service.spec import openapi, swagger, text
from npsight.service.spec.dialects import OPENAPI_3, SWAGGER_2
from npsight.service.spec.operations import path_of, statuses
from npsight.service.spec.schemas import Schemas, SpecError, kind_of
from npsight.service.spec.words import TAGS, WORDS
from npsight.service.state import Live, ServingState

FOLDER = Path(__file__).parents[3] / "docs" / "api"
BOTH = {"openapi.json": openapi, "swagger.json": swagger}
VALIDATORS = {"openapi.json": OpenAPIV30SpecValidator, "swagger.json": OpenAPIV2SpecValidator}
MAX_BYTES = 1_000_000
MAX_LEVELS = 15

# What Salesforce External Services, Flow and Power Platform read, written down by hand.
SCALAR = {"type", "format", "description", "example", "default", "minimum", "maximum"}
SCALAR |= {"minLength", "maxLength", "pattern"}
LIST = {"type", "items", "description", "minItems", "maxItems", "example"}
OBJECT = {"type", "properties", "required", "description"}
EXTRA = {
    "openapi.json": {"nullable"},
    "swagger.json": {"x-nullable", "x-ms-summary", "x-ms-visibility"},
}
FORMATS = {"string": None, "boolean": None, "integer": "int32", "number": "double"}


@pytest.fixture(params=sorted(BOTH))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def document(name: str) -> dict[str, Any]:
    return BOTH[name]()


def test_the_checked_in_file_is_the_generated_one(name: str, document: dict[str, Any]) -> None:
    content = (FOLDER / name).read_text(encoding="utf-8")
    assert content == text(document), "run `make docs`"
    assert len(content.encode()) < MAX_BYTES


def test_the_official_schema_is_met(name: str, document: dict[str, Any]) -> None:
    VALIDATORS[name](json.loads(text(document))).validate()


def test_a_mistake_would_be_noticed_by_the_validator(name: str, document: dict[str, Any]) -> None:
    broken = json.loads(text(document))
    del broken["paths"]["/v1/model"]["get"]["responses"]
    with pytest.raises(Exception, match="responses"):
        VALIDATORS[name](broken).validate()


def test_every_route_is_an_operation_and_back(state: ServingState, document: dict) -> None:
    routes = {
        (re.sub(r":\w+}", "}", route.path), method)
        for route in build_app(Live(state)).routes
        if isinstance(route, Route) and route.path != "/"
        for method in route.methods - {"HEAD"}
    }
    operations = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item
    }
    assert operations - {("/", "GET")} == routes


def test_every_endpoint_and_no_other_has_words() -> None:
    assert {e.operation for e in ENDPOINTS} <= set(WORDS)
    for words in WORDS.values():
        assert words.tag in {tag["name"] for tag in TAGS}
        assert 0 < len(words.summary) <= 80
        assert words.description.endswith(".")
        assert words.answered.endswith(".")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.operation)
def test_an_example_of_a_body_is_one_that_its_shape_takes(endpoint: Endpoint) -> None:
    words = WORDS[endpoint.operation]
    if endpoint.body is not None:
        endpoint.body.model_validate(words.body)
        assert words.sent.endswith(".")


def test_operations_say_what_they_do(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert re.fullmatch(r"[A-Za-z]\w{0,254}", operation["operationId"])
        for parameter in operation.get("parameters", []):
            assert parameter["description"], f"{method} {path}: {parameter['name']}"
        for status, answer in operation["responses"].items():
            assert answer["description"], f"{method} {path}: {status}"
            assert re.fullmatch(r"[1-5]\d\d", status)
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_every_property_is_described(document: dict[str, Any]) -> None:
    for title, schema in named(document).items():
        assert schema["description"], title
        for field, inner in schema["properties"].items():
            assert "$ref" in inner or inner["description"], f"{title}.{field}"


def test_only_what_every_crm_reads(name: str, document: dict[str, Any]) -> None:
    for title, schema in named(document).items():
        assert schema["type"] == "object", title
        assert_readable(title, schema, EXTRA[name])
    for path, method, operation in operations(document):
        for schema in inline_schemas(operation):
            assert_readable(f"{method} {path}", schema, EXTRA[name])


def test_no_body_is_deeper_than_flow_can_follow(document: dict[str, Any]) -> None:
    schemas = named(document)
    for title in schemas:
        assert levels(schemas[title], schemas) <= MAX_LEVELS, title


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "enum": ["a"]},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "format": "int64"},
        {"type": "number"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        {"type": ["string", "null"]},
    ],
    ids=str,
)
def test_what_a_crm_cannot_read_would_be_noticed(schema: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="here"):
        assert_readable("here", schema, set())


def assert_readable(place: str, schema: dict[str, Any], extra: set[str]) -> None:
    """The rules, told independently of the generator."""
    keys, kind = set(schema) - extra, schema.get("type")
    if "$ref" in schema:
        assert set(schema) == {"$ref"}, f"{place}: readers ignore what stands beside a reference"
    elif kind == "object":
        assert keys <= OBJECT, f"{place}: {keys - OBJECT}"
        assert schema["properties"], f"{place}: an object of any fields"
        for field, inner in schema["properties"].items():
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field), f"{place}.{field}"
            assert_readable(f"{place}.{field}", inner, extra)
    elif kind == "array":
        assert keys <= LIST, f"{place}: {keys - LIST}"
        assert schema["items"].get("type") != "array", f"{place}: a list of lists"
        assert_readable(f"{place}[]", schema["items"], extra)
    else:
        assert isinstance(kind, str), f"{place}: type {kind}"
        assert kind in FORMATS, f"{place}: type {kind}"
        assert schema.get("format") == FORMATS[kind], f"{place}: format {schema.get('format')}"
        assert keys <= SCALAR, f"{place}: {keys - SCALAR}"


def named(document: dict[str, Any]) -> dict[str, Any]:
    return document.get("definitions") or document["components"]["schemas"]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def inline_schemas(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    places = [*operation["responses"].values(), *operation.get("parameters", [])]
    places.append(operation.get("requestBody", {}))
    for place in places:
        holders = [place, *place.get("content", {}).values()]
        yield from (holder["schema"] for holder in holders if "schema" in holder)


def levels(schema: dict[str, Any], schemas: dict[str, Any]) -> int:
    if "$ref" in schema:
        return levels(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    inner = [*schema.get("properties", {}).values()]
    inner += [schema["items"]] if "items" in schema else []
    return 1 + max((levels(s, schemas) for s in inner), default=0)


class Part(Shape):
    """A part."""

    count: int = Field(ge=0, le=9, description="How many.")


class Whole(Shape):
    """A whole."""

    text: str | None = Field(None, max_length=5, description="Words.", examples=["hi"])
    amount: float = Field(description="How much.")
    part: Part | None = Field(None, description="Its part.")
    parts: list[Annotated[Any, ShownAs(Part)]] = Field(max_length=3, description="More.")
    texts: list[SkipValidation[str]] | None = Field(None, description="Texts.")
    wanted: bool = Field(False, description="Whether.")


class Given(Shape):
    """An answer."""

    whole: Whole = Field(description="All.")
    part: Part = Field(description="Some.")
    note: str | None = Field(None, description="Always given.")


def test_a_shape_in_3_0() -> None:
    found = Schemas(OPENAPI_3, [Whole], [Given]).named()
    assert set(found) == {"Given", "NullablePart", "Part", "Whole"}
    assert found["NullablePart"] == {**found["Part"], "nullable": True}
    assert found["Given"]["required"] == ["whole", "part", "note"]
    assert found["Whole"] == {
        "type": "object",
        "description": "A whole.",
        "required": ["amount", "parts"],
        "properties": {
            "text": {
                "type": "string",
                "maxLength": 5,
                "nullable": True,
                "description": "Words.",
                "example": "hi",
            },
            "amount": {"type": "number", "format": "double", "description": "How much."},
            "part": {"$ref": "#/components/schemas/NullablePart"},
            "parts": {
                "type": "array",
                "maxItems": 3,
                "items": {"$ref": "#/components/schemas/Part"},
                "description": "More.",
            },
            "texts": {
                "type": "array",
                "items": {"type": "string"},
                "nullable": True,
                "description": "Texts.",
            },
            "wanted": {"type": "boolean", "description": "Whether.", "default": False},
        },
    }


def test_a_shape_in_2_0() -> None:
    found = Schemas(SWAGGER_2, [Part], []).named()
    assert found["Part"]["properties"]["count"] == {
        "type": "integer",
        "format": "int32",
        "minimum": 0,
        "maximum": 9,
        "description": "How many.",
        "x-ms-summary": "Count",
        "x-ms-visibility": "important",
    }
    assert Schemas(SWAGGER_2, [], [Given]).reference(Part) == {"$ref": "#/definitions/Part"}


def test_no_schema_has_a_name_that_generators_give_an_operation(document: dict) -> None:
    schemas = document.get("components", {}).get("schemas") or document["definitions"]
    taken = {
        operation["operationId"][:1].upper() + operation["operationId"][1:] + suffix
        for item in document["paths"].values()
        for operation in item.values()
        for suffix in ("Result", "Params", "Error", "Mutation", "Query")
    }
    assert "ScoreResult" in taken
    assert not taken & set(schemas)


def test_what_a_body_may_leave_out_has_no_default(document: dict) -> None:
    # Generators of TypeScript make a field with a default one that must be given.
    schemas = document.get("components", {}).get("schemas") or document["definitions"]
    for shape in filter(None, (endpoint.body for endpoint in ENDPOINTS)):
        for name, field in schemas[shape.__name__]["properties"].items():
            assert "default" not in field, (shape, name)


def test_an_idempotency_key_says_what_it_may_be(document: dict) -> None:
    schemas = document.get("components", {}).get("schemas") or document["definitions"]
    for endpoint in ENDPOINTS:
        if endpoint.writes and endpoint.body is not None:
            field = schemas[endpoint.body.__name__]["properties"]["idempotency_key"]
            assert re.fullmatch(field["pattern"], "survey-8841") is not None
            for wrong in ("", "a b", "é", "k" * 201):
                assert re.fullmatch(field["pattern"], wrong) is None
            assert (field["minLength"], field["maxLength"]) == (1, 200)
            assert "1 to 200 printable ASCII characters without spaces" in field["description"]


def test_power_automate_lists_no_actions_that_are_for_tools() -> None:
    hidden = {o["operationId"] for _, _, o in operations(swagger()) if "x-ms-visibility" in o}
    assert hidden == {"live", "ready", "metrics", "openapi", "swagger", "problem"}
    assert {o["x-ms-visibility"] for _, _, o in operations(swagger())
            if o["operationId"] in hidden} == {"internal"}  # fmt: skip
    assert not any("x-ms-visibility" in o for _, _, o in operations(openapi()))


def test_power_automate_shows_which_accounts_to_score() -> None:
    schemas = swagger()["definitions"]
    shown = {
        shape: [n for n, f in schemas[shape]["properties"].items()
                if f.get("x-ms-visibility") == "important"]
        for shape in ("ScoreBody", "JobBody", "FeaturesBody")
    }  # fmt: skip
    assert shown == {"ScoreBody": ["accounts"], "JobBody": ["accounts"], "FeaturesBody": ["rows"]}


def test_a_shape_that_is_only_nullable_keeps_its_name() -> None:
    assert set(Schemas(OPENAPI_3, [], [Whole]).named()) == {"NullablePart", "Part", "Whole"}

    class Alone(Shape):
        """Alone."""

        part: Part | None = Field(description="Its part.")

    assert Schemas(OPENAPI_3, [], [Alone]).named()["Part"]["nullable"] is True


@pytest.mark.parametrize(
    "annotation", [dict, dict[str, int], str | int, str | int | None, list, object, list[dict]]
)
def test_other_types_are_refused(annotation: Any) -> None:
    with pytest.raises(SpecError, match="is no type that every CRM can read"):
        kind_of(annotation)


def test_a_wrong_field_is_named() -> None:
    class Wrong(Shape):
        """Wrong."""

        names: dict[str, str] = Field(description="Names.")

    with pytest.raises(SpecError, match=r"Wrong\.names: dict\[str, str\]"):
        Schemas(OPENAPI_3, [Wrong], []).named()


def test_two_operations_may_not_share_a_name() -> None:
    twin = ENDPOINTS[0]
    with pytest.raises(SpecError, match="one of two operations"):
        openapi([twin, twin])


def test_paths_and_statuses() -> None:
    async def handler(*_: Any) -> Any: ...

    written = Endpoint(
        "POST", "/v1/x/{key:path}", "x", "write", handler, True, Whole, Given,
        (Parameter("limit", "integer", "How many."),),
    )  # fmt: skip
    assert path_of(written) == "/v1/x/{key}"
    assert statuses(written) == [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503]
    paged = (Parameter("cursor", "string", "Where to go on."),)
    listed = Endpoint("GET", "/v1/x", "x", "read", handler, answer=Given, parameters=paged)
    assert statuses(listed) == [400, 401, 403, 404, 410, 429, 500, 503]
    healthy = Endpoint("GET", "/healthz", "live", None, handler)
    assert statuses(healthy) == [500]
