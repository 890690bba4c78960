"""A file that is saved is the old one or the new one, whatever happens to its writer."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conkernelclient.sidecar.document import Notebook, new_cell, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = 100 if os.environ.get("FULL") else 8

SAVER = """
import sys
from pathlib import Path
from conkernelclient.sidecar.document.saving import replace_file
contents = [Path(name).read_bytes() for name in sys.argv[2:]]
for turn in range(10**9):
    replace_file(sys.argv[1], contents[turn % 2])
    if turn == 1:
        print("saved", flush=True)
"""


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Path]:
    """A file with a content."""
    path = tmp_path / "kept.ipynb"
    path.write_text("before")
    return path


def test_a_saver_that_is_killed_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    """At whatever moment: it is killed at random ones, and what is there is read each time."""
    path, chance = tmp_path / "saved.ipynb", random.Random(14)
    for letter in "ab":
        (tmp_path / letter).write_bytes(
            Notebook([new_cell(source=letter * 200_000, cell_id=letter)]).to_bytes()
        )
    command = [sys.executable, "-c", SAVER, str(path), str(tmp_path / "a"), str(tmp_path / "b")]
    seen: set[str] = set()
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == b"saved\n"
                for _ in range(chance.randrange(2_000)):  # any moment: no clock is asked
                    path.stat()
            finally:
                process.send_signal(signal.SIGKILL)
        (cell,) = Notebook.load(path).cells
        assert cell["source"] == cell["id"] * 200_000
        seen.add(cell["id"])
    assert seen <= {"a", "b"}
    others = {one.name for one in tmp_path.iterdir()} - {"saved.ipynb", "a", "b"}
    assert all(name.endswith(".part") for name in others)


def test_rights_are_kept_and_a_link_is_followed(there: Path, tmp_path: Path) -> None:
    """A chain of links too; what it leads to is replaced."""
    there.chmod(0o640)
    (tmp_path / "one").symlink_to(there)
    (tmp_path / "two").symlink_to("one")
    replace_file(tmp_path / "two", b"after")
    assert (tmp_path / "two").is_symlink()
    assert there.read_bytes() == b"after"
    assert there.stat().st_mode & 0o7777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["kept.ipynb", "one", "two"]


def test_a_new_file_has_the_rights_that_the_process_gives(tmp_path: Path) -> None:
    """As one that is opened for writing; also one that a link names, and is not there yet."""
    (tmp_path / "opened").write_text("")
    (tmp_path / "link").symlink_to("new")
    replace_file(tmp_path / "link", b"x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "opened").stat().st_mode


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
def test_what_cannot_be_written_leaves_what_was_there(
    there: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing beside it."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(there, b"after")
    assert os.listdir(there.parent) == ["kept.ipynb"]
    assert there.read_text() == "before"


def test_file_and_directory_are_brought_to_the_disk(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file before it takes the name, the name afterwards."""
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        steps.append("directory" if Path(f"/proc/self/fd/{handle}").is_dir() else "file")
        fsync(handle)

    def renamed(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr("pathlib.Path.replace", renamed)
    replace_file(there, b"after")
    assert steps == ["file", "rename", "directory"]


def test_what_is_no_file_is_written_to() -> None:
    """It cannot be replaced."""
    replace_file("/dev/null", b"x")
    assert not Path("/dev/null").is_file()


def test_a_notebook_is_saved_through_it(tmp_path: Path) -> None:
    """And read again as it was."""
    book = Notebook([new_cell(source="1\n2")])
    book.save(tmp_path / "x.ipynb")
    assert Notebook.load(tmp_path / "x.ipynb").to_dict() == book.to_dict()
