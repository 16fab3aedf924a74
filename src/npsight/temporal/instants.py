"""The one type of an instant inside: UTC, microseconds, without a zone.

Types are passed as objects: Ibis makes a whole grammar anew for each type that is named by a text.
"""

import ibis.expr.datatypes as dt

INSTANT = dt.Timestamp(scale=6)
