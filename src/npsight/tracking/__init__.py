"""The only MLflow code: runs, model versions, aliases; and the cached champion."""

from npsight.tracking.cache import read_cached, write_cached
from npsight.tracking.origin import origin_tags
from npsight.tracking.patience import await_registry
from npsight.tracking.tracking import Tracking
from npsight.tracking.versions import CHALLENGER, CHAMPION, VersionInfo

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Tracking",
    "VersionInfo",
    "await_registry",
    "origin_tags",
    "read_cached",
    "write_cached",
]
