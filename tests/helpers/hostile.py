"""Bodies that no honest caller sends: hypothesis strategies around bodies that are good."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 7, 2**31, 2**63, -(2**63) - 1, 10**400, 0.0, -0.0, 1.5, 1e308, 5e-324,
    "", " ", "7", "NaN", "null", "a/1 é", "\x00", "\ud800", "\udfff\ud800", "\u202e", "🦄" * 40,
    "x" * 513, "x" * 5000, "2026-06-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-06-01",
    "9999-12-31T23:59:59+23:59", "0001-01-01T00:00:00-23:59", "' OR 1=1 --", "${jndi:x}",
    [], {}, [[]], [None], [[["deep"]]], {"": ""}, {"a": {"b": [1]}}, ["a"] * 1001, {"name": "x"},
]  # fmt: skip
ODD_KEYS = ["", "accounts", "__proto__", "a/b~c", "\x00", "\ud800", "x" * 600, "request_id"]
ODD_NUMBERS = [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000, b"01", b"+1",
               b"0x10", b"1_000", b".5", b"1.", b"1e", b"-", b"1e-999", b"-0"]  # fmt: skip
CONTENT_TYPES = ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
                 "application/vnd.api+json", "text/plain", "", "application/json; charset=utf-16",
                 "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]  # fmt: skip

texts = st.one_of(
    st.sampled_from([v for v in ODD_VALUES if isinstance(v, str)]),
    st.text(st.characters(), max_size=20),
)
numbers = st.one_of(st.integers(), st.floats())
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts, st.sampled_from(ODD_VALUES)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def encoded(value: Any) -> bytes:
    """JSON as Python writes it, NaN and lone surrogates included."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place within a body."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from places(item, (*path, i))


def put(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with another value at a place."""
    if not path:
        return value
    changed = copy.deepcopy(body)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return changed


@st.composite
def mutated(draw: st.DrawFn, body: Any) -> Any:
    """A good body with one to three places changed, left out, added or repeated."""
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(body))))
        how = draw(st.sampled_from(["change", "leave out", "add", "repeat"]))
        holder = body
        for step in path[:-1]:
            holder = holder[step]
        if how == "leave out" and path:
            body = copy.deepcopy(body)
            holder = body
            for step in path[:-1]:
                holder = holder[step]
            del holder[path[-1]]
        elif how == "add" and isinstance(holder, dict):
            key = draw(st.sampled_from(ODD_KEYS))
            body = put(body, (*path[:-1], key), draw(values))
        elif how == "repeat" and path and isinstance(path[-1], int):
            body = put(body, path[:-1], [*holder, holder[path[-1]]])
        else:
            body = put(body, path, draw(st.one_of(st.sampled_from(ODD_VALUES), values)))
    return body


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """The bytes of a good body, cut, overwritten, doubled, or in another encoding."""
    at = draw(st.integers(0, len(good)))
    how = draw(st.sampled_from(["cut", "insert", "overwrite", "encode", "bom", "twice", "number"]))
    if how == "cut":
        return good[:at]
    if how == "insert":
        return good[:at] + draw(st.binary(min_size=1, max_size=8)) + good[at:]
    if how == "overwrite":
        junk = draw(st.binary(min_size=1, max_size=8))
        return good[:at] + junk + good[at + len(junk) :]
    if how == "encode":
        text = good.decode("utf-8", "replace")
        return text.encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-7", "utf-16-be"])))
    if how == "bom":
        return b"\xef\xbb\xbf" + good
    if how == "number":
        return good.replace(b":", b":" + draw(st.sampled_from(ODD_NUMBERS)) + b",", 1)
    return good[:-1] + b"," + good[1:]


def deep() -> st.SearchStrategy[bytes]:
    """Lists and objects within each other, closed or not."""
    return st.builds(
        lambda opening, closing, depth: opening * depth + closing * depth,
        st.sampled_from([b"[", b'{"a":', b'[{"a":']),
        st.sampled_from([b"", b"]", b"}", b"1"]),
        st.sampled_from([1, 10, 100, 1000, 5000, 100_000]),
    )


def bodies(good: list[Any]) -> st.SearchStrategy[bytes]:
    """Anything: mostly bodies that are nearly good, for they get furthest."""
    one = st.sampled_from(good)
    whole = one.map(encoded)
    return st.one_of(
        one.flatmap(mutated).map(encoded),
        one.flatmap(mutated).map(encoded),
        whole.flatmap(damaged),
        one.flatmap(mutated).map(encoded).flatmap(damaged),
        values.map(encoded),
        st.binary(max_size=300),
        deep(),
    )
