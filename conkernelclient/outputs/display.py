"""
What does a display show, in words?

By its content, the first of these that is there:

1. `text/plain`, unless it is only an object's repr, such as `<IPython.core.display.HTML object>`
2. `text/markdown`
3. `text/latex`
4. `application/json`
5. the text of `text/html`
6. any other text, and any other JSON
7. the object's repr

Images, sound and films follow, each with its type, its size in pixels if it is a PNG, JPEG, GIF
or WebP image, and its bytes. With an image the repr is shown, and none of 6.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .html import text_of_html
from .images import bytes_in_base64, pixels
from .mime import JSON, joined, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["JSON_TYPE", "REPR", "Words", "in_words", "is_binary", "line_of", "words_of"]

JSON_TYPE: Final = "application/json"

REPR: Final = re.compile(r"\s*<[^\n]*>\s*\Z")  # Python's of an object without one of its own


class Words(NamedTuple):
    """
    The text of a display.

    Attributes:
        mime: The type that it was read from; "" if there is no text.
        text: The text itself.
        is_json: It is JSON, of which a piece is not worth much.
    """

    mime: str = ""
    text: str = ""
    is_json: bool = False


def in_words(data: Mapping[str, Any]) -> str:
    """Give the text of a MIME bundle for a reader who sees text alone; "" if it is empty."""
    text = words_of(data).text
    shown = [line_of(mime, value) for mime, value in data.items() if is_binary(mime)]
    if text.strip():
        shown.insert(0, text)
    return "\n".join(shown or [line_of(mime, value) for mime, value in data.items()])


def words_of(data: Mapping[str, Any]) -> Words:
    """Give the text of a MIME bundle without what is said of images, sound and films."""
    plain = text_of(data.get("text/plain"))
    if plain.strip() and not REPR.match(plain):
        return Words("text/plain", plain)
    has_binary = any(map(is_binary, data))
    for words in _content(data):
        if words.text.strip():
            return words
    for words in () if has_binary else _others(data):
        if words.text.strip():
            return words
    return Words("text/plain", plain) if plain.strip() else Words()


def _content(data: Mapping[str, Any]) -> Iterator[Words]:
    for mime in ("text/markdown", "text/latex"):
        yield Words(mime, text_of(data.get(mime)))
    if data.get(JSON_TYPE) is not None:
        yield Words(JSON_TYPE, _json(data[JSON_TYPE]), is_json=True)
    yield Words("text/html", text_of_html(text_of(data.get("text/html"))))


def _others(data: Mapping[str, Any]) -> Iterator[Words]:
    for mime, value in data.items():
        if mime.startswith("text/") and mime not in ("text/plain", "text/html"):
            yield Words(mime, text_of(value))
        elif JSON.match(mime):
            yield Words(mime, _json(value), is_json=True)


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "[JSON that is nested too deeply to be shown]"


def is_binary(mime: str) -> bool:
    """Tell whether content of this type is nothing to read."""
    return mime.startswith(("image/", "audio/", "video/")) or mime == "application/pdf"


def line_of(mime: str, value: Any) -> str:
    """Give the line that tells of content that is not shown: its type, pixels and bytes."""
    size = pixels(joined(value)) if mime.startswith("image/") else None
    dimensions = f"{size[0]}x{size[1]} pixels, " if size else ""
    return f"[{mime}, {dimensions}{_bytes(mime, value)} bytes]"


def _bytes(mime: str, value: Any) -> int:
    text = text_of(value)
    is_text = mime.startswith("text/") or mime.endswith(("xml", "json"))
    if not is_text and text.isascii() and " " not in text[:100]:  # most likely base64
        return bytes_in_base64(text)
    return len(text.encode("utf-8", "surrogatepass"))
