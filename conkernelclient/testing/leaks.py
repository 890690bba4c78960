"""
What does a test leave behind?

What is there after it and was not there before: child processes and file descriptors as /proc has
them, asyncio tasks, and requests of clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import os
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

import pytest

from ..client.client import ConKernelClient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

__all__ = ["Watch"]

GRACE: Final = 1.0  # seconds in which what is ending may end
LOOK_AGAIN: Final = 0.01  # seconds between two looks
HAS_PROC: Final = os.path.isdir("/proc/self/fd")


class Watch:
    """Knows what was there before a test."""

    def __init__(self) -> None:
        gc.collect()
        self._processes = set(children())
        self._descriptors = set(descriptors().items())
        self._requests = set(requests())
        self._ports = {port for kc in clients() for port in ports_of(kc)}
        self._clients = weakref.WeakSet(clients())
        self._has_failed = False  # the test did: what it left tells nobody anything

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give `function`, sync or async, failing if it leaves tasks or requests."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def look_after_coroutine(*args: Any, **kwargs: Any) -> Any:
                before = asyncio.all_tasks()
                with self._noting_failure():
                    result = await function(*args, **kwargs)
                    await self._look(before)
                return result

            return look_after_coroutine

        @functools.wraps(function)
        def look_after(*args: Any, **kwargs: Any) -> Any:
            with self._noting_failure():
                result = function(*args, **kwargs)
                complain(self._requests_left())  # where no loop runs nobody answers them
            return result

        return look_after

    def left(self) -> list[str]:
        """Give, a line each, the processes and descriptors that are there now and were not."""
        if self._has_failed:
            return []
        deadline = time.monotonic() + GRACE
        while (left := self._left_now()) and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)
        return left

    @contextlib.contextmanager
    def _noting_failure(self) -> Generator[None]:
        try:
            yield
        except BaseException:
            self._has_failed = True
            raise

    async def _look(self, before: set[asyncio.Task[Any]]) -> None:
        """Fail if there are other tasks than before, or requests, that do not end by themselves."""
        old = {*before, asyncio.current_task()}

        def left() -> list[str]:
            tasks = [task for task in asyncio.all_tasks() if task not in old]
            return [*(f"task {task!r}" for task in tasks), *self._requests_left()]

        deadline = time.monotonic() + GRACE
        while left() and time.monotonic() < deadline:  # noqa: ASYNC110 (there is no event for it)
            await asyncio.sleep(LOOK_AGAIN)
        complain(left())

    def _requests_left(self) -> list[str]:
        new = [(msg_id, kc) for msg_id, kc in requests().items() if msg_id not in self._requests]
        return [f"pending request {msg_id} of {kc!r}" for msg_id, kc in new]

    def _left_now(self) -> list[str]:
        gc.collect()
        exempt = guardians()
        processes = [pid for pid in children() if pid not in self._processes | exempt]
        lines = [f"process {pid}: {command(pid)}" for pid in processes]
        pipes = {target for pid in exempt for target in descriptors(pid).values()}
        # A client that was there before connects, and connects again, when it can.
        allowed = {target for target in pipes if target.startswith("pipe:")} | sockets(self._ports)
        # It also has descriptors of its own, others in each loop that it is used from.
        own = set[int]().union(*map(descriptors_of, self._clients))
        for number, target in sorted(descriptors().items()):
            is_old = (number, target) in self._descriptors or number in own
            if not is_old and target not in allowed:
                lines.append(f"file descriptor {number}: {target}")
        return lines


def complain(left: list[str]) -> None:
    """Fail the test if it left something behind."""
    if left:
        pytest.fail("the test left behind:\n" + "\n".join(left), pytrace=False)


def requests() -> dict[str, ConKernelClient]:
    """Give the ids of the requests for which somebody waits, of all clients."""
    found: dict[str, ConKernelClient] = {}
    for kc in clients():
        connection = getattr(kc, "_connection", None)  # None: it is being made
        if connection is not None:
            found.update((one.msg_id, kc) for one in connection.open_requests())
    return found


def clients() -> Iterator[ConKernelClient]:
    """Give all clients of this process."""
    for thing in gc.get_objects():
        if issubclass(type(thing), ConKernelClient):  # some things lie about their __class__
            yield thing


def ports_of(kc: ConKernelClient) -> list[int]:
    """Give the ports of the kernel that `kc` talks to."""
    return [kc.shell_port, kc.iopub_port, kc.stdin_port, kc.control_port, kc.hb_port]


def descriptors_of(kc: ConKernelClient) -> set[int]:
    """Give the descriptors with which `kc` watches its sockets."""
    connection = getattr(kc, "_connection", None)
    return set() if connection is None else connection.descriptors


def sockets(ports: Collection[int]) -> set[str]:
    """Give the TCP sockets that are connected to one of these ports, as descriptors name them."""
    found: set[str] = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as file:
            for fields in map(str.split, file.readlines()[1:]):
                ends = {int(end.rpartition(":")[2], 16) for end in fields[1:3]}
                if not ends.isdisjoint(ports):
                    found.add(f"socket:[{fields[9]}]")
    return found


def children() -> list[int]:
    """Give the ids of this process's children, those among them that nobody has waited for."""
    if not HAS_PROC:
        return []
    mine = str(os.getpid())
    return [
        pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if parent(pid) == mine
    ]


def parent(pid: int) -> str:
    """Give the id of the parent, "" if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[1]  # the name may hold anything
    except OSError:
        return ""


def command(pid: int) -> str:
    """Give the command line of a process."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ").strip() or "it has ended; nobody waited for it"
    except OSError:
        return "it is gone by now"


def descriptors(pid: int | None = None) -> dict[int, str]:
    """Give what the descriptors of a process, None for this one, are open on."""
    if not HAS_PROC:
        return {}
    folder = f"/proc/{os.getpid() if pid is None else pid}/fd"
    found: dict[int, str] = {}
    with contextlib.suppress(OSError):  # another process may be gone, or not ours to look at
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):  # the one that listed the folder
                found[int(name)] = os.readlink(f"{folder}/{name}")
    return found


def guardians() -> set[int]:
    """Give the ids of processes that are there as long as kernels are; see `manager.guardian`."""
    from ..manager import guardian

    pid = guardian.pid()
    return set() if pid is None else {pid}
