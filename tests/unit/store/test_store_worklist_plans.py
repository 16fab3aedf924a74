"""No query of the worklist goes through a large table: the databases say how they would read."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from listed import AS_OF, DAY, note, scored
from sqlalchemy import event, text

from npsight.store import ScoreRun, Store, open_store
from npsight.store import worklistread as reading
from npsight.store.tables import metadata
from npsight.store.worklist import ORDERS
from npsight.store.worklistquery import Place, Wanted
from npsight.store.worklistread import (
    choices,
    contacted_since,
    count_of,
    owns_accounts,
    sheet,
    step_forward,
    within_capacity,
)

LARGE = ("worklist", "scores", "account_words", "account_names")
COUNT = 6000
FILTERS: dict[str, dict] = {
    "nothing": {},
    "owner": {"owner": "owner 7"},
    "segment": {"segment": "pro"},
    "moves": {"moves": ("passive sliding", "silent")},
    "driver": {"driver": "billing"},
    "level": {"risk_level": "high"},
    "no state": {"state": ""},
    "state": {"state": "contacted", "stepped_back": "shown"},
    "renewal": {"renewal": (AS_OF, AS_OF + 30 * DAY)},
    "rare word": {"words": ("a00017",), "stepped_back": "shown"},
    "words": {"words": ("wren", "fo")},
    "visible": {"visible_to": "owner 8", "segment": "pro"},
    "both": {"stepped_back": "shown"},
    "only back": {"stepped_back": "only"},
    "several": {"segment": "pro", "risk_level": "low", "driver": "support", "words": ("fo",)},
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def large(request, tmp_path_factory):
    """A store with accounts enough for an index to be worth its while."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('plans')}/npsight.db"
    else:
        url = str(request.getfixturevalue("postgres_url"))
    store = open_store(url)
    with store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    run = store.write_run(ScoreRun("r1", "tiny", AS_OF, AS_OF, 7, "digest"), company(), [])
    if request.param == "postgres":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    yield store, run
    store.close()


def company():
    for i in range(COUNT):
        yield scored(
            f"a{i:05d}",
            name=f"Wren {i % 97} Foods",
            owner=f"owner {i % 120}",
            segment="pro" if i % 3 else "basic",
            revenue=float(i * 7919 % COUNT),
            renewal_at=AS_OF + timedelta(days=i % 365),
            band_now="passive" if i % 2 else "silent",
            detractor_risk=(i * 104729 % COUNT) / COUNT,
            promoter_prob=0.0,
            predicted_nps=float(i * 31 % 200 - 100),
            churn_risk=(i * 613 % COUNT) / COUNT,
            risk_level="high" if i % 10 == 0 else "low",
            rank=i + 1,
            last_contact_at=AS_OF - timedelta(days=i % 300 + 1),
            drivers=[note("billing" if i % 4 else "support", 0.1)],
        )


class Watched:
    """How every statement inside is read."""

    def __init__(self, store: Store) -> None:
        self.engine = store.engine
        self.plans: list[str] = []

    def __enter__(self) -> Watched:
        event.listen(self.engine, "before_cursor_execute", self._explain)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.engine, "before_cursor_execute", self._explain)

    def _explain(self, connection, _cursor, statement, parameters, _context, _many) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE")):
            return
        own = connection.connection.cursor()
        if self.engine.dialect.name == "sqlite":
            own.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            self.plans.append("\n".join(row[3] for row in own.fetchall()))
        else:
            own.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            found = own.fetchone()[0]
            self.plans.append(found if isinstance(found, str) else json.dumps(found))
        own.close()

    def check(self) -> None:
        assert self.plans
        for plan in self.plans:
            assert not scanned(plan), plan


def scanned(plan: str) -> list[str]:
    """Large tables that a plan goes through without an index."""
    sqlite = re.findall(r"SCAN (\w+)", plan)
    postgres = re.findall(r'"Seq Scan".{0,200}?"Relation Name": "(\w+)"', plan)
    return [name for name in sqlite + postgres if name in LARGE]


def test_a_scan_is_seen(large):
    store, _ = large
    with Watched(store) as watched, store.reading() as connection:
        connection.execute(text("SELECT count(*) FROM worklist WHERE revenue > 1 OR name = 'x'"))
    with pytest.raises(AssertionError):
        watched.check()


@pytest.mark.parametrize("way", ["rare first", "along the order"])
@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_in_every_order_is_read_along_an_index(large, name, way, monkeypatch):
    store, run = large
    if way == "along the order":
        monkeypatch.setattr(reading, "DRIVEN", -1)
        monkeypatch.setattr(reading, "WALKED", 50)
    with Watched(store) as watched:
        for order in ORDERS:
            for descending in (False, True):
                wanted = Wanted(order=order, descending=descending, **FILTERS[name])
                first = sheet(store, run, wanted, 5, counted=True)
                if first.later:
                    row = first.rows[-1]
                    sheet(store, run, wanted, 5, Place(getattr(row, order), row.account))
        count_of(store, run, Wanted(**FILTERS[name]))
    watched.check()


def test_what_stands_above_the_list_is_read_along_an_index(large):
    store, run = large
    with Watched(store) as watched:
        choices(store, run.id)
        owns_accounts(store, run.id, "owner 7")
        within_capacity(store, run.id)
        contacted_since(store, run, AS_OF - 7 * DAY, "owner 7", 12)
        contacted_since(store, run, AS_OF - 7 * DAY, None, 500)
        step_forward(store, AS_OF)
        store.scores_of(run.id, ["a00001", "a00002"])
        store.latest_run("tiny")
    watched.check()
