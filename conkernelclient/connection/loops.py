"""
Which event loop is served, from which thread?

The one that runs and uses the client: it reads the sockets, and its thread alone changes what the
connection knows. `bind` is called with each use, and moves the connection to the running loop
unless the served one runs in another thread.

A loop that was served before is at rest, or it runs in a thread of its own, while another one is
served. What was asked there has its answer there: the served loop reads the message and changes the
state, and what belongs to a loop (futures, tasks, timers) is only touched in it, by `call_there`. A
loop at rest holds one callback of ours. With that it is served again as soon as it runs, also if it
only awaits an old answer; while the served loop runs in another thread the callback looks now and
then whether that goes on, for no loop tells others that it stops.

What was asked in a loop that is closed is forgotten: the router and the window drop it, so that
nothing waits behind it. A thread that waits for it gets `ChannelsClosedError`.
"""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ..errors import ChannelsClosedError, WrongLoopError
from ..transport.session_patch import check_fork
from .threads import is_elsewhere, note_several

if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Iterable

    from jupyter_client.session import Session

    from ..protocol.incoming import Incoming
    from ..protocol.messages import Channel
    from ..state.router import Router
    from ..state.window import Entry, Window
    from ..transport.base import Transport
    from .inbound import Inbound
    from .inbox import Inbox
    from .recording import Recording

__all__ = ["Loops"]

LOOK_AGAIN: Final = 0.05  # seconds, while the loop of another thread is served


