"""A connection without sockets, for what sends over it: the real router and window, and a list."""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

from conkernelclient.outputs.displays import Displays
from conkernelclient.state.endings import Ending
from conkernelclient.state.presence import Presence
from conkernelclient.state.router import OWNER, Destination, Phase, Router
from conkernelclient.state.window import Window

from ..messages import incoming, status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conkernelclient.protocol.incoming import Incoming


class Line:
    """As much of a connection as an execution uses."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.router = Router()
        self._window = Window()
        self.presence = Presence(Ending().error)
        self.displays = Displays()
        self.last_error: str | None = None
        self.sent: list[str] = []  # msg_ids, as they leave
        self.interrupts = 0
        self.asked: list[str] = []  # msg_ids of what the kernel was asked for
        self.was_interrupted = False
        self.cancels_requests = False
        self.refuses: Exception | None = None  # to raise at the next send

    async def interrupt(self, _msg_id: str) -> None:
        """Count an interrupt."""
        self.interrupts += 1

    def pump(self, _channel: str) -> None:
        """Receive nothing: it came when it was fed."""

    def was_interrupted_since(self, _moment: float) -> bool:
        """Tell what the test has set."""
        return self.was_interrupted

    def ask_after(self, request: Any) -> None:
        """Keep which request is asked for."""
        self.asked.append(request.msg_id)

    def register(self, request: Any, _message: Any, _buffers: Any = ()) -> bool:
        """Register it."""
        self.router.open(request)
        return False

    def submit(self, entry: Any) -> None:
        """Send what the window admits."""
        self._send_all(self._window.submit(entry))

    def finish(self, request: Any, entry: Any) -> None:
        """Let it go with which the kernel has finished."""
        if request.phase is not Phase.DONE:
            self.router.end(request)
        self._send_all(self._window.done(entry))

    def give_up(self, request: Any, entry: Any) -> bool:
        """Let it go for its owner."""
        was_withdrawn, admitted = self._window.withdraw(entry)
        self._send_all(admitted)
        self.router.abandon(request)
        return was_withdrawn

    def ahead_of(self, entry: Any) -> Any:
        """Give the run in the kernel that it waits for."""
        return self._window.ahead_of(entry)

    def _send_all(self, entries: Iterable[Any]) -> None:
        for one in entries:
            one.send()

    def send_request(self, request: Any, _message: Any, _buffers: Any) -> None:
        """Keep that it was sent, or refuse it."""
        if self.refuses is not None:
            self.router.end(request)
            raise self.refuses
        self.sent.append(request.msg_id)
        self.router.sent(request)

    def feed(self, channel: Any, message: Incoming) -> None:
        """Deliver a message, as a connection does."""
        to, request, _ = self.router.feed(channel, message)
        if request is None:
            return
        owner = request.owner
        if to is Destination.LATE:
            owner = owner() if isinstance(owner, weakref.ref) else None
            if owner is not None:
                owner.receive_late(message)
        elif to is OWNER or owner.outlives_callers:
            owner.receive(channel, message)

    def busy(self, msg_id: str) -> None:
        """Let the kernel begin with it."""
        self.feed("iopub", status("busy", msg_id))

    def enter(self, msg_id: str) -> None:
        """Let the kernel be inside its code."""
        self.busy(msg_id)
        self.feed("iopub", incoming("execute_input", msg_id, code="", execution_count=1))

    def say(self, msg_id: str, text: str) -> None:
        """Let its code print."""
        self.feed("iopub", incoming("stream", msg_id, name="stdout", text=text))

    def reply(self, msg_id: str, state: str = "ok", **content: Any) -> None:
        """Let the kernel reply."""
        self.feed("shell", incoming("execute_reply", msg_id, status=state, **content))

    def idle(self, msg_id: str) -> None:
        """Let the kernel be idle again."""
        self.feed("iopub", status("idle", msg_id))


def request(msg_id: str, **more: Any) -> dict[str, Any]:
    """An `execute_request`."""
    silent = more.pop("silent", False)
    return {
        "msg_id": msg_id,
        "header": {"msg_id": msg_id, "msg_type": "execute_request", **more},
        "msg_type": "execute_request",
        "content": {"code": f"code of {msg_id}", "silent": silent},
    }
