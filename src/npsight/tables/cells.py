"""One cell of a table as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir


def cell_text(value: ir.Value, blanks: Sequence[str]) -> ir.StringValue:
    """The value as trimmed text, null where it is blank or one of `blanks`, in any case."""
    if value.type().is_floating():
        # pandas turns whole keys into 17.0 as soon as one is missing.
        whole = value.try_cast(dt.int64)
        text = ibis.ifelse(whole == value, whole.cast(dt.string), value.cast(dt.string))
    else:
        text = value.cast(dt.string)
    filled = text.strip().nullif("")
    if blanks:
        meant = [blank.strip().lower() for blank in blanks]
        filled = ibis.ifelse(filled.lower().isin(meant), ibis.null(dt.string), filled)
    return cast(ir.StringValue, filled)
