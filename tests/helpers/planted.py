"""Leaks planted in a simulated company, one column each, and the project file that reads them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from demo_files import demo_project

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Leak:
    """A column of a table that knows what came later, and the feature that reads it.

    `named` is what an audit calls it, the column unless given; `static` where it is undated.
    """

    column: str
    table: str
    kind: str
    values: Callable[[Frames], Any]
    aggregate: dict[str, Any]
    named: str = ""
    static: bool = True

    @property
    def name(self) -> str:
        return self.named or f"{self.table}.{self.column}"


def _closing_reason(frames: Frames) -> Any:
    """Why the account left, written back on every row of it."""
    ended = frames["subscriptions"].dropna(subset="ended_at")["account_id"].unique()
    reasons = dict(zip(ended, np.resize(["price", "competitor", "bankrupt"], len(ended)),
                       strict=True))  # fmt: skip
    return frames["accounts"]["account_id"].map(reasons)


def _status(frames: Frames) -> Any:
    """Whether it is a customer, overwritten in every dated row of an account that leaves."""
    ended = frames["subscriptions"].dropna(subset="ended_at")["account_id"]
    return np.where(frames["accounts"]["account_id"].isin(ended), "churned", "customer")


def _team(frames: Frames) -> Any:
    """Who looks after it; the teams of those that leave are renamed, in all dated rows."""
    accounts = frames["accounts"]
    ended = frames["subscriptions"].dropna(subset="ended_at")["account_id"]
    first = np.where(accounts["account_id"].isin(ended), "Churned - ", "Team ")
    return first + accounts["region"].fillna("none")


def _tag(frames: Frames) -> Any:
    """What the ticket was about; that of an account that leaves is sorted anew afterwards."""
    ended = frames["subscriptions"].dropna(subset="ended_at")["account_id"]
    return np.where(frames["tickets"]["account_id"].isin(ended), "cancellation", "question")


def _tickets_ever(frames: Frames) -> Any:
    """How many tickets the account has had by the day of the export."""
    counts = frames["tickets"].groupby("account_id").size()
    return frames["accounts"]["account_id"].map(counts).fillna(0)


def _last_answer(frames: Frames) -> Any:
    """The newest score, with a little noise: undated."""
    last = _answers(frames).groupby("account_id")["score"].last()
    values = frames["accounts"]["account_id"].map(last)
    return (values + np.random.default_rng(1).normal(0, 0.3, len(values))).round(2)


def _mood_ever(frames: Frames) -> Any:
    """The mean of all scores there will be, with a little noise, in every dated row."""
    mean = _answers(frames).groupby("account_id")["score"].mean()
    values = frames["accounts"]["account_id"].map(mean)
    return (values + np.random.default_rng(3).normal(0, 0.2, len(values))).round(2)


def _tickets_ahead(frames: Frames) -> Any:
    """Tickets of the next 30 days, said to be known today."""
    at = _by_account(frames["tickets"], "opened_at")
    rows = frames["usage"][["account_id", "day"]].itertuples(index=False)
    month = np.timedelta64(30, "D")
    return [_passed(at, a, day + month) - _passed(at, a, day) for a, day in _instants(rows)]


def _logins_index(frames: Frames) -> Any:
    """Logins as percent of the account's mean of all time."""
    logins = frames["usage"]["logins"]
    mean = logins.groupby(frames["usage"]["account_id"]).transform("mean")
    return (100 * logins / mean).round(1)


def _logins_around(frames: Frames) -> Any:
    """The mean of the logins of the three days before and after, smoothed by whoever exported it."""
    usage = frames["usage"].sort_values(["account_id", "day"], kind="stable")
    logins = usage.groupby("account_id")["logins"]
    smooth = logins.transform(lambda days: days.rolling(7, center=True).mean())
    return smooth.round(2).reindex(frames["usage"].index)


