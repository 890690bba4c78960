"""The history is written a moment after a cell, once for all that came meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from conkernelclient.kernel import history
from conkernelclient.kernel.history import History

if TYPE_CHECKING:
    from collections.abc import Callable


class Late:
    """A history without IPython's, which has a database."""

    save_flag = History.save_flag
    set = History.set
    _write = History._write
    _is_due = False
    call_later: Any = None
    save_thread: Any = None


def test_cells_that_come_together_are_written_together() -> None:
    """The thread is told once, a quarter of a second after the first."""
    later: list[tuple[float, Callable[[], object]]] = []
    one: Any = Late()
    told = threading.Event()
    one.save_thread = SimpleNamespace(save_flag=told)
    one.call_later = lambda seconds, write: later.append((seconds, write))
    for _ in range(3):
        one.save_flag.set()
    assert [seconds for seconds, _write in later] == [history.LATER]
    assert not told.is_set()
    later.pop()[1]()
    assert told.is_set()
    one.save_flag.set()
    assert len(later) == 1


def test_before_the_kernel_starts_each_is_written_at_once() -> None:
    """What a profile runs as the kernel starts is in the history as well."""
    one: Any = Late()
    told = threading.Event()
    one.save_thread = SimpleNamespace(save_flag=told)
    one.save_flag.set()
    assert told.is_set()


def test_without_a_thread_nothing_is_told() -> None:
    """A forked child has none."""
    one: Any = Late()
    one.save_flag.set()
    assert one.save_thread is None
