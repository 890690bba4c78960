"""
What does a program hold in its hands to talk to a kernel?

`ConKernelClient` takes the place of jupyter_client's `AsyncKernelClient`: the same methods, traits
and channel objects, safe from any number of coroutines at once.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from jupyter_client.manager import AsyncKernelManager, KernelManager
from traitlets import Bool, Float, Integer, default
from traitlets import Callable as Callable_

from ..errors import (
    ChannelsClosedError,
    DeadKernelError,
    NotInterruptibleError,
    ReadyTimeout,
    ReplyTimeout,
)
from ..outputs.standing import standing
from ..transport.session_patch import bind_session
from .beside import FEATURE
from .lifecycle import Lifecycle
from .receiving import ByHand
from .requests import Requests
from .subshells import Subshells
from .values import Values
from .verbs import Verbs, run_module

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator

    from jupyter_client.connect import KernelConnectionInfo

    from ..connection.connection import Connection
    from ..connection.peer import Peer
    from ..connection.subscribers import Subscription
    from ..connection.watchdog import Watchdog
    from ..protocol.messages import Channel, Message
    from ..transport.base import Sink, Transport
    from ..transport.sockets import ConSocket
    from .comms import Comms
    from .kernel_news import KernelNews, KernelState, KernelWatch, KernelWatches
    from .manager_link import ManagerLink
    from .places import Places

__all__ = ["ConKernelClient"]

# Seconds between two questions whether a kernel that starts lives, if its manager does not tell.
LOOK_AT_LIFE: Final = 1.0
ANSWERED_WITHIN: Final = 0.5  # seconds that an interrupt waits for its reply
VERSION: Final = r"\d{1,9}(\.|\Z)"  # of the protocol, as far as it is looked at

logger: Final = logging.getLogger(__name__)


def _zmq_transport(
    sink: Sink,
    *,
    connect: Callable[[Channel], ConSocket],
    max_messages: int,
    max_bytes: int,
) -> Transport:
    """Make a transport of sockets; its module is loaded with the first client."""
    from ..transport.zmq import ZmqTransport

    return ZmqTransport(sink, connect=connect, max_messages=max_messages, max_bytes=max_bytes)


# A Message is a dict with known keys, which type checkers do not take for a `dict[str, Any]`.
class ConKernelClient(  # pyright: ignore[reportIncompatibleMethodOverride]
    Subshells, ByHand, Values, Verbs, Requests, Lifecycle
):
    """
    A client of one kernel, for many coroutines.

    Make it with `ConKernelManager.client()`, or on its own from a connection file:
    `ConKernelClient(connection_file=path)` and `load_connection_file()`. Then
    `await kc.start_channels()`.

    It serves whichever event loop runs and uses it; loops may take turns. Called from other threads
    meanwhile, its verbs hand over to that loop.
    """

    stop_on_error: Bool[bool, bool | int] = Bool(
        True,
        config=True,
        help="Whether an error in code sent by execute() aborts what is queued behind it, if the "
        "call does not say. run() never aborts anybody.",
    )
    # traitlets' own annotation says that a Float which may be None is read as `int | None`.
    default_timeout: Float[float | None, float | None] = Float(  # pyright: ignore[reportAssignmentType]
        None,
        allow_none=True,
        config=True,
        help="Seconds that a reply may take where the call does not say; None: any time.",
    )
    window: Integer[int | None, int | None] = Integer(
        allow_none=True,
        min=1,
        config=True,
        help="How many runs of this client may be in one shell of the kernel at once; None: any "
        "number. Where it is not given: 1, and any number in a kernel that runs them beside each "
        "other.",
    )

    @default("window")
    def _default_window(self) -> int:
        return 1

    max_backlog_messages: Integer[int, int] = Integer(
        100_000, config=True, help="Messages that may wait for a kernel that does not read."
    )
    max_backlog_bytes: Integer[int, int] = Integer(
        256 * 2**20,
        config=True,
        help="Bytes of messages that may wait for a kernel that does not read.",
    )

    max_message_bytes: Integer[int | None, int | None] = Integer(
        None,
        allow_none=True,
        min=1,
        config=True,
        help="Of a received message with more bytes only a note is delivered; None: no bound.",
    )

    transport_factory: Callable_ = Callable_(
        _zmq_transport,
        help="Makes the transport: a `conkernelclient.transport.base.TransportFactory`.",
    )

    def __init__(self, **kwargs: Any) -> None:
        # With the first client: importing us should be quick.
        from ..connection.connection import Connection
        from ..connection.peer import Peer
        from ..connection.watchdog import Watchdog
        from .comms import Comms
        from .kernel_news import KernelWatches
        from .manager_link import ManagerLink
        from .places import Places

        run_module()  # 40 ms once, which would come amid the requests
        super().__init__(**kwargs)
        self._is_window_given: bool = self.trait_has_value("window")
        session = self.session
        bind_session(session)
        self._connection: Connection = Connection(
            session,
            window=self.window,
            max_messages=self.max_backlog_messages,
            make_transport=partial(
                self.transport_factory,
                connect=partial(_connect, weakref.ref(self)),
                max_messages=self.max_backlog_messages,
                max_bytes=self.max_backlog_bytes,
            ),
        )
        self._peer: Peer = Peer(self._connection)
        self._watches: KernelWatches = KernelWatches(self._connection, self._peer)
        self._watchdog: Watchdog = Watchdog(self._connection)
        self._connection.limit_pause(self.startup_timeout)
        this = weakref.ref(self)
        self._places: Places = Places(self._connection, lambda info: _note_info(this(), info))
        self._peer.on_greeted = lambda info: _note_info(this(), info)
        self._connection.interrupt = lambda msg_id: _interrupt(this(), msg_id)
        self._connection.restart = lambda: _restart_kernel(this())
        self._peer.reopen = lambda: _reopen(this())
        self._link: ManagerLink = ManagerLink(
            self._connection, self._peer, lambda info: _move(this(), info)
        )
        self.comms: Comms = Comms(self._connection)
        self._connection.limit_message_bytes(self.max_message_bytes)
        self.observe(_window_changed, "window")
        self.observe(_max_message_bytes_changed, "max_message_bytes")
        self.observe(_startup_timeout_changed, "startup_timeout")

    def __del__(self) -> None:
        connection = getattr(self, "_connection", None)
        if connection is None:
            return
        connection.dispose()
        self._stop_heartbeat()
        self._destroy_context()

    # Readiness and life

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """
        Wait until the kernel answers and its iopub channel is heard.

        May be called again, also while requests are under way.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            ReadyTimeout (a RuntimeError): It is not ready in time.
            DeadKernelError (a RuntimeError): It ended.
            ChannelsClosedError: The channels are not running.
        """
        connection = self._open_connection("iopub", "shell")
        connection.bind_here()
        await self._until_greeted(timeout)
        connection.inboxes["iopub"].discard_parentless()

    _async_wait_for_ready = wait_for_ready

    def _handle_kernel_info_reply(self, msg: dict[str, Any]) -> None:
        """Speak the kernel's version of the protocol; 5.0 if it names none that can be read."""
        version: object = msg["content"].get("protocol_version")
        if isinstance(version, str) and re.match(VERSION, version):
            super()._handle_kernel_info_reply(msg)
        elif not self._is_version_told:
            self._is_version_told = True
            logger.warning(
                "the kernel names no protocol version in its kernel_info_reply, but %r: it is "
                "taken for 5.0",
                version,
            )

    _is_version_told: bool = False  # set when a version that cannot be read was told

    async def _until_greeted(self, timeout: float | None) -> None:
        """Wait until the kernel has answered, also if it is restarted meanwhile."""
        loop = asyncio.get_running_loop()
        deadline = math.inf if timeout is None else loop.time() + timeout
        peer = self._peer
        is_told = peer.is_watched or not isinstance(self.parent, KernelManager)
        while True:
            left = deadline - loop.time()
            step = left if is_told else min(left, LOOK_AT_LIFE)
            try:
                return await self._greet(step if step < math.inf else None)
            except DeadKernelError:
                if not self._connection.presence.pauses:
                    raise
            except ReadyTimeout as state:
                if step == left:
                    raise ReadyTimeout(
                        f"Kernel didn't respond in {timeout} seconds: {state}"
                    ) from None
                if not await self._async_is_alive():
                    from ..state.caught import caught_class

                    text = "Kernel died before replying to kernel_info"
                    raise caught_class(DeadKernelError)(text) from None

    async def _greet(self, timeout: float | None) -> None:
        """Wait for a greeting that is under way, or greet the kernel."""
        from ..connection.ready import Greeting

        began = asyncio.get_running_loop().time()
        peer = self._peer
        try:
            if await peer.until_greeted(timeout) is not None:
                return
        except TimeoutError:
            raise ReadyTimeout(peer.describe()) from None
        if timeout is not None:
            timeout -= asyncio.get_running_loop().time() - began
        peer.note(await Greeting(self._connection).until_ready(timeout))

    # What goes on

    def __repr__(self) -> str:
        return standing(self, self._standing)

    def _standing(self) -> Iterator[str]:
        manager = self.parent
        yield manager.kernel_name if isinstance(manager, KernelManager) else self.kernel_name
        connection = self._connection
        if os.getpid() != self.session.pid:
            yield "of another process"
        elif not self.channels_running:
            yield "channels closed"
        else:
            yield f"kernel {connection.presence.state.name.lower()}"
        yield f"{self._connection.stats.pending} requests under way"

    def subscribe(
        self,
        handler: Callable[[Message], Awaitable[None] | None],
        *,
        channel: Channel | None = None,
        msg_type: str | Collection[str] | None = None,
        msg_id: str | None = None,
        unclaimed: bool = False,
    ) -> Subscription:
        """
        Call `handler`, sync or async, with each message that comes, whosever it is.

        What other clients let the kernel publish comes from the time when our subscription has
        reached it: `wait_for_ready` waits for that.

        Args:
            handler: Called in a task of its own with one message at a time.
            channel: Only those of this channel.
            msg_type: Only those of this type, or of these.
            msg_id: Only those of this request.
            unclaimed: Only those of requests that no subscription names by `msg_id`.

        Returns:
            A subscription; its `close()` ends it, and its `until_handled()` waits until the handler
            has finished with what had come. A handler that is 10,000 messages behind misses some,
            which are counted.
        """
        types = (msg_type,) if isinstance(msg_type, str) else msg_type
        if unclaimed:
            from ..connection.subscribers import UNCLAIMED

            msg_id = UNCLAIMED
        return self._connection.subscribers.add(handler, channel, types, msg_id)

    @property
    def kernel_state(self) -> KernelState:
        """
        What a user would call the kernel's present state; see `KernelNews`.

        "disconnected" where no channel is open. News that wait for a handler may be older.
        """
        return self._watches.state

    def watch_kernel(self, handler: Callable[[KernelNews], Awaitable[None] | None]) -> KernelWatch:
        """
        Call `handler`, sync or async, with each change of `kernel_state`, from any thread.

        Args:
            handler: Called in a task of its own, in the loop that this client serves, with one
                `KernelNews` at a time, in order. An error in it is logged.

        Returns:
            A watch; its `close()` ends it. It goes on when channels are closed and opened again.
        """
        return self._watches.add(handler)

    def stats(self) -> dict[str, float]:
        """
        Give figures of what goes on.

        Returns:
            "pending": requests that a caller waits for. "orphans": messages of requests that were
            given up. "dropped": messages that nobody read in time. "rejected": what came and was no
            message (unsigned, replayed, not JSON, torn by an interrupt, also if it was put together
            later; short ones that come at once may count as one). "too_large": messages over
            `max_message_bytes`, of which only a note was delivered. "violations": messages against
            the protocol.
            "evicted": records of `get_pubs` that had to go. "requests": messages sent. "received",
            "bytes_received": messages that came. "backlog", "backlog_bytes": messages that wait for
            a kernel that does not read. "p50", "p99": seconds from sending to the end, of the last
            1,000 requests that ended; 0 before the first. "seconds": seconds of the loop's time
            that the client took for sending and receiving.
        """
        return self._connection.stats.figures()


