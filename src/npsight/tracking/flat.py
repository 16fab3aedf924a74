"""Values as MLflow takes them: flat, named within its alphabet, finite, short."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_VALUE = 1000
LONGEST_NAME = 250
LONGEST_DIGEST = 36
"""Of a dataset."""


def flat_params(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as dotted names; values as text of at most `LONGEST_VALUE` characters."""
    return {name: _short(str(value)) for name, value in _leaves(params, prefix)}


def finite_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are finite numbers; None, NaN and infinities are left out."""
    numbers = {_name(k): float(v) for k, v in metrics.items() if v is not None}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _leaves(params: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in params.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from _leaves(value, name)
        else:
            yield _name(name), value


def _name(text: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", text, flags=re.ASCII)[:LONGEST_NAME]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
