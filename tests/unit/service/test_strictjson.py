"""What orjson reads is taken only where nobody could tell it from what the strict reader reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.service import strictjson
from npsight.service.problems import ApiError
from npsight.service.strictjson import parse_json, strict_json

FLAT = [
    b'{"accounts": ["a/1 \xc3\xa9"]}',
    b'{"account":"a","drivers":true,"targets":null}',
    b' {"accounts" : [] , "as_of" : "x"}\n',
    b"{}",
    rb'{"account": "\u0061\n\u0000"}',
]
OTHERS = [
    b'{"account": "crm:1"}',
    b'{"account": 1}',
    b'{"accounts": [1.0]}',
    b'{"accounts": [["a"]]}',
    b'{"accounts": {}}',
    b'{"accounts": {"a": "b"}}',
    b"[]",
    b"null",
    b'"{}"',
]
REFUSED = [
    b'{"account": "a", "account": "a"}',
    b'{"account": "a", "\\u0061ccount": "b"}',
    b'{"account": "a:", "account": "b"}',
    b'{"rows": [{"id": "a", "id": "b"}]}',
    b'{"account": NaN}',
    b'{"account": -Infinity}',
    b'{"account": 1e999}',
    b'{"account": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"account": "a"',
    b'{"account": "a"} x',
    b"{'account': 'a'}",
    b'{"account": "a",}',
    b'{"account": "\xff"}',
    b'{"account": "a\nb"}',
    b'\xef\xbb\xbf\xef\xbb\xbf{"account": "a"}',
    b"",
    b" \n",
    b"\xef\xbb\xbf",
]


def outcome(read: Any, body: bytes) -> str:
    """The value with its types (`True` is not `1`, `0` is not `-0.0`), or the refusal."""
    try:
        return repr(read(body))
    except ApiError as error:
        return f"{error.status} {error.code}: {error.detail}"


def no_strict(_body: bytes) -> Any:
    raise AssertionError("the strict reader was asked")


@pytest.mark.parametrize("body", FLAT)
def test_a_flat_object_of_texts_is_read_once(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = outcome(strict_json, body)
    monkeypatch.setattr(strictjson, "strict_json", no_strict)
    assert outcome(parse_json, body) == expected


@pytest.mark.parametrize("body", OTHERS)
def test_the_strict_reader_decides_on_others(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = outcome(strict_json, body)
    assert expected == repr(json.loads(body))
    assert outcome(parse_json, body) == expected
    monkeypatch.setattr(strictjson, "strict_json", no_strict)
    with pytest.raises(AssertionError, match="strict reader"):
        parse_json(body)


@pytest.mark.parametrize("body", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused_is_refused_in_the_same_words(body: bytes) -> None:
    assert outcome(strict_json, body).startswith("400 malformed-json: ")
    assert outcome(parse_json, body) == outcome(strict_json, body)


@pytest.mark.parametrize("body", FLAT + OTHERS)
def test_the_mark_of_utf_8_is_passed_over(body: bytes) -> None:
    assert outcome(parse_json, b"\xef\xbb\xbf" + body) == outcome(parse_json, body)


def test_a_lone_surrogate_is_left_to_the_check_of_the_account() -> None:
    assert parse_json(rb'{"account": "\ud800"}') == {"account": "\ud800"}


words = st.text(max_size=4) | st.sampled_from(["account", "accounts", "a:b", "\\u003a", "é", '"'])
plain = st.none() | st.booleans() | words
values = st.recursive(
    plain | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def written(members: list[tuple[str, Any]], ascii_only: bool) -> bytes:
    """An object as text, in which a key may stand more than once."""
    each = [
        f"{json.dumps(k, ensure_ascii=ascii_only)}: {json.dumps(v, ensure_ascii=ascii_only)}"
        for k, v in members
    ]
    return f"{{{', '.join(each)}}}".encode("utf-8", "surrogatepass")


objects = st.builds(
    written, st.lists(st.tuples(words, plain | st.lists(plain) | values), max_size=4), st.booleans()
)


@given(objects)
def test_both_read_the_same_of_objects(body: bytes) -> None:
    assert outcome(parse_json, body) == outcome(strict_json, body)


@given(objects, st.integers(0, 60), st.binary(max_size=2) | st.sampled_from([b":", b'"', b"\\"]))
def test_both_read_the_same_of_what_was_damaged(body: bytes, place: int, put: bytes) -> None:
    damaged = body[:place] + put + body[place + 1 :]
    assert outcome(parse_json, damaged) == outcome(strict_json, damaged)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the body is empty; send a JSON object"),
        (b" \n", "the body is empty; send a JSON object"),
        (b'{"a": "b\nc"}', "the body is not JSON: Invalid control character at line 1, column 9"),
        (b"{'a': 1}", "the body is not JSON: Expecting property name enclosed in double quotes"
                      " at line 1, column 2"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_where(body: bytes, told: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_json(body)
    assert refused.value.detail == told
