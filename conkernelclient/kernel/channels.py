"""
Which thread owns the kernel's sockets, and how do the others send?

One thread reads and writes shell, control, stdin and iopub. Others leave what is to be sent in one
queue, so that the order of their calls is the order on the wire; the thread is woken only if it
sleeps.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import zmq

from .compat import BackgroundSocket, IOPubThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jupyter_client.session import Session

__all__ = ["CHANNELS", "Channels", "Publisher", "SocketOf"]

log: Final = logging.getLogger(__name__)

CHANNELS: Final = (
    "control",
    "shell",
    "stdin",
    "iopub",
    "children",
)  # in the order in which they are read
LONGEST: Final = 86_400.0  # seconds in one poll, whose count of milliseconds has an end
CROWDED: Final = 10_000  # messages that wait to be sent
pause: Final = time.sleep  # as it is before a stop may end it
AT_ONCE: Final = 100  # messages of one channel before the others are looked at again
MORE: Final = int(zmq.SNDMORE)
ONLY_BYTES: Final = {bytes}


class Channels(threading.Thread):
    """The thread, from `start` to `stop`."""

    def __init__(self, sockets: Mapping[str, zmq.Socket[bytes]]) -> None:
        super().__init__(name="Channels", daemon=True)
        self.pydev_do_not_trace = True
        self.is_pydev_daemon_thread = True
        self._sockets = dict(sockets)
        self._readers: dict[str, Callable[[list[bytes]], object]] = {}
        self._to_send: deque[tuple[str, Sequence[Any]]] = deque()
        self._calls: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self.on_signals: Callable[[bytes], object] | None = None
        """Called in this thread with the numbers of signals, if `signal_fd` is told of them."""
        self._pipe: tuple[int, ...] = (self._wake_read, self._wake_write)
        self._sleeps = itertools.count(1)
        self._sleep = 0  # the number of this sleep; 0 if it is awake
        self._woken_from = 0  # to write once for each sleep is enough, and each costs the GIL
        self._is_stopping = False
        self._pid = os.getpid()

    # From any thread

    def read(self, channel: str, reader: Callable[[list[bytes]], object]) -> None:
        """Give each message of a channel to `reader`, in this thread."""
        self.call(lambda: self._readers.__setitem__(channel, reader))

    def post(self, channel: str, frames: Sequence[Any]) -> None:
        """Send a message, after all that was posted before it."""
        self._to_send.append((channel, frames))
        if len(self._to_send) > CROWDED and threading.current_thread() is not self:
            pause(0.001)  # let it be sent, before memory is full of it
        self._wake()

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in this thread, soon."""
        self._calls.append(function)
        self._wake()

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a function in this thread, in so many seconds."""
        timer = (time.monotonic() + seconds, next(self._numbers), function)
        self.call(lambda: heapq.heappush(self._timers, timer))

    def stop(self) -> None:
        """Send all that was posted, and end the thread. The sockets stay open."""
        self._is_stopping = True
        if self._pid == os.getpid() and self.is_alive():
            self._wake()
            if threading.current_thread() is not self:
                self.join(10)
        # Once: another file may have their numbers by now.
        pipe, self._pipe = self._pipe, ()
        for fd in pipe:
            os.close(fd)

    @property
    def signal_fd(self) -> int:
        """What `signal.set_wakeup_fd` takes, for `on_signals` to be called."""
        return self._wake_write

    @property
    def is_usable(self) -> bool:
        """Whether this process has the thread: a forked child has not."""
        return self._pid == os.getpid() and self.is_alive()

    def _wake(self) -> None:
        sleep = self._sleep
        if sleep and sleep != self._woken_from:
            with contextlib.suppress(OSError):
                os.write(self._wake_write, b"\0")
            self._woken_from = sleep  # afterwards, as an interrupt may come between the two

    # In this thread

    def run(self) -> None:
        """Read and write until `stop`."""
        poller = zmq.Poller()
        poller.register(self._wake_read, zmq.POLLIN)
        is_polled: set[str] = set()
        while True:
            self._run_calls()
            self._send()
            if self._is_stopping and not self._to_send and not self._calls:
                return
            for channel in self._readers.keys() - is_polled:
                poller.register(self._sockets[channel], zmq.POLLIN)
                is_polled.add(channel)
            ready = self._poll(poller)
            if self._wake_read in ready:
                self._read_wakes()
            for channel in CHANNELS:
                if self._sockets.get(channel) in ready:
                    self._receive(channel)

    def _read_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            numbers = os.read(self._wake_read, 4096).replace(b"\0", b"")
            on_signals = self.on_signals
            if numbers and on_signals is not None:
                self._guarded(lambda: on_signals(numbers))

    def _poll(self, poller: zmq.Poller) -> dict[Any, int]:
        self._sleep = next(self._sleeps)
        try:
            if self._to_send or self._calls or self._is_stopping:
                return dict(poller.poll(0))
            timeout = None
            if self._timers:
                seconds = min(self._timers[0][0] - time.monotonic(), LONGEST)
                timeout = max(0, round(seconds * 1000 + 0.5))
            return dict(poller.poll(timeout))
        except zmq.ZMQError as error:
            if error.errno in (zmq.ETERM, zmq.ENOTSOCK):
                self._is_stopping = True
                return {}
            raise
        finally:
            self._sleep = 0

    def _run_calls(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            self._calls.append(heapq.heappop(self._timers)[2])
        for _ in range(len(self._calls)):
            self._guarded(self._calls.popleft())

    def _send(self) -> None:
        # Not what is posted meanwhile: a cell that displays all the time would keep this from
        # reading, and so from being stopped.
        for _ in range(len(self._to_send)):
            channel, frames = self._to_send.popleft()
            try:
                send_frames(self._sockets[channel], frames)
            except zmq.ZMQError as error:
                if error.errno == zmq.ENOTSOCK:
                    return
                log.warning("a message on %s could not be sent: %s", channel, error)
            except Exception:
                log.exception("a message on %s could not be sent", channel)

    def drain(self, channel: str) -> list[list[bytes]]:
        """Take all messages that have come by now. In this thread alone."""
        taken: list[list[bytes]] = []
        with contextlib.suppress(zmq.Again):
            while True:
                taken.append(self._sockets[channel].recv_multipart(zmq.NOBLOCK))
        return taken

    def _receive(self, channel: str) -> None:
        reader = self._readers[channel]
        for _ in range(AT_ONCE):
            try:
                frames = self._sockets[channel].recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            except zmq.ZMQError as error:
                if error.errno in (zmq.ETERM, zmq.ENOTSOCK):
                    self._is_stopping = True
                    return
                raise
            self._guarded(lambda frames=frames: reader(frames))

    def _guarded(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception:
            log.exception("the kernel's socket thread goes on after an error")


def send_frames(socket: zmq.Socket[bytes], frames: Sequence[Any]) -> None:
    """Send a message, in a third of the time that `send_multipart` takes for its enums."""
    if set(map(type, frames)) != ONLY_BYTES:  # it looks at all before it sends the first
        socket.send_multipart(frames)
        return
    send = socket.send
    for frame in frames[:-1]:
        send(frame, MORE)
    send(frames[-1])


class SocketOf:
    """What `Session.send` takes for a socket: it posts to a channel."""

    def __init__(self, channels: Channels, channel: str) -> None:
        self._channels = channels
        self.channel = channel
        self.closed = False

    def send_multipart(self, frames: Sequence[Any], *_args: Any, **_options: Any) -> None:
        """Post a message."""
        self._channels.post(self.channel, frames)

    def send(self, frame: Any, *_args: Any, **_options: Any) -> None:
        """Post a message of one frame."""
        self._channels.post(self.channel, [frame])

    def flush(self, *_args: Any, **_options: Any) -> None:
        """Do nothing: what is posted is sent in order."""


class Publisher(IOPubThread):
    """
    What ipykernel takes for its iopub thread: it posts to ours.

    A forked child has no such thread: what it prints goes over `port` to its parent.
    """

    def __init__(
        self, channels: Channels, socket: zmq.Socket[bytes], session: Session, port: int
    ) -> None:
        # Not IOPubThread's: it makes a thread, an event loop and sockets.
        self.socket = socket
        self.session = session
        self.channels = channels
        self.thread = channels
        self.io_loop: Any = None
        self.background_socket: BackgroundSocket = BackgroundSocket(self)
        self._master_pid = os.getpid()
        self._pipe_flag = True
        self._pipe_uuid = os.urandom(16)
        self._pipe_port = port

    def start(self) -> None:
        """Do nothing: the thread is started by the app."""

    def stop(self) -> None:
        """Do nothing: the thread is stopped by the app."""

    def schedule(self, f: Callable[[], object]) -> None:
        """Call a function in the thread, or here if there is none."""
        if self.channels.is_usable:
            self.channels.call(f)
        else:
            f()

    def send_multipart(self, frames: Sequence[Any], *_args: Any, **_options: Any) -> None:
        """Publish a message."""
        if os.getpid() == self._master_pid:
            self.channels.post("iopub", frames)
            return
        context, pipe = self._setup_pipe_out()
        pipe.send_multipart([self._pipe_uuid, *frames])
        pipe.close()
        context.term()

    def take_from_child(self, frames: list[bytes]) -> None:
        """Publish what a forked child sent; what others send to its port is no message."""
        if frames[0] == self._pipe_uuid:
            self.channels.post("iopub", frames[1:])
