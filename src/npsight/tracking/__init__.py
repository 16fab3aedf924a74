"""The only MLflow code: runs, model versions, aliases; and the cached champion."""

from npsight.tracking.cache import read_cached, write_cached
from npsight.tracking.tracking import Tracking
from npsight.tracking.versions import CHALLENGER, CHAMPION, VersionInfo

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Tracking",
    "VersionInfo",
    "read_cached",
    "write_cached",
]
