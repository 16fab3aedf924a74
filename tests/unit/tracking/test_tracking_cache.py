"""The cached champion: old or new, never half."""

from __future__ import annotations

from pathlib import Path

import pytest

from npsight.errors import ModelIntegrityError, StateError
from npsight.tracking import cache
from npsight.tracking.cache import cached_folder, read_cached, write_cached

FILES = {"model.json": b"{}", "detractor.lgb.txt": b"tree"}


def test_what_is_cached_is_read(tmp_path: Path) -> None:
    assert read_cached(tmp_path) is None
    write_cached(tmp_path, 3, FILES)
    assert read_cached(tmp_path) == (3, FILES)
    write_cached(tmp_path, 4, {"model.json": b"new"})
    assert read_cached(tmp_path) == (4, {"model.json": b"new"})


def test_the_one_before_stays_and_older_ones_go(tmp_path: Path) -> None:
    folders = [write_cached(tmp_path, n, FILES) for n in (1, 2, 3)]
    assert [folder.exists() for folder in folders] == [False, True, True]


def test_a_writer_that_fails_midway_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cached(tmp_path, 1, FILES)

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_write", full)
    with pytest.raises(StateError, match="No space left on device"):
        write_cached(tmp_path, 2, FILES)
    assert read_cached(tmp_path) == (1, FILES)
    assert len(list((tmp_path / "champion").iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": "x", "folder": "y"}'])
def test_a_broken_pointer_is_told(tmp_path: Path, content: bytes) -> None:
    write_cached(tmp_path, 1, FILES)
    (tmp_path / "champion" / "current.json").write_bytes(content)
    with pytest.raises(ModelIntegrityError, match="does not name a champion"):
        read_cached(tmp_path)


def test_a_pointer_cannot_lead_elsewhere(tmp_path: Path) -> None:
    write_cached(tmp_path, 1, FILES)
    pointer = tmp_path / "champion" / "current.json"
    pointer.write_text('{"version": 1, "folder": "../../etc"}')
    found = cached_folder(tmp_path)
    assert found is not None
    assert found[1].parent == tmp_path / "champion"
    with pytest.raises(ModelIntegrityError, match="cannot be read"):
        read_cached(tmp_path)
