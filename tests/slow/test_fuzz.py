"""Bodies made by hypothesis over every endpoint that takes one: never a 5xx, every error a problem.

`NPSIGHT_FUZZ` is how many bodies in all; `make fuzz` sends 10,000.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from api_client import TestClient
from contract import check_answer
from hostile import CONTENT_TYPES, bodies
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from served import Served, good_bodies, serve_in_process

from npsight.service.endpoints import ENDPOINTS, Endpoint

COUNT = int(os.environ.get("NPSIGHT_FUZZ", "1500"))
TAKING = [e for e in ENDPOINTS if e.body is not None]
types = st.one_of(st.just("application/json"), st.sampled_from(CONTENT_TYPES))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve_in_process(tmp_path_factory.mktemp("fuzzed"))


def test_there_are_endpoints_to_try() -> None:
    assert {e.operation for e in TAKING} >= {"score"}


@pytest.mark.parametrize("endpoint", TAKING, ids=lambda e: e.operation)
def test_no_body_breaks_the_service(endpoint: Endpoint, served: Served) -> None:
    statuses: Counter[int] = Counter()
    with TestClient(served.app, headers=served.headers, raise_server_exceptions=False) as client:

        @seed(5)
        @settings(
            max_examples=-(-COUNT // len(TAKING)),
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(body=bodies(good_bodies(endpoint)), media_type=types)
        def send(body: bytes, media_type: str) -> None:
            answer = client.request(
                endpoint.method,
                endpoint.path,
                content=body,
                headers={"content-type": media_type},
            )
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, answer.text
            check_answer(answer)

        send()
    # The bodies reach every layer, else nothing was tried.
    assert {200, 400, 415, 422} <= set(statuses) | ({200} if 202 in statuses else set()), statuses
