"""
How do a program and the kernel exchange messages of their own, beside the cells?

Over comms, which either side may open. Source: Jupyter messaging 5.5, "Custom Messages".
"""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from ..connection.companion import Companion
from ..errors import ConKernelError, ProtocolError
from ..state.endings import closed, restarted
from ..state.presence import State
from .asking import ask
from .checks import require_seconds, require_text
from .comm import Comm
from .comm_opening import Opening

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence

    from ..connection.connection import Connection
    from ..connection.subscribers import Subscription
    from ..protocol.messages import Message

__all__ = ["Comm", "Comms"]

logger: Final = logging.getLogger(__name__)

COMM_TYPES: Final = ("comm_open", "comm_msg", "comm_close")
# A kernel of which the connection breaks in one of these is replaced; in others it is gone.
REPLACED: Final = frozenset({State.RESTARTING, State.RETURNING, State.GREETING})


class Comms(Companion):
    """
    The open comms of one client: `kc.comms`. Iterate over it, or take its `len`.

    When the kernel dies or is restarted, or all channels are closed, they are closed here and are
    no more in it: `is_open` is False, `error` says why, `on_close` is called with None. A kernel of
    which only the connection was cut is asked which of them it has when it is found again.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._comms: dict[str, Comm] = {}
        self._targets: dict[str, Callable[[Comm, Message], Awaitable[None] | None]] = {}
        self._subscription: Subscription | None = None  # from the first use on
        # Of each `adopt` that waits for the kernel: the comms that it has closed meanwhile.
        self._closed_meanwhile: list[set[str]] = []
        self._question: asyncio.Future[Message] | None = None  # which there are, after a cut
        self._session: object = None  # the kernel's, another one after each restart
        connection.join(self)

    def open(
        self,
        target_name: str,
        data: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
        timeout: float | None = None,
    ) -> Comm:
        """
        Open a comm to the target that the kernel registered under `target_name`.

        Args:
            target_name: The target.
            data: What its handler is told.
            metadata: Metadata of the message.
            buffers: Binary buffers to send with it.
            timeout: Seconds, from the sending, that who awaits the comm waits; None: any time.

        Returns:
            The comm, at once: it can send, and what it sends comes after the opening. Await it to
            wait until the kernel has handled that, which gives the comm: idle came for it. A kernel
            that says idle first, and closes the comm later, closes an open comm. Not awaited, one
            that the kernel does not want is closed as by the kernel: `on_close` is called.

        Raises:
            ChannelsClosedError, DeadKernelError, BacklogFullError: now, it cannot be sent.
            CommTargetError: from the `await`: the kernel closed it before it was idle, as it does
                when it has no such target.
            ReplyTimeout: from the `await`; the comm is closed.
            ChannelsClosedError, DeadKernelError, KernelRestartedError, TransportError: from the
                `await`: the kernel, or the connection, was lost meanwhile.

        When the last task that awaits it is cancelled before that, the comm is closed.
        """
        seconds = require_seconds("timeout", timeout)
        self._listen()
        comm_id = uuid.uuid4().hex
        comm = Comm(self, comm_id, require_text("target_name", target_name))
        content = {"comm_id": comm_id, "target_name": target_name, "data": dict(data or {})}
        connection = self._connection
        connection.bind()
        message = connection.make("comm_open", content, metadata)
        opening = Opening(connection, comm, message, list(buffers or ()))
        comm.is_opened_by(opening, seconds)
        self._comms[comm_id] = comm
        try:
            self._do(opening.start, opening.fail)
        except BaseException:
            self.forget(comm)
            raise
        return comm

    async def adopt(
        self, target_name: str | None = None, *, timeout: float | None = None
    ) -> list[Comm]:
        """
        Take up the comms that are open in the kernel, as a client does that came late.

        Whoever opened them: another client's comms to targets in the kernel are among them.

        Args:
            target_name: Only those to this target; None: all.
            timeout: Seconds that the kernel may take to tell which there are; None: any time.

        Returns:
            Those that this client did not have. What the kernel sends over them is taken from now
            on.

        Raises:
            ReplyTimeout, ChannelsClosedError, DeadKernelError: The kernel does not tell.
            ProtocolError: It cannot tell.
            WrongLoopError: The client serves the loop of another thread.
        """
        seconds = require_seconds("timeout", timeout)
        content = {} if target_name is None else {"target_name": target_name}
        connection = self._connection
        connection.bind_here()
        self._listen()
        gone: set[str] = set()
        self._closed_meanwhile.append(gone)
        try:
            message = connection.make("comm_info_request", content)
            reply = await ask(connection, "shell", message, [], seconds)
        finally:
            self._closed_meanwhile.remove(gone)
        adopted: list[Comm] = []
        for comm_id, name in _comms_in(reply).items():
            is_new = comm_id not in self._comms and comm_id not in gone
            if is_new and target_name in (None, name):
                comm = self._comms[comm_id] = Comm(self, comm_id, name)
                adopted.append(comm)
        return adopted

    def register_target(
        self, target_name: str, handler: Callable[[Comm, Message], Awaitable[None] | None]
    ) -> None:
        """
        Call `handler` when the kernel opens a comm to `target_name`.

        It gets the comm and the `comm_open` message. What comes over the comm while an async
        handler is awaited waits for it.
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

    # What the comms do

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
        """Send one comm message, after what waits for the kernel; there is no reply to them."""
        connection = self._connection
        connection.bind()
        message = connection.make(msg_type, content, metadata)
        parts = list(buffers or ())
        self._do(
            lambda: connection.tell("shell", message, parts, takes_turn=False),
            lambda error: logger.warning("a %s was not sent: %s", msg_type, error),
        )

    def call_soon(self, function: Callable[[], None]) -> None:
        """Call `function` in the loop that is served, soon, unless it is closed."""
        loop = self._connection.loop
        if loop is not None:
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(function)

    # What the client and its connection tell

    def note_kernel(self, session: str) -> None:
        """Note the session id of the kernel, another one after each restart."""
        self._session = session

    def suspended(self) -> None:
        """Close those of a kernel that is gone; of one that is sought, ask when it is found."""
        presence = self._connection.presence
        if presence.state is State.SEEKING:
            self._ask_after_cut()
        elif presence.state in REPLACED:
            self._lose(list(self), restarted)
        else:
            self._lose(list(self), presence.explanation)

    def closed(self) -> None:
        """Close them: all channels were closed."""
        self._lose(list(self), closed, also_unsent=True)

    # Inside

    def _do(
        self, function: Callable[[], None], complain: Callable[[ConKernelError], object]
    ) -> None:
        """Call `function` in the thread of the loop that is served: now, or soon."""
        connection = self._connection
        if not connection.is_foreign_thread():
            function()
            return
        if not connection.is_open("shell"):
            raise closed()

        def there() -> None:
            try:
                function()
            except ConKernelError as error:
                complain(error)

        connection.call_in_loop(there)

    def _listen(self) -> None:
        if self._subscription is None:
            self._subscription = self._connection.subscribers.add(self._handle, "iopub", COMM_TYPES)

    def _handle(self, message: Message) -> None:
        """Give a message to its comm. Sync: no comm waits for another one's handlers."""
        content = message["content"]
        comm_id = str(content.get("comm_id"))
        comm = self._comms.get(comm_id)
        match message["msg_type"]:
            case "comm_open":
                self._opened(comm_id, str(content.get("target_name")), message)
            case "comm_msg":
                if comm is not None:
                    comm.take(message)
            case _:
                for gone in self._closed_meanwhile:
                    gone.add(comm_id)
                if comm is not None:
                    comm.closed(message)

    def _opened(self, comm_id: str, target_name: str, message: Message) -> None:
        handler = self._targets.get(target_name)
        if handler is None:
            return  # another client's: the kernel publishes it to all
        comm = self._comms.get(comm_id)  # if it was adopted meanwhile
        if comm is None:
            comm = self._comms[comm_id] = Comm(self, comm_id, target_name)
        comm.call(handler, message)

    def _lose(
        self,
        comms: Collection[Comm],
        make_error: Callable[[], ConKernelError],
        *,
        also_unsent: bool = False,
    ) -> None:
        """Close `comms`, but for those whose opening waits for the next kernel."""
        for comm in comms:
            if comm.is_there or also_unsent:
                comm.lost(make_error())

    def _ask_after_cut(self) -> None:
        """Ask which comms there are; the question waits until the kernel is found, or not."""
        comms = [comm for comm in self if comm.is_there]
        if not comms or self._question is not None:
            return
        connection = self._connection
        session = self._session
        message = connection.make("comm_info_request", {})
        try:
            question = self._question = ask(connection, "shell", message, [], None)
        except ConKernelError as error:
            for comm in comms:
                comm.lost(error)
            return

        def answered(reply: asyncio.Future[Message]) -> None:
            self._question = None
            if not reply.cancelled():
                self._compare(comms, reply, session)

        question.add_done_callback(answered)

    def _compare(
        self, comms: Collection[Comm], reply: asyncio.Future[Message], session: object
    ) -> None:
        """Close those that the kernel does not have after the connection was cut."""
        error = reply.exception()
        if isinstance(error, ConKernelError):
            for comm in comms:
                comm.lost(error)
            return
        try:
            there = _comms_in(reply.result())
        except ProtocolError:  # it cannot tell: they are what they were
            there = {comm.comm_id: comm.target_name for comm in comms}
        is_another = session not in (None, reply.result()["header"]["session"])
        for comm in comms:
            if is_another:
                comm.lost(restarted())
            elif comm.comm_id not in there:
                comm.lost(None)
            else:
                comm.cut()


def _comms_in(reply: Message) -> dict[str, str]:
    """
    Give the target names in a `comm_info_reply`, by comm id.

    Raises:
        ProtocolError: The kernel has not told any.
    """
    content = reply["content"]
    told: object = content.get("comms")
    if not isinstance(told, dict):
        raise ProtocolError(
            f"the kernel does not tell which comms are open: its comm_info_reply is {content!r}"
        )
    comms = cast("dict[str, object]", told)
    return {
        comm_id: str(cast("dict[str, object]", one).get("target_name"))
        for comm_id, one in comms.items()
        if isinstance(one, dict)
    }