def _window_changed(change: Any) -> None:
    change["owner"]._is_window_given = True
    change["owner"]._connection.limit_window(change["new"])


def _startup_timeout_changed(change: Any) -> None:
    change["owner"]._connection.limit_pause(change["new"])


def _note_info(client: ConKernelClient | None, info: Message) -> None:
    """Take note of what a `kernel_info_reply` says about the kernel."""
    if client is None:
        return
    client._handle_kernel_info_reply(cast("dict[str, Any]", info))
    features: object = info["content"].get("supported_features")
    named = cast("list[object]", features) if isinstance(features, list) else []
    client._features = frozenset(map(str, named))
    if FEATURE in client._features and not client._is_window_given:
        client._connection.limit_window(None)
    client._connection.cancels_requests = "conkernel cancel" in client._features
    client._places.learn(info)
    client.comms.note_kernel(info["header"]["session"])


def _max_message_bytes_changed(change: Any) -> None:
    change["owner"]._connection.limit_message_bytes(change["new"])


def _connect(client: weakref.ref[ConKernelClient], channel: Channel) -> ConSocket:
    """Make a socket for a transport, which does not hold its client."""
    owner = client()
    if owner is None:
        raise ChannelsClosedError("the client is gone: hold it as long as its channels are used")
    return owner._connect(channel)


