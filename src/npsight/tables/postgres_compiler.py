"""Ibis expressions -> PostgreSQL, made to mean exactly what they mean in DuckDB."""
# ruff: noqa: N802 - Ibis finds the methods by these names

from __future__ import annotations

import hashlib
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.postgres import PostgresCompiler as IbisCompiler

_LONGEST_NAME = 63
_PER_SECOND = {"second": 1, "millisecond": 1_000, "microsecond": 1_000_000}


class PostgresCompiler(IbisCompiler):  # type: ignore[misc]
    """Ibis's compiler, made exact: differences of instants, and names longer than 63 bytes."""

    __slots__ = ()

    def to_sqlglot(self, expr: ir.Expr, **options: Any) -> Any:
        """The query, with names that PostgreSQL would cut, and so confuse, made short."""
        query = super().to_sqlglot(expr, **options)
        for name in query.find_all(sge.Identifier):
            name.set("this", short(name.this))
        return query

    def visit_TimestampDelta(
        self, op: ops.TimestampDelta, *, part: Any, left: Any, right: Any
    ) -> Any:
        """Whole units between two instants; `EXTRACT(EPOCH …)` is numeric, so nothing is lost."""
        unit = _PER_SECOND.get(op.part.value)
        if unit is None:
            return super().visit_TimestampDelta(op, part=part, left=left, right=right)
        seconds = self.f.extract("epoch", sge.paren(left - right))
        return self.cast(self.f.trunc(seconds * sge.convert(unit)), op.dtype)

    def visit_Round(self, op: ops.Round, *, arg: Any, digits: Any) -> Any:
        """Half away from zero, as DuckDB rounds; by way of numeric, 15 digits would remain."""
        if not op.arg.dtype.is_floating() or not isinstance(op.digits, ops.Literal):
            return super().visit_Round(op, arg=arg, digits=digits)
        scale = self.cast(sge.convert(10.0**op.digits.value), dt.float64)
        whole = self.f.sign(arg) * self.f.floor(self.f.abs(arg) * scale + sge.convert(0.5))
        return self.cast(sge.paren(whole) / scale, op.dtype)

    def visit_Cast(self, op: ops.Cast, *, arg: Any, to: dt.DataType) -> Any:
        """A float becomes a decimal by way of text, which holds all its digits, not 15 of them;
        a truth value becomes any number by way of the only one that PostgreSQL has for it.
        """
        if op.arg.dtype.is_floating() and to.is_decimal():
            arg = self.cast(arg, dt.string)
        elif op.arg.dtype.is_boolean() and to.is_numeric():
            arg = self.cast(arg, dt.int32)
        return super().visit_Cast(op, arg=arg, to=to)


def short(name: str) -> str:
    """The name where PostgreSQL keeps it whole, else its beginning and its digest."""
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"{name[:24]}_{hashlib.sha256(name.encode()).hexdigest()[:24]}"
