"""Scores of any scale -> 0–10 and a band, by the bands of the project file, never by guessing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.schema import Bands, Responses
from npsight.tables.engine import MEASURE
from npsight.tables.sheet import Sheet
from npsight.temporal.instants import INSTANT

BAND_NAMES = ("detractor", "passive", "promoter")


@dataclass(frozen=True)
class Score:
    """`raw` as written, `on_ten` mapped linearly to 0–10, `band`; all null without a score."""

    raw: ir.DecimalValue
    on_ten: ir.DecimalValue
    band: ir.StringValue


def read_score(
    sheet: Sheet, table: Responses, answered_at: ir.TimestampValue, dated: ir.BooleanValue
) -> Score:
    """Read the score by the scale that was valid on the day of the answer.

    A scale is valid in `[valid_from, valid_to)`, both at UTC midnight. Scores outside their
    scale, between its bands, or on a day without a scale are faults.
    """
    raw, text = sheet.number(table.score, table.scores), sheet.text(table.score)
    on_ten: list[tuple[ir.BooleanValue, ir.Value]] = []
    names: list[tuple[ir.BooleanValue, ir.Value]] = []
    valid_on_day: list[ir.BooleanValue] = []
    for band in table.bands:
        valid = _valid(band, answered_at, dated)
        valid_on_day.append(valid)
        low, high = (_exact(edge) for edge in band.scale)
        inside = raw.between(_number(low), _number(high))
        scale = _scale_text(band)
        sheet.fault(f"score `{{}}` outside its scale {scale}", valid & ~inside, text)
        in_a_band = ibis.literal(False)
        for name in BAND_NAMES:
            span = getattr(band, name)
            if span is None:
                continue
            within = raw.between(_number(_exact(span[0])), _number(_exact(span[1])))
            names.append((valid & within, ibis.literal(name)))
            in_a_band = in_a_band | within
        sheet.fault(f"score `{{}}` in no band of {scale}", valid & inside & ~in_a_band, text)
        mapped = (raw - _number(low)).cast(dt.Decimal(38, 6)) * 10 / float(high - low)
        on_ten.append((valid & inside, mapped.cast(dt.float64).round(6).cast(MEASURE)))
    if all(band.valid_from or band.valid_to for band in table.bands):
        no_scale = dated & raw.notnull() & ~_any(valid_on_day)
        sheet.fault("score `{}` on a day for which no scale is given", no_scale, text)
    return Score(
        raw,
        cast(ir.DecimalValue, ibis.cases(*on_ten, else_=ibis.null(MEASURE))),
        cast(ir.StringValue, ibis.cases(*names, else_=ibis.null(dt.string))),
    )


def _any(conditions: list[ir.BooleanValue]) -> ir.BooleanValue:
    result: ir.BooleanValue = ibis.literal(False)
    for condition in conditions:
        result = result | condition
    return result


def _exact(edge: float) -> Decimal:
    return Decimal(str(edge))


def _number(value: Decimal) -> ir.DecimalScalar:
    return cast(ir.DecimalScalar, ibis.literal(value, type=MEASURE))


def _scale_text(band: Bands) -> str:
    low, high = band.scale
    return f"{low:g}–{high:g}"


def _valid(band: Bands, answered_at: ir.TimestampValue, dated: ir.BooleanValue) -> ir.BooleanValue:
    valid = dated
    if band.valid_from:
        valid = valid & (answered_at >= _midnight(band.valid_from))
    if band.valid_to:
        valid = valid & (answered_at < _midnight(band.valid_to))
    return valid


def _midnight(day: date) -> ir.TimestampScalar:
    return ibis.literal(datetime(day.year, day.month, day.day), type=INSTANT)
