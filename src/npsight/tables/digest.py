"""A digest of the facts' content that no order of rows and no number of threads can change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from npsight.tables.engine import one_row, row_hash

_HALF = 2**32


def digest_of(tables: Mapping[str, ir.Table]) -> str:
    """SHA-256 over name, columns, row count, and the sums of the rows' hashes.

    A sum tells repeated rows apart, which an xor would cancel out.
    """
    content = {name: _content(table) for name, table in sorted(tables.items())}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(table: ir.Table) -> list[str]:
    columns = sorted(table.columns)
    row = ibis.struct({column: table[column] for column in columns})
    hashes = table.select(hash=row_hash(row))
    # Halves are summed, because a sum of whole 64-bit hashes overflows 64 bits.
    low = (hashes.hash % _HALF).cast("int64").sum()
    high = (hashes.hash // _HALF).cast("int64").sum()
    found = one_row(hashes.aggregate(n=hashes.count(), low=low, high=high))
    return [*columns, *(str(found[name]) for name in ("n", "low", "high"))]
