"""Stored inputs -> the rows that a model scores, of what its own feature specs name."""

from __future__ import annotations

from collections.abc import Sequence

from npsight.models.model import Model
from npsight.models.rows import ArrayRows, array_rows
from npsight.store import StoredInput


def rows_of_inputs(model: Model, inputs: Sequence[StoredInput]) -> ArrayRows:
    """Features of each input's day, one row an input, in order.

    What is missing or not of its column's kind is NaN or None. A feature that was not stored for
    any account is no column, so that the model refuses it by name. Decayed counts that were not
    stored are NaN, and so is what is predicted from them.
    """
    records = [item.features for item in inputs]
    stored, layout = set[str]().union(*records), model.layout
    absent = [spec.name for spec in model.specs if spec.name not in stored]
    return array_rows(layout.without(absent) if absent else layout, records)


def past_of_inputs(now: ArrayRows, inputs: Sequence[StoredInput]) -> ArrayRows:
    """The same columns one period before; missing where there was none."""
    return array_rows(now.layout, [item.past for item in inputs])
