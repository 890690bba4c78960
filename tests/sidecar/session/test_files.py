"""The file is written as a whole, unless another program has written it since."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from conkernelclient.errors import NotebookError
from conkernelclient.sidecar.session.files import NotebookFile

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_there_at_the_beginning_is_overwritten(tmp_path: Path) -> None:
    """And what was written here."""
    path = tmp_path / "x"
    path.write_bytes(b"0")
    file = NotebookFile(path)
    file.write(b"1")
    file.write(b"2")
    assert path.read_bytes() == b"2"


def test_what_another_program_has_written_stays(tmp_path: Path) -> None:
    """Until it is forced; then all is as before."""
    path = tmp_path / "x"
    file = NotebookFile(path)
    path.write_bytes(b"theirs")
    with pytest.raises(NotebookError, match=r"another program .* `save\(force=True\)`"):
        file.write(b"1")
    assert path.read_bytes() == b"theirs"
    file.write(b"2", force=True)
    path.write_bytes(b"theirs")
    with pytest.raises(NotebookError):
        file.write(b"3")
    file.write(b"3", force=True)
    file.write(b"4")
    assert path.read_bytes() == b"4"


def test_the_same_content_is_no_change(tmp_path: Path) -> None:
    """Of a file that was touched, or copied; nor is one that is gone."""
    path = tmp_path / "x"
    file = NotebookFile(path)
    file.write(b"1")
    os.utime(path, ns=(1, 1))
    file.write(b"2")
    path.unlink()
    path.write_bytes(b"2")
    file.write(b"3")
    path.unlink()
    file.write(b"4")
    assert path.read_bytes() == b"4"


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    """With the path."""
    file = NotebookFile(tmp_path / "none" / "x")
    with pytest.raises(NotebookError, match="none/x: cannot be written: No such file"):
        file.write(b"")
    with pytest.raises(NotebookError, match="xxx: cannot be read: File name too long"):
        NotebookFile(tmp_path / ("x" * 300))
    device = NotebookFile("/dev/null")
    device.write(b"1")
    device.write(b"2")
