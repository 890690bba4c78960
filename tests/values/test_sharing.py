"""Memory that one process lends another is found by that one alone, and is gone with both."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from conkernelclient.values import sharing

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILD = "import sys; exec(sys.argv[1]); fd = open_lent(*sys.argv[2:]); "


@pytest.fixture
def lent() -> Iterator[sharing.Lent]:
    """Memory that is lent."""
    memory = sharing.lend()
    assert memory is not None
    with closing(memory):
        yield memory


def in_child(lent: sharing.Lent, code: str) -> str:
    """What a child prints that has opened what is lent as `fd`."""
    source = pathlib.Path(sharing.__file__).read_text(encoding="utf-8")
    command = [sys.executable, "-c", CHILD + code, source, *lent.address]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_one_process_puts_there_another_takes(lent: sharing.Lent) -> None:
    """In parts, each of its size, which are the reader's own."""
    assert in_child(lent, "print(put(fd, [b'abc', b'', memoryview(b'de')]))") == "[3, 0, 2]\n"
    assert sharing.take(lent.fd, [3, 0, 2]) == [b"abc", b"", b"de"]


@pytest.mark.parametrize("sizes", [[], [1], [2, 2], [4, -1], [2**60]])
def test_sizes_that_are_not_those_of_the_memory_are_refused(
    lent: sharing.Lent, sizes: list[int]
) -> None:
    """Before anything is made of them."""
    sharing.put(lent.fd, [b"abc"])
    with pytest.raises(ValueError, match="size"):
        sharing.take(lent.fd, sizes)


def test_large_parts_go_in_several_calls(
    lent: sharing.Lent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system takes no more than 2 GB at once."""
    monkeypatch.setattr(sharing, "AT_ONCE", 10)
    data = os.urandom(95)
    sizes = sharing.put(lent.fd, [data, b"x"])
    assert sharing.take(lent.fd, sizes) == [data, b"x"]


def test_another_file_in_its_place_is_not_opened(
    lent: sharing.Lent, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither before it is looked at nor, if the lender is quick, after that."""
    path, target = lent.address
    assert sharing.open_lent(path, target + "x") is None
    assert sharing.open_lent("/proc/0/fd/0", target) is None
    other = tmp_path / "other"
    other.write_bytes(b"untouched")
    looks = iter([target])
    look = os.readlink
    monkeypatch.setattr(os, "readlink", lambda path: next(looks, None) or look(path))
    assert sharing.open_lent(str(other), target) is None
    assert other.read_bytes() == b"untouched"


def test_a_system_without_such_memory_lends_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or one with nothing left."""
    monkeypatch.delattr(os, "memfd_create")
    assert sharing.lend() is None


def test_what_was_lent_is_gone_when_it_is_closed(lent: sharing.Lent) -> None:
    """Closing it again closes nothing of others."""
    lent.close()
    lent.close()
    assert sharing.open_lent(*lent.address) is None