def _move(client: ConKernelClient | None, info: KernelConnectionInfo) -> None:
    if client is not None:
        client._move(info)


def _reopen(client: ConKernelClient | None) -> None:
    if client is not None:
        client._reopen()


async def _restart_kernel(client: ConKernelClient | None) -> None:
    manager = None if client is None else client.parent
    if isinstance(manager, AsyncKernelManager):
        await manager.restart_kernel(now=True)


async def _interrupt(client: ConKernelClient | None, msg_id: str) -> None:
    """
    Interrupt a request, if the kernel can be told which, or else the kernel.

    That is done through its manager, or by a message where there is none.
    """
    if client is None:
        return
    if client._connection.cancels_requests:
        # Its reply comes when the request has ended, which the messages of that tell as well.
        from .asking import order  # with the first client: importing us should be quick

        connection = client._open_connection("control")
        named = {"msg_ids": [msg_id]}
        connection.hand_over(lambda: order(connection, "interrupt_request", named))
        return
    client._connection.note_interrupt()
    manager = client.parent
    if isinstance(manager, KernelManager) and manager.has_kernel:
        if isinstance(manager, AsyncKernelManager):
            await manager.interrupt_kernel()
        else:
            await manager._async_interrupt_kernel()
        return
    try:
        reply = await client.request("interrupt_request", {}, "control", timeout=ANSWERED_WITHIN)
    except ReplyTimeout:
        return  # whether it had an effect is seen by the request that it was for
    if reply["content"].get("status") == "error":
        raise NotInterruptibleError(f"the kernel refused: {reply['content'].get('evalue')}")
