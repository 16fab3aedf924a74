"""Which days can be scored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import ibis
import pyarrow as pa
import pytest

from npsight.errors import NotFoundError
from npsight.jobs.scoring.asof import check_as_of, default_as_of, known_since


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


def test_facts_known_since_are_counted_until_now():
    now = datetime.now(UTC).replace(tzinfo=None)
    hours = (-3, -2, -1, 0)
    as_of = now - timedelta(hours=2)
    usage = ibis.memtable(
        pa.table({"known_at": [now + timedelta(hours=h, minutes=5) for h in hours]})
    )
    asked = ibis.memtable(pa.table({"known_at": [now - timedelta(hours=1)]}))
    facts = SimpleNamespace(sources={"usage": usage, "responses": asked, "invitations": asked})
    assert known_since(facts, as_of) == 3
