"""
How do a program and the kernel exchange messages of their own, beside the cells?

Over comms, which either side may open. Source: Jupyter messaging 5.5, "Custom Messages".
"""

from __future__ import annotations

import inspect
import logging
import uuid
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from ..connection.connection import Connection
    from ..connection.subscribers import Subscription
    from ..protocol.messages import Message

__all__ = ["Comm", "Comms"]

logger: Final = logging.getLogger(__name__)

COMM_TYPES: Final = ("comm_open", "comm_msg", "comm_close")


class Comm:
    """
    One open comm.

    Attributes:
        comm_id: Its id, the same on both sides.
        target_name: What the other side knows it by.
        on_msg: Called with each `comm_msg` of the kernel, sync or async; set it as soon as you have
            the comm.
        on_close: Called with the `comm_close` of the kernel, sync or async.
        is_open: Whether it can send.
    """

    def __init__(self, comms: Comms, comm_id: str, target_name: str) -> None:
        self._comms = comms
        self.comm_id: str = comm_id
        self.target_name: str = target_name
        self.on_msg: Callable[[Message], Awaitable[None] | None] | None = None
        self.on_close: Callable[[Message], Awaitable[None] | None] | None = None
        self.is_open: bool = True

    def send(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """Send a `comm_msg`. ValueError if the comm is closed."""
        if not self.is_open:
            raise ValueError(f"comm {self.comm_id} is closed")
        self._comms.post(
            "comm_msg", {"comm_id": self.comm_id, "data": dict(data or {})}, metadata, buffers
        )

    def close(self, data: Mapping[str, Any] | None = None) -> None:
        """Close the comm on both sides. Harmless if it is closed."""
        if self.is_open:
            self.is_open = False
            self._comms.forget(self)
            self._comms.post("comm_close", {"comm_id": self.comm_id, "data": dict(data or {})})

    def __repr__(self) -> str:
        return f"<Comm {self.target_name} {self.comm_id} {'open' if self.is_open else 'closed'}>"


class Comms:
    """The comms of one client: `kc.comms`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._comms: dict[str, Comm] = {}
        self._targets: dict[str, Callable[[Comm, Message], Awaitable[None] | None]] = {}
        self._subscription: Subscription | None = None  # from the first use on

    def open(
        self,
        target_name: str,
        data: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> Comm:
        """Open a comm to the target that the kernel registered under `target_name`."""
        self._listen()
        comm_id = uuid.uuid4().hex
        comm = self._comms[comm_id] = Comm(self, comm_id, target_name)
        content = {"comm_id": comm_id, "target_name": target_name, "data": dict(data or {})}
        try:
            self.post("comm_open", content, metadata, buffers)
        except BaseException:
            self.forget(comm)
            raise
        return comm

    def register_target(
        self, target_name: str, handler: Callable[[Comm, Message], Awaitable[None] | None]
    ) -> None:
        """
        Call `handler` when the kernel opens a comm to `target_name`.

        It gets the comm and the `comm_open` message.
        """
        self._listen()
        self._targets[target_name] = handler

    def unregister_target(self, target_name: str) -> None:
        """Accept no more comms to `target_name`. Harmless if none were."""
        self._targets.pop(target_name, None)

    def __iter__(self) -> Iterator[Comm]:
        return iter(list(self._comms.values()))

    def __len__(self) -> int:
        return len(self._comms)

    def forget(self, comm: Comm) -> None:
        """Give no more messages to `comm`."""
        self._comms.pop(comm.comm_id, None)

    def post(
        self,
        msg_type: str,
        content: dict[str, Any],
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """Send one comm message; the kernel does not reply to them."""
        connection = self._connection
        connection.bind()
        message = connection.make(msg_type, content, metadata)
        connection.post_message("shell", message, list(buffers or ()))

    def _listen(self) -> None:
        if self._subscription is None:
            self._subscription = self._connection.subscribers.add(self._handle, "iopub", COMM_TYPES)

    async def _handle(self, message: Message) -> None:
        content = message["content"]
        comm_id = str(content.get("comm_id"))
        match message["msg_type"]:
            case "comm_open":
                await self._opened(comm_id, str(content.get("target_name")), message)
            case "comm_msg":
                comm = self._comms.get(comm_id)
                if comm is not None:
                    await _call(comm.on_msg, message)
            case _:
                comm = self._comms.pop(comm_id, None)
                if comm is not None:
                    comm.is_open = False
                    await _call(comm.on_close, message)

    async def _opened(self, comm_id: str, target_name: str, message: Message) -> None:
        handler = self._targets.get(target_name)
        if handler is None:
            return  # another client's: the kernel publishes it to all
        comm = self._comms[comm_id] = Comm(self, comm_id, target_name)
        await _call(handler, comm, message)


async def _call(handler: Callable[..., Any] | None, *args: Any) -> None:
    if handler is None:
        return
    try:
        waiting = handler(*args)
        if inspect.isawaitable(waiting):
            await waiting
    except Exception:
        logger.exception("comm handler %r failed", handler)
