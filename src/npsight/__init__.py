"""npsight foresees next period's Net Promoter Score, account by account."""

from npsight.errors import NpsightError

__all__ = ["NpsightError", "__version__"]

__version__ = "0.1.0"
