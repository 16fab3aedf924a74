"""Files that appear whole or not at all, and tables as such files."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from npsight.errors import ConfigError, Problem

if TYPE_CHECKING:
    import pandas as pd

WORKBOOKS = (".xlsx", ".xls", ".ods")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the target and rename over it; folders are made, nothing partial is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_format(path: Path) -> None:
    """Raises ConfigError where a table file cannot be written under this name."""
    if path.suffix not in (".csv", ".parquet"):
        csv = ".csv, which Excel opens too," if path.suffix.lower() in WORKBOOKS else ".csv"
        raise ConfigError(
            f"{path}: cannot be written",
            [Problem(f"`{path.suffix}` is no known format", f"name a {csv} or a .parquet file")],
        )


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a .csv or .parquet file that appears whole or not at all; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial")
    try:
        if path.suffix == ".csv":
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def cell(value: Any, spreadsheet: bool) -> Any:
    """A value as it is written: in a spreadsheet, no text that it would run as a formula."""
    if spreadsheet and isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    if spreadsheet and isinstance(value, datetime):
        return value.isoformat()
    return value
