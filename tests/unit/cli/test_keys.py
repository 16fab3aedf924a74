"""`npsight keys`: the key alone on standard output, and a remedy with every error."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from command_line import npsight

from npsight.cli.keys import span
from npsight.errors import ConfigError
from npsight.store import keys_of, open_store, store_file
from npsight.store.keytext import key_fault, key_hash, key_id

PROJECT = """\
project: tiny
state: state
tables:
  responses: {path: responses.csv, account: account, time: at, score: score}
targets: {detractor: {}, nps: {}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(PROJECT)
    (tmp_path / "responses.csv").write_text("account,at,score\n")
    return file


def created(config: Path, *arguments: str) -> str:
    done = npsight("keys", "create", *arguments, "-c", config)
    assert done.code == 0, done.err
    assert done.out.endswith("\n")
    assert len(done.out.splitlines()) == 1
    return done.out.strip()


def test_a_key_is_printed_alone_and_kept_as_a_hash(config: Path) -> None:
    done = npsight("keys", "create", "crm", "-s", "read", "--scope", "score", "-c", config)
    key = done.out.strip()
    assert key_fault(key) == ""
    assert "crm: score, read; expires 20" in done.err
    assert key not in done.err
    store = open_store(store_file(config.parent / "state"))
    (row,) = keys_of(store, "tiny")
    store.close()
    assert (row.id, row.hash) == (key_id(key), key_hash(key))
    assert (row.expires_at - row.created_at) == timedelta(days=365)
    for file in (config.parent / "state").iterdir():
        assert key[20:].encode() not in file.read_bytes()


def test_create_list_revoke(config: Path) -> None:
    key = created(config, "crm", "-s", "score", "--expires", "never", "--rate", "90")
    soon = created(config, "bi", "-s", "admin", "--expires", "36h")
    listed = npsight("keys", "list", "-c", config).succeeded().out
    for words in (key_id(key), "crm", "score", "live", "never", "90", "bi", "(in 1 day)"):
        assert words in listed
    assert key not in listed
    done = npsight("keys", "revoke", key_id(key), "-c", config).succeeded()
    assert f"Key {key_id(key)} for crm is revoked" in done.out
    npsight("keys", "revoke", soon, "-c", config).succeeded()
    told = json.loads(npsight("keys", "list", "--json", "-c", config).succeeded().out)
    assert [row["state"] for row in told] == ["revoked", "revoked"]
    assert told[0]["id"] == key_id(key)
    assert told[0]["expires_at"] is None
    assert told[1]["expires_at"].endswith("Z")
    assert set(told[0]) == {"id", "name", "scopes", "state", "created_at", "expires_at",
                            "revoked_at", "last_used_at", "rate_per_minute"}  # fmt: skip


def test_no_keys_says_how_to_make_one(config: Path) -> None:
    assert "npsight keys create" in npsight("keys", "list", "-c", config).succeeded().out
    assert json.loads(npsight("keys", "list", "--json", "-c", config).succeeded().out) == []


def test_a_name_in_markup_is_shown_as_it_is(config: Path) -> None:
    created(config, "[bold]x[/]", "-s", "read")
    assert "[bold]x[/]" in npsight("keys", "list", "-c", config).succeeded().out


def test_a_third_live_key_is_refused_with_the_way_out(config: Path) -> None:
    first = created(config, "crm", "-s", "score")
    created(config, "crm", "-s", "score")
    done = npsight("keys", "create", "crm", "-s", "score", "-c", config)
    assert done.failed(2, "2 live keys", f"npsight keys revoke {key_id(first)}").out == ""
    npsight("keys", "revoke", key_id(first), "-c", config).succeeded()
    created(config, "crm", "-s", "score")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["create", "crm"], 2, "add --scope score"),
        (["create", "crm", "-s", "fly"], 2, "score, read, write, admin"),
        (["create", "", "-s", "read"], 2, "1 to 80 printable"),
        (["create", "crm", "-s", "read", "--expires", "soon"], 2, "12h, 90d, 52w"),
        (["create", "crm", "-s", "read", "--expires", "0d"], 2, "give 1d or more"),
        (["create", "crm", "-s", "read", "--rate", "0"], 2, "give 1 or more"),
        (["revoke", "nobody"], 7, "npsight keys list"),
    ],
)
def test_every_error_has_a_remedy(config: Path, arguments, code: int, words: str) -> None:
    done = npsight("keys", *arguments, "-c", config).failed(code, words)
    assert done.out == ""


def test_a_project_file_that_is_not_there(tmp_path: Path) -> None:
    npsight("keys", "list", "-c", tmp_path / "none.yaml").failed(2, "none.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12h", timedelta(hours=12)), ("90d", timedelta(days=90)), ("2w", timedelta(days=14)),
     ("never", None)],
)  # fmt: skip
def test_spans(text: str, expected: timedelta | None) -> None:
    assert span(text) == expected


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5d", "1y", "90 d", "٣d", "999999d"])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(ConfigError, match="12h, 90d, 52w; or never"):
        span(text)
