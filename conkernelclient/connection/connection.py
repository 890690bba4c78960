"""
How do the requests of one client and the messages of its kernel meet?

The connection owns the transport, the wire, the router and the window, and joins them: what is sent
is registered first; what comes is unpacked, routed, and handed to its owner. It knows asyncio and
not the client that holds it, so that a client which is dropped can be collected. The peer and the
watchdog join it as companions; it knows neither by name.

The way of a message: `ZmqTransport._pump`, `FrameReader.read`, `Connection.received`,
`Inbound.take`, `Wire.unpack`, `Connection._deliver`, `Router.feed`, the owner's `receive`,
`Reducer.feed`. The way of a request: the client's verb, `Outbound.make`, `Router.open`,
`Connection.submit`, `Window.submit`, `Connection.send_request`, `Outbound.post`, `Wire.pack`,
`ZmqTransport.send`.
"""

from __future__ import annotations

import logging
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, cast

from ..errors import ConKernelError
from ..outputs.displays import Displays
from ..protocol.messages import CHANNELS
from ..protocol.wire import Wire
from ..state.endings import Ending, closed
from ..state.latency import Pace
from ..state.overdue import Overdue
from ..state.presence import Presence
from ..state.router import OWNER, Destination, Phase, Request, Router
from ..state.subshell_ids import Shells
from ..state.window import Window
from .inbound import Inbound
from .inbox import Inbox
from .outbound import Outbound
from .pausing import Pausing
from .questions import Questions
from .recording import Recording
from .sending import Sending
from .session_settings import observe_settings, wire_settings
from .stats import Stats
from .subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_client.session import Session

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel, Frame
    from ..state.router import LateOwner
    from ..state.window import Entry
    from ..transport.base import Sink, Transport
    from ..transport.sockets import ConSocket
    from .companion import Companion

__all__ = ["Connection"]

logger: Final = logging.getLogger(__name__)

NOTICED: Final = frozenset({"error", "input_request"})


