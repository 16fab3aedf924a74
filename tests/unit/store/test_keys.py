"""Keys: made once, kept as hashes, two live ones of a name, revoked for good."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npsight.errors import ConfigError, NotFoundError
from npsight.store import Store, create_key, keys_of, revoke_key
from npsight.store.keys import LIVE_PER_NAME, VALID_FOR, record_uses
from npsight.store.keytext import KEY_LENGTH, PATTERN, key_fault, key_hash, key_id, new_key

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_key_has_prefix_id_secret_and_checksum() -> None:
    key = new_key()
    assert re.fullmatch(PATTERN, key)
    assert len(key) == KEY_LENGTH
    assert key_id(key) == key.split("_")[1]
    assert key_fault(key) == ""


def test_no_two_keys_are_alike() -> None:
    assert len({new_key() for _ in range(1000)}) == 1000


@given(place=st.integers(0, KEY_LENGTH - 1), letter=st.sampled_from("0aZ_-é"))
def test_a_mistyped_key_is_noticed(place: int, letter: str) -> None:
    key = new_key()
    typed = key[:place] + letter + key[place + 1 :]
    assert bool(key_fault(typed)) == (typed != key)


@given(length=st.integers(0, KEY_LENGTH - 1))
def test_a_cut_key_is_noticed(length: int) -> None:
    assert key_fault(new_key()[:length])


@given(text=st.text())
def test_any_text_is_judged_without_being_repeated(text: str) -> None:
    fault = key_fault(text)
    assert fault
    assert len(text) < 12 or text not in fault
    key_id(text)
    assert len(key_hash(text)) == 32


def test_swapped_neighbours_are_noticed() -> None:
    key = new_key()
    for i in range(20, KEY_LENGTH - 1):
        if key[i] != key[i + 1]:
            assert key_fault(key[:i] + key[i + 1] + key[i] + key[i + 2 :])


def test_a_key_is_kept_without_its_secret(any_store: Store) -> None:
    key, row = create_key(any_store, "p", "crm", ["read", "score"], rate_per_minute=60, now=NOW)
    assert keys_of(any_store, "p") == [row]
    assert row.id == key_id(key)
    assert row.hash == key_hash(key)
    assert row.scopes == ("score", "read")
    assert row.expires_at == NOW + VALID_FOR
    assert row.rate_per_minute == 60
    assert row.last_used_at is None
    assert key[20:] not in repr(row)
    assert repr(row.hash) not in repr(row)
    assert keys_of(any_store, "other") == []


def test_a_third_live_key_of_a_name_is_refused_with_the_way_out(any_store: Store) -> None:
    first = create_key(any_store, "p", "crm", ["score"], now=NOW)[1]
    create_key(any_store, "p", "crm", ["score"], now=NOW + timedelta(seconds=1))
    with pytest.raises(ConfigError, match=rf"`npsight keys revoke {first.id}`"):
        create_key(any_store, "p", "crm", ["score"], now=NOW)
    create_key(any_store, "p", "other", ["score"], now=NOW)
    create_key(any_store, "q", "crm", ["score"], now=NOW)
    revoke_key(any_store, "p", first.id, NOW)
    create_key(any_store, "p", "crm", ["score"], now=NOW)


def test_an_expired_key_does_not_count_as_live(any_store: Store) -> None:
    for _ in range(LIVE_PER_NAME):
        create_key(any_store, "p", "crm", ["score"], timedelta(days=1), now=NOW)
    create_key(any_store, "p", "crm", ["score"], now=NOW + timedelta(days=1))


def test_makers_at_once_leave_two(any_store: Store) -> None:
    refused: list[Exception] = []

    def make() -> None:
        try:
            create_key(any_store, "p", "crm", ["score"])
        except ConfigError as error:
            refused.append(error)

    makers = [threading.Thread(target=make) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(keys_of(any_store, "p")) == LIVE_PER_NAME
    assert len(refused) == 8 - LIVE_PER_NAME


def test_states_and_their_boundary(any_store: Store) -> None:
    row = create_key(any_store, "p", "crm", ["score"], timedelta(days=1), now=NOW)[1]
    end = NOW + timedelta(days=1)
    assert row.state(end - timedelta(microseconds=1)) == "live"
    assert row.state(end) == "expired"
    forever = create_key(any_store, "p", "crm", ["score"], None, now=NOW)[1]
    assert forever.state(NOW + timedelta(days=9999)) == "live"
    revoked = revoke_key(any_store, "p", row.id, NOW)
    assert revoked.revoked_at == NOW
    assert revoked.state(NOW) == "revoked"
    assert revoke_key(any_store, "p", row.id, end).revoked_at == NOW
    with pytest.raises(NotFoundError, match="npsight keys list"):
        revoke_key(any_store, "q", row.id)


def test_the_last_use_never_goes_back(any_store: Store) -> None:
    row = create_key(any_store, "p", "crm", ["score"], now=NOW)[1]
    later = NOW + timedelta(minutes=1)
    record_uses(any_store, {row.id: later, "nobody": NOW})
    record_uses(any_store, {row.id: NOW})
    record_uses(any_store, {})
    assert keys_of(any_store, "p")[0].last_used_at == later


def test_all_faults_of_a_new_key_are_told_at_once(any_store: Store) -> None:
    with pytest.raises(ConfigError, match="was not made") as error:
        create_key(any_store, "p", "a\nb", ["fly"], timedelta(0), 0)
    told = str(error.value)
    for words in ("name", "no scope fly", "score, read, write, admin", "expire", "no request"):
        assert words in told
    with pytest.raises(ConfigError, match="could do nothing"):
        create_key(any_store, "p", "crm", [])
    assert keys_of(any_store, "p") == []