def _next_answer(frames: Frames) -> Any:
    """The score of the next answer, with a little noise, said to be known today."""
    answers = _answers(frames)
    at = _by_account(answers, "answered_at")
    scores = {a: rows["score"].to_numpy() for a, rows in answers.groupby("account_id")}
    noise = np.random.default_rng(2).normal(0, 0.3, len(frames["usage"]))
    found = []
    rows = frames["usage"][["account_id", "day"]].itertuples(index=False)
    for (account, day), extra in zip(_instants(rows), noise, strict=True):
        place = _passed(at, account, day)
        later = scores.get(account, np.empty(0))[place:]
        found.append(later[0] + extra if len(later) else None)
    return found


def _by_account(table: pd.DataFrame, column: str) -> dict[str, np.ndarray]:
    at = _times(table[column]).dropna()
    return {a: np.sort(rows.to_numpy()) for a, rows in at.groupby(table["account_id"])}


def _times(texts: pd.Series) -> pd.Series:
    """What is no time, as real exports have it, is missing."""
    return pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)


def _answers(frames: Frames) -> pd.DataFrame:
    surveys = frames["surveys"]
    scores = pd.to_numeric(surveys["score"], errors="coerce")
    answers = surveys.assign(score=scores, at=_times(surveys["answered_at"]))
    return answers.dropna(subset=["score", "at"]).sort_values("at", kind="stable")


def _instants(rows: Any) -> Any:
    return ((a, pd.Timestamp(day).tz_localize(None).to_datetime64()) for a, day in rows)


def _passed(at: dict[str, np.ndarray], account: str, instant: Any) -> int:
    return int(np.searchsorted(at.get(account, np.empty(0, "datetime64[us]")), instant, "right"))


LEAKS = (
    Leak("closing_reason", "accounts", "category", _closing_reason, {"aggregate": "value"}),
    Leak("tickets_ever", "accounts", "number", _tickets_ever, {"aggregate": "value"}),
    Leak("last_mood", "accounts", "number", _last_answer, {"aggregate": "value"}),
    Leak("tickets_ahead", "usage", "number", _tickets_ahead, {"aggregate": "last"}),
    Leak("logins_index", "usage", "number", _logins_index, {"aggregate": "last"}),
    Leak("logins_around", "usage", "number", _logins_around, {"aggregate": "last"}),
    Leak("next_mood", "usage", "number", _next_answer, {"aggregate": "last"}),
    Leak("status", "accounts", "category", _status, {"aggregate": "value"},
         "accounts__value_status", static=False),
    Leak("team", "accounts", "category", _team, {"aggregate": "value"}, "accounts__value_team",
         static=False),
    Leak("mood_ever", "accounts", "number", _mood_ever, {"aggregate": "value"}, static=False),
    Leak("tag", "tickets", "category", _tag,
         {"aggregate": "count", "where": {"tag": "cancellation"}},
         "tickets__count__tag_cancellation"),
)  # fmt: skip


def plant(folder: Path, data: Path, leaks: tuple[Leak, ...] = LEAKS) -> Path:
    """Copy the company's tables with the columns added; returns the project file."""
    target = folder / "data"
    shutil.copytree(data, target)
    frames: Frames = {f.stem: pd.read_csv(f) for f in target.glob("*.csv")}
    frames["usage"] = pd.read_parquet(target / "usage.parquet")
    config = demo_project(folder, target)
    content = yaml.safe_load(config.read_text())
    for leak in leaks:
        frames[leak.table][leak.column] = leak.values(frames)
        table = content["tables"]["activity"].get(leak.table) or content["tables"]["accounts"]
        if leak.table == "accounts":
            table["attributes"][leak.column] = leak.kind
            table["static"] += [leak.column] if leak.static else []
        else:
            table["categories" if leak.kind == "category" else "measures"].append(leak.column)
        measure = {} if "where" in leak.aggregate else {"measure": leak.column}
        content["features"].append(
            {"source": leak.table, "driver": "support", **measure, **leak.aggregate}
        )
    for name in ("accounts", "tickets"):
        frames[name].to_csv(target / f"{name}.csv", index=False)
    frames["usage"].to_parquet(target / "usage.parquet", index=False)
    config.write_text(yaml.safe_dump(content, sort_keys=False))
    return config
