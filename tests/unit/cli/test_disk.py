"""A disk that is full or read-only ends with a message and the exit code of state."""

from __future__ import annotations

import errno
import os

import pytest

from npsight.cli import app as command_line


def ended(monkeypatch, error: OSError) -> int:
    def fails() -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fails)
    with pytest.raises(SystemExit, match="8") as caught:
        command_line.main()
    return int(caught.value.code)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_write_that_fails_without_a_name_is_no_traceback(monkeypatch, capsys, number):
    assert ended(monkeypatch, OSError(number, "Error writing bytes to file.")) == 8
    said = capsys.readouterr().err
    assert said.startswith("error: a file of the state folder")
    assert os.strerror(number) in said
    assert "free space" in said


def test_a_file_that_is_named_stands_in_the_message(monkeypatch, capsys):
    assert ended(monkeypatch, PermissionError(errno.EACCES, "x", "/there/file")) == 8
    assert "error: /there/file: Permission denied" in capsys.readouterr().err


def test_another_fault_of_the_system_keeps_its_traceback(monkeypatch):
    with pytest.raises(OSError, match="odd"):
        ended(monkeypatch, OSError(errno.EBADF, "odd"))
