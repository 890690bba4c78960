"""What is a cell that runs in another kernel while the notebook goes on?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from conkernelclient.outputs.standing import short

if TYPE_CHECKING:
    from collections.abc import Generator

    from conkernelclient import Result, Run

    from .thread import LoopThread

__all__ = ["BackgroundRun"]

SHOWN = 60  # characters of the code in a repr


class BackgroundRun:
    """
    A cell that runs in another kernel, for a notebook that looks at it now and then.

    `run.outcome` is its `Result` as it stands; `run.wait()`, or `await run`, is its `Result` at its
    end. A notebook shows it as its outputs so far.
    """

    def __init__(self, run: Run, name: str, thread: LoopThread) -> None:
        self.name: str = name
        self.code: str = run.code
        self._run = run
        self._thread = thread

    @property
    def outcome(self) -> Result:
        """The result as it stands."""
        run = self._run
        return self._thread.ask(lambda: run.outcome)

    def done(self) -> bool:
        """Whether it has ended."""
        return self._run.done()

    def wait(self, timeout: float | None = None) -> Result:
        """
        Wait for its end.

        Args:
            timeout: Seconds; None: any time.

        Returns:
            Its result, or after `timeout` seconds how it stands, with status "running". An error of
            the code is a result.

        Raises:
            ConKernelError: The kernel ended.

        An interrupt of the cell that waits ends the wait alone.
        """
        return self._thread.call(self._waited(timeout))

    async def _waited(self, timeout: float | None = None) -> Result:
        run = self._run
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(run)
        except TimeoutError:
            if run.done():
                raise  # it is the run's own
            return run.outcome

    def interrupt(self) -> bool:
        """Interrupt it; whether the kernel has finished with it."""
        return self._thread.call(self._interrupted())

    async def _interrupted(self) -> bool:
        return await self._run.interrupt()

    def __await__(self) -> Generator[Any, None, Result]:
        work = asyncio.run_coroutine_threadsafe(self._waited(), self._thread.loop)
        return asyncio.wrap_future(work).__await__()

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show the outputs so far."""
        return self.outcome._repr_mimebundle_(include, exclude)

    def __repr__(self) -> str:
        result = self.outcome
        return f"<BackgroundRun in {self.name!r} {result.status} {short(self.code, SHOWN)!r}>"
