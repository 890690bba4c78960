"""
How does a session come by a kernel that has its set-up?

A set-up cell that raises is told of, and the others are run. One under which the kernel ends, or
that nothing stops, is left out of all kernels to come: so there are at most as many starts in a row
as there are cells.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from conkernelclient.errors import SessionError

from . import words
from .attending import attend
from .lives import Life
from .results import SessionResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .attending import Outcome
    from .journal import Recorder
    from .lives import Plan

__all__ = ["Bringing"]


class Bringing:
    """
    Starts kernels and runs the set-up cells in them.

    Args:
        plan: What a kernel is started with.
        setup: The set-up cells.
        recorder: Writes the journal.
    """

    def __init__(self, plan: Plan, setup: Sequence[str], recorder: Recorder) -> None:
        self._plan = plan
        self._setup = list(setup)
        self._recorder = recorder
        self._left_out: set[int] = set()

    @property
    def has_setup(self) -> bool:
        """Whether there are set-up cells that are run."""
        return len(self._left_out) < len(self._setup)

    async def first(self, on_life: Callable[[Life], None]) -> None:
        """
        Give the first kernel.

        Args:
            on_life: Gets the kernel that answers, before its set-up.

        Raises:
            SessionError: There is none, or a set-up cell failed.
        """
        life = await Life.start(self._plan)
        on_life(life)
        for number in range(len(self._setup)):
            outcome = await self._run(life, number)
            why = _why(outcome, self._plan)
            if why is not None:
                count = len(self._setup)
                text = f"set-up cell {number + 1} of {count} failed: {why}"
                raise SessionError(text, stderr=life.last_words)

    async def again(self, on_life: Callable[[Life], None]) -> list[str]:
        """
        Give another kernel, and what a model should know of its set-up.

        Args:
            on_life: Gets each kernel that answers, before its set-up.

        Raises:
            SessionError: There is none.
        """
        notes: list[str] = []
        while True:
            life = await Life.start(self._plan)
            on_life(life)
            found = await self._replay(life)
            if found is None:
                await life.end("its set-up did not end well")
                notes.append(self._last_left_out)
                continue
            return notes + found

    async def _replay(self, life: Life) -> list[str] | None:
        """Run the cells; None if the kernel is of no use after one of them."""
        notes: list[str] = []
        count = len(self._setup)
        for number in range(count):
            if number in self._left_out:
                continue
            outcome = await self._run(life, number)
            why = _why(outcome, self._plan)
            if life.ended_for:
                raise SessionError(f"the kernel was ended: {life.ended_for}")
            if outcome.is_stuck or outcome.error is not None:
                self._left_out.add(number)
                self._last_left_out = words.left_out(number + 1, count, why or "")
                return None
            if why is not None:
                notes.append(words.setup_failed(number + 1, count, why))
        return notes

    _last_left_out: str = ""  # set when a cell is left out

    async def _run(self, life: Life, number: int) -> Outcome:
        code, name = self._setup[number], f"setup{number + 1}"
        await self._recorder.begin(name, code)
        stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        run = life.client.run(code, max_output_bytes=self._plan.limits.output_bytes)
        timeout = self._plan.start_timeout
        outcome = await attend(run, timeout, stopped, lambda: stopped.set_result(None))
        await self._recorder.end(name, SessionResult.of(outcome.result, name))
        return outcome


def _why(outcome: Outcome, plan: Plan) -> str | None:
    """Say in one line why a set-up cell failed; None if it did not."""
    if outcome.is_stuck:
        return f"it did not end within {plan.start_timeout:g} s, nor when it was interrupted"
    if outcome.error is not None:
        return words.end_of(outcome.error, plan.limits.cause)
    error = outcome.result.error
    if outcome.result.status != "ok" and error is not None:
        return words.shortened(f"{error.ename}: {error.evalue}", words.SAID)
    return None if outcome.result.status == "ok" else outcome.result.status
