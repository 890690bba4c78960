"""
How does a shell show what a run does?

Each command that shows outputs gives its events to `show`, and its questions to `ask`.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import TYPE_CHECKING

from conkernelclient.events import Display, ErrorOutput, ExecuteResult, Stream

if TYPE_CHECKING:
    from typing import TextIO

    from conkernelclient.events import Event, InputRequest

__all__ = ["ask", "put", "show"]


def show(event: Event) -> None:
    """
    Print what `event` shows, at once: text to its stream, displays to stdout, errors to stderr.

    Errors have their colours where stderr is a terminal. Events that show nothing print nothing.
    """
    match event:
        case Stream(name=name, text=text):
            put(text, sys.stderr if name == "stderr" else sys.stdout)
        case Display(data=data) | ExecuteResult(data=data):
            text = data.get("text/plain") or f"[{', '.join(data)}]"
            put("".join(text) + "\n")
        case ErrorOutput():
            colours = sys.stderr.isatty() and event.traceback
            put(("\n".join(colours) if colours else event.text) + "\n", sys.stderr)
        case _:
            pass


async def ask(question: InputRequest) -> str:
    """
    Ask on the terminal, in a thread: the loop goes on meanwhile.

    The end of input ends the code's, too.
    """
    try:
        if question.password:
            return await asyncio.to_thread(getpass.getpass, question.prompt)
        return await asyncio.to_thread(input, question.prompt)
    except EOFError:
        return "\x04"


def put(text: str, file: TextIO | None = None) -> None:
    """Write `text`, and have it seen; to stdout unless `file` is another one."""
    target = file or sys.stdout
    target.write(text)
    target.flush()
