"""
How do outputs read, for people and for language models?

`as_text` gives what a terminal would show, `for_model` the same without colours, with what was
overwritten left out, what is hidden from people shown, and cut where it is too long.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from .budget import Report, fit, shorten
from .display import in_words
from .mime import text_of
from .terminal import fold, strip_ansi, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["as_text", "first_of", "for_model", "shorten", "stream_text", "strip_ansi"]

MARGIN: Final = r"^[ \t|+\-]*(?:[\w.]+\.)?"  # before a type's name: of a group, and its module


def stream_text(outputs: Iterable[Mapping[str, Any]], name: str) -> str:
    """Join the text that was printed to the stream `name`."""
    return "".join(
        text_of(output["text"])
        for output in outputs
        if output["output_type"] == "stream" and output["name"] == name
    )


def as_text(outputs: Iterable[Mapping[str, Any]]) -> str:
    """Give what a terminal would show of `outputs`: streams, plain text of values, tracebacks."""
    text = ""
    pieces: list[str] = []
    for output in outputs:
        piece = _piece(output, lambda data: text_of(data.get("text/plain")))
        if piece:
            is_apart = output["output_type"] != "stream" and text and not text.endswith("\n")
            text = "\n" + piece if is_apart else piece
            pieces.append(text)
    return "".join(pieces)


def first_of(outputs: Iterable[Mapping[str, Any]]) -> str:
    """Give the first of `outputs` that has text, in words."""
    return next(filter(None, (_piece(output, in_words) for output in outputs)), "")


def for_model(
    outputs: Iterable[Mapping[str, Any]],
    max_chars: int | None = None,
    *,
    raised: tuple[str, str] | None = None,
    note: str = "",
) -> str:
    r"""
    Give `outputs` as text for a language model.

    Args:
        outputs: nbformat outputs.
        max_chars: The text's greatest length; what is over goes from its middle. From 100 on, the
            last line of the last exception, with the name of its type, is kept. None: no limit.
        raised: Name and text of an exception, which is added if the outputs have none.
        note: What is to be read at the end.

    Returns:
        Text in which a newline and a tab are the only controls; carriage returns and backspaces
        have done their work, and characters that hide text from people are escapes such as
        "\u202e". Displays are shown by their content, see `display`.
    """
    texts: list[str] = []
    last: int | None = None
    name = ""
    at_line_start = True
    for output in outputs:
        piece = _clean(_piece(output, in_words))
        if not piece:
            continue
        if output["output_type"] != "stream" and not at_line_start:
            texts.append("\n")
        if output["output_type"] == "error":
            last, name = len(texts), _clean(str(output["ename"]))
            piece = _named(piece, name, _clean(str(output["evalue"])))
        texts.append(piece)
        at_line_start = piece.endswith("\n")
    if last is None and raised is not None:
        name, message = map(_clean, raised)
        last = len(texts) + (not at_line_start)
        texts += [] if at_line_start else ["\n"]
        texts.append(f"{name}: {message}\n")
    ending = _report(texts, last, name)
    note = _clean(note)
    if ending.text.endswith("\n"):
        note = note.removeprefix("\n")
    if max_chars is None:
        return ending.text + note
    return fit(ending, name, note, max(0, max_chars))


def _clean(text: str) -> str:
    return visible(fold(text))


def _piece(output: Mapping[str, Any], describe: Callable[[Mapping[str, Any]], str]) -> str:
    match output["output_type"]:
        case "stream":
            return text_of(output["text"])
        case "error":
            text = "\n".join(output["traceback"])
            return (text or f"{output['ename']}: {output['evalue']}") + "\n"
        case _:
            text = describe(output["data"])
            return text + "\n" if text else ""


def _named(traceback: str, name: str, message: str) -> str:
    """Give the traceback with the type's name, which some kernels leave out of it."""
    return traceback if name in traceback else f"{traceback}{name}: {message}\n"


def _report(texts: list[str], last: int | None, name: str) -> Report:
    """Part the text at the last line of the exception that `texts[last]` tells of."""
    if last is None:
        return Report("".join(texts))
    traceback = texts[last]
    start = _last_line(traceback, name)
    return Report(
        "".join(texts[:last]) + traceback[:start], traceback[start:], "".join(texts[last + 1 :])
    )


def _last_line(traceback: str, name: str) -> int:
    """Find where the line begins that names the exception's type; the message may have more."""
    lines = re.finditer(f"{MARGIN}{re.escape(name)}(?!\\w)", traceback, re.MULTILINE)
    start = max((line.start() for line in lines), default=-1)
    if start < 0:
        start = traceback.rfind("\n", 0, max(0, traceback.rfind(name))) + 1
    return start
