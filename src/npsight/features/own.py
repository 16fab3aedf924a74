"""Own expressions: a user's function over the rows of a window, shut off from all others.

The function is given a table that stands for the rows and is connected to nothing: whatever it
returns can only be made of them. The rows of the window are put in its place afterwards.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from npsight.config.own import OwnSource
from npsight.config.specs import FeatureSpec
from npsight.errors import ConfigError, Problem
from npsight.features.aggregations import window_of
from npsight.features.rows import seen_rows, selected
from npsight.temporal.windows import open_as_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

OwnFunction = Callable[["ir.Table"], "ir.Value"]
HIDDEN = ("account", "corrected_at", "moved_at", "owned_from", "ended_known_at")
HEADLINE = "an own expression cannot be used"


def own_feature(
    source: ir.Table, spine: ir.Table, spec: FeatureSpec, function: OwnFunction
) -> ir.Table:
    """`account`, `as_of` and the number that the function makes of each row's facts.

    The function sees `as_of`, `occurred_at`, `known_at`, measures, categories and, where they are
    mapped, `ended_at`, null unless it had passed and was known before as_of. What it makes is
    missing where it is null, infinite or no number.

    Raises
    ------
    ConfigError
        The function fails, or returns something that is no number made of its rows alone.
    """
    stand_in = _stand_in(source)
    value = _value(stand_in, function)
    if isinstance(value, Problem):
        raise ConfigError(HEADLINE, [_placed(value, spec)])
    joined = seen_rows(source, spine, [spec], source.columns)
    rows = joined.filter(selected(joined, window_of(spec)))
    if "ended_at" in rows.columns:
        rows = rows.mutate(ended_at=_known_end(rows))
    slim = rows.select("account", *stand_in.columns)
    whole = _finite(_put_in_place(value, stand_in, slim).cast(dt.float64))
    return slim.group_by("account", "as_of").agg(whole.name(spec.name))


def check_own(
    sources: Mapping[str, ir.Table],
    specs: Sequence[FeatureSpec],
    functions: Mapping[str, OwnFunction],
) -> None:
    """Ask every function for its expression; nothing is computed.

    Raises
    ------
    ConfigError
        With what is wrong with each of them.
    """
    wrong: dict[tuple[str, str], Problem] = {}
    for spec in specs:
        if spec.aggregation == "own":
            value = _value(_stand_in(sources[spec.source]), functions[spec.expression])
            if isinstance(value, Problem):
                # Windows and values of `by` share a function: say it once.
                wrong.setdefault((spec.source, spec.expression), _placed(value, spec))
    if wrong:
        raise ConfigError(HEADLINE, list(wrong.values()))


def _stand_in(source: ir.Table) -> ir.Table:
    """A table with the columns that a function may read, and without rows or engine."""
    visible = {c: source[c].type() for c in source.columns if c not in HIDDEN}
    return ibis.table({"as_of": source.occurred_at.type(), **visible}, name="facts")


def _placed(problem: Problem, spec: FeatureSpec) -> Problem:
    return Problem(problem.what, problem.remedy, spec.expression, spec.name)


def _finite(number: ir.FloatingValue) -> ir.FloatingValue:
    """Null where the function divided by 0."""
    return (number.isinf() | number.isnan()).ifelse(ibis.null(dt.float64), number)


def _known_end(rows: ir.Table) -> ir.TimestampValue:
    still_open = open_as_of(rows.as_of, rows.ended_at, rows.ended_known_at)
    return still_open.ifelse(ibis.null(rows.ended_at.type()), rows.ended_at)


def _value(stand_in: ir.Table, function: OwnFunction) -> ir.Scalar | Problem:
    """What the function makes of the stand-in, or what is wrong with it."""
    try:
        value: Any = function(stand_in)
    except (Exception, SystemExit) as error:
        columns = ", ".join(stand_in.columns)
        what = f"fails with {type(error).__name__}: {str(error).rstrip('.')}"
        return Problem(what, f"mend the function; its table has the columns {columns}")
    if not isinstance(value, ibis.expr.types.Scalar):
        remedy = "aggregate: return one number for all its rows, such as `facts.count()`"
        return Problem(f"returns {_kind(value)}", remedy)
    if not (value.type().is_numeric() or value.type().is_boolean()):
        remedy = "return a number, or a yes or no (1 or 0)"
        return Problem(f"returns a value of type {value.type()}", remedy)
    return _wrong_operations(value, stand_in) or value


def _wrong_operations(value: ir.Scalar, stand_in: ir.Table) -> Problem | None:
    """What would read anything else, or give another result each time."""
    operation = value.op()
    relations = operation.find(ops.Relation)
    if not relations:
        return Problem("reads none of its rows", "aggregate the columns of the table it is given")
    if any(node != stand_in.op() for node in relations):
        remedy = "aggregate the columns it is given, with `where=` instead of `filter`"
        return Problem("makes or reads another table", remedy)
    refused = operation.find(_REFUSED)
    if refused:
        remedy = "use `facts.as_of` for the day, and exact aggregations of the columns"
        what = f"uses {_names(refused)}, which is not a function of its rows alone"
        return Problem(what, remedy)
    if any(node.find_below(ops.Reduction) for node in operation.find(ops.Reduction)):
        remedy = "each aggregation, `where=` included, must be made of columns alone"
        return Problem("aggregates an aggregate", remedy)
    unordered = [node for node in operation.find(_ORDERED) if not node.order_by]
    if unordered:
        remedy = "say which comes first: `order_by=facts.occurred_at`, and what decides a tie"
        return Problem(f"uses {_names(unordered)} without an order", remedy)
    return None


def _names(nodes: Sequence[Any]) -> str:
    return ", ".join(sorted({type(node).__name__ for node in nodes}))


_REFUSED = (
    ops.Impure,
    ops.ScalarUDF,
    ops.AggUDF,
    ops.Analytic,
    ops.WindowFunction,
    ops.Arbitrary,
    ops.ApproxCountDistinct,
    ops.ApproxMedian,
    ops.ApproxQuantile,
    ops.ApproxMultiQuantile,
)
_ORDERED = (ops.First, ops.Last, ops.GroupConcat, ops.ArrayCollect)


def _put_in_place(value: ir.Scalar, stand_in: ir.Table, rows: ir.Table) -> ir.Value:
    """The same expression over the rows that the stand-in stood for."""
    replaced: ir.Value = value.op().replace({stand_in.op(): rows.op()}).to_expr()
    return replaced


def _kind(value: Any) -> str:
    if isinstance(value, ibis.expr.types.Column):
        return "a column, a value for each row"
    if isinstance(value, ibis.expr.types.Table):
        return "a table"
    return f"a Python {type(value).__name__}"


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
    except (Exception, SystemExit) as error:
        raise ValueError(f"{source.path} failed: {type(error).__name__}: {error}") from error
    function: OwnFunction = getattr(module, source.function)
    return function
