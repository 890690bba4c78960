"""What is one call of a session, for the program and the model that made it?"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from . import words
from .reading import Place
from .results import SessionResult
from .states import CALL_TRANSITIONS, ENDED, CallNews, CallState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from conkernelclient import Run
    from conkernelclient.events import Event

    OnOutput: TypeAlias = Callable[[Event], Awaitable[None] | None]

__all__ = ["Call", "OnTimeout"]

logger: Final = logging.getLogger(__name__)

OnTimeout: TypeAlias = Literal["interrupt", "detach"]


class Call:
    """
    One piece of code that a session runs, from the call to its result.

    `await` it for its `SessionResult`, any number of times. `session.start` gives it, and
    `session.runs` has it by its id.

    Attributes:
        id: Short name, such as "r1".
        code: What is run.
        timeout: Seconds that it may run; None: any time.
        on_timeout: "interrupt" it then, or "detach" it: it goes on in the background. With the
            latter its time counts from the call, so that there is an answer by then.
        is_background: Whether nobody waits for its end: a caller that is cancelled does not end it.
        begun_at: When its code was sent, by `time.monotonic`; None before.
        on_output: Called with each event as it comes. Another one may take its place meanwhile.
        result: What came of it; None until it has ended.
    """

    def __init__(
        self,
        run_id: str,
        code: str,
        *,
        timeout: float | None,
        on_timeout: OnTimeout = "interrupt",
        is_background: bool = False,
        on_output: OnOutput | None = None,
    ) -> None:
        self.id: str = run_id
        self.code: str = code
        self.timeout: float | None = timeout
        self.on_timeout: OnTimeout = on_timeout
        self.is_background: bool = is_background
        self.on_output: OnOutput | None = on_output
        self.begun_at: float | None = None
        self.result: SessionResult | None = None
        self._state = CallState.WAITING
        self._run: Run | None = None
        self._place = Place()
        self._made_at = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        self.stopped: asyncio.Future[None] = loop.create_future()  # it is not to go on
        self._done: asyncio.Future[SessionResult] = loop.create_future()
        self._answer: asyncio.Future[None] = loop.create_future()  # who waits goes on

    # For the program

    @property
    def state(self) -> CallState:
        """How it stands."""
        return self._state

    @property
    def is_done(self) -> bool:
        """Whether it has ended, and `result` is there."""
        return self._done.done()

    @property
    def name(self) -> str:
        """Its id and its first line, for a model."""
        return words.behind(self.id, self.code)

    def __await__(self) -> Generator[Any, Any, SessionResult]:
        return asyncio.shield(self._done).__await__()

    def detach(self) -> None:
        """Let it go on in the background; who waits for its answer gets what has come so far."""
        self.is_background = True
        if not self._answer.done():
            self._answer.set_result(None)

    def cancel(self) -> bool:
        """
        Give it up: unsent it never runs, running it is interrupted.

        Returns:
            False if it had ended already.
        """
        if self._state in ENDED:
            return False
        self.note(CallNews.CANCEL)
        self._stop()
        return True

    async def interrupt(self) -> bool:
        """
        Interrupt its code; before its turn it is dropped.

        Returns:
            Whether it has ended. Code that swallows interrupts is ended by `session.restart`.
        """
        run = self._run
        if run is None:
            self.cancel()
        else:
            await run.interrupt()
            if not run.is_finished:
                return self.is_done
        await asyncio.wait((self._done,))
        return True

    async def poll(self, wait: float = 0.0) -> SessionResult:
        """
        Give what it has shown since the last poll, and how it stands.

        Args:
            wait: Seconds to wait for its end first.

        Returns:
            A result whose `outputs` are the new ones alone; its status is "running" until the end.
        """
        if self.is_done:
            wait = 0.0
        await asyncio.sleep(0)  # who polls in a loop lets the others go on
        if wait > 0:
            await asyncio.wait((self._done,), timeout=wait)
        return self.news()

    def news(self) -> SessionResult:
        """Give the same at once."""
        known = self.so_far()
        return replace(known, outputs=self._place.advance(known.outputs))

    async def answer(self) -> SessionResult:
        """Wait for its end, or until it is detached. Cancelled, it is given up."""
        try:
            await asyncio.shield(self._answer)
        except asyncio.CancelledError:
            if not self.is_background:
                self.cancel()
            raise
        return self.result or self.news()

    # For the session

    def note(self, news: CallNews) -> CallState:
        """Take note of what happens; gives how it stands now."""
        state = CALL_TRANSITIONS.get((self._state, news))
        if state is None:
            logger.error("call %s is %s: %s", self.id, self._state.name, news.name)
            return self._state
        self._state = state
        return state

    @property
    def listener(self) -> OnOutput | None:
        """What a run tells its events, so that `on_output` has them; None if nobody listens."""
        return None if self.on_output is None else self._tell

    def _tell(self, event: Event) -> Awaitable[None] | None:
        return None if self.on_output is None else self.on_output(event)

    def begin(self, run: Run) -> None:
        """Go on as `run`."""
        self._run = run
        self.begun_at = time.monotonic()
        self.note(CallNews.BEGIN)

    def time_over(self) -> None:
        """Learn that its time is over."""
        if self.on_timeout == "detach" and self._state is CallState.RUNNING:
            self.detach()
            return
        self.note(CallNews.TIME_OVER)
        self._stop()

    def limit_waiting(self, is_limited: bool) -> None:
        """Let its time run while it waits, or not: what it waits for may never end."""
        if self._timer is not None and not is_limited:
            self._timer.cancel()
            self._timer = None
        elif self._timer is None and is_limited and self.timeout is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.timeout, self._waited)

    def end(self, result: SessionResult) -> None:
        """End with `result`."""
        self.limit_waiting(False)
        self.result = result
        self._done.set_result(result)
        if not self._answer.done():
            self._answer.set_result(None)

    @property
    def time_left(self) -> float | None:
        """Seconds that it may still run, at its beginning; None: any time."""
        if self.timeout is None or self.on_timeout == "interrupt":
            return self.timeout
        return max(0.0, self.timeout - (time.monotonic() - self._made_at))

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return 0.0 if self.begun_at is None else time.monotonic() - self.begun_at

    def _waited(self) -> None:
        if self._state is CallState.WAITING:
            self.time_over()

    def _stop(self) -> None:
        if not self.stopped.done():
            self.stopped.set_result(None)

    def so_far(self) -> SessionResult:
        """Give all that it has shown, and how it stands; unlike a poll it takes nothing away."""
        if self.result is not None:
            return self.result
        if self._run is None:
            note = f"{self.id} waits for its turn"
            return SessionResult.without_run(self.code, self.id, status="running", notes=(note,))
        note = words.still_running(self.id, self.seconds)
        outcome = self._run.outcome
        return SessionResult.of(
            outcome, self.id, status="running", still_running=True, notes=(note,)
        )

    def __repr__(self) -> str:
        return f"<Call {self.name} {self._state.name.lower()}>"
