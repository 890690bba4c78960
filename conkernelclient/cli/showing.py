"""
How does a shell show what a run does?

Each command that shows outputs gives its events to `show`, and its questions to `ask`. An image is
drawn where the terminal can; otherwise it is written to a file, and its path is shown.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conkernelclient.events import Display, DisplayUpdate, ErrorOutput, ExecuteResult, Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from conkernelclient.events import Event, InputRequest

    from .pictures import Protocol

__all__ = ["ask", "put", "show"]

IMAGES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
ENDINGS: Final = {"image/svg+xml": ".svg", "image/jpeg": ".jpg"}


def put(text: str, file: TextIO | None = None) -> None:
    """Write `text`, and have it seen; to stdout unless `file` is another one."""
    target = file or sys.stdout
    try:
        target.write(text)
    except UnicodeEncodeError:  # half of a character, or a narrow encoding
        encoding = target.encoding or "utf-8"
        target.write(text.encode(encoding, "backslashreplace").decode(encoding))
    target.flush()


def show(
    event: Event,
    *,
    writes_files: bool = True,
    write: Callable[[str, TextIO | None], None] = put,
) -> None:
    """
    Print what `event` shows, at once: text to its stream, displays to stdout, errors to stderr.

    Args:
        event: Events that show nothing print nothing. Errors have their colours where stderr is a
            terminal.
        writes_files: Whether an image that the terminal cannot draw is written to a file, in a
            temporary folder that stays, and told by its path; otherwise by its size.
        write: Takes text and the stream; None is stdout.
    """
    match event:
        case Stream(name=name, text=text):
            write(text, sys.stderr if name == "stderr" else None)
        case Display(data=data) | ExecuteResult(data=data) | DisplayUpdate(data=data):
            write(_display(data, writes_files=writes_files), None)
        case ErrorOutput():
            colours = sys.stderr.isatty() and event.traceback
            write(("\n".join(colours) if colours else event.text) + "\n", sys.stderr)
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


def _display(data: dict[str, Any], *, writes_files: bool) -> str:
    image = next((mime for mime in (*IMAGES, "image/svg+xml") if mime in data), None)
    shown = None if image is None else _image(image, _text(data[image]), writes_files=writes_files)
    if shown is None:
        shown = _text(data.get("text/plain", "")) or f"[{', '.join(data)}]"
    return shown if shown.endswith("\n") else shown + "\n"


def _image(mime: str, content: str, *, writes_files: bool) -> str | None:
    """Give what shows the image; None if it is none."""
    from .pictures import drawn, picture_of

    if mime not in IMAGES:
        where = _written(content.encode(), mime) if writes_files else None
        return f"[{mime}: {where}]" if where else f"[{mime}]"
    picture = picture_of(content)
    if isinstance(picture, str):
        return f"[{mime}, {picture}]"
    protocol = _protocol()
    shown = None if protocol is None else drawn(picture, protocol)
    if shown is not None:
        return shown
    where = _written(picture.data, picture.mime_type) if writes_files else None
    size = f"{picture.mime_type}, {picture.width}x{picture.height}"
    return f"[{size}: {where}]" if where else f"[{size}]"


@cache
def _protocol() -> Protocol | None:
    from .pictures import here

    return here()


def _written(data: bytes, mime: str) -> str | None:
    """Write an image, and give its path; None if it cannot be written."""
    try:
        folder = _folder()
        path = folder / f"{len(list(folder.iterdir())) + 1}{_ending(mime)}"
        path.write_bytes(data)
    except OSError:
        return None
    return str(path)


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="conkernel-"))


def _ending(mime: str) -> str:
    return ENDINGS.get(mime) or f".{mime.rpartition('/')[2]}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(map(str, value))
