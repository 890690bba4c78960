"""What does not fit is kept in files that only this user reads, and that go with the process."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from conkernelclient.outputs.files import Folder


def test_each_file_is_new_and_private(tmp_path: Path) -> None:
    """In a directory that is made, and named by an absolute path."""
    folder = Folder(tmp_path / "a" / "b")
    first, second = folder.write(b"1", "image/png"), folder.write(b"2", "image/png")
    assert first != second
    assert Path(first).read_bytes() == b"1"
    assert (Path(first).parent, Path(first).suffix) == (tmp_path / "a" / "b", ".png")
    assert stat.S_IMODE(Path(first).stat().st_mode) == 0o600
    assert Path(folder.write(b"", "application/x-nobody-knows")).suffix == ".bin"


def test_a_relative_directory_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that they hold in another process."""
    monkeypatch.chdir(tmp_path)
    assert Path(Folder("out").write(b"", "text/plain")).is_absolute()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Neither where the directory is a file, nor where the disk is full."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        Folder(tmp_path / "file").write(b"", "text/plain")
    with pytest.raises(TypeError):
        Folder(tmp_path).write("no bytes", "text/plain")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


PROGRAM = """
import os
from pathlib import Path
from conkernelclient.outputs.files import Folder
path = Folder().write(b"1", "text/plain")
assert Folder().write(b"2", "text/plain") != path
parent = Path(path).parent
assert parent.stat().st_mode & 0o777 == 0o700
if os.fork() == 0:
    assert Path(Folder().write(b"3", "text/plain")).parent != parent
    raise SystemExit
assert os.wait()[1] == 0
assert Path(path).exists()
print(path)
"""


def test_the_temporary_directory_goes_with_its_process(tmp_path: Path) -> None:
    """A fork has its own, and leaves its parent's."""
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_directory_that_was_removed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some programs sweep them."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("conkernelclient.outputs.files._temporary", {})
    first = Path(Folder().write(b"1", "text/plain"))
    first.unlink()
    first.parent.rmdir()
    assert Path(Folder().write(b"2", "text/plain")).read_bytes() == b"2"
