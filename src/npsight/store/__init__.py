"""The only SQL state: score runs, their rows, and the inputs they were made from."""

from npsight.store import answers
from npsight.store.changes import ScoreChange, record_changes
from npsight.store.deliveries import (
    DeadMessage,
    Delivery,
    counts,
    dead_messages,
    forget_delivered,
    next_due,
    release,
    revive,
    settle_delivered,
    settle_failed,
    settle_gone,
    take,
)
from npsight.store.jobs import ScoreJob
from npsight.store.keys import KeyRow, create_key, keys_of, revoke_key
from npsight.store.outbox import trial_message
from npsight.store.posted import Keeping, KeptFact, PostedFact, keep_posted, newest_posted, posted
from npsight.store.rescored import (
    Rescored,
    newest_known,
    pending,
    read_through,
    revenues,
    write_rescored,
)
from npsight.store.rows import HistoryPoint, ScoreRow, ScoreRun, StoredInput
from npsight.store.store import Store, open_store, store_file
from npsight.store.webhooks import (
    EVENTS,
    WebhookEndpoint,
    add_endpoint,
    enable_endpoint,
    endpoint_named,
    endpoints_of,
    new_endpoint,
    remove_endpoint,
    rotate_endpoint,
)
from npsight.store.written import forget_written, mark_written, written_digests

__all__ = [
    "EVENTS",
    "DeadMessage",
    "Delivery",
    "HistoryPoint",
    "Keeping",
    "KeptFact",
    "KeyRow",
    "PostedFact",
    "Rescored",
    "ScoreChange",
    "ScoreJob",
    "ScoreRow",
    "ScoreRun",
    "Store",
    "StoredInput",
    "WebhookEndpoint",
    "add_endpoint",
    "answers",
    "counts",
    "create_key",
    "dead_messages",
    "enable_endpoint",
    "endpoint_named",
    "endpoints_of",
    "forget_delivered",
    "forget_written",
    "keep_posted",
    "keys_of",
    "mark_written",
    "new_endpoint",
    "newest_known",
    "newest_posted",
    "next_due",
    "open_store",
    "pending",
    "posted",
    "read_through",
    "record_changes",
    "release",
    "remove_endpoint",
    "revenues",
    "revive",
    "revoke_key",
    "rotate_endpoint",
    "settle_delivered",
    "settle_failed",
    "settle_gone",
    "store_file",
    "take",
    "trial_message",
    "write_rescored",
    "written_digests",
]
