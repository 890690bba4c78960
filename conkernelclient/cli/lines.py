"""
How does a program type cells, where standard input is no terminal?

Line by line: the kernel tells when the lines so far are a cell. What the cell asks for is answered
by the line that comes next.
"""

from __future__ import annotations

import asyncio
import os
import threading
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Final

from .showing import put

if TYPE_CHECKING:
    from conkernelclient.events import InputRequest

    from .helping import Helper

__all__ = ["END_OF_FILE", "Lines"]

END_OF_FILE: Final = "\x04"  # what kernels raise EOFError for


class Lines:
    """
    The lines of standard input.

    Args:
        helper: Asks the kernel.
        descriptor: Is read, to its end.
    """

    def __init__(self, helper: Helper, descriptor: int = 0) -> None:
        self._helper = helper
        self._descriptor = descriptor
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._is_read = False  # set with the first line that is wanted
        self._is_over = False

    @property
    def is_terminal(self) -> bool:
        """Nobody sees what goes on."""
        return False

    async def cell(self, number: int | None, draft: str = "") -> str | None:
        """
        Give the next cell; None at the end.

        Args:
            number: Of the cell, in the kernel; nobody sees it here.
            draft: What the kernel proposes; a program types its own.
        """
        code = ""
        while (line := await self._next()) is not None:
            code += line
            if code.strip() and await self._helper.indent(code.removesuffix("\n")) is None:
                return code
            if not code.strip():
                code = ""
        return code if code.strip() else None

    async def answer(self, question: InputRequest) -> str | None:
        """Give the next line; at the end of input the code's ends, too."""
        put(question.prompt)
        line = await self._next()
        return END_OF_FILE if line is None else line.removesuffix("\n")

    async def _next(self) -> str | None:
        if not self._is_read:
            self._is_read = True
            # A daemon: a read that never ends does not hold up the end of the process.
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._read, args=(loop,), daemon=True).start()
        if self._is_over:
            return None
        line = await self._lines.get()
        self._is_over = line is None
        return line

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over each line. Not by `sys.stdin`, whose lock would outlive this thread."""
        decoder = getincrementaldecoder("utf-8")("replace")
        rest = ""
        try:
            while True:
                try:
                    part = os.read(self._descriptor, 65_536)
                except OSError:
                    part = b""
                *lines, rest = (rest + decoder.decode(part, final=not part)).split("\n")
                for line in lines:
                    loop.call_soon_threadsafe(self._lines.put_nowait, f"{line}\n")
                if not part:
                    break
            if rest:
                loop.call_soon_threadsafe(self._lines.put_nowait, rest)
            loop.call_soon_threadsafe(self._lines.put_nowait, None)
        except RuntimeError:  # the loop is closed: nobody wants them any more
            return
