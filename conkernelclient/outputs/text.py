"""
How do outputs read, for people and for language models?

`as_text` gives what a terminal would show, `for_model` the same without colours, with what was
overwritten left out, and shortened in the middle where it is too long.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["as_text", "for_model", "shorten", "stream_text", "strip_ansi"]

ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
READABLE: Final = ("text/plain", "text/markdown", "application/json", "text/html")


def strip_ansi(text: str) -> str:
    """Take colours and other terminal control sequences out of `text`."""
    return ANSI.sub("", text)


def overwrite(text: str) -> str:
    """
    Leave out of each line what a carriage return let the rest of it overwrite.

    Progress bars do so.
    """
    if "\r" not in text:
        return text
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for piece in line.split("\r"):
            shown = piece + shown[len(piece) :]
        lines.append(shown)
    return "\n".join(lines)


def shorten(text: str, max_chars: int) -> str:
    """
    Cut `text` down to `max_chars` characters, from its middle.

    A note there says how many are missing.
    """
    if len(text) <= max_chars:
        return text
    missing = len(text) - max_chars
    note = f"\n[... {missing} characters left out ...]\n"
    room = max_chars - len(note)
    if room <= 0:
        return text[: max(0, max_chars)]
    missing = len(text) - room
    note = f"\n[... {missing} characters left out ...]\n"
    room = max(0, max_chars - len(note))
    head = room // 2
    return text[:head] + note + text[len(text) - (room - head) :]


def stream_text(outputs: Iterable[Mapping[str, Any]], name: str) -> str:
    """Join the text that was printed to the stream `name`."""
    return "".join(
        output["text"]
        for output in outputs
        if output["output_type"] == "stream" and output["name"] == name
    )


def as_text(outputs: Iterable[Mapping[str, Any]]) -> str:
    """Give what a terminal would show of `outputs`: streams, plain text of values, tracebacks."""
    return "".join(_pieces(outputs, _plain))


def for_model(outputs: Iterable[Mapping[str, Any]], max_chars: int | None = None) -> str:
    """
    Give `outputs` as text for a language model.

    Args:
        outputs: nbformat outputs.
        max_chars: The text's greatest length; what is over goes from its middle. None: no limit.

    Returns:
        Text without terminal control sequences; for images and other binary data a line that names
        type and size.
    """
    text = overwrite(strip_ansi("".join(_pieces(outputs, _described))))
    return text if max_chars is None else shorten(text, max_chars)


def _pieces(
    outputs: Iterable[Mapping[str, Any]], describe: Callable[[Mapping[str, Any]], str]
) -> Iterable[str]:
    at_line_start = True
    for output in outputs:
        match output["output_type"]:
            case "stream":
                piece = output["text"]
            case "error":
                text = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
                piece = ("" if at_line_start else "\n") + text + "\n"
            case _:
                text = describe(output["data"])
                piece = ("" if at_line_start else "\n") + text + "\n" if text else ""
        if piece:
            yield piece
            at_line_start = piece.endswith("\n")


def _plain(data: Mapping[str, Any]) -> str:
    return _joined(data.get("text/plain", ""))


def _described(data: Mapping[str, Any]) -> str:
    images = [f"[{mime}, {_size(value)} bytes]" for mime, value in data.items() if _is_binary(mime)]
    text = next((_joined(data[mime]) for mime in READABLE if mime in data), "")
    if images:
        plain = _joined(data.get("text/plain", ""))
        return "\n".join([plain, *images] if plain else images)
    if not text and data:
        return "\n".join(f"[{mime}, {_size(value)} bytes]" for mime, value in data.items())
    return text


def _is_binary(mime: str) -> bool:
    return mime.startswith(("image/", "audio/", "video/")) or mime == "application/pdf"


def _size(value: Any) -> int:
    text = _joined(value)
    return len(text) * 3 // 4 if text.isascii() and " " not in text[:100] else len(text)


def _joined(value: Any) -> str:
    return "".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
