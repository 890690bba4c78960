"""Each standard file goes where `subprocess.Popen` would let it go."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from conkernelclient.forks.stdio import Standard

if TYPE_CHECKING:
    from pathlib import Path


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_nothing_given_is_inherited() -> None:
    """And nothing is closed."""
    with Standard(None, None, None) as files:
        assert files.theirs == [0, 1, 2]
        assert files.ours == [None, None, None]
    assert all(map(is_open, (0, 1, 2)))


def test_pipes_have_an_end_here_and_one_there() -> None:
    """The process's ends are closed here afterwards."""
    with Standard(subprocess.PIPE, subprocess.PIPE, subprocess.STDOUT) as files:
        stdin, stdout, stderr = files.ours
        assert stdin is not None
        assert stdout is not None
        assert stderr is None
        assert files.theirs[2] == files.theirs[1]
        os.write(files.theirs[1], b"out")
        stdin.write(b"in")
        stdin.flush()
        assert os.read(files.theirs[0], 10) == b"in"
    assert stdout.read() == b"out"
    assert not any(map(is_open, files.theirs))
    stdin.close()
    stdout.close()


def test_files_descriptors_and_nothing(tmp_path: Path) -> None:
    """All that can be given."""
    with (
        (tmp_path / "out").open("wb") as file,
        Standard(subprocess.DEVNULL, file, file.fileno()) as files,
    ):
        assert os.read(files.theirs[0], 1) == b""
        assert files.theirs[1:] == [file.fileno()] * 2
    assert not is_open(files.theirs[0])


def test_after_an_error_all_is_closed() -> None:
    """Of what was made here."""
    with pytest.raises(ZeroDivisionError), Standard(None, subprocess.PIPE, None) as files:
        raise ZeroDivisionError
    assert files.ours[1] is not None
    assert files.ours[1].closed
    assert not is_open(files.theirs[1])


def test_an_error_in_what_is_given_leaves_nothing_open() -> None:
    """Pipes that were made before it are closed."""
    before = os.listdir("/dev/fd")
    with pytest.raises(AttributeError), Standard(subprocess.PIPE, "no file", None):
        pass
    assert os.listdir("/dev/fd") == before
