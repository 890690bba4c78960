"""
Which thread does a fake kernel's work, and when?

One of its own, so that the kernel answers while the event loop of the test is blocked. It waits for
sockets, timers and calls from other threads, and does one thing at a time.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import heapq
import logging
import math
import socket
import threading
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import zmq

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Reactor", "Timer"]

logger: Final = logging.getLogger(__name__)

T = TypeVar("T")


class Timer:
    """A call that is to come."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Let it not come."""
        self._callback = None

    def fire(self) -> None:
        """Make the call, unless it was cancelled."""
        if self._callback is not None:
            self._callback()


class Reactor:
    """
    A thread that waits.

    Its methods are for its own thread, but for `start`, `stop`, `call` and `call_soon_threadsafe`.
    """

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._poller = zmq.Poller()
        self._readers: dict[Any, Callable[[], object]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._calls: deque[Callable[[], object]] = deque()
        self._waker, self._bell = socket.socketpair()
        self._waker.setblocking(False)
        self._bell.setblocking(False)
        self._is_stopping = False
        self._guard = threading.Lock()  # held while the waker is used, or closed

    def start(self) -> None:
        """Begin to work."""
        self.add_reader(self._bell, self._silence_bell)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the calls that were made before. Harmless if it has ended."""
        self.call_soon_threadsafe(self._stop)
        if self.is_foreign_thread():
            self._thread.join()

    def is_foreign_thread(self) -> bool:
        """Tell whether the caller is in another thread."""
        return threading.current_thread() is not self._thread

    def time(self) -> float:
        """Give the time that timers go by, in seconds."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` in `seconds`; calls that are due at one time come in their order."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.time() + seconds, next(self._numbers), timer))
        return timer

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        """Call `callback` in the thread, in the order of these calls; never, if it has ended."""
        self._ring(callback)

    def call(self, function: Callable[[], T]) -> T:
        """
        Call `function` in the thread, and give what it returns, or raise what it raises.

        Raises:
            RuntimeError: The thread has ended.
        """
        if not self.is_foreign_thread():
            return function()
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def work() -> None:
            try:
                answer.set_result(function())
            except BaseException as error:
                answer.set_exception(error)

        if not self._ring(work):
            raise RuntimeError("the fake kernel has ended, or was not started: use `with`")
        return answer.result()

    def add_reader(self, source: Any, callback: Callable[[], object]) -> None:
        """Call `callback` whenever `source`, a ZMQ or other socket, has something to read."""
        key: Any = cast("Any", source) if isinstance(source, zmq.Socket) else source.fileno()
        self._readers[key] = callback
        self._poller.register(source, zmq.POLLIN)

    def remove_reader(self, source: Any) -> None:
        """Look at `source` no more."""
        self._poller.unregister(source)
        del self._readers[source]

    def _ring(self, callback: Callable[[], object]) -> bool:
        with self._guard:
            if self._waker.fileno() < 0:
                return False
            self._calls.append(callback)
            with contextlib.suppress(BlockingIOError):  # it is ringing
                self._waker.send(b"\0")
        return True

    def _silence_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._bell.recv(4096):
                pass

    def _stop(self) -> None:
        self._is_stopping = True

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._turn()
        finally:
            with self._guard:
                self._waker.close()
            self._bell.close()
            self._timers.clear()
            self._calls_left()

    def _calls_left(self) -> None:
        """Make the calls that were on their way when it stopped: somebody may wait for them."""
        while self._calls:
            self._guarded(self._calls.popleft())

    def _turn(self) -> None:
        for source, _ in self._poller.poll(self._pause()):
            reader = self._readers.get(source)
            if reader is not None:  # one before it may have removed it
                self._guarded(reader)
        for _ in range(len(self._calls)):
            self._guarded(self._calls.popleft())
        now = self.time()
        while self._timers and self._timers[0][0] <= now:
            self._guarded(heapq.heappop(self._timers)[2].fire)

    def _pause(self) -> int | None:
        """Give the milliseconds until something is due; None if nothing is."""
        if self._calls:
            return 0
        if not self._timers:
            return None
        return math.ceil(max(0.0, self._timers[0][0] - self.time()) * 1000)

    @staticmethod
    def _guarded(callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception:  # one message may cost no more than itself
            logger.exception("the fake kernel failed in %r", callback)
