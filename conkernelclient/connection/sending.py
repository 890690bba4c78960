"""
When is a request sent, and what becomes of its place?

A request is registered, and submitted: it is sent at once, when the window admits it, or when there
is a kernel. It keeps its place in the window until the kernel has finished with it, or until it is
given up before it was sent. What a program sends by hand, on a socket or a channel object, goes the
same way as far as it has to wait for a kernel.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConKernelError, ProtocolError
from ..state.router import Phase, Request
from ..state.window import Call
from ..transport.base import not_running
from .loops import Loops
from .threads import is_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel
    from ..state.presence import Presence
    from ..state.router import Owner, Takes
    from ..state.window import Entry
    from .companion import Companion
    from .outbound import Outbound
    from .pausing import Pausing
    from .questions import Questions

__all__ = ["Sending"]

logger: Final = logging.getLogger(__name__)

DONE: Final = Phase.DONE


class Sending(Loops):
    """The part of a connection that sends; see `Connection` for its attributes."""

    presence: Presence
    questions: Questions
    is_watched: bool
    make: Callable[..., dict[str, Any]]
    _companions: list[Companion]
    _outbound: Outbound
    _pausing: Pausing
    take_back: Callable[[Entry], bool]

    # By hand

    def post(
        self, channel: Channel, message: dict[str, Any], ident: Any, buffers: list[Any]
    ) -> None:
        """Pack a message and send it, in the place of `Session.send`."""
        if channel == "shell" and self._window.is_paused:
            self._check_may_wait(message, buffers)
            frames = self._outbound.freeze(message, ident, buffers)
            self._submit_by_hand(message["msg_id"], lambda: self._outbound.forward("shell", frames))
            self.record(message)
        else:
            self._outbound.post(channel, message, ident, buffers)

    def post_raw(self, channel: Channel, parts: list[Any], ident: Any) -> None:
        """Sign packed parts and send them, in the place of `Session.send_raw`."""
        frames = self._outbound.sign(parts, ident)
        if channel == "shell" and self._window.is_paused:
            self._submit_by_hand("", lambda: self._outbound.forward("shell", frames))
        else:
            self._outbound.forward(channel, frames)

    def _submit_by_hand(self, msg_id: str, send: Callable[[], None]) -> None:
        def submit() -> None:
            self.submit(Call(send, partial(self._unsent, msg_id), takes_turn=False, msg_id=msg_id))

        if self.is_foreign_thread():
            self.call_in_loop(submit)
        else:
            submit()

    def tell(
        self,
        channel: Channel,
        message: dict[str, Any],
        buffers: list[Any],
        *,
        takes_turn: bool,
        make_entry: Callable[..., Call] = Call,
    ) -> None:
        """
        Send a request whose reply goes to the channel object.

        With `takes_turn` it is sent when the window admits it. One for the shell waits for a kernel
        that is not there yet. `make_entry` makes its entry in the window.
        """
        is_paused = self._window.is_paused
        if not (takes_turn or (is_paused and channel == "shell")):
            self._outbound.post_message(channel, message, buffers)
            return
        entry = make_entry(
            lambda: self._outbound.post_message(channel, message, buffers),
            partial(self._unsent, message["msg_id"]),
            message["header"].get("subshell_id"),
            msg_id=message["msg_id"],
            takes_turn=takes_turn,
            answer=self.inboxes["shell"].put,
        )
        if is_paused:
            self._check_may_wait(message, buffers)
        self.record(message)
        self.submit(entry)

    def post_message(
        self, channel: Channel, message: dict[str, Any], buffers: Sequence[Any]
    ) -> None:
        """Send a message now; through the session, if a program has put a `send` there."""
        self._outbound.post_message(channel, message, buffers)

    def _unsent(self, msg_id: str, error: Exception) -> None:
        """Let the waiters for messages of a request by hand fail: it was never sent."""
        logger.warning("a request that had waited to be sent never was: %s", error)

        def make_error() -> ConKernelError:
            if isinstance(error, ConKernelError):
                return error
            return ProtocolError(f"the request was never sent: {error}", msg_id=msg_id)

        self.recording.fail_one(msg_id, make_error)
        self.inboxes["shell"].fail_claim(msg_id, make_error)

    # Requests

    def record(self, message: dict[str, Any]) -> None:
        """Begin a record of what is published for a request, unless a run gathers it."""
        request = self._router.get(message["msg_id"])
        if request is None or not request.takes_iopub:
            self.recording.open(message)

    def open_request(
        self,
        owner: Owner,
        msg_type: str,
        content: dict[str, Any],
        takes: Takes,
        *,
        subshell_id: str | None = None,
    ) -> Request:
        """
        Register a request of the client's own on shell, and send it past all that waits.

        Args:
            owner: Takes its messages.
            msg_type: Its type.
            content: Its content.
            takes: Which of its messages the owner takes.
            subshell_id: The shell that is asked; None: the main one.

        Raises:
            ConKernelError: It cannot be sent; it is registered no more.
        """
        message = self._outbound.make(msg_type, content)
        if subshell_id is not None:
            message["header"]["subshell_id"] = subshell_id
        request = Request(message["msg_id"], takes, owner)
        self._router.open(request)
        self.send_request(request, message, (), is_ours=True)
        return request

    def register(
        self, request: Request, message: dict[str, Any], buffers: Sequence[Any] = ()
    ) -> bool:
        """
        Register a request before it is submitted; tells whether it waits for a kernel.

        Raises:
            BacklogFullError: Too many wait.
            ChannelsClosedError: Nobody waits for a kernel, as the channel was closed.
            ProtocolError: One with this msg_id is registered.
            TypeError, ValueError: It waits and cannot be packed, as `Session.send` says it.
        """
        is_paused = self._window.is_paused and request.channel == "shell"
        if is_paused:
            self._check_may_wait(message, buffers)
        self._router.open(request)
        return is_paused

    def _check_may_wait(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
        """See that a request may wait for the kernel: there is room, and it can be packed."""
        if not self._transport.is_open("shell"):
            raise not_running("shell", message["msg_id"])
        self._outbound.freeze(message, None, buffers)
        self._pausing.check_room()

    def submit(self, entry: Entry) -> None:
        """
        Let a request take its turn: it is sent now, or when the window admits it.

        Raises:
            DeadKernelError: The kernel is gone.
        """
        self.presence.check()
        if self._window.is_paused:
            self._pausing.pause(entry, self.loop)
            return
        admitted = self._window.submit(entry)
        if len(admitted) != 1 or admitted[0] is not entry:
            self._send_all(admitted)
            return
        try:
            entry.send()
        except BaseException:
            self._send_all(self._window.done(entry))
            raise

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

        With `is_ours` it goes past what is paused, and past a `send` that a program has put into
        the session.
        """
        try:
            if is_ours:
                self._outbound.post(request.channel, message, None, buffers)
            else:
                self._outbound.post_message(request.channel, message, buffers)
        except BaseException:
            self._router.end(request)
            raise
        request.sent_at = time.monotonic()
        self._router.sent(request)
        if not self.is_watched:
            for companion in self._companions:
                companion.sent()

    def answer(self, question: Incoming, text: str) -> None:
        """Send an answer to an input request, with its header as the parent."""
        self.questions.pop(question.msg_id, None)
        header = dict(question.message["header"])
        self._outbound.post_message(
            "stdin", self.session.msg("input_reply", {"value": text}, header), []
        )

    # Places

    def finish(self, request: Request, entry: Entry | None = None) -> None:
        """
        Let a request go with which the kernel has finished, or of which nothing more comes.

        Whatever waits behind `entry`, its entry in the window, is sent. Harmless twice.
        """
        if request.phase is not DONE:
            self._router.end(request)
        if entry is not None:
            admitted = self._window.done(entry)
            if admitted:
                self._send_all(admitted)

    def give_up(self, request: Request, entry: Entry | None = None) -> bool:
        """
        Let a request go whose future is done, however it ended.

        One that was not sent never is, which this tells. One that the kernel has keeps its place
        until the kernel has finished with it.
        """
        was_withdrawn = False
        if entry is not None and request.phase is Phase.WAITING:
            was_withdrawn, admitted = self._window.withdraw(entry)
            was_withdrawn = self.take_back(entry) or was_withdrawn
            self._send_all(admitted)
        self._router.abandon(request)
        return was_withdrawn

    def forget(self, request: Request, entry: Entry | None = None) -> None:
        """As `give_up`, from any thread."""
        if self.loop is not None and is_elsewhere(self.loop):
            self.hand_over(partial(self.give_up, request, entry))
        else:
            self.give_up(request, entry)

    def step_aside(self, entry: Entry) -> None:
        """Send what waits behind `entry`, which the kernel may still have."""
        admitted = self._window.done(entry)
        if admitted:
            self._send_all(admitted)

    def change_lane(self, entry: Entry, lane: str | None) -> None:
        """Let `entry`, which was admitted and not sent, take its turn in another lane."""
        admitted = self._window.done(entry)
        entry.lane = lane
        self._send_all([*admitted, *self._window.submit(entry)])

    def ahead_of(self, entry: Entry) -> Entry | None:
        """Give the run in the kernel that `entry` waits for; None: it waits for no other one."""
        return self._window.ahead_of(entry)

    @property
    def is_paused(self) -> bool:
        """Whether what is meant for the shell waits for a kernel."""
        return self._window.is_paused

    def pause(self) -> None:
        """Let what is meant for the shell wait for a kernel."""
        self._window.pause()

    def resume(self) -> None:
        """Send what has waited for a kernel, as far as the window admits it."""
        self._pausing.clear()
        for entry in tuple(self._window.paused):
            entry.resumed()
        admitted = self._window.resume()
        for companion in self._companions:
            companion.resumed()
        self._send_all(admitted)

    def limit_window(self, limit: int | None) -> None:
        """Let so many runs of each shell be in the kernel at once; None: any number."""
        self._window.limit = limit
        self._send_all(self._window.admit())

    @property
    def longest_pause(self) -> float | None:
        """Seconds that a request waits for the kernel at most; None: any time."""
        return self._pausing.timeout

    def limit_pause(self, seconds: float | None) -> None:
        """Let each request that begins to wait for a kernel do so for so long; None: any time."""
        self._pausing.timeout = seconds

    def describe_pause_by(self, describe: Callable[[], str]) -> None:
        """Let `describe` say what is waited for."""
        self._pausing.describe = describe

    def _send_all(self, entries: Iterable[Entry]) -> None:
        """Send what the window admits; what cannot be sent fails for its caller."""
        admitted = deque(entries)
        while admitted:
            entry = admitted.popleft()
            try:
                entry.send()
            except Exception as error:  # the caller that frees the window is not to blame
                admitted.extend(self._window.done(entry))
                entry.fail(error)
