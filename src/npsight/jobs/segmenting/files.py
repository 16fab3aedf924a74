"""A segments report as files: a table for spreadsheets, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from npsight.jobs.files import cell, check_format, write_atomically, write_frame
from npsight.jobs.segmenting.report import SegmentsReport, flat_rows


def write_table(report: SegmentsReport, path: Path) -> int:
    """One row a segment into a .csv or .parquet file; returns how many.

    CSV cells that a spreadsheet would run as a formula get a leading apostrophe.
    """
    check_format(path)
    spreadsheet = path.suffix == ".csv"
    rows = [{k: cell(v, spreadsheet) for k, v in row.items()} for row in flat_rows(report)]
    write_frame(pd.DataFrame(rows), path)
    return len(rows)


def write_json(report: SegmentsReport, path: Path) -> None:
    """Everything, the history of every segment too."""
    text = json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode())
