"""Own expressions: a user's function over the rows of a window, shut off from all others.

The function is given a table that stands for the rows and is connected to nothing: whatever it
returns can only be made of them. The rows of the window are put in its place afterwards.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops

from npsight.config.own import OwnSource
from npsight.config.specs import FeatureSpec
from npsight.features.aggregations import window_of
from npsight.features.rows import seen_rows, selected

if TYPE_CHECKING:
    import ibis.expr.types as ir

OwnFunction = Callable[["ir.Table"], "ir.Value"]
HIDDEN = ("account", "corrected_at", "moved_at", "owned_from", "ended_known_at")


def own_feature(
    source: ir.Table, spine: ir.Table, spec: FeatureSpec, function: OwnFunction
) -> ir.Table:
    """`account`, `as_of` and the number that the function makes of each row's facts.

    The function sees `as_of`, `occurred_at`, `known_at`, measures, categories and, where they are
    mapped, `ended_at`, null unless it had passed and was known before as_of.

    Raises
    ------
    ValueError
        The function fails, or returns something that is no number made of its rows alone.
    """
    joined = seen_rows(source, spine, [spec], source.columns)
    rows = joined.filter(selected(joined, window_of(spec)))
    if "ended_at" in rows.columns:
        rows = rows.mutate(ended_at=_known_end(rows))
    visible = [c for c in rows.columns if c not in HIDDEN]
    schema = {c: rows[c].type() for c in visible}
    stand_in = ibis.table(schema, name="facts")
    value = _checked(stand_in, spec, function)
    slim = rows.select("account", *visible)
    whole = _put_in_place(value, stand_in, slim)
    return slim.group_by("account", "as_of").agg(whole.cast("float64").name(spec.name))


def _known_end(rows: ir.Table) -> ir.TimestampValue:
    known = (rows.ended_at < rows.as_of) & (rows.ended_known_at < rows.as_of)
    return known.ifelse(rows.ended_at, ibis.null(rows.ended_at.type()))


def _checked(stand_in: ir.Table, spec: FeatureSpec, function: OwnFunction) -> ir.Value:
    try:
        value: Any = function(stand_in)
    except Exception as error:
        raise ValueError(f"{spec.expression} failed: {type(error).__name__}: {error}") from error
    if not isinstance(value, ibis.expr.types.Scalar):
        raise ValueError(
            f"{spec.expression} must return one number for all its rows, such as "
            f"`facts.count()`, not {_kind(value)}"
        )
    if not (value.type().is_numeric() or value.type().is_boolean()):
        raise ValueError(f"{spec.expression} must return a number, not {value.type()}")
    _check_operations(value, stand_in, spec)
    return value


def _check_operations(value: ir.Value, stand_in: ir.Table, spec: FeatureSpec) -> None:
    """Refuse what would read anything else, or give another result each time."""
    operation = value.op()
    relations = operation.find(ops.Relation)
    if not relations:
        raise ValueError(f"{spec.expression} reads none of its rows")
    if any(node != stand_in.op() for node in relations):
        raise ValueError(
            f"{spec.expression} makes or reads another table; aggregate the columns it is given, "
            "with `where=` instead of `filter`"
        )
    refused = operation.find(_REFUSED)
    if refused:
        names = ", ".join(sorted({type(node).__name__ for node in refused}))
        raise ValueError(
            f"{spec.expression} uses {names}, which is not a function of its rows alone"
        )


_REFUSED = (
    ops.Impure,
    ops.TimestampNow,
    ops.DateNow,
    ops.ScalarUDF,
    ops.AggUDF,
    ops.Analytic,
    ops.WindowFunction,
)


def _put_in_place(value: ir.Value, stand_in: ir.Table, rows: ir.Table) -> ir.Value:
    """The same expression over the rows that the stand-in stood for."""
    replaced: ir.Value = value.op().replace({stand_in.op(): rows.op()}).to_expr()
    return replaced


def _kind(value: Any) -> str:
    return "a column" if isinstance(value, ibis.expr.types.Column) else type(value).__name__


def load_function(source: OwnSource) -> OwnFunction:
    """Run the user's file by itself and return its function.

    Raises
    ------
    ValueError
        The file cannot be run.
    """
    spec = importlib.util.spec_from_file_location(f"npsight_own_{source.path.stem}", source.path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{source.path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{source.path} failed: {type(error).__name__}: {error}") from error
    function: OwnFunction = getattr(module, source.function)
    return function
