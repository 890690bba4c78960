"""
How do outputs read, for people and for language models?

`as_text` gives what a terminal would show, `for_model` the same without colours, with what was
overwritten left out, what is hidden from people shown, and cut where it is too long. JSON is never
cut in its middle: where it cannot be shown whole a line says what it holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .budget import Report, fit, shorten
from .display import in_words
from .mime import text_of
from .pieces import clean, last_line_of, pieces_of
from .summary import summary_of
from .terminal import strip_ansi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .pieces import Piece
    from .widgets import States

__all__ = ["as_text", "first_of", "for_model", "shorten", "stream_text", "strip_ansi"]


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
    widgets: States | None = None,
) -> str:
    r"""
    Give `outputs` as text for a language model.

    Args:
        outputs: nbformat outputs.
        max_chars: The text's greatest length; what is over goes from its middle. From 100 on, the
            last line of the last exception, with the name of its type, is kept. None: no limit.
        raised: Name and text of an exception, which is added if the outputs have none.
        note: What is to be read at the end.
        widgets: What widgets show at last, by their models.

    Returns:
        Text in which a newline and a tab are the only controls; carriage returns and backspaces
        have done their work, and characters that hide text from people are escapes such as
        "\u202e". Displays are shown by their content, see `display`.
    """
    pieces = pieces_of(outputs, widgets, raised, is_text_only=True)
    texts = list(_apart(pieces))
    note = clean(note)
    if (texts or [""])[-1].endswith("\n"):
        note = note.removeprefix("\n")
    if max_chars is None:
        return "".join(texts) + note
    if sum(map(len, texts)) + len(note) > max_chars:
        texts = list(_apart(map(_summarised, pieces)))
    last = max((at for at, it in enumerate(pieces) if it.kind == "error"), default=None)
    name = "" if last is None else pieces[last].name
    return fit(_report(texts, last, name), name, note, max(0, max_chars))


def _apart(pieces: Iterable[Piece]) -> Iterator[str]:
    """Give the texts of pieces, so that what is not printed begins a line."""
    before = "\n"
    for piece in pieces:
        is_apart = not (piece.is_printed or before.endswith("\n"))
        before = "\n" + piece.text if is_apart else piece.text
        yield before


def _summarised(piece: Piece) -> Piece:
    """Tell JSON in one line, where it cannot be shown whole."""
    return replace(piece, text=summary_of(piece.text) + "\n") if piece.is_json else piece


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


def _report(texts: list[str], last: int | None, name: str) -> Report:
    """Part the text at the last line of the exception that `texts[last]` tells of."""
    if last is None:
        return Report("".join(texts))
    traceback = texts[last]
    start = last_line_of(traceback, name)
    return Report(
        "".join(texts[:last]) + traceback[:start], traceback[start:], "".join(texts[last + 1 :])
    )
