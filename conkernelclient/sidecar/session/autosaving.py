"""
When is the document saved, and what if that fails?

Some time after a change, in a thread, one save after the other; the last state when the session
ends. A save that failed is tried again at the next change.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from conkernelclient.errors import NotebookError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .files import NotebookFile

__all__ = ["Autosaver"]

PAUSE: Final = 5.0  # times as long as the last save took, until the next by itself


class Autosaver:
    """
    Saves one document. It belongs to the loop that runs when it is made.

    Args:
        file: Where it is saved.
        content: Is called in the loop, and gives what is called in a thread and gives what the file
            is to hold; each may raise NotebookError.
        saved: Is called when the file was written.
        failed: Is called with the reason, in one line, when it could not be.
        seconds: From a change to the save of it, or longer where saving takes long; None: it is
            saved by `save` alone, and at the end.
    """

    def __init__(
        self,
        file: NotebookFile,
        content: Callable[[], Callable[[], bytes]],
        saved: Callable[[], None],
        failed: Callable[[str], None],
        seconds: float | None,
    ) -> None:
        self._file = file
        self._content = content
        self._saved = saved
        self._failed = failed
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._last: asyncio.Task[None] | None = None
        self._is_unsaved = False
        self._took = 0.0  # seconds, the last save

    @property
    def is_unsaved(self) -> bool:
        """Whether something has changed since the last save that was not in vain began."""
        return self._is_unsaved

    def changed(self) -> None:
        """Note that the document has changed."""
        self._is_unsaved = True
        if self._seconds is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            seconds = max(self._seconds, PAUSE * self._took)
            self._timer = loop.call_later(seconds, self._time_is_over)

    async def save(self, *, force: bool = False) -> None:
        """
        Save what the document is now, when earlier saves have ended.

        Args:
            force: Also over what another program has written.

        Raises:
            NotebookError: It could not be saved. `failed` was called as well.

        Cancelling this does not stop the save.
        """
        await asyncio.shield(self._begin(force=force))

    async def close(self) -> None:
        """Save what is unsaved, at last. Raises NotebookError as `save` does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._seconds = None
        if self._last is not None and not self._last.done():
            await asyncio.wait([self._last])
        if self._is_unsaved:
            await self.save()

    def _time_is_over(self) -> None:
        self._timer = None
        if self._is_unsaved:
            self._begin(force=False)

    def _begin(self, *, force: bool) -> asyncio.Task[None]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task = asyncio.get_running_loop().create_task(self._save(self._last, force=force))
        task.add_done_callback(_seen)
        self._last = task
        return task

    async def _save(self, before: asyncio.Task[None] | None, *, force: bool) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._is_unsaved = False
        try:
            make = self._content()
            self._is_unsaved = False  # what `content` itself has changed is in there
            await asyncio.to_thread(self._write, make, force=force)
        except NotebookError as error:
            self._is_unsaved = True
            self._failed(str(error))
            raise
        self._saved()

    def _write(self, make: Callable[[], bytes], *, force: bool) -> None:
        began_at = time.perf_counter()
        try:
            self._file.write(make(), force=force)
        finally:
            self._took = time.perf_counter() - began_at


def _seen(task: asyncio.Task[None]) -> None:
    """Take the error, which nobody may await: it was told by `failed`."""
    if not task.cancelled():
        task.exception()
