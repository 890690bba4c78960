"""A change is saved after a while, one save after the other, and the last one in any case."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from conkernelclient.errors import NotebookError
from conkernelclient.sidecar.session.autosaving import Autosaver
from conkernelclient.sidecar.session.files import NotebookFile
from tests.clients import LONG, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Document:
    """What is saved, and what is told of that."""

    def __init__(self, path: Path, seconds: float | None, **options: Any) -> None:
        self.path = path
        self.content = b"0"
        self.saved = 0
        self.failed: list[str] = []
        file = options.get("file") or NotebookFile(path)
        self.saver = Autosaver(file, self.get, self.count, self.failed.append, seconds)

    def get(self) -> Callable[[], bytes]:
        content = self.content

        def make() -> bytes:
            if content == b"wrong":
                raise NotebookError("this is no valid notebook")
            return content

        return make

    def count(self) -> None:
        self.saved += 1

    def change(self, content: bytes) -> None:
        self.content = content
        self.saver.changed()


class Gated(NotebookFile):
    """A file that takes its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.writes: list[bytes] = []
        self.entered = False

    def write(self, data: bytes, *, force: bool = False) -> None:
        self.entered = True
        assert self.gate.wait(LONG)
        self.writes.append(data)
        super().write(data, force=force)


async def test_changes_of_a_while_are_saved_at_once(tmp_path: Path) -> None:
    """And later ones after another while."""
    document = Document(tmp_path / "x", 0.0)
    document.change(b"1")
    document.change(b"2")
    assert document.saver.is_unsaved
    await until(lambda: document.saved == 1)
    assert document.path.read_bytes() == b"2"
    assert not document.saver.is_unsaved
    document.change(b"3")
    await until(lambda: document.saved == 2)
    await document.saver.close()
    assert document.saved == 2


async def test_it_is_saved_when_it_is_told_to_and_at_the_end(tmp_path: Path) -> None:
    """Where nothing is saved by itself."""
    document = Document(tmp_path / "x", None)
    document.change(b"1")
    await document.saver.save()
    document.change(b"2")
    assert document.path.read_bytes() == b"1"
    await document.saver.close()
    assert document.path.read_bytes() == b"2"


async def test_a_save_that_failed_is_told_and_tried_again_at_the_next_change(
    tmp_path: Path,
) -> None:
    """By itself it is not tried again."""
    document = Document(tmp_path / "new" / "x", 0.0)
    document.change(b"1")
    await until(lambda: document.failed)
    assert "cannot be written" in document.failed[0]
    assert document.saver.is_unsaved
    (tmp_path / "new").mkdir()
    document.change(b"wrong")
    await until(lambda: len(document.failed) == 2)
    assert document.failed[1] == "this is no valid notebook"
    with pytest.raises(NotebookError, match="no valid notebook"):
        await document.saver.save()
    document.change(b"3")
    await until(lambda: document.saved == 1)
    assert document.path.read_bytes() == b"3"
    await document.saver.close()


async def test_saves_come_one_after_the_other_and_nobody_stops_them(tmp_path: Path) -> None:
    """Also when who asked for one is gone; what changed meanwhile is saved at the end."""
    file = Gated(tmp_path / "x")
    document = Document(tmp_path / "x", 0.0, file=file)
    document.change(b"1")
    first = asyncio.ensure_future(document.saver.save())
    await until(lambda: file.entered)
    document.content = b"2"
    second = asyncio.ensure_future(document.saver.save(force=True))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await asyncio.wait([first, second])
    document.change(b"3")
    file.gate.set()
    await document.saver.close()
    assert file.writes[0] == b"1"
    assert file.writes[-1] == b"3"
    assert (document.path.read_bytes(), document.failed) == (b"3", [])


async def test_the_last_state_that_cannot_be_saved_is_an_error(tmp_path: Path) -> None:
    """And is told."""
    document = Document(tmp_path / "none" / "x", 60.0)
    document.change(b"1")
    with pytest.raises(NotebookError):
        await document.saver.close()
    assert len(document.failed) == 1
