"""schemathesis reads both specs and tries to part the service from them.

`NPSIGHT_FUZZ` is how many examples an operation gets; `make fuzz` asks for many.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from served import Served, serve_in_process

from npsight.service.spec import openapi, swagger

EXAMPLES = int(os.environ.get("NPSIGHT_FUZZ", "200")) // 10
# What no schema tells: instants are texts, and a row's fault is a status of that row.
UNTELLABLE = ("positive_data_acceptance", "negative_data_rejection")
CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve_in_process(tmp_path_factory.mktemp("fuzzed"))


@pytest.mark.parametrize("document", [openapi, swagger], ids=["3.0", "2.0"])
def test_no_check_fails(document: Callable[[], dict[str, Any]], served: Served) -> None:
    config = {
        "seed": 1,
        "workers": 1,
        "headers": served.headers,
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
        "suppress-health-check": ["all"],
        "checks": {name: {"enabled": False} for name in UNTELLABLE},
    }
    schema = schemathesis.openapi.from_dict(
        json.loads(json.dumps(document())), config=SchemathesisConfig.from_dict(config)
    )
    schema.app = served.app
    failures, ran, called = [], set(), 0
    for event in from_schema(schema).execute():
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            failures.append(f"{event.label}: {event.value!r}")
        if isinstance(event, events.ScenarioFinished):
            called += len(event.recorder.interactions)
            for case, checks in event.recorder.checks.items():
                ran |= {check.name for check in checks}
                for check in checks:
                    if check.status == Status.FAILURE:
                        told = check.failure_info.failure
                        failures.append(f"{event.recorder.label} {case}: {check.name}: {told}")
    assert not failures, "\n".join(dict.fromkeys(failures))
    assert ran >= CHECKS, CHECKS - ran
    assert called > 10 * len(list(schema.get_all_operations()))