class Connection(Sending):
    """
    One client's connection to its kernel.

    Attributes:
        recording: What was published for requests made without `run()`.
        presence: Whether the kernel is there.
        is_watched: Whether the watchdog watches what becomes of the open requests.
        overdue: Which of them are half answered.
        subshells: The kernel's subshells, as far as they are known.
        displays: The outputs that a display id names, whichever run showed them.
        subscribers: Whoever is given each message.
        stats: What goes on, in figures.
        inboxes: What has no owner, by channel.
        loop: The event loop that it serves; None before the first use in one.
        published: How many batches of messages came on iopub.
        make: Makes a message, as `Session.msg` does; from any thread.
        peer_listeners: Called when the kernel is connected, and when the first comes of what it
            publishes.
        questions: The input requests without an answer.
        last_error: The last error that any code raised, as text; None if none was seen.
        interrupt: Interrupts a request, by its msg_id, or the kernel's process; set by the client.
        cancels_requests: The kernel ends the request that is named, wherever it runs.
        restart: Restarts the kernel; set by the client.
        take_back: Takes back what waits elsewhere than in the window, and tells whether it did; set
            by the client.
        ask_after: Asks the kernel what became of a request; set by the watchdog.
    """

    interrupt: Callable[[str], Awaitable[None]]
    cancels_requests: bool = False
    restart: Callable[[], Awaitable[None]]
    ask_after: Callable[[Request], None]

    def __init__(
        self,
        session: Session,
        *,
        window: int | None,
        max_messages: int,
        make_transport: Callable[[Sink], Transport],
    ) -> None:
        super().__init__(session)
        self.session: Session = session
        self._router: Router = Router()
        self.overdue: Overdue = Overdue(self._router)
        self.recording: Recording = Recording()
        self.presence: Presence = Presence(Ending().error)
        self._companions: list[Companion] = []
        self.is_watched: bool = False
        self._window: Window = Window(window)
        self._pausing: Pausing = Pausing(self._window, max_messages)
        self.displays: Displays = Displays()
        self.inboxes: dict[Channel, Inbox] = {name: Inbox(name) for name in CHANNELS}
        self.subscribers: Subscribers = Subscribers()
        self.last_error: str | None = None
        self.published: int = 0
        self._interrupted_at: float | None = None  # when we or the manager last did that
        self._published_before = 0  # the present iopub socket was opened
        self.peer_listeners: set[Callable[[], None]] = set()
        self.subshells: Shells = Shells()
        self._pace: Pace = Pace()
        self.questions: Questions = Questions()
        self.take_back: Callable[[Entry], bool] = lambda _: False
        self._join_ways(make_transport)
        self.stats: Stats = Stats(
            router=self._router,
            inbound=self._inbound,
            outbound=self._outbound,
            transport=self._transport,
            inboxes=self.inboxes,
            subscribers=self.subscribers,
            recording=self.recording,
            pace=self._pace,
        )

    def _join_ways(self, make_transport: Callable[[Sink], Transport]) -> None:
        """Make the way in and the way out, and let both do as the session says."""
        session = self.session
        self._transport: Transport = make_transport(self)
        self._wire: Wire = Wire(wire_settings(session))
        self._inbound: Inbound = Inbound(self._wire, self._deliver)
        this = weakref.ref(self)

        def record(message: dict[str, Any]) -> None:
            connection = this()
            if connection is not None:
                connection.record(message)

        self._outbound: Outbound = Outbound(
            session,
            self._wire,
            self._transport,
            presence=self.presence,
            subshells=self.subshells,
            record=record,
        )
        self.make: Callable[..., dict[str, Any]] = self._outbound.make

        def configure() -> None:
            connection = this()
            if connection is not None:
                connection._wire.configure(wire_settings(session))
                connection._outbound.configure()

        self._forget_settings: Callable[[], None] = observe_settings(session, configure)

    def join(self, companion: Companion) -> None:
        """Tell `companion` from now on what happens to this connection."""
        self._companions.append(companion)

    def _rebound(self) -> None:
        self._pausing.watch(self.loop)
        for companion in self._companions:
            companion.rebound()

    # Channels

    def open(self, channel: Channel) -> None:
        """
        Make a new way to the kernel for `channel`, and read what comes there.

        Raises:
            OSError: There are no descriptors left; the channel is as before.
        """
        if channel == "iopub":
            self._published_before = self.published
        self._transport.open(channel)
        self.bind()

    def is_open(self, channel: Channel) -> bool:
        """Tell whether the channel is open."""
        return self._transport.is_open(channel)

    def pump(self, channel: Channel) -> None:
        """Receive now what has come."""
        if not self.is_foreign_thread():  # the loop there reads
            self._transport.pump(channel)

    def pump_all(self) -> None:
        """Receive now what has come on any channel."""
        for channel in CHANNELS:
            self.pump(channel)

    def close(self, channel: Channel) -> None:
        """Close one channel; its requests and readers get `ChannelsClosedError`."""
        self._transport.close(channel)
        self._inbound.clear(channel)
        if self.loop is None or not self.loop.is_closed():
            self.inboxes[channel].fail(closed)
        if channel == "stdin":
            self.questions.clear()
        else:
            self.fail_all(closed, channel)
        if not any(map(self.is_open, CHANNELS)):
            self._tell_closed()
            self._transport.detach()
            self._serve_none()  # the next start may serve another loop

    def _tell_closed(self) -> None:
        self._pausing.clear()
        for companion in self._companions:
            companion.closed()

    def suspend(self) -> None:
        """Break with the kernel: the sockets are closed, and what is sent waits for new ones."""
        self._transport.suspend()
        for companion in self._companions:
            companion.suspended()
        self._inbound.clear()
        self.questions.clear()
        self.subshells.clear()

    def is_drained(self) -> bool:
        """Tell whether the kernel has closed its sockets, and all that it had sent is read."""
        return not self._inbound.is_behind and self._transport.is_drained()

    @property
    def is_behind(self) -> bool:
        """Whether something that came is still being verified."""
        return self._inbound.is_behind

    def is_disconnected(self) -> bool:
        """Tell whether the kernel has closed its sockets."""
        return self._transport.is_disconnected()

    def dispose(self) -> None:
        """Close everything, from a finalizer: nothing is to be told to anybody."""
        if not self.is_foreign_thread():
            self._tell_closed()
        for channel in CHANNELS:
            self._transport.close(channel)
        self._transport.detach()
        self._inbound.clear()
        self._forget_settings()

    def socket(self, channel: Channel) -> ConSocket | None:
        """Give the channel's socket, for programs that use it by hand; None: there is none."""
        return self._transport.socket(channel)

    @property
    def descriptors(self) -> set[int]:
        """Descriptors with which the sockets are watched: others in each loop."""
        return self._transport.descriptors

    def limit_message_bytes(self, max_bytes: int | None) -> None:
        """Deliver of a larger message only a note from now on; None: there is no bound."""
        self._inbound.max_message_bytes = max_bytes

    # What is known of the kernel

    def note_interrupt(self) -> None:
        """Note that this client, or its manager, interrupts the kernel."""
        self._interrupted_at = time.monotonic()

    def was_interrupted_since(self, moment: float) -> bool:
        """Tell whether this client, or its manager, interrupted the kernel since `moment`."""
        return self._interrupted_at is not None and self._interrupted_at >= moment

    # Receiving: the sink of the transport

    def received(self, channel: Channel, batch: list[list[Frame]]) -> None:
        """Take messages from the transport."""
        if channel == "iopub":
            self.published += 1
            if self.peer_listeners:
                self._tell_listeners()
        self._inbound.take(channel, batch, self.loop)

    def connected(self, channel: Channel) -> None:
        """Learn that the kernel's side of `channel` is there."""
        for companion in self._companions:
            companion.connected(channel)
        self._tell_listeners()

    def _tell_listeners(self) -> None:
        for listener in tuple(self.peer_listeners):
            listener()

    def disconnected(self, channel: Channel) -> None:
        """Learn that the kernel has closed its end of `channel`."""
        logger.debug("%s is disconnected", channel)
        for companion in self._companions:
            companion.disconnected(channel)

    def is_stdin_connected(self) -> bool:
        """Tell whether the kernel knows our stdin; if not, `peer_listeners` will be told."""
        return not self.is_open("stdin") or self._transport.is_connected("stdin")

    def is_subscribed(self) -> bool:
        """Tell whether iopub is subscribed, if it is open: something came over its socket."""
        return self.published > self._published_before or not self.is_open("iopub")

    def lost(self, channel: Channel, error: Exception) -> None:
        """Learn that a socket is gone."""
        logger.error("%s", error)
        self.close(channel)

    def _deliver(self, channel: Channel, message: Incoming) -> None:
        """Hand one message to where the router says, and to the subscribers."""
        if self.questions or message.msg_type in NOTICED:
            self._notice(channel, message)
        to, request, ended = self._router.feed(channel, message)
        if to is OWNER and request is not None:
            if ended:
                self._pace.times.append(time.monotonic() - request.sent_at)
            request.owner.receive(channel, message)
        elif to is Destination.CHANNEL or request is None:
            if to is Destination.CHANNEL:
                self._keep(channel, message)
        elif to is Destination.LATE:
            owner = _late_owner_of(request)
            if owner is not None:
                owner.receive_late(message)
        elif request.takes_iopub and getattr(request.owner, "outlives_callers", False):
            request.owner.receive(channel, message)
        if self.subscribers.all:
            self.subscribers.offer(channel, message)

    def _keep(self, channel: Channel, message: Incoming) -> None:
        if channel == "iopub":
            if message.msg_type == "iopub_welcome":
                return
            self.recording.add(message)
        self.inboxes[channel].put(message)

    def _notice(self, channel: Channel, message: Incoming) -> None:
        if message.msg_type == "error":
            self.last_error = f"{message.content.get('ename')}: {message.content.get('evalue')}"
        elif message.msg_type == "input_request":
            self.questions[message.msg_id] = message
        elif channel == "shell":
            self.questions.forget(message.parent_id)

    # When no answer will come

    def break_off(self, make_error: Callable[[], ConKernelError], *, also_paused: bool) -> None:
        """
        Break with the kernel: sent requests and readers fail; what is sent from now on waits.

        With `also_paused` the requests that wait for the kernel fail as well.
        """
        self.pause()
        self.suspend()
        self.fail_all(make_error, also_paused=also_paused)
        self.fail_readers(make_error)

    def owner_of(self, msg_id: str) -> object:
        """Give the owner of a request that is under way, or of a run whose end is not long ago."""
        return self._router.owner_of(msg_id)

    def open_requests(self) -> list[Request]:
        """Give the open requests, oldest first."""
        return self._router.open_requests

    def sent_requests(self) -> list[Request]:
        """Give the requests that the kernel may have, oldest first, also those given up."""
        router = self._router
        every = (*router.open_requests, *router.abandoned_requests)
        return [one for one in every if one.phase is not Phase.WAITING]

    def fail_request(self, request: Request, make_error: Callable[[], ConKernelError]) -> None:
        """Let `request` fail, unless it has ended."""
        if self._router.is_under_way(request):
            self._router.end(request)
            request.owner.fail(make_error())

    def fail_all(
        self,
        make_error: Callable[[], ConKernelError],
        channel: Channel | None = None,
        *,
        also_paused: bool = True,
    ) -> None:
        """
        Let every request fail that is under way or waits its turn, of one channel or of all.

        With `also_paused` the paused ones fail as well, which were never sent.
        """
        if self.loop is not None and self.loop.is_closed():
            self.sweep()
            return
        if channel != "control":
            is_iopub = channel == "iopub"
            paused = self._window.drain_paused(executes_only=is_iopub) if also_paused else []
            for entry in (*self._window.drain(), *paused):
                entry.fail(make_error())
        spared = {entry.msg_id for entry in self._window.paused}
        for request in (*self._router.open_requests, *self._router.abandoned_requests):
            is_ours = getattr(request.owner, "is_ours", False)  # it does without what is published
            is_deaf = channel == "iopub" and request.takes_iopub and not is_ours
            is_meant = channel is None or request.channel == channel or is_deaf
            if is_meant and request.msg_id not in spared:
                self._router.end(request)
                if request.owner is not None and not isinstance(request.owner, weakref.ref):
                    request.owner.fail(make_error())
        if channel != "control":
            self.recording.fail(make_error, spared)

    def fail_readers(self, make_error: Callable[[], ConKernelError]) -> None:
        """Let the readers fail that wait at a channel object for a lost reply, or for ever."""
        if self.is_bound():
            spared = {entry.msg_id for entry in self._window.paused}
            for inbox in self.inboxes.values():
                inbox.fail_claims(make_error, spared)
                inbox.fail_patient(make_error)


def _late_owner_of(request: Request) -> LateOwner | None:
    """Give the owner that `request` had before it ended, as long as a program holds it."""
    owner = request.owner
    return cast("weakref.ref[LateOwner]", owner)() if isinstance(owner, weakref.ref) else None
