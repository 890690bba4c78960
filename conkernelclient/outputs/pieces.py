"""
What does each output say to a model?

Each output is one piece or two: its text, and what is no text. Of a MIME bundle the text is that
which `display` gives, of a widget its last state. Of what is no text the first of these is there:
PNG, JPEG, WebP, GIF; any other image; sound, films and PDF.

An exception keeps what is about the user's code: frames of the kernel's own files are left out, and
so is how the kernel comes to refuse `input()`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from .display import REPR, in_words, is_binary, line_of, words_of
from .mime import text_of
from .terminal import fold, visible
from .widgets import model_of, widget_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .widgets import States

__all__ = ["Piece", "clean", "last_line_of", "pieces_of"]

IMAGES: Final = ("image/png", "image/jpeg", "image/webp", "image/gif")
MARGIN: Final = r"^[ \t|+\-]*(?:[\w.]+\.)?"  # before a type's name: of a group, and its module
# Where a frame of a traceback begins that is in the kernel's own files.
KERNELS_OWN: Final = re.compile(
    r"\s*File [^\n]*[/\\](?:IPython|ipykernel|conkernelclient[/\\]kernel)[/\\]"
)
SAYS_NOTHING: Final = re.compile(r"\s*<IPython\.core\.display\.")
NO_INPUT: Final = {
    "StdinNotImplementedError": "input() has no answer here: nobody is asked while this code runs",
}


@dataclass(slots=True)
class Piece:
    r"""
    What is shown of one output.

    Attributes:
        kind: "text"; "error"; "image"; "file" for other content that is nothing to read.
        text: Without controls but newline and tab; of an image or a file, the line that stands for
            it. But for what is printed it ends with "\n".
        name: Of the exception's type.
        mime: The type of the content.
        content: Of an image or a file, as it is stored.
        is_json: The text is JSON.
        is_printed: It came on a stream.
        alt: What the kernel says of the image, in words.
    """

    kind: Literal["text", "error", "image", "file"]
    text: str
    name: str = ""
    mime: str = "text/plain"
    content: Any = None
    is_json: bool = False
    is_printed: bool = False
    alt: str = ""


def clean(text: str) -> str:
    """Give `text` as it can be seen: folded, and what is hidden from people as escapes."""
    return visible(fold(text))


def pieces_of(
    outputs: Iterable[Mapping[str, Any]],
    widgets: States | None = None,
    raised: tuple[str, str] | None = None,
    *,
    is_text_only: bool = False,
) -> list[Piece]:
    """
    Give the pieces of `outputs`, in their order; those without text are left out.

    Args:
        outputs: nbformat outputs.
        widgets: The states of widgets by model.
        raised: Name and text of an exception, which is added if the outputs have none.
        is_text_only: Images and files are lines of text.
    """
    pieces: list[Piece] = []
    for output in outputs:
        match output["output_type"]:
            case "stream":
                pieces.append(Piece("text", clean(text_of(output["text"])), is_printed=True))
            case "error":
                pieces.append(_error(output))
            case _:
                pieces.extend(_display(output["data"], widgets or {}, is_text_only=is_text_only))
    if raised is not None and not any(piece.kind == "error" for piece in pieces):
        name, message = map(clean, raised)
        pieces.append(Piece("error", f"{name}: {NO_INPUT.get(name, message)}\n", name))
    return [piece for piece in pieces if piece.text]


def _error(output: Mapping[str, Any]) -> Piece:
    name, message = clean(str(output["ename"])), clean(str(output["evalue"]))
    if name in NO_INPUT:
        return Piece("error", f"{name}: {NO_INPUT[name]}\n", name)
    lines: list[str] = output["traceback"]
    frames = [line for line in lines[:-1] if not KERNELS_OWN.match(clean(line))]
    text = clean("\n".join([*frames, *lines[-1:]])) if lines else f"{name}: {message}"
    # Some kernels leave the type's name out.
    return Piece("error", f"{text}\n" if name in text else f"{text}\n{name}: {message}\n", name)


def _display(data: Mapping[str, Any], widgets: States, *, is_text_only: bool) -> Iterator[Piece]:
    model = model_of(data)
    shown = None if model is None else widget_text(widgets, model)
    if shown is not None:
        yield Piece("text", _ended(clean(shown)))
        return
    words, binary = words_of(data), _binary(data)
    if is_text_only or not data:
        is_json = words.is_json and binary is None
        yield Piece("text", _ended(clean(in_words(data))), mime=words.mime, is_json=is_json)
        return
    is_repr = REPR.match(words.text) is not None
    shown_as = binary or (_unread(data) if is_repr or not words.text else None)
    if words.text and not (is_repr and shown_as):
        yield Piece("text", _ended(clean(words.text)), mime=words.mime, is_json=words.is_json)
    if shown_as is not None:
        kind = "image" if shown_as.startswith("image/") else "file"
        alt = clean(words.text).strip() if is_repr and not SAYS_NOTHING.match(words.text) else ""
        line = clean(line_of(shown_as, data[shown_as]))
        yield Piece(kind, _ended(line), mime=shown_as, content=data[shown_as], alt=alt)


def _unread(data: Mapping[str, Any]) -> str | None:
    """Give the first type of which there is no text."""
    return next((mime for mime in data if mime != "text/plain"), None)


def _binary(data: Mapping[str, Any]) -> str | None:
    """Give the type that is shown of those which are no text; None if there is none."""
    types = sorted(filter(is_binary, data), key=lambda mime: not mime.startswith("image/"))
    return next((mime for mime in IMAGES if mime in data), types[0] if types else None)


def _ended(text: str) -> str:
    return text + "\n" if text else ""


def last_line_of(text: str, name: str) -> int:
    """Find where the line begins that names the exception's type; the message may have more."""
    lines = re.finditer(f"{MARGIN}{re.escape(name)}(?!\\w)", text, re.MULTILINE)
    start = max((line.start() for line in lines), default=-1)
    if start < 0:
        start = text.rfind("\n", 0, max(0, text.rfind(name))) + 1
    return start
