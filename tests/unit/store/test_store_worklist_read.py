"""Reading the worklist: every filter and order against a plain list, on both databases."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

import pytest
from listed import AS_OF, DAY, note, scored, write_list

from npsight.store import ScoreRow, Store
from npsight.store import worklistread as reading
from npsight.store.marks import mark
from npsight.store.searchwords import words_of
from npsight.store.worklist import ORDERS
from npsight.store.worklistquery import Wanted
from npsight.store.worklistread import (
    Count,
    Listed,
    choices,
    contacted_since,
    count_of,
    every_row,
    owns_accounts,
    place_of,
    sheet,
    within_capacity,
)

NAMES = ("Wren Foods", "Wrenhaven Labs", "Oak Systems", "Öl Werke", None)
FILTERS: dict[str, dict] = {
    "nothing": {},
    "owner": {"owner": "kim"},
    "no owner": {"owner": ""},
    "segment": {"segment": "pro"},
    "no segment": {"segment": ""},
    "move": {"moves": ("passive sliding",)},
    "moves": {"moves": ("passive sliding", "silent, likely detractor", "silent")},
    "driver": {"driver": "billing"},
    "level": {"risk_level": "high"},
    "state": {"state": "to contact", "stepped_back": "shown"},
    "no state": {"state": ""},
    "renewal": {"renewal": (AS_OF, AS_OF + 31 * DAY)},
    "search": {"words": ("wren",), "stepped_back": "shown"},
    "words": {"words": ("wren", "fo"), "stepped_back": "shown"},
    "letter": {"words": ("w",), "stepped_back": "shown"},
    "calls": {"within_capacity": True},
    "visible": {"visible_to": "lee"},
    "own among others": {"visible_to": "lee", "owner": "kim"},
    "nobody's": {"visible_to": ""},
    "only back": {"stepped_back": "only"},
    "both": {"stepped_back": "shown"},
    "several": {"owner": "lee", "segment": "pro", "risk_level": "low"},
    "far apart": {"owner": "kim", "words": ("oak",), "renewal": (AS_OF, AS_OF + 90 * DAY)},
}


ORDERED = [(order, descending) for order in ORDERS for descending in (False, True)]


def company(count: int = 90, seed: int = 3) -> list[ScoreRow]:
    """Accounts with many equal and many missing values."""
    rng = random.Random(seed)
    ranks = rng.sample(range(1, count + 1), count)
    rows = []
    for i in range(count):
        risk = rng.choice([0.1, 0.3, 0.6, None])
        rows.append(
            scored(
                f"a{i:03d}",
                name=rng.choice(NAMES),
                owner=rng.choice(["kim", "lee", None]),
                segment=rng.choice(["pro", "basic", None]),
                revenue=rng.choice([100.0, 200.0, None]),
                renewal_at=rng.choice([AS_OF, AS_OF + 30 * DAY, AS_OF + 31 * DAY, None]),
                band_now=rng.choice(["passive", "detractor", "silent"]),
                detractor_risk=risk,
                promoter_prob=None if risk is None else 0.2,
                predicted_nps=None if risk is None else 20 - 100 * risk,
                churn_risk=rng.choice([0.1, 0.2]),
                risk_level=None if risk is None else "high" if risk > 0.5 else "low",
                rank=ranks[i] if i % 5 else None,
                within_capacity=i % 7 == 0,
                last_contact_at=rng.choice([AS_OF - 3 * DAY, AS_OF - 90 * DAY, None]),
                drivers=[note(rng.choice(["support", "billing"]), 0.1)],
            )
        )
    return rows


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def filled(request, tmp_path_factory):
    """A store with the company, some of whose accounts step back."""
    from npsight.store import ScoreRun, open_store
    from npsight.store.tables import metadata

    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('list')}/npsight.db"
    else:
        url = str(request.getfixturevalue("postgres_url"))
    store = open_store(url)
    with store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    run = ScoreRun("r1", "tiny", AS_OF, AS_OF, 7, "digest")
    run = store.write_run(run, company(), [], contacted_days=1)
    with store.writing() as connection:
        for i in range(0, 90, 4):
            mark(connection, "tiny", f"a{i:03d}", AS_OF, snoozed_until=AS_OF + DAY)
        for i in range(0, 90, 9):
            mark(connection, "tiny", f"a{i:03d}", AS_OF, state="to contact")
    yield store, run
    store.close()


def fits(row: Listed, wanted: Wanted) -> bool:
    """The oracle: whether a row is wanted, in plain Python."""
    start, end = wanted.renewal or (None, None)
    words = words_of(row.account, row.name)
    same = [
        getattr(row, name) == (getattr(wanted, name) or None)
        for name in ("owner", "segment", "driver", "state", "risk_level")
        if getattr(wanted, name) is not None
    ]
    return (
        all(same)
        and row.stands_back in wanted.sides
        and (not wanted.moves or row.move in wanted.moves)
        and (start is None or (row.renewal_at is not None and start <= row.renewal_at < end))
        and all(
            any(w == word if len(word) == 1 else w.startswith(word) for w in words)
            for word in wanted.words
        )
        and (not wanted.within_capacity or row.within_capacity is True)
        and (wanted.visible_to is None or (row.owner or None) == (wanted.visible_to or False))
    )


def ordered(rows: list[Listed], wanted: Wanted) -> list[str]:
    valued = [r for r in rows if getattr(r, wanted.order) is not None]
    blank = [r for r in rows if getattr(r, wanted.order) is None]
    valued.sort(key=lambda r: (getattr(r, wanted.order), r.account), reverse=wanted.descending)
    blank.sort(key=lambda r: r.account, reverse=wanted.descending)
    return [r.account for r in valued + blank]


def everything(store: Store, run) -> list[Listed]:
    rows = list(every_row(store, run, Wanted(stepped_back="shown"), 40))
    assert sorted(row.account for row in rows) == [f"a{i:03d}" for i in range(90)]
    return rows


@pytest.mark.parametrize("walk", ["rare first", "along the order", "given up"])
@pytest.mark.parametrize("name", FILTERS)
def test_pages_hold_what_a_plain_list_holds(filled, name, walk, monkeypatch):
    store, run = filled
    if walk != "rare first":
        monkeypatch.setattr(reading, "DRIVEN", -1)
    if walk == "given up":
        monkeypatch.setattr(reading, "WALKED", 4)
    rows = everything(store, run)
    # Over the filters, each way meets every order in both directions.
    first = list(FILTERS).index(name)
    for order, descending in [ORDERED[(first + step) % len(ORDERED)] for step in (0, 3, 7)]:
        wanted = Wanted(order=order, descending=descending, **FILTERS[name])
        expected = ordered([row for row in rows if fits(row, wanted)], wanted)
        assert [r.account for r in every_row(store, run, wanted, 17)] == expected


@pytest.mark.parametrize("name", ["nothing", "both", "owner", "search"])
@pytest.mark.parametrize("order", ["rank", "detractor_risk", "last_contact_at"])
def test_going_back_shows_what_was_shown(filled, name, order):
    store, run = filled
    for descending in (False, True):
        wanted = Wanted(order=order, descending=descending, **FILTERS[name])
        pages, after = [], None
        while True:
            page = sheet(store, run, wanted, 20, after)
            assert page.earlier is (after is not None)
            pages.append(page.rows)
            if not page.later:
                break
            after = place_of(page.rows[-1], wanted)
        for shown, following in pairwise(pages):
            back = sheet(store, run, wanted, 20, before=place_of(following[0], wanted))
            assert back.rows == shown
            assert back.later
            assert back.earlier is (shown is not pages[0])


@pytest.mark.parametrize("name", FILTERS)
def test_counts_are_exact_where_few_rows_are_looked_at(filled, name):
    store, run = filled
    wanted = Wanted(**FILTERS[name])
    expected = sum(fits(row, wanted) for row in everything(store, run))
    assert count_of(store, run, wanted) == Count(expected)
    assert sheet(store, run, wanted, 5, counted=True).count == Count(expected)


def test_many_are_counted_as_over_or_about(filled, monkeypatch):
    store, run = filled
    monkeypatch.setattr(reading, "OVER", 10)
    assert count_of(store, run, Wanted()) == Count(10, "over")
    monkeypatch.setattr(reading, "OVER", 1000)
    monkeypatch.setattr(reading, "COUNTED", 20)
    found = count_of(store, run, Wanted(risk_level="low", segment="pro"))
    assert found.kind == "about"
    low = sum(r.risk_level == "low" and not r.stands_back for r in everything(store, run))
    pro = sum(r.segment == "pro" and not r.stands_back for r in everything(store, run))
    assert 1 <= found.accounts <= min(low, pro)


def test_what_filters_offer_and_what_the_week_holds(filled):
    store, run = filled
    offered = choices(store, run.id)
    assert offered["owner"] == ("kim", "lee")
    assert offered["segment"] == ("basic", "pro")
    assert offered["driver"] == ("billing", "support")
    assert "passive sliding" in offered["move"]
    assert owns_accounts(store, run.id, "kim")
    assert not owns_accounts(store, run.id, "max")
    assert within_capacity(store, run.id) == sum(i % 7 == 0 for i in range(90))


@pytest.mark.parametrize("owner", ["kim", None])
def test_who_was_contacted_is_counted_from_an_instant_on(filled, owner):
    store, run = filled
    at = AS_OF - 3 * DAY
    rows = [r for r in everything(store, run) if owner in (None, r.owner)]
    expected = sum(r.last_contact_at is not None and r.last_contact_at >= at for r in rows)
    assert expected > 2
    assert contacted_since(store, run, at, owner, 1000) == expected
    assert contacted_since(store, run, at + timedelta(microseconds=1), owner, 1000) == 0
    assert contacted_since(store, run, at, owner, 2) == 2


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="no order by name"):
        Wanted(order="name")


def test_names_that_look_like_patterns_are_no_patterns(any_store: Store):
    run = write_list(any_store, scored("a", name="100% _safe"), scored("b", name="1000 safes"))
    found = sheet(any_store, run, Wanted(words=tuple(words_of("100%"))), 10)
    assert {row.account for row in found.rows} == {"a", "b"}
    assert not sheet(any_store, run, Wanted(words=("%",)), 10).rows
