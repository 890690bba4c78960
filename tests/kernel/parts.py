"""Parts of a kernel that stand without one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from jupyter_client.session import Session

from conkernelclient.kernel.cells import Cell
from conkernelclient.kernel.wire import Wire
from tests.messages import KEY, packed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BOUND: Final = 20  # seconds, after which a wait of a test has failed


def session(**more: Any) -> Session:
    return Session(key=KEY, **more)


def cell(
    msg_type: str = "execute_request", channel: str = "shell", content: Any = None, **header: Any
) -> Cell:
    """A cell whose message has come over the wire."""
    frames = packed(msg_type, {"code": ""} if content is None else content, **header)
    return Cell(Wire(session()).unpack(frames), channel)


def until(condition: Callable[[], object]) -> None:
    """Look until it holds, in a thread's test where nothing tells of it."""
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end
        time.sleep(0)


class Posts:
    """What takes the place of the sockets' thread: it keeps what is posted and called."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Sequence[Any]]] = []
        self.later: list[tuple[float, Callable[[], object]]] = []

    def post(self, channel: str, frames: Sequence[Any]) -> None:
        self.posted.append((channel, frames))

    def send_multipart(self, frames: Sequence[Any]) -> None:
        self.post("iopub", frames)

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        self.later.append((seconds, function))

    def messages(self) -> list[tuple[str, dict[str, Any]]]:
        """What was posted, by channel, as a front end reads it."""
        reader = session()
        return [
            (channel, reader.deserialize(reader.feed_identities(list(frames))[1]))
            for channel, frames in self.posted
        ]

    def told(self) -> list[tuple[str, str]]:
        """Channel and message type of each; of a status, the state."""
        return [
            (channel, message["content"].get("execution_state", message["msg_type"]))
            for channel, message in self.messages()
        ]


class Stepping:
    """A thread that does a thing, and may be looked at."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._do = do
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._do()
        except BaseException as error:
            self.error = error

    def joined(self) -> BaseException | None:
        self.thread.join(BOUND)
        assert not self.thread.is_alive()
        return self.error
