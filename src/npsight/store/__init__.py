"""The only SQL state: score runs, their rows, and the inputs they were made from."""

from npsight.store.changes import ScoreChange, record_changes
from npsight.store.rows import HistoryPoint, ScoreRow, ScoreRun, StoredInput
from npsight.store.store import Store, open_store, store_file

__all__ = [
    "HistoryPoint",
    "ScoreChange",
    "ScoreRow",
    "ScoreRun",
    "Store",
    "StoredInput",
    "open_store",
    "record_changes",
    "store_file",
]