class Loops:
    """The part of a connection that knows its loops; see `Connection` for its attributes."""

    session: Session
    _router: Router
    _window: Window
    recording: Recording
    inboxes: dict[Channel, Inbox]
    _inbound: Inbound
    _transport: Transport

    def __init__(self, session: Session) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._resting: list[asyncio.AbstractEventLoop] = []  # served before, and open
        self._thread = 0
        self._pid = session.pid
        # What other threads want done in the loop that is served, oldest first.
        self._calls: deque[Callable[[], object]] = deque()
        # What threads wait for, each with the loop that it is asked in.
        self._answers: dict[concurrent.futures.Future[Any], asyncio.AbstractEventLoop] = {}

    def bind(self) -> asyncio.AbstractEventLoop | None:
        """
        Serve the running loop, unless the one that is served runs in another thread.

        Raises:
            ForkedError: This process was forked off the one that made the client.
        """
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is not None and running is self.loop:
            self._thread = threading.get_ident()  # a loop may go on in another one
            return running  # most calls; a forked process has no running loop
        if os.getpid() != self._pid:
            check_fork(self.session)
        if running is None:
            return self.loop
        before = self.loop
        if before is not None:
            if before.is_running() and self.is_foreign_thread():
                return before  # it is told there
            self._let_rest(before)
        self.loop = running
        self._thread = threading.get_ident()
        self._transport.attach(running)
        self._rebound()
        if before is not None:
            self.sweep()
            self._make_calls()
        return running

    def _serve_none(self) -> None:
        """Serve no loop, before there is a use in one."""
        self.loop = None

    def _let_rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve `loop` again as soon as it runs, also if it only awaits an old answer."""
        note_several()
        self.loop = None
        self._transport.detach()
        self._inbound.finish()
        if loop.is_closed() or loop in self._resting:
            return
        self._resting.append(loop)
        self._inbound.deliver_by(self._deliver_among_several)
        this = weakref.ref(self)

        def resume() -> None:
            connection = this()
            if connection is not None:
                connection._resume(loop, resume)

        with suppress(RuntimeError):  # it is being closed
            loop.call_soon_threadsafe(resume)

    def _resume(self, loop: asyncio.AbstractEventLoop, again: Callable[[], None]) -> None:
        served = self.loop
        if served is not None and served.is_running() and self.is_foreign_thread():
            loop.call_later(LOOK_AGAIN, again)
            return
        if loop in self._resting:
            self._resting.remove(loop)
        if served is not None and os.getpid() == self._pid:
            self.bind()
            self.pump_all()  # before timers that were due while it was at rest

    def _rebound(self) -> None:
        """Take note that another loop is served now."""
        raise NotImplementedError

    def _deliver(self, channel: Channel, message: Incoming) -> None:
        raise NotImplementedError

    def _deliver_among_several(self, channel: Channel, message: Incoming) -> None:
        """Deliver `message`; a run of another loop, which may be about to wait, looks again."""
        if any(loop.is_closed() for loop in self._resting):
            self.sweep()
        request = self._router.get(message.parent_id)
        owner = None if request is None else request.owner
        self._deliver(channel, message)
        look_again = getattr(owner, "look_again", None)
        if owner is not None and look_again is not None and is_elsewhere(owner.get_loop()):
            look_again()

    # What is closed

    def sweep(self) -> None:
        """Forget what was asked in loops that are closed; what others asked goes on."""
        self._resting = [loop for loop in self._resting if not loop.is_closed()]
        gone: set[str] = set()
        for request in (*self._router.open_requests, *self._router.abandoned_requests):
            owner = request.owner
            loop: asyncio.AbstractEventLoop | None = getattr(owner, "get_loop", _no_loop)()
            if loop is not None and loop.is_closed():
                gone.add(request.msg_id)
                self._router.end(request)
        if gone:
            self._send_all(self._window.take_out(gone))
        for inbox in self.inboxes.values():
            inbox.forget_waiters()
        self.recording.forget_waiters()
        for answer, loop in list(self._answers.items()):
            if loop.is_closed():
                self._answers.pop(answer, None)
                if answer.set_running_or_notify_cancel():
                    answer.set_exception(
                        ChannelsClosedError(
                            "the event loop in which this was asked was closed before the answer "
                            "came; ask again in one that runs"
                        )
                    )

    def _send_all(self, entries: Iterable[Entry]) -> None:
        """Send what the window admits."""
        raise NotImplementedError

    def pump_all(self) -> None:
        """Receive now what has come on any channel."""
        raise NotImplementedError

    # Threads

    def is_bound(self) -> bool:
        """Tell whether there is a loop, not closed, that is served."""
        return self.loop is not None and not self.loop.is_closed()

    def bind_here(self) -> None:
        """
        As `bind`, for what can only be awaited in the loop that is served.

        Raises:
            WrongLoopError: This is another thread than that loop's.
        """
        self.bind()
        if self.is_foreign_thread():
            raise WrongLoopError(
                "this client serves the event loop of another thread: await this there; from here "
                "only the verbs that send (execute, run, request ...) hand over to it"
            )

    def is_foreign_thread(self) -> bool:
        """Tell whether the caller is in another thread than the loop that is served."""
        loop = self.loop
        if loop is None or loop.is_closed():
            return False
        running = asyncio._get_running_loop()
        if running is loop:
            return False
        if threading.get_ident() != self._thread:
            return True
        return running is None and loop.is_running()  # it goes on in another one

    def call_in_loop(self, function: Callable[[], object]) -> None:
        """
        Call `function` in the loop's thread, in the order of these calls, and soon.

        If that loop is at rest, as soon as it or another one is served.

        Raises:
            ChannelsClosedError: The channels were stopped meanwhile, there.
        """
        loop = self.loop
        if loop is None:
            raise _stopped_meanwhile()
        self._calls.append(function)
        loop.call_soon_threadsafe(self._make_calls)

    def _make_calls(self) -> None:
        if self.is_foreign_thread():
            return  # another loop is served by now, and has made them
        while self._calls:
            self._calls.popleft()()

    def hand_over(self, function: Callable[[], object]) -> None:
        """Call `function` in the thread of the loop that is served: now, or as soon as it can."""
        loop = self.loop
        if loop is not None and not loop.is_running() and os.getpid() == self._pid:
            self.bind()  # a loop at rest stands in nobody's way
        if self.is_foreign_thread():
            self.call_in_loop(function)
            return
        if self.loop is not None and self.loop.is_closed():
            self.bind()
        function()

    def note_answer(self, answer: concurrent.futures.Future[Any]) -> None:
        """Note that a thread waits for `answer`, which comes out of the loop that is served."""
        if self.loop is not None:
            self._answers[answer] = self.loop
            answer.add_done_callback(lambda done: self._answers.pop(done, None))

    def loop_for_future(self) -> asyncio.AbstractEventLoop:
        """
        Give the loop that an answer belongs to, also before it runs: after `bind`.

        Raises:
            ChannelsClosedError: This thread has none, and the one that was served is served no more
                since the channels were stopped.
        """
        loop = self.loop
        if loop is not None and not loop.is_closed():
            return loop
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                return asyncio.get_event_loop()
            except RuntimeError:
                if self._transport.is_open("shell"):
                    raise
                raise _stopped_meanwhile() from None


def _stopped_meanwhile() -> ChannelsClosedError:
    return ChannelsClosedError(
        "the channels were stopped while this was asked: call start_channels() and ask again"
    )


def _no_loop() -> None:
    """Give the loop of an owner that has none."""
