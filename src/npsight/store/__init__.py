"""The only SQL state: score runs, their rows, and the inputs they were made from."""

from npsight.store import answers
from npsight.store.changes import ScoreChange, record_changes
from npsight.store.jobs import ScoreJob
from npsight.store.keys import KeyRow, create_key, keys_of, revoke_key
from npsight.store.rows import HistoryPoint, ScoreRow, ScoreRun, StoredInput
from npsight.store.store import Store, open_store, store_file

__all__ = [
    "HistoryPoint",
    "KeyRow",
    "ScoreChange",
    "ScoreJob",
    "ScoreRow",
    "ScoreRun",
    "Store",
    "StoredInput",
    "answers",
    "create_key",
    "keys_of",
    "open_store",
    "record_changes",
    "revoke_key",
    "store_file",
]
