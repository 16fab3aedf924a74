"""What a version predicted in its backtest, row by row, so that two versions can be compared."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from npsight.config.specs import OutcomeWindow
from npsight.errors import StateError
from npsight.jobs.files import write_atomically
from npsight.jobs.training.outcomes import PartResult
from npsight.models.examples import Examples
from npsight.models.versus import Versus, versus

ROWS_FILE = "backtest.parquet"
KEYS = ["part", "origin", "account", "as_of"]
KEYS_OF_SNAPSHOT = ["part", "account"]


def target_of(part: str) -> str:
    """The target whose outcome window a part has."""
    return "detractor" if part == "promoter" else part


def backtest_rows(parts: Iterable[PartResult]) -> pd.DataFrame:
    """Every row that the backtest of these parts predicted and whose outcome came.

    Columns: `part`, `origin` (its day, or fold of a snapshot), `account`, `as_of`
    (datetime64[us], UTC), `share` (of the event among the row's answers), `weight`, and a
    probability for each contender, `chosen` first (float64; NaN where it did not take part).
    Ordered by the first four.
    """
    found = list(_by_origin(parts))
    if not found:
        return pd.DataFrame(columns=[*KEYS, "share", "weight", "chosen"])
    return pd.concat(found, ignore_index=True).sort_values(KEYS, ignore_index=True)


def _by_origin(parts: Iterable[PartResult]) -> Iterator[pd.DataFrame]:
    for part in parts:
        for origin in part.origins:
            rows = origin.test.frame[["account", "as_of"]].reset_index(drop=True)
            rows.insert(0, "part", part.name)
            rows.insert(1, "origin", origin.label)
            rows["share"], rows["weight"] = origin.test.share, origin.test.weight
            yield rows.assign(**origin.predicted)


def version_folder(state_dir: Path, version: int) -> Path:
    """Where card, report and backtest rows of a version are kept."""
    return state_dir / "models" / f"v{version}"


def keep_rows(folder: Path, rows: pd.DataFrame) -> None:
    """Write the rows to a folder, whole or not at all."""
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False, compression="zstd")
    write_atomically(folder / ROWS_FILE, buffer.getvalue())


def kept_rows(folder: Path) -> pd.DataFrame | None:
    """The rows kept in a folder; None where there are none.

    Raises
    ------
    StateError
        The file cannot be read.
    """
    file = folder / ROWS_FILE
    if not file.exists():
        return None
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise StateError(
            f"{file} cannot be read: {type(error).__name__}\n"
            "  → delete it; the version is then compared without its backtest"
        ) from None


def both_tested(
    candidate: pd.DataFrame,
    other: pd.DataFrame,
    windows: Mapping[str, OutcomeWindow],
    seed: int,
    by: Sequence[str] = KEYS,
) -> list[Versus]:
    """Two backtests held against each other on the rows that both tested and whose outcome is the
    same, a part each. `windows` has the outcome window of each target that both mean alike.

    Rows are the same by `by`: of a snapshot, whose day is that of its reading and whose folds are
    drawn, by `KEYS_OF_SNAPSHOT`. Each row was tested by models of before its day, made in the
    version's way: so this tells which way of making a model is better.
    """
    together = candidate.merge(other, on=list(by), suffixes=("", "_other"), validate="one_to_one")
    for outcome in ("share", "weight"):
        together = together[together[outcome].eq(together[f"{outcome}_other"])]
    found = []
    for part in together["part"].unique():
        window = windows.get(target_of(part))
        if window is None:
            continue
        rows = together[together["part"] == part].reset_index(drop=True)
        examples = Examples(
            frame=rows[["account", "as_of"]],
            share=rows["share"].to_numpy(float),
            weight=rows["weight"].to_numpy(float),
            known_at=np.full(len(rows), np.datetime64("NaT", "us")),
            window=window,
        )
        ours, theirs = (rows[name].to_numpy(float) for name in ("chosen", "chosen_other"))
        found.append(versus(part, examples, ours, theirs, seed))
    return found
