"""
How do the requests of one client and the messages of its kernel meet?

The connection owns the transport, the wire, the router and the window, and joins them: what is sent
is registered first; what comes is unpacked, routed, and handed to its owner. It knows asyncio and
not the client that holds it, so that a client which is dropped can be collected. Whoever looks
after its kernel or its requests joins it as a companion; it knows none of them by name.

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
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from ..errors import ChannelsClosedError, ConKernelError, ProtocolError
from ..outputs.displays import Displays
from ..protocol.messages import CHANNELS
from ..protocol.wire import Wire
from ..state.endings import Ending, closed
from ..state.latency import Pace
from ..state.presence import Presence
from ..state.router import OWNER, Destination, Phase, Request, Router
from ..state.subshell_ids import Shells
from ..state.window import Call, Window
from .inbound import Inbound
from .inbox import Inbox
from .loops import Loops
from .outbound import Outbound
from .pausing import Pausing
from .questions import Questions
from .recording import Recording
from .session_settings import observe_settings, wire_settings
from .subscribers import Subscribers
from .threads import is_elsewhere

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

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


class Connection(Loops):
    """
    One client's connection to its kernel.

    Attributes:
        router: The open requests.
        window: The requests that wait for their turn, or for the kernel.
        pausing: How long they wait for the kernel.
        recording: What was published for requests made without `run()`.
        presence: Whether the kernel is there.
        is_watched: Whether somebody watches what becomes of the open requests.
        pace: How long the requests take.
        subshells: The kernel's subshells, as far as they are known.
        inbound: The way in; it knows how much came.
        outbound: The way out.
        inboxes: What nobody claimed, by channel.
        loop: The event loop that it serves; None before the first use in one.
        published: How many batches of messages came on iopub.
        interrupted_at: When this client or its manager last interrupted the kernel, by
            `time.monotonic`; None if they never did.
        questions: The input requests without an answer.
        last_error: The last error that any code raised, as text; None if none was seen.
        interrupt: Sends an interrupt to the kernel process; set by the client.
        restart: Restarts the kernel; set by the client.
        ask_after: Asks the kernel what became of a request; set by the watchdog.
    """

    interrupt: Callable[[], Awaitable[None]]
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
        self.router: Router = Router()
        self.recording: Recording = Recording()
        self.presence: Presence = Presence(Ending().error)
        self._companions: list[Companion] = []
        self.is_watched: bool = False
        self.window: Window = Window(window)
        self.pausing: Pausing = Pausing(self.window, max_messages)
        self.displays: Displays = Displays()
        self.inboxes: dict[Channel, Inbox] = {name: Inbox(name) for name in CHANNELS}
        self.subscribers: Subscribers = Subscribers()
        self.last_error: str | None = None
        self.published: int = 0
        self.interrupted_at: float | None = None
        self._published_before = 0  # the present iopub socket was opened
        # Called when the kernel is connected, and when the first comes of what it publishes.
        self.peer_listeners: set[Callable[[], None]] = set()
        self.subshells: Shells = Shells()
        self.pace: Pace = Pace()
        self.questions: Questions = Questions()
        self._transport: Transport = make_transport(self)
        self._wire = Wire(wire_settings(session))
        self.inbound: Inbound = Inbound(self._wire, self._deliver)
        this = weakref.ref(self)

        def record(message: dict[str, Any]) -> None:
            connection = this()
            if connection is not None:
                connection.record(message)

        self.outbound: Outbound = Outbound(
            session,
            self._wire,
            self._transport,
            presence=self.presence,
            subshells=self.subshells,
            record=record,
        )

        def configure() -> None:
            connection = this()
            if connection is not None:
                connection._wire.configure(wire_settings(session))
                connection.outbound.configure()

        self._forget_settings: Callable[[], None] = observe_settings(session, configure)

    def join(self, companion: Companion) -> None:
        """Tell `companion` from now on what happens to this connection."""
        self._companions.append(companion)

    def _rebound(self) -> None:
        self.pausing.watch(self.loop)
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
        """Close one channel; whoever waits on it gets `ChannelsClosedError`."""
        self._transport.close(channel)
        self.inbound.clear(channel)
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
        self.pausing.clear()
        for companion in self._companions:
            companion.closed()

    def suspend(self) -> None:
        """Break with the kernel: the sockets are closed, and what is sent waits for new ones."""
        self._transport.suspend()
        for companion in self._companions:
            companion.suspended()
        self.inbound.clear()
        self.questions.clear()
        self.subshells.clear()

    def is_drained(self) -> bool:
        """Tell whether the kernel has closed its sockets, and all that it had sent is read."""
        return not self.inbound.is_behind and self._transport.is_drained()

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
        self.inbound.clear()
        self._forget_settings()

    def socket(self, channel: Channel) -> ConSocket | None:
        """Give the channel's socket, for programs that use it by hand; None: there is none."""
        return self._transport.socket(channel)

    @property
    def descriptors(self) -> set[int]:
        """Descriptors with which the sockets are watched: others in each loop."""
        return self._transport.descriptors

    @property
    def backlog(self) -> tuple[int, int]:
        """Messages, and their bytes, that wait for a kernel that does not read."""
        return self._transport.backlog, self._transport.backlog_bytes

    @property
    def seconds(self) -> float:
        """Seconds of the loop's time that were spent in sending and receiving."""
        return self.outbound.seconds + self._transport.seconds

    # Sending

    def post(
        self, channel: Channel, message: dict[str, Any], ident: Any, buffers: list[Any]
    ) -> None:
        """Pack a message and send it, in the place of `Session.send`."""
        if channel == "shell" and self.window.is_paused:
            self.check_may_wait(message, buffers)
            frames = self.outbound.freeze(message, ident, buffers)
            self._submit_by_hand(message["msg_id"], lambda: self.outbound.forward("shell", frames))
            self.record(message)
        else:
            self.outbound.post(channel, message, ident, buffers)

    def post_raw(self, channel: Channel, parts: list[Any], ident: Any) -> None:
        """Sign packed parts and send them, in the place of `Session.send_raw`."""
        frames = self.outbound.sign(parts, ident)
        if channel == "shell" and self.window.is_paused:
            self._submit_by_hand("", lambda: self.outbound.forward("shell", frames))
        else:
            self.outbound.forward(channel, frames)

    def _submit_by_hand(self, msg_id: str, send: Callable[[], None]) -> None:
        def submit() -> None:
            self.submit(Call(send, partial(self.unsent, msg_id), takes_turn=False, msg_id=msg_id))

        if self.is_foreign_thread():
            self.call_in_loop(submit)
        else:
            submit()

    def send_request(
        self,
        request: Request,
        message: dict[str, Any],
        buffers: Sequence[Any],
        *,
        is_ours: bool = False,
    ) -> None:
        """
        Send a registered request; if that fails, it is registered no more.

        With `is_ours` it goes past what is paused, and past a `send` that somebody has put into the
        session.
        """
        try:
            if is_ours:
                self.outbound.post(request.channel, message, None, buffers)
            else:
                self.outbound.post_message(request.channel, message, buffers)
        except BaseException:
            self.router.end(request)
            raise
        request.sent_at = time.monotonic()
        self.router.sent(request)
        if not self.is_watched:
            for companion in self._companions:
                companion.sent()

    def check_may_wait(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        """
        See that a request may wait for the kernel: that there is room, and that it can be packed.

        Raises:
            ChannelsClosedError: Nobody waits for the kernel, as the channel was closed.
            BacklogFullError: Too many wait.
            TypeError, ValueError: It cannot be packed, as `Session.send` says it.
        """
        if not self.is_open("shell"):
            raise ChannelsClosedError(
                "the shell channel is not running: call start_channels() first",
                msg_id=message["msg_id"],
            )
        self.outbound.freeze(message, None, buffers)
        self.pausing.check_room()

    def submit(self, entry: Entry) -> None:
        """
        Let a request take its turn: it is sent now, or when the window lets it.

        Raises:
            DeadKernelError: The kernel is gone.
        """
        self.presence.check()
        if self.window.is_paused:
            self.pausing.pause(entry, self.loop)
            return
        admitted = self.window.submit(entry)
        if len(admitted) != 1 or admitted[0] is not entry:
            self.send_all(admitted)
            return
        try:
            entry.send_now()
        except BaseException:
            self.send_all(self.window.done(entry))
            raise

    def send_all(self, entries: Iterable[Entry]) -> None:
        """Send what the window admits; what cannot be sent fails for its caller."""
        admitted = deque(entries)
        while admitted:
            entry = admitted.popleft()
            try:
                entry.send_now()
            except Exception as error:  # whoever frees the window is not to blame
                admitted.extend(self.window.done(entry))
                entry.fail(error)

    def unsent(self, msg_id: str, error: Exception) -> None:
        """Tell whoever waits for messages of a request by hand that it was never sent."""
        logger.warning("a request that had waited to be sent never was: %s", error)

        def make_error() -> ConKernelError:
            if isinstance(error, ConKernelError):
                return error
            return ProtocolError(f"the request was never sent: {error}", msg_id=msg_id)

        self.recording.fail_one(msg_id, make_error)
        self.inboxes["shell"].fail_claim(msg_id, make_error)

    def forget(self, request: Request, entry: Entry | None = None) -> None:
        """Let a request go whose future is done, however it ended: the one door."""
        if self.loop is not None and is_elsewhere(self.loop):
            self.hand_over(partial(self._forget, request, entry))
        else:
            self._forget(request, entry)

    def _forget(self, request: Request, entry: Entry | None) -> None:
        if entry is not None and request.phase is Phase.WAITING:
            _, admitted = self.window.withdraw(entry)
            self.send_all(admitted)
        self.router.abandon(request)

    def answer(self, question: Incoming, text: str) -> None:
        """Send an answer to an input request, with its header as the parent."""
        self.questions.pop(question.msg_id, None)
        header = dict(question.message["header"])
        self.outbound.post_message(
            "stdin", self.session.msg("input_reply", {"value": text}, header), []
        )

    def note_interrupt(self) -> None:
        """Note that this client, or its manager, interrupts the kernel."""
        self.interrupted_at = time.monotonic()

    def was_interrupted_since(self, moment: float) -> bool:
        """Tell whether this client, or its manager, interrupted the kernel since `moment`."""
        return self.interrupted_at is not None and self.interrupted_at >= moment

    def record(self, message: dict[str, Any]) -> None:
        """Begin a record of what is published for a request, unless a run gathers it."""
        request = self.router.get(message["msg_id"])
        if request is None or not request.takes_iopub:
            self.recording.open(message)

    # Receiving: the sink of the transport

    def received(self, channel: Channel, batch: list[list[Frame]]) -> None:
        """Take messages from the transport."""
        if channel == "iopub":
            self.published += 1
            if self.peer_listeners:
                self._tell_listeners()
        self.inbound.take(channel, batch, self.loop)

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
        if self.questions or message.msg_type in NOTICED:
            self._notice(channel, message)
        to, request, ended = self.router.feed(channel, message)
        if to is OWNER and request is not None:
            if ended:
                self.pace.times.append(time.monotonic() - request.sent_at)
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

    def fail_all(
        self,
        make_error: Callable[[], ConKernelError],
        channel: Channel | None = None,
        *,
        also_paused: bool = True,
    ) -> None:
        """
        Let every request fail that is under way or waits its turn, of one channel or of all.

        With `also_paused` those as well that wait for the kernel, and were never sent.
        """
        if self.loop is not None and self.loop.is_closed():
            self.sweep()
            return
        if channel != "control":
            is_iopub = channel == "iopub"
            paused = self.window.drain_paused(executes_only=is_iopub) if also_paused else []
            for entry in (*self.window.drain(), *paused):
                entry.fail(make_error())
        spared = {entry.msg_id for entry in self.window.paused}
        for request in (*self.router.open_requests, *self.router.abandoned_requests):
            is_ours = getattr(request.owner, "is_ours", False)  # it does without what is published
            is_deaf = channel == "iopub" and request.takes_iopub and not is_ours
            is_meant = channel is None or request.channel == channel or is_deaf
            if is_meant and request.msg_id not in spared:
                self.router.end(request)
                if request.owner is not None and not isinstance(request.owner, weakref.ref):
                    request.owner.fail(make_error())
        if channel != "control":
            self.recording.fail(make_error, spared)

    def fail_readers(self, make_error: Callable[[], ConKernelError], *, also_patient: bool) -> None:
        """
        Let those fail who wait at a channel object for a reply that will not come.

        With `also_patient` those as well who wait for any message for any time.
        """
        if self.is_bound():
            spared = {entry.msg_id for entry in self.window.paused}
            for inbox in self.inboxes.values():
                inbox.fail_claims(make_error, spared)
                if also_patient:
                    inbox.fail_patient(make_error)


def _late_owner_of(request: Request) -> LateOwner | None:
    """Give whom `request` belonged to before it ended, as long as somebody holds him."""
    owner = request.owner
    return cast("weakref.ref[LateOwner]", owner)() if isinstance(owner, weakref.ref) else None
