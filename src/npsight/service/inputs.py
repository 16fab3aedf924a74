"""Stored inputs -> the rows that a model scores, of what its own feature specs name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from npsight.models.model import Model
from npsight.models.rows import ArrayRows, array_rows
from npsight.store import StoredInput


def rows_of_inputs(model: Model, inputs: Sequence[StoredInput]) -> tuple[ArrayRows, ArrayRows]:
    """Features now and one period before, one row an input, in order.

    What is missing or not of its column's kind is NaN or None. A feature that was not stored for
    any account is no column, so that the model refuses it by name. Decayed counts that were not
    stored are NaN, and so is what is predicted from them.
    """
    now = [item.features for item in inputs]
    layout = model.layout
    absent = {spec.name for spec in model.specs} - _stored(now)
    if absent:
        layout = layout.without(absent)
    return array_rows(layout, now), array_rows(layout, [item.past for item in inputs])


def _stored(records: Sequence[Mapping[str, Any]]) -> set[str]:
    return set().union(*records)
