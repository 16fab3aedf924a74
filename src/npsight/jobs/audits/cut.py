"""The physical cut: training rows against the same rows from facts that end at their day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import ibis.expr.operations as ops
import pandas as pd

from npsight.audit.compare import differences
from npsight.audit.cut import cut_facts
from npsight.audit.findings import Check, Finding
from npsight.jobs.building.frames import FeatureBuilder, Progress

if TYPE_CHECKING:
    import ibis.expr.types as ir

CHECK = "nothing later changes it"


def check_cut(
    builder: FeatureBuilder, frame: pd.DataFrame, as_ofs: Sequence[datetime], progress: Progress
) -> Check:
    """Every account of each day: spine, features, history and display, bit for bit.

    `frame` holds the features that all data gave, at least those of these days.
    """
    compared = 0
    findings: dict[str, Finding] = {}
    for as_of in as_ofs:
        progress(f"audit: {as_of:%Y-%m-%d} once more, without what came later")
        with _cut_builder(builder, as_of) as cut:
            for found, expected in _pairs(builder, cut, frame, as_of):
                compared += found.size
                for finding in differences(CHECK, found, expected):
                    findings.setdefault(finding.name, finding)
    return Check(CHECK, compared, "values", tuple(findings.values()))


def _pairs(
    builder: FeatureBuilder, cut: FeatureBuilder, frame: pd.DataFrame, as_of: datetime
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    spine = cut.spine([as_of])
    yield frame[frame["as_of"] == pd.Timestamp(as_of)], cut.features(spine)
    yield builder.display(builder.spine([as_of])), cut.display(spine)


@contextmanager
def _cut_builder(builder: FeatureBuilder, as_of: datetime) -> Iterator[FeatureBuilder]:
    """A builder over the cut facts; its copies are dropped afterwards."""
    made: list[str] = []

    def keep(expression: ir.Table) -> ir.Table:
        table = builder.keep(expression)
        made.extend(kept.name for kept in table.op().find(ops.DatabaseTable))
        return table

    try:
        facts = cut_facts(builder.facts, as_of, keep)
        yield FeatureBuilder(builder.backend, facts, builder.project, own=builder.own)
    finally:
        for name in made:
            builder.backend.drop_table(name, force=True)
