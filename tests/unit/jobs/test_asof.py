"""Which days can be scored."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from npsight.errors import NotFoundError
from npsight.jobs.asof import check_as_of, default_as_of


def builder(at: datetime, *, is_snapshot: bool) -> SimpleNamespace:
    facts = SimpleNamespace(data_start=at, data_end=at)
    return SimpleNamespace(facts=facts, project=SimpleNamespace(is_snapshot=is_snapshot))


def test_a_snapshot_is_scored_on_the_day_it_is_read():
    now = datetime.now(UTC).replace(tzinfo=None)
    snapshot = builder(now, is_snapshot=True)
    check_as_of(snapshot, default_as_of(snapshot))
    dated = builder(now, is_snapshot=False)
    with pytest.raises(NotFoundError, match="no fact lies before"):
        check_as_of(dated, default_as_of(dated))
