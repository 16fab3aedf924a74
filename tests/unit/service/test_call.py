"""A request's own: one id, the first header of each name, a body that is read once."""

from __future__ import annotations

import re

from starlette.requests import Request

from npsight.service.call import UNREAD, Call, begin_call, call_of
from npsight.service.problems import request_id


def request(*headers: tuple[bytes, bytes]) -> Request:
    return Request({"type": "http", "headers": list(headers)})


def test_ids_are_hexadecimal_and_no_two_are_the_same() -> None:
    ids = {Call([]).id for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


def test_a_request_keeps_its_id() -> None:
    asked = request()
    assert request_id(asked) == request_id(asked) == call_of(asked).id
    assert request_id(Request(asked.scope)) == request_id(asked)
    assert request_id(request()) != request_id(asked)


def test_of_two_headers_the_first_is_meant() -> None:
    asked = request((b"a", b"1"), (b"b", b"2"), (b"a", b"3"))
    assert call_of(asked).headers == {b"a": b"1", b"b": b"2"}
    assert asked.headers["a"] == "1"


def test_a_call_is_begun_with_its_cap_and_nothing_read() -> None:
    asked = request()
    call = begin_call(asked.scope, 7)
    assert call_of(asked) is call
    assert (call.most_bytes, call.body) == (7, None)
    assert call.json is UNREAD
